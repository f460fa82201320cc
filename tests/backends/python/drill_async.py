"""As drill.py, with the client for asyncio."""

import asyncio
import itertools
import json
import sys

from campanile import AsyncCampanile, FileCursor, HubError

mode, url, key, who, *rest = sys.argv[1:]
DELAYS = (0.05, 0.5)


def tell(**fact):
    print(json.dumps(fact), flush=True)


def alarm(data, user=who):
    return {"to": {"user": user}, "alarmType": "DRILL", "targetId": 17, "data": data}


async def failure(call):
    try:
        await call
    except HubError as error:
        return {"status": error.status, "code": error.code}
    return {}


async def publish(hub):
    """Publishes until the input ends."""
    numbers = itertools.count()
    end = asyncio.create_task(asyncio.to_thread(sys.stdin.read))

    async def worker():
        while not end.done():
            await asyncio.sleep(0.04)
            n = next(numbers)
            if n % 10 > 0:
                [stored] = await hub.publish(alarm({"n": n}))
                tell(n=n, id=stored["id"])
            else:
                lists = await hub.publish_all([alarm({"n": n}), alarm({"n": n + 0.5})])
                for index, [stored] in enumerate(lists):
                    tell(n=n + index / 2, id=stored["id"])

    await asyncio.gather(worker(), worker(), worker())
    tell(done=True)


async def watch(hub):
    async for event in hub.watch([f"user:{who}"], cursor=FileCursor(rest[0])):
        if event.event == "alarm":
            tell(n=event.data["data"]["n"], id=event.id)
        if event.event == "gap":
            tell(gap=event.id)


async def calls(hub):
    """The other calls, each once."""
    user = f"{who}/한글"
    known = await hub.put_user(user, display_name="Bob")
    tell(call="putUser", id=known["id"], displayName=known["displayName"])
    tell(call="putUsers", **await hub.put_users([{"id": user, "displayName": "Bob"}, {"id": f"{who}-2"}]))
    [first] = await hub.publish(alarm({}, user), idempotency_key=f"{who}-once")
    [again] = await hub.publish(alarm({}, user), idempotency_key=f"{who}-once")
    tell(call="publish", topic=first["topic"], same=first["id"] == again["id"])
    tell(call="token", token=(await hub.token(user, ttl_seconds=60))["token"])
    tell(call="unknown", **await failure(hub.publish(alarm({}, "nobody"))))
    tell(call="refused", **await failure(AsyncCampanile(url, "cmp_none", delays=DELAYS).publish(alarm({}))))
    tell(call="forbidden", **await failure(anext(hub.watch(["role:admin"]))))


async def removals(hub):
    """The calls that take something away."""
    await hub.put_users([{"id": f"{who}-a"}, {"id": f"{who}-b"}])
    target = f"{who}-1"
    await hub.publish({"to": {"users": [f"{who}-a", f"{who}-b"]}, "alarmType": "DRILL", "targetId": target})
    tell(call="retract", one=await hub.retract(target, "DRILL", user=f"{who}-a"))
    tell(call="retract", rest=await hub.retract(target, "DRILL"))
    await hub.sign_out(f"{who}-a")
    await hub.delete_user(f"{who}-b")
    tell(call="gone", **await failure(hub.publish(alarm({}, f"{who}-b"))))


async def trouble(_hub):
    """Against a server that answers by the book of trouble."""
    asked = itertools.count(1)

    async def token():
        return f"token-{next(asked)}"

    async with AsyncCampanile(url, token, delays=DELAYS) as troubled:
        [stored] = await troubled.publish(alarm({}))
        tell(published=stored["id"])
        try:
            async for event in troubled.watch(["user:bob"]):
                tell(event=event.event, id=event.id)
        except HubError as error:
            tell(ended=error.code)


async def main():
    async with AsyncCampanile(url, key, delays=DELAYS, give_up_after=120) as hub:
        await globals()[mode](hub)


asyncio.run(main())
