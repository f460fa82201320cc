"""The part of a back end in the tests, with the client that blocks: drill.py MODE HUB KEY WHO [CURSOR FILE].

Each line of its output is a fact.
"""

import itertools
import json
import sys
import threading

from campanile import Campanile, FileCursor, HubError

mode, url, key, who, *rest = sys.argv[1:]
DELAYS = (0.05, 0.5)
hub = Campanile(url, key, delays=DELAYS, give_up_after=120)


def tell(**fact):
    # One write, so that the lines of several threads do not mix.
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


def alarm(data, user=who):
    return {"to": {"user": user}, "alarmType": "DRILL", "targetId": 17, "data": data}


def failure(call):
    try:
        call()
    except HubError as error:
        return {"status": error.status, "code": error.code}
    return {}


def publish():
    """Publishes until the input ends."""
    ended = threading.Event()
    numbers = itertools.count()

    def worker():
        while not ended.wait(0.04):
            n = next(numbers)
            if n % 10 > 0:
                [stored] = hub.publish(alarm({"n": n}))
                tell(n=n, id=stored["id"])
            else:
                lists = hub.publish_all([alarm({"n": n}), alarm({"n": n + 0.5})])
                for index, [stored] in enumerate(lists):
                    tell(n=n + index / 2, id=stored["id"])

    workers = [threading.Thread(target=worker) for _ in range(3)]
    for one in workers:
        one.start()
    sys.stdin.read()
    ended.set()
    for one in workers:
        one.join()
    tell(done=True)


def watch():
    for event in hub.watch([f"user:{who}"], cursor=FileCursor(rest[0])):
        if event.event == "alarm":
            tell(n=event.data["data"]["n"], id=event.id)
        if event.event == "gap":
            tell(gap=event.id)


def calls():
    """The other calls, each once."""
    user = f"{who}/한글"
    known = hub.put_user(user, display_name="Bob")
    tell(call="putUser", id=known["id"], displayName=known["displayName"])
    tell(call="putUsers", **hub.put_users([{"id": user, "displayName": "Bob"}, {"id": f"{who}-2"}]))
    [first] = hub.publish(alarm({}, user), idempotency_key=f"{who}-once")
    [again] = hub.publish(alarm({}, user), idempotency_key=f"{who}-once")
    tell(call="publish", topic=first["topic"], same=first["id"] == again["id"])
    tell(call="token", token=hub.token(user, ttl_seconds=60)["token"])
    tell(call="unknown", **failure(lambda: hub.publish(alarm({}, "nobody"))))
    tell(call="refused", **failure(lambda: Campanile(url, "cmp_none", delays=DELAYS).publish(alarm({}))))
    tell(call="forbidden", **failure(lambda: next(iter(hub.watch(["role:admin"])))))


def removals():
    """The calls that take something away."""
    hub.put_users([{"id": f"{who}-a"}, {"id": f"{who}-b"}])
    target = f"{who}-1"
    hub.publish({"to": {"users": [f"{who}-a", f"{who}-b"]}, "alarmType": "DRILL", "targetId": target})
    tell(call="retract", one=hub.retract(target, "DRILL", user=f"{who}-a"))
    tell(call="retract", rest=hub.retract(target, "DRILL"))
    hub.sign_out(f"{who}-a")
    hub.delete_user(f"{who}-b")
    tell(call="gone", **failure(lambda: hub.publish(alarm({}, f"{who}-b"))))


def trouble():
    """Against a server that answers by the book of trouble."""
    asked = itertools.count(1)
    troubled = Campanile(url, lambda: f"token-{next(asked)}", delays=DELAYS)
    [stored] = troubled.publish(alarm({}))
    tell(published=stored["id"])
    try:
        for event in troubled.watch(["user:bob"]):
            tell(event=event.event, id=event.id)
    except HubError as error:
        tell(ended=error.code)


globals()[mode]()
