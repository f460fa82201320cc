"""Tokens of PyJWT and python-jose with key pairs of their own: `python3 keys.py ISSUER USER`. Each is a line of JSON with its public key. Then a line
of standard input names a key set and a token to verify with it. python-jose knows no EdDSA."""

import json
import sys
import time

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jose import jwt as jose
from jwt.algorithms import get_default_algorithms

issuer, user = sys.argv[1:]
MAKE = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}
for name, library, algorithms in (("PyJWT", jwt, MAKE), ("python-jose", jose, ("RS256", "ES256"))):
    for algorithm in algorithms:
        key = MAKE[algorithm]()
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        kid = f"{name} {algorithm}"
        # A float, as `time.time()` gives it.
        now = time.time()
        claims = {"iss": issuer, "aud": "hub", "sub": user, "iat": now, "exp": now + 3600}
        token = library.encode(claims, pem, algorithm=algorithm, headers={"kid": kid})
        public = get_default_algorithms()[algorithm].to_jwk(key.public_key(), as_dict=True)
        print(json.dumps({"jwk": {**public, "kid": kid}, "token": token}))
print("ready", flush=True)
address, token = sys.stdin.readline().split()
key = jwt.PyJWKClient(address).get_signing_key_from_jwt(token)
claims = jwt.decode(token, key, algorithms=["EdDSA"], issuer="campanile")
print(json.dumps({"verified": "PyJWT", "sub": claims["sub"]}))
