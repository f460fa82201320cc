"""Tokens of PyJWT and python-jose: `python3 tokens.py SECRET_FILE USER SECONDS`, each a line of JSON on standard output."""

import json
import sys
import time

import jwt
from jose import jwt as jose

path, user, seconds = sys.argv[1:]
# The key is the file's text as it stands, not decoded from hexadecimal or base64.
with open(path, encoding="utf-8") as file:
    secret = file.read().strip()

for name, library in (("PyJWT", jwt), ("python-jose", jose)):
    for algorithm in ("HS256", "HS384", "HS512"):
        # A float, as `time.time()` gives it.
        now = time.time()
        claims = {"sub": user, "role": "user", "iat": now, "exp": now + int(seconds)}
        token = library.encode(claims, secret, algorithm=algorithm)
        print(json.dumps({"algorithm": f"{name} {algorithm}", "token": token}))
