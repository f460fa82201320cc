"""The client that blocks. One may be used by several threads."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Event as Flag
from typing import Any
from uuid import uuid4

import httpx

from ._core import Event, FileCursor, HubError, KeptCursor, Lines, Settings, Watching
from ._core import check_stream, given, problem, unreachable, user_path


class Campanile:
    """A hub, spoken to with an API key, or with a token that a function gives before each request."""

    def __init__(
        self,
        url: str,
        key: str | Callable[[], str],
        *,
        timeout: float = 30,
        give_up_after: float = 60,
        delays: tuple[float, float] = (1, 30),
    ):
        self._settings = Settings(url, key, timeout, give_up_after, delays)
        self._client = httpx.Client(**self._settings.client_options())

    def __enter__(self) -> "Campanile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def publish(self, alarm: dict[str, Any], *, idempotency_key: str | None = None) -> list[dict[str, Any]]:
        """Publishes one alarm, once, however often the request has to be sent; gives the id and topic of each that is stored."""
        headers = {"idempotency-key": idempotency_key or str(uuid4())}
        return self._call("POST", "/api/alarms", json=alarm, headers=headers)["alarms"]

    def publish_all(self, alarms: list[dict[str, Any]], *, idempotency_key: str | None = None) -> list[list[dict[str, Any]]]:
        """Publishes up to 1,000 alarms, all or none; gives a list for each of them."""
        headers = {"idempotency-key": idempotency_key or str(uuid4())}
        answer = self._call("POST", "/api/alarms", json=alarms, headers=headers)
        return [result["alarms"] for result in answer["results"]]

    def retract(self, target_id: str | int, alarm_type: str, *, user: str | None = None) -> int:
        """Takes alarms out of the inboxes of their recipients, or of one; gives their number."""
        query = given(targetId=str(target_id), alarmType=alarm_type, user=user)
        deleted, more = 0, True
        while more:
            answer = self._call("DELETE", "/api/alarms", params=query)
            deleted, more = deleted + answer["deleted"], answer.get("more", False)
        return deleted

    def put_user(
        self, user: str, *, display_name: str | None = None, role: str | None = None, disabled: bool | None = None
    ) -> dict[str, Any]:
        """Makes a user known, or changes them."""
        changes = given(displayName=display_name, role=role, disabled=disabled)
        return self._call("PUT", user_path(user), json=changes)

    def put_users(self, users: list[dict[str, str]]) -> dict[str, int]:
        """Makes up to 1,000 users known, all or none."""
        return self._call("POST", "/api/users", json=users)

    def sign_out(self, user: str) -> None:
        """Ends every session and stream of a user."""
        self._call("POST", user_path(user, "/sign-out"))

    def delete_user(self, user: str) -> None:
        """Deletes a user."""
        self._call("DELETE", user_path(user))

    def token(self, user: str, *, ttl_seconds: int | None = None) -> dict[str, str]:
        """A token with which the page of this user speaks to the hub: `token` and `expiresAt`."""
        return self._call("POST", "/api/tokens", json=given(userId=user, ttlSeconds=ttl_seconds))

    def watch(
        self,
        topics: Sequence[str] = (),
        *,
        rooms: Sequence[str] = (),
        cursor: int | FileCursor | Any = None,
        stop: Flag | None = None,
    ) -> Iterator[Event]:
        """The events of topics, in order and each once, for as long as the loop goes on.

        The cursor, a position or an object with `load` and `save`, is saved when the body of the loop asks for the next event. `stop` is
        looked at with every event and heartbeat.
        """
        keeper = cursor if hasattr(cursor, "load") else KeptCursor(cursor)
        watching = Watching(topics, rooms, keeper.load(), self._settings.tries())
        while not (stop and stop.is_set()):
            failure = None
            try:
                for event in self._stream(watching):
                    if stop and stop.is_set():
                        return
                    shown = watching.handed_out(event)
                    if shown is not None:
                        yield shown
                    if watching.is_new(event):
                        keeper.save(event.id)
                        watching.position = event.id
            except HubError as error:
                failure = error
            time.sleep(watching.tries.pause(failure))

    def _stream(self, watching: Watching) -> Iterator[Event]:
        """One connection: its events up to its end."""
        lines = Lines()
        try:
            options = watching.request(self._settings)
            options["headers"] |= self._authorization()
            with self._client.stream("GET", "/api/stream", **options) as answer:
                if not answer.is_success:
                    answer.read()
                    raise problem(answer)
                check_stream(answer)
                for chunk in answer.iter_bytes():
                    yield from lines.feed(chunk)
        except httpx.HTTPError as error:
            raise unreachable(error) from error

    def _call(self, method: str, path: str, *, headers: Mapping[str, str] = {}, **request: Any) -> Any:
        """A request that is sent again until it is answered, or time is up; its body and headers stay the same."""
        tries = self._settings.tries(self._settings.give_up_after)
        while True:
            try:
                answer = self._client.request(method, path, headers={**headers, **self._authorization()}, **request)
                if not answer.is_success:
                    raise problem(answer)
                return answer.json() if answer.content else None
            except httpx.HTTPError as error:
                failure = unreachable(error)
            except HubError as error:
                failure = error
            time.sleep(tries.pause(failure))

    def _authorization(self) -> dict[str, str]:
        key = self._settings.key
        return {"authorization": f"Bearer {key() if callable(key) else key}"}
