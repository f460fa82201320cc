"""The caller of the requests that schemathesis makes, and what it needs to know of this hub that no schema tells."""

import base64
import hashlib
import hmac
import json
import os
import re
import time
import uuid

import schemathesis

SECRET = os.environ["CAMPANILE_JWT_SECRET"].encode()
ROLE = os.environ["CALLER_ROLE"]
CALLER = "caller"
# Things that the test made.
ROOM, USER = "lobby", "bob"


def encoded(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def token():
    """A token of its own for each request: one of them signs out."""
    claims = {"sub": CALLER, "role": ROLE, "exp": int(time.time()) + 3600, "jti": uuid.uuid4().hex}
    parts = [encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    text = b".".join(parts)
    return (text + b"." + encoded(hmac.new(SECRET, text, hashlib.sha256).digest())).decode()


if ROLE != "nobody":

    @schemathesis.auth(refresh_interval=None)
    class Bearer:
        def get(self, case, context):
            return token()

        def set(self, case, data, context):
            case.headers = case.headers or {}
            case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context, case, **kwargs):
    headers, query, path = case.headers or {}, case.query or {}, case.path_parameters or {}
    if case.operation.path == "/api/stream":
        # Every other form of the answer is endless.
        case.headers = {**headers, "Accept": "application/json"}
        if str(query.get("wait")).isdigit() and 1 < int(query["wait"]) <= 60:
            query["wait"] = 1
        if str(query.get("token")).count(".") == 2:
            # A good token in the query names the caller as well, which the checks of the header do not know.
            del query["token"]
        # Streams are of rooms that exist.
        for name, room in (("room", "()"), ("topic", "(room:)")):
            if isinstance(query.get(name), list):
                query[name] = [re.sub(f"^{room}[A-Za-z0-9_-]{{1,64}}$", rf"\g<1>{ROOM}", str(one)) for one in query[name]]
    for name, value in query.items():
        if value == "":
            # An empty parameter counts as none, which no schema of a parameter can say.
            query[name] = "!"
    if query.get("targetId", "") is None:
        # It was taken from the answer of another request: an alarm without a target has null there.
        query["targetId"] = "1"
    if path.get("id") == CALLER:
        # Nobody is to disable or to demote the caller.
        path["id"] = USER
    if "Idempotency-Key" in headers:
        # With a key that is used already, another body is refused.
        headers["Idempotency-Key"] = uuid.uuid4().hex
    body = case.body
    for part in body if isinstance(body, list) else [body]:
        if not isinstance(part, dict):
            continue
        if isinstance(part.get("to"), dict) and isinstance(part["to"].get("room"), str):
            # Alarms go to rooms that exist.
            part["to"]["room"] = ROOM if part["to"]["room"] else ""
        scopes = part.get("scopes")
        if part.get("topics") and isinstance(scopes, list) and "admin" in scopes:
            # A key of an administrator is not limited to topics.
            part["topics"] = []
