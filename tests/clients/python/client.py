"""Clients of one library: `python3 client.py KIND URL TOKENS…`.

Each further argument is one client, its tokens separated by commas: the next one is taken when the hub no longer accepts the one before.
Each event is a line of JSON on standard output. The settings are those that docs/guide/clients.md names.
"""

import asyncio
import json
import os
import random
import sys
import threading
import time

NAMES = ("connect", "alarm", "message", "bye")
# Three heartbeats: a stream that brings nothing for so long is dead.
SILENCE = 3 * int(os.environ.get("CAMPANILE_HEARTBEAT_SECONDS", 15))


class Refused(Exception):
    """The hub answered with a status other than 200."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status


class Renew(Exception):
    """The token has expired."""


class Client:
    """One client as an application has it: its position, its token, and when it gives up."""

    def __init__(self, number, url, tokens):
        self.number, self.url, self.tokens, self.cursor = number, url, tokens, None

    def tell(self, event, **more):
        line = json.dumps({"client": self.number, "event": event, **more})
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    @property
    def headers(self):
        headers = {"Authorization": f"Bearer {self.tokens[0]}"}
        if self.cursor is not None:
            headers["Last-Event-ID"] = str(self.cursor)
        return headers

    def heard(self, name, event_id, data):
        # An empty log has the position 0.
        if event_id not in (None, ""):
            self.cursor = event_id
        if name in NAMES:
            body = json.loads(data) if isinstance(data, str) else data
            self.tell(name, id=int(event_id or 0), reason=body.get("reason"))
            if name == "bye" and body["reason"] == "expired":
                raise Renew

    def goes_on_after(self, error):
        """Decides what an application decides when its stream is over."""
        status = getattr(error, "status", None)
        if not isinstance(error, Renew) and status != 401:
            return True
        if len(self.tokens) > 1:
            self.tokens.pop(0)
            self.tell("renewed")
            return True
        self.tell("refused", status=status)
        return False


async def httpx_sse(client):
    import httpx
    from httpx_sse import aconnect_sse

    # Its own limit is 5 s without a byte.
    limits = httpx.Timeout(10, read=SILENCE)
    async with httpx.AsyncClient(timeout=limits, trust_env=False) as http:
        async with aconnect_sse(http, "GET", client.url, headers=client.headers) as source:
            if source.response.status_code != 200:
                raise Refused(source.response.status_code)
            async for event in source.aiter_sse():
                client.heard(event.event, event.id, event.data)


async def aiohttp_sse_client2(client):
    from aiohttp import ClientSession, ClientTimeout
    from aiohttp_sse_client2.client import EventSource

    # Its own limit is 5 minutes for the whole stream.
    limits = ClientTimeout(total=None, sock_read=SILENCE)
    async with ClientSession(timeout=limits) as session:
        try:
            async with EventSource(client.url, session=session, headers=client.headers) as source:
                async for event in source:
                    client.heard(event.type, event.last_event_id, event.data)
        except ConnectionRefusedError as error:
            raise Refused(401) from error


def sseclient_py(client):
    import requests
    import sseclient

    headers = {**client.headers, "Accept": "text/event-stream"}
    with requests.get(client.url, headers=headers, stream=True, timeout=(10, SILENCE)) as answer:
        if answer.status_code != 200:
            raise Refused(answer.status_code)
        for event in sseclient.SSEClient(answer).events():
            client.heard(event.event, event.id, event.data)


def requests_ndjson(client):
    import requests

    headers = {**client.headers, "Accept": "application/x-ndjson"}
    with requests.get(client.url, headers=headers, stream=True, timeout=(10, SILENCE)) as answer:
        if answer.status_code != 200:
            raise Refused(answer.status_code)
        for line in answer.iter_lines(chunk_size=1):
            event = json.loads(line)
            client.heard(event["event"], event["id"], event["data"])


def requests_poll(client):
    import requests

    headers = {"Authorization": f"Bearer {client.tokens[0]}", "Accept": "application/json"}
    query = {"wait": SILENCE // 3}
    if client.cursor is not None:
        query["cursor"] = client.cursor
    answer = requests.get(client.url, headers=headers, params=query, timeout=SILENCE)
    if answer.status_code != 200:
        raise Refused(answer.status_code)
    poll = answer.json()
    if client.cursor is None:
        client.tell("connect", id=poll["cursor"])
    for event in poll["events"]:
        client.heard(event["event"], event["id"], event["data"])
    client.cursor = poll["cursor"]


async def websockets(client):
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus

    url = client.url.replace("http", "ws")
    try:
        async with connect(url, additional_headers=client.headers, proxy=None) as socket:
            async for text in socket:
                event = json.loads(text)
                client.heard(event["event"], event["id"], event["data"])
    except InvalidStatus as error:
        raise Refused(error.response.status_code) from error


KINDS = {
    "httpx-sse": httpx_sse,
    "aiohttp-sse-client2": aiohttp_sse_client2,
    "sseclient-py": sseclient_py,
    "requests (NDJSON)": requests_ndjson,
    "requests (long polling)": requests_poll,
    "websockets": websockets,
}


def pause():
    return 0.3 + 0.7 * random.random()


async def run_task(read, client):
    error = None
    while client.goes_on_after(error):
        try:
            error = None
            await read(client)
        except Exception as fault:
            error = fault
        await asyncio.sleep(pause())


def run_thread(read, client):
    error = None
    while client.goes_on_after(error):
        try:
            error = None
            read(client)
        except Exception as fault:
            error = fault
        if error or read is not requests_poll:
            time.sleep(pause())


async def run_tasks(read, clients):
    await asyncio.gather(*(run_task(read, client) for client in clients))


def main():
    kind, url, *tokens = sys.argv[1:]
    read = KINDS[kind]
    clients = [Client(number, url, some.split(",")) for number, some in enumerate(tokens)]
    if asyncio.iscoroutinefunction(read):
        asyncio.run(run_tasks(read, clients))
    else:
        for client in clients:
            threading.Thread(target=run_thread, args=(read, client), daemon=True).start()
    threading.Event().wait()


main()
