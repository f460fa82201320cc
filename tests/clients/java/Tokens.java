import io.jsonwebtoken.Jwts;
import io.jsonwebtoken.security.Keys;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Date;

/**
 * Tokens of jjwt: {@code java Tokens.java SECRET_FILE USER SECONDS}. Each is a line of JSON on standard output: the one that the library makes of the
 * secret's file by itself, then one of each algorithm for which it accepts the secret.
 */
class Tokens {
  public static void main(String[] arguments) throws IOException {
    byte[] secret = Files.readString(Path.of(arguments[0])).strip().getBytes(StandardCharsets.UTF_8);
    var now = System.currentTimeMillis();
    var expiry = new Date(now + 1000 * Long.parseLong(arguments[2]));
    // The key's length chooses the algorithm.
    var key = Keys.hmacShaKeyFor(secret);
    var token = Jwts.builder().subject(arguments[1]).claim("role", "user").issuedAt(new Date(now)).expiration(expiry);
    tell("chosen by the library", token.signWith(key).compact());
    for (var algorithm : new io.jsonwebtoken.security.MacAlgorithm[] {Jwts.SIG.HS256, Jwts.SIG.HS384, Jwts.SIG.HS512}) {
      if (8 * secret.length >= algorithm.getKeyBitLength()) {
        tell(algorithm.getId(), token.signWith(key, algorithm).compact());
      }
    }
  }

  static void tell(String algorithm, String token) {
    System.out.printf("{\"algorithm\":\"%s\",\"token\":\"%s\"}%n", algorithm, token);
  }
}
