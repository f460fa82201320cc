"""What both clients share: errors, pauses, the state of a stream. Nothing here sends or waits."""

import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

# A stream is dead after so many heartbeats of silence.
MISSED_HEARTBEATS = 3
# The silence that is allowed until the first stream has told the length of its heartbeat.
FIRST_SILENCE_SECONDS = 45.0


class HubError(Exception):
    """An answer of the hub that is no success, or (status 0) the lack of one."""

    def __init__(self, status: int, code: str, detail: str, request_id: str | None = None, retry_after: float = 0):
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.request_id = request_id
        self.retry_after = retry_after

    @property
    def is_temporary(self) -> bool:
        """True if the same request may succeed later."""
        return self.code == "unreachable" or self.status in (408, 429) or self.status >= 500


class Event(NamedTuple):
    """An event of a stream: `alarm`, `message`, `state`, `presence`, `session`, or `gap`, where a part of the history is gone."""

    event: str
    id: int | None
    data: Any


class FileCursor:
    """A cursor in a file, which is replaced as a whole."""

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)

    def load(self) -> int | None:
        try:
            return int(self.path.read_text())
        except FileNotFoundError:
            return None

    def save(self, cursor: int) -> None:
        new = self.path.with_name(self.path.name + ".new")
        new.write_text(str(cursor))
        new.replace(self.path)


class KeptCursor(NamedTuple):
    """A position to start after, which nobody keeps."""

    cursor: int | None

    def load(self) -> int | None:
        return self.cursor

    def save(self, cursor: int) -> None:
        pass


@dataclass
class Settings:
    url: str
    key: Any
    timeout: float
    give_up_after: float
    delays: tuple[float, float]

    def client_options(self) -> dict[str, Any]:
        return {"base_url": self.url.rstrip("/"), "timeout": self.timeout}

    def tries(self, give_up_after: float | None = None) -> "Tries":
        return Tries(self.delays, callable(self.key), give_up_after)


class Tries:
    """The tries of one call, or of one stream between two connections."""

    def __init__(self, delays: tuple[float, float], asks_for_tokens: bool, give_up_after: float | None):
        self._delays = delays
        self._asks_for_tokens = asks_for_tokens
        self._deadline = None if give_up_after is None else time.monotonic() + give_up_after
        self.succeeded()

    def succeeded(self) -> None:
        self._failures = 0
        self._refusals = 0

    def pause(self, error: HubError | None) -> float:
        """The seconds to wait before the next try; raises the error if there is to be none."""
        least, most = self._delays
        # Random, so that many clients do not come back together.
        pause = min(most, least * 2 ** min(self._failures, 16)) * random.uniform(0.5, 1)
        self._failures += 1
        if error is None:
            return pause
        pause = max(error.retry_after, pause)
        ask_again = error.status == 401 and self._asks_for_tokens and self._refusals == 0
        self._refusals += error.status == 401
        is_late = self._deadline is not None and time.monotonic() + pause > self._deadline
        if is_late or not (error.is_temporary or ask_again):
            raise error
        return pause


class Watching:
    """The state of a stream over all its connections."""

    def __init__(self, topics: list[str], rooms: list[str], position: int | None, tries: Tries):
        self.query = [("topic", topic) for topic in topics] + [("room", room) for room in rooms]
        self.position = position
        self.tries = tries
        self.silence = FIRST_SILENCE_SECONDS

    def request(self, settings: Settings) -> dict[str, Any]:
        """The options of the next request."""
        headers = {"accept": "application/x-ndjson", "accept-encoding": "identity"}
        if self.position is not None:
            headers["last-event-id"] = str(self.position)
        return {"params": self.query, "headers": headers, "timeout": httpx.Timeout(settings.timeout, read=self.silence)}

    def handed_out(self, event: Event) -> Event | None:
        """What the application is to see of an event."""
        if event.event == "connect":
            self.tries.succeeded()
            self.silence = MISSED_HEARTBEATS * float(event.data["heartbeatSeconds"])
            return Event("gap", event.id, event.data) if event.data["gap"] else None
        if event.event == "bye" and not event.data["reconnect"]:
            raise HubError(0, event.data["reason"], "the hub has ended the stream for good")
        return None if event.event in ("bye", "ping") else event

    def is_new(self, event: Event) -> bool:
        """True if the cursor moves with this event. A `connect` may lead back: a hub whose log was replaced counts anew."""
        return event.id is not None and event.id != self.position


class Lines:
    """The objects of a stream, one a line. A line that is not ended has not come whole."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[Event]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            value = json.loads(line)
            yield Event(value["event"], value["id"], value["data"])


def given(**fields: Any) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def user_path(user: str, action: str = "") -> str:
    return f"/api/users/{quote(user, safe='')}{action}"


def unreachable(error: httpx.HTTPError) -> HubError:
    return HubError(0, "unreachable", f"the hub gave no answer, or broke off: {error!r}")


def check_stream(answer: httpx.Response) -> None:
    if not answer.headers.get("content-type", "").startswith("application/x-ndjson"):
        code = "account_disabled" if answer.status_code == 204 else "no_stream"
        raise HubError(answer.status_code, code, "the answer is no stream")


def problem(answer: httpx.Response) -> HubError:
    """The error that an answer tells, whose body has been read."""
    try:
        body = dict(answer.json())
    except (TypeError, ValueError):
        body = {}
    wait = answer.headers.get("retry-after", "")
    return HubError(
        answer.status_code,
        body.get("code", f"http_{answer.status_code}"),
        body.get("detail", answer.reason_phrase),
        body.get("requestId"),
        float(wait) if wait.isdigit() else 0,
    )
