// Tokens of jose and jsonwebtoken with key pairs of their own: `node keys.mjs ISSUER USER`. Each is a line of JSON with its public key. Then a line
// of standard input names a key set and a token to verify with it. jsonwebtoken knows no EdDSA.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import jsonwebtoken from 'jsonwebtoken';

const [issuer, user] = process.argv.slice(2);

const libraries = {
  jose: (key, alg, kid) =>
    new SignJWT({}).setProtectedHeader({ alg, kid }).setIssuer(issuer).setAudience('hub').setSubject(user).setIssuedAt().setExpirationTime('1h').sign(key),
  jsonwebtoken: (key, algorithm, keyid) =>
    jsonwebtoken.sign({}, key, { algorithm, keyid, issuer, audience: 'hub', subject: user, expiresIn: '1h' }),
};

for (const [library, algorithms] of [['jose', ['RS256', 'ES256', 'EdDSA']], ['jsonwebtoken', ['RS256', 'ES256']]]) {
  for (const algorithm of algorithms) {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
    const kid = `${library} ${algorithm}`;
    const key = library === 'jose' ? privateKey : (await import('node:crypto')).KeyObject.from(privateKey);
    const token = await libraries[library](key, algorithm, kid);
    console.log(JSON.stringify({ jwk: { ...(await exportJWK(publicKey)), kid }, token }));
  }
}
console.log('ready');
const [line] = await once(createInterface({ input: process.stdin }), 'line');
const [address, token] = line.split(' ');
const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(address)), { issuer: 'campanile', algorithms: ['EdDSA'] });
console.log(JSON.stringify({ verified: 'jose', sub: payload.sub }));
process.exit();
