// The part of a back end in the tests: drill.js MODE HUB KEY WHO [CURSOR FILE]. Each line of its output is a fact.
import { Campanile, HubError, fileCursor } from "campanile-backend";

const [mode, url, key, who, file] = process.argv.slice(2);
const delaysMs = [50, 500];
const hub = new Campanile({ url, key, delaysMs, giveUpAfterMs: 120_000 });
const tell = (fact) => console.log(JSON.stringify(fact));
const alarm = (data, user = who) => ({ to: { user }, alarmType: "DRILL", targetId: 17, data });
const failure = (promise) => promise.then(() => ({}), (error) => ({ status: error.status, code: error.code }));

const modes = {
  /** Publishes until the input ends. */
  async publish() {
    let ended = false;
    process.stdin.on("end", () => (ended = true)).resume();
    let next = 0;
    const worker = async () => {
      while (!ended) {
        await new Promise((next) => setTimeout(next, 40));
        const n = next++;
        if (n % 10 > 0) {
          const [{ id }] = await hub.publish(alarm({ n }));
          tell({ n, id });
        } else {
          const lists = await hub.publishAll([alarm({ n }), alarm({ n: n + 0.5 })]);
          lists.forEach(([{ id }], index) => tell({ n: n + index / 2, id }));
        }
      }
    };
    await Promise.all([worker(), worker(), worker()]);
    tell({ done: true });
    process.exit();
  },

  async watch() {
    for await (const { event, id, data } of hub.watch({ topics: [`user:${who}`], cursor: fileCursor(file) })) {
      if (event === "alarm") tell({ n: data.data.n, id });
      if (event === "gap") tell({ gap: id });
    }
  },

  /** The other calls, each once. */
  async calls() {
    const user = `${who}/한글`;
    const { id, displayName } = await hub.putUser(user, { displayName: "Bob" });
    tell({ call: "putUser", id, displayName });
    tell({ call: "putUsers", ...(await hub.putUsers([{ id: user, displayName: "Bob" }, { id: `${who}-2` }])) });
    const idempotencyKey = `${who}-once`;
    const [first] = await hub.publish(alarm({}, user), { idempotencyKey });
    const [again] = await hub.publish(alarm({}, user), { idempotencyKey });
    tell({ call: "publish", topic: first.topic, same: first.id === again.id });
    const { token } = await hub.token(user, { ttlSeconds: 60 });
    tell({ call: "token", token });
    tell({ call: "unknown", ...(await failure(hub.publish(alarm({}, "nobody")))) });
    tell({ call: "refused", ...(await failure(new Campanile({ url, key: "cmp_none", delaysMs }).publish(alarm({})))) });
    tell({ call: "forbidden", ...(await failure(hub.watch({ topics: ["role:admin"] }).next())) });
  },

  /** The calls that take something away. */
  async removals() {
    await hub.putUsers([{ id: `${who}-a` }, { id: `${who}-b` }]);
    const targetId = `${who}-1`;
    await hub.publish({ to: { users: [`${who}-a`, `${who}-b`] }, alarmType: "DRILL", targetId });
    tell({ call: "retract", one: await hub.retract({ targetId, alarmType: "DRILL", user: `${who}-a` }) });
    tell({ call: "retract", rest: await hub.retract({ targetId, alarmType: "DRILL" }) });
    await hub.signOut(`${who}-a`);
    await hub.deleteUser(`${who}-b`);
    tell({ call: "gone", ...(await failure(hub.publish(alarm({}, `${who}-b`)))) });
  },

  /** Against a server that answers by the book of trouble. */
  async trouble() {
    let asked = 0;
    const troubled = new Campanile({ url, key: async () => `token-${++asked}`, delaysMs });
    const [{ id }] = await troubled.publish(alarm({}));
    tell({ published: id });
    try {
      for await (const { event, id } of troubled.watch({ topics: ["user:bob"] })) tell({ event, id });
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      tell({ ended: error.code });
    }
  },
};
await modes[mode]();
