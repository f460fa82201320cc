"""The client for asyncio: each method is that of the client that blocks, awaited."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import httpx

from ._core import Event, FileCursor, HubError, KeptCursor, Lines, Settings, Watching
from ._core import check_stream, given, problem, unreachable, user_path


class AsyncCampanile:
    """A hub, spoken to with an API key, or with a token that a function gives before each request."""

    def __init__(
        self,
        url: str,
        key: str | Callable[[], str | Awaitable[str]],
        *,
        timeout: float = 30,
        give_up_after: float = 60,
        delays: tuple[float, float] = (1, 30),
    ):
        self._settings = Settings(url, key, timeout, give_up_after, delays)
        self._client = httpx.AsyncClient(**self._settings.client_options())

    async def __aenter__(self) -> "AsyncCampanile":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._client.aclose()

    async def publish(self, alarm: dict[str, Any], *, idempotency_key: str | None = None) -> list[dict[str, Any]]:
        """Publishes one alarm, once, however often the request has to be sent; gives the id and topic of each that is stored."""
        headers = {"idempotency-key": idempotency_key or str(uuid4())}
        return (await self._call("POST", "/api/alarms", json=alarm, headers=headers))["alarms"]

    async def publish_all(self, alarms: list[dict[str, Any]], *, idempotency_key: str | None = None) -> list[list[dict[str, Any]]]:
        """Publishes up to 1,000 alarms, all or none; gives a list for each of them."""
        headers = {"idempotency-key": idempotency_key or str(uuid4())}
        answer = await self._call("POST", "/api/alarms", json=alarms, headers=headers)
        return [result["alarms"] for result in answer["results"]]

    async def retract(self, target_id: str | int, alarm_type: str, *, user: str | None = None) -> int:
        """Takes alarms out of the inboxes of their recipients, or of one; gives their number."""
        query = given(targetId=str(target_id), alarmType=alarm_type, user=user)
        deleted, more = 0, True
        while more:
            answer = await self._call("DELETE", "/api/alarms", params=query)
            deleted, more = deleted + answer["deleted"], answer.get("more", False)
        return deleted

    async def put_user(
        self, user: str, *, display_name: str | None = None, role: str | None = None, disabled: bool | None = None
    ) -> dict[str, Any]:
        """Makes a user known, or changes them."""
        changes = given(displayName=display_name, role=role, disabled=disabled)
        return await self._call("PUT", user_path(user), json=changes)

    async def put_users(self, users: list[dict[str, str]]) -> dict[str, int]:
        """Makes up to 1,000 users known, all or none."""
        return await self._call("POST", "/api/users", json=users)

    async def sign_out(self, user: str) -> None:
        """Ends every session and stream of a user."""
        await self._call("POST", user_path(user, "/sign-out"))

    async def delete_user(self, user: str) -> None:
        """Deletes a user."""
        await self._call("DELETE", user_path(user))

    async def token(self, user: str, *, ttl_seconds: int | None = None) -> dict[str, str]:
        """A token with which the page of this user speaks to the hub: `token` and `expiresAt`."""
        return await self._call("POST", "/api/tokens", json=given(userId=user, ttlSeconds=ttl_seconds))

    async def watch(
        self,
        topics: Sequence[str] = (),
        *,
        rooms: Sequence[str] = (),
        cursor: int | FileCursor | Any = None,
    ) -> AsyncIterator[Event]:
        """The events of topics, in order and each once, for as long as the loop goes on.

        The cursor, a position or an object with `load` and `save`, may be asynchronous and is saved when the body of the
        loop asks for the next event. Cancel the task to end it.
        """
        keeper = cursor if hasattr(cursor, "load") else KeptCursor(cursor)
        watching = Watching(topics, rooms, await settled(keeper.load()), self._settings.tries())
        while True:
            failure = None
            try:
                async for event in self._stream(watching):
                    shown = watching.handed_out(event)
                    if shown is not None:
                        yield shown
                    if watching.is_new(event):
                        await settled(keeper.save(event.id))
                        watching.position = event.id
            except HubError as error:
                failure = error
            await asyncio.sleep(watching.tries.pause(failure))

    async def _stream(self, watching: Watching) -> AsyncIterator[Event]:
        """One connection: its events up to its end."""
        lines = Lines()
        try:
            options = watching.request(self._settings)
            options["headers"] |= await self._authorization()
            async with self._client.stream("GET", "/api/stream", **options) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise problem(answer)
                check_stream(answer)
                async for chunk in answer.aiter_bytes():
                    for event in lines.feed(chunk):
                        yield event
        except httpx.HTTPError as error:
            raise unreachable(error) from error

    async def _call(self, method: str, path: str, *, headers: Mapping[str, str] = {}, **request: Any) -> Any:
        """A request that is sent again until it is answered, or time is up; its body and headers stay the same."""
        tries = self._settings.tries(self._settings.give_up_after)
        while True:
            try:
                answer = await self._client.request(method, path, headers={**headers, **await self._authorization()}, **request)
                if not answer.is_success:
                    raise problem(answer)
                return answer.json() if answer.content else None
            except httpx.HTTPError as error:
                failure = unreachable(error)
            except HubError as error:
                failure = error
            await asyncio.sleep(tries.pause(failure))

    async def _authorization(self) -> dict[str, str]:
        key = self._settings.key
        return {"authorization": f"Bearer {await settled(key()) if callable(key) else key}"}


async def settled(value: Any) -> Any:
    """The value, which a function may have given as an awaitable."""
    return await value if inspect.isawaitable(value) else value
