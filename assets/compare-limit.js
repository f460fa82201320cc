// The number of streams that this browser opens to this hub: opens them one by one until one does not become live.

export const MOST = 30;
const PATIENCE_MS = 3_000;

/**
 * Opens up to `MOST` streams; returns the number of live ones and the outcome of the next: "all", "waits" or "refused".
 */
export async function openUntilStuck(open, progress) {
  const opened = [];
  let outcome = "all";
  try {
    while (opened.length < MOST) {
      const one = open();
      outcome = await inTime(one.live);
      if (outcome !== "live") {
        one.close();
        break;
      }
      opened.push(one);
      progress(opened.length);
    }
  } finally {
    for (const one of opened) one.close();
  }
  return { live: opened.length, outcome: outcome === "live" ? "all" : outcome };
}

export function eventSource() {
  const source = new EventSource("/api/stream?_=limit");
  const live = new Promise((resolve) => {
    source.addEventListener("connect", () => resolve("live"));
    source.onerror = () => resolve("refused");
  });
  return { live, close: () => source.close() };
}

export function webSocket() {
  const url = new URL("/api/stream?_=limit", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(url);
  const live = new Promise((resolve) => {
    socket.onmessage = () => resolve("live");
    socket.onclose = () => resolve("refused");
  });
  return { live, close: () => socket.close() };
}

function inTime(live) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve("waits"), PATIENCE_MS);
    live.then((outcome) => {
      clearTimeout(timer);
      resolve(outcome);
    });
  });
}
