// An OpenID Connect provider for the tests. Each line of standard input is a command; its answer is a line of standard output.
// `{"hub": "http://…", "keys": ["a"]}` starts it anew with keys of these names; it keeps its sessions.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const keys = new Map();
let handle = (_request, response) => response.writeHead(503).end();
const server = createServer((request, response) => handle(request, response));
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;
console.log(issuer);

function key(kid) {
  if (!keys.has(kid)) {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    keys.set(kid, { ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "ES256" });
  }
  return keys.get(kid);
}

function account(_context, id) {
  const groups = id === "boss" ? ["hub-admins"] : ["staff"];
  return { accountId: id, claims: () => ({ sub: id, name: `The ${id}`, groups }) };
}

const resource = { scope: "", audience: "urn:hub", accessTokenFormat: "jwt", jwt: { sign: { alg: "ES256" } } };

function provider({ hub, keys }) {
  return new Provider(issuer, {
    clients: [
      {
        client_id: "campanile",
        client_secret: "the secret of the client",
        grant_types: ["authorization_code", "client_credentials"],
        redirect_uris: [`${hub}/login/company/callback`],
        post_logout_redirect_uris: [`${hub}/`],
        id_token_signed_response_alg: "ES256",
      },
    ],
    jwks: { keys: keys.map(key) },
    cookies: { keys: ["a key of the test"] },
    claims: { openid: ["sub", "groups"], profile: ["name"] },
    conformIdTokenClaims: false,
    findAccount: account,
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: { enabled: true, defaultResource: () => "urn:hub", useGrantedResource: () => true, getResourceServerInfo: () => resource },
    },
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  handle = provider(JSON.parse(line)).callback();
  console.log("ready");
}
process.exit();
