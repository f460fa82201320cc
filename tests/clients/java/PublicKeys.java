import io.jsonwebtoken.Jwts;
import io.jsonwebtoken.security.Jwks;
import io.jsonwebtoken.security.SignatureAlgorithm;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.Key;
import java.util.Date;

/**
 * Tokens of jjwt with key pairs of its own: {@code java PublicKeys.java ISSUER USER}. Each is a line of JSON with its public key. Then a line of
 * standard input names a key set and a token to verify with it.
 */
class PublicKeys {
  public static void main(String[] arguments) throws Exception {
    for (var algorithm : new SignatureAlgorithm[] {Jwts.SIG.RS256, Jwts.SIG.ES256, Jwts.SIG.EdDSA}) {
      // The library's own choice for EdDSA is Ed448.
      var pair = algorithm == Jwts.SIG.EdDSA ? Jwks.CRV.Ed25519.keyPair().build() : algorithm.keyPair().build();
      var id = "jjwt " + algorithm.getId();
      var now = System.currentTimeMillis();
      var token = Jwts.builder().header().keyId(id).and().issuer(arguments[0]).audience().add("hub").and().subject(arguments[1])
          .issuedAt(new Date(now)).expiration(new Date(now + 3_600_000)).signWith(pair.getPrivate(), algorithm).compact();
      var key = Jwks.builder().key(pair.getPublic()).id(id).build();
      System.out.printf("{\"jwk\":%s,\"token\":\"%s\"}%n", Jwks.UNSAFE_JSON(key), token);
    }
    System.out.println("ready");
    var line = new BufferedReader(new InputStreamReader(System.in)).readLine().split(" ");
    var request = HttpRequest.newBuilder(URI.create(line[0])).build();
    var set = Jwks.setParser().build().parse(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
    var claims = Jwts.parser().requireIssuer("campanile").keyLocator(header -> of(set, header.get("kid"))).build().parseSignedClaims(line[1]);
    System.out.printf("{\"verified\":\"jjwt\",\"sub\":\"%s\"}%n", claims.getPayload().getSubject());
  }

  static Key of(io.jsonwebtoken.security.JwkSet set, Object id) {
    return set.getKeys().stream().filter(key -> key.getId().equals(id)).findFirst().orElseThrow().toKey();
  }
}
