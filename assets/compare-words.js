// The texts of the scripts of /compare, by the language of the page. The names of the transports come from the table.

import { localeOf, wordsOf } from "./campanile.js";

const format = (/** @type {number} */ least, /** @type {number} */ most) =>
  new Intl.NumberFormat(localeOf(), { minimumFractionDigits: least, maximumFractionDigits: most });
const [NUMBER, TENTH, HUNDREDTH] = [format(0, 0), format(1, 1), format(2, 2)];
const NOTHING = "–";

export const number = (value) => (value === null ? NOTHING : NUMBER.format(value));
export const ratio = (value) => (value === null ? NOTHING : HUNDREDTH.format(value));
const PERCENT = new Intl.NumberFormat(localeOf(), { style: "percent" });

/** "1.8 ms", "240 ms", "3.2 s". */
export function time(milliseconds) {
  if (milliseconds === null) return NOTHING;
  if (milliseconds < 10) return `${TENTH.format(milliseconds)} ms`;
  if (milliseconds < 1_000) return `${NUMBER.format(milliseconds)} ms`;
  return WORDS.seconds(TENTH.format(milliseconds / 1_000));
}

const NAMES = [...document.querySelectorAll("#properties thead th")].map((cell) => cell.textContent);

export const TRANSPORTS = Object.fromEntries(["sse", "websocket", "streaming", "longpoll", "polling"].map((key, index) => [key, NAMES[index]]));

const english = {
  seconds: (amount) => `${amount} s`,
  states: { closed: "closed", connecting: "connecting", live: "live", lost: "cut off", ended: "ended" },
  published: "Published",
  publishedTime: (p50) => `stored after ${time(p50)}`,
  latencyAxis: ["1 ms", "10 ms", "100 ms", "1 s", "10 s"],
  timeAxis: ["15 s ago", "10 s", "5 s", "now"],
  lane: (transport, count) => `${transport}: ${number(count)} arrived`,
  histogram: (transport, p50, p99) => `${transport}: half within ${time(p50)}, 99 of 100 within ${time(p99)}`,
  half: "p50, from publishing",
  most: "p99",
  received: "Received",
  receivedOf: (count, all) => `${number(count)} of ${number(all)}`,
  requests: "Requests / alarm",
  bytes: "Bytes / alarm",
  held: "Connections held",
  cut: "Cut",
  cutLabel: (transport) => `Cut ${transport}`,
  cutting: "Waiting for the cut…",
  cutAway: "Cut off. Coming back…",
  cutCatching: "Back, catching up…",
  cutOver: ({ tookMs, lost, repeated, missed }) => `Back after ${time(tookMs)}.\n${number(missed)} published meanwhile:\n${number(lost)} lost, ${number(repeated)} repeated`,
  cutFailed: (why) => `Could not be cut: ${why}`,
  noConnection: "Waits for a connection. On HTTP/1.1 this browser has six for the hub, for all tabs together: close another tab of it.",
  ended: (reason) => `The hub ended it for good: ${reason}.`,
  stop: "Stop",
  notLive: (transports) => `Not live: ${transports.join(", ")}. Nothing was published.`,
  publishFailed: (count, why) => `${number(count)} could not be published: ${why}`,
  checking: "Reading the log…",
  agreed: (count, first, last) => `The log holds ${number(count)} test alarms, ids ${first} to ${last}. All five transports brought exactly these, each once and in order.`,
  nothing: "Nothing was published.",
  disagreed: (count, faults) => `The log holds ${number(count)} test alarms. ${faults.join(" ")}`,
  fault: (transport, { missing, repeated, strange, ordered }) =>
    `${transport}: ${[missing && `${number(missing)} lost`, repeated && `${number(repeated)} repeated`, strange && `${number(strange)} not in the log`, !ordered && "out of order"].filter(Boolean).join(", ")}.`,
  unreadable: (why) => `The log could not be read: ${why}`,
  elsewhere: "This page is open in another tab of this browser. On HTTP/1.1 the two would need all six connections, and both would stand still. Close one of them and reload the other.",
  protocolOld: "This page came over HTTP/1.1: your browser gives one host six connections, for all its tabs together. SSE, HTTP streaming and the long poll hold one each; a poll and a publish request take one each for a moment. That makes five, and the sixth is left for the bell of your other tabs, which is why this page has none. WebSocket does not count among the six.",
  protocolNew: (protocol) => `This page came over HTTP/2 (${protocol}): all requests of this browser share one connection, so no stream takes another’s place. How many may run on it at once is what the server says: this hub 256, a proxy in front of it often 100 or 128. WebSocket has a connection of its own.`,
  measuring: (transport, count) => `${transport}: ${number(count)} live…`,
  limit: {
    waits: (transport, live) => `${transport}: ${number(live)} live; number ${number(live + 1)} was still waiting after 3 seconds.`,
    refused: (transport, live) => `${transport}: ${number(live)} live; number ${number(live + 1)} was refused by the hub.`,
    all: (transport, live) => `${transport}: ${number(live)} of ${number(live)} live. This page stops here, as the hub allows one user 32 streams unless it is set otherwise.`,
  },
  limitOther: "Streams of your other tabs of this hub count too.",
  measured: "measured:",
  direction: {
    both: (ms) => `both directions: a ping was answered in ${time(ms)}`,
    one: (ms) => `hub to browser; to the hub, a request of its own: ${time(ms)}`,
  },
  data: (data, wire) => `text: ${number(data)} bytes of alarm, ${number(wire)} received for it`,
  reconnection: {
    browser: ({ tookMs, lost, repeated }) => `by the browser after ${time(tookMs)}; ${number(lost)} lost, ${number(repeated)} repeated`,
    page: ({ tookMs, lost, repeated }) => `by this page’s code after ${time(tookMs)}; ${number(lost)} lost, ${number(repeated)} repeated`,
    request: ({ tookMs, lost, repeated }) => `by the next request after ${time(tookMs)}; ${number(lost)} lost, ${number(repeated)} repeated`,
  },
  connections: {
    waits: (live, protocol) => `${number(live)} live, one more waits (${protocol})`,
    refused: (live, protocol) => `${number(live)} live, one more was refused (${protocol})`,
    all: (live, protocol) => `${number(live)} of ${number(live)} live (${protocol})`,
    held: (share) => `one, held for ${PERCENT.format(share)} of the run`,
  },
  proxies: {
    stream: (ms) => `first event ${time(ms)} after asking: nothing held it back`,
    slow: (ms) => `first event only ${time(ms)} after asking: something may hold it back`,
    wait: (ms) => `a request was let wait for ${time(ms)}`,
    answer: (ms) => `first answer after ${time(ms)}`,
  },
};

const korean = {
  seconds: (amount) => `${amount}초`,
  states: { closed: "닫힘", connecting: "연결 중", live: "연결됨", lost: "끊김", ended: "끝남" },
  published: "보냄",
  publishedTime: (p50) => `${time(p50)} 만에 저장`,
  latencyAxis: ["1 ms", "10 ms", "100 ms", "1초", "10초"],
  timeAxis: ["15초 전", "10초", "5초", "지금"],
  lane: (transport, count) => `${transport}: ${number(count)}개 도착`,
  histogram: (transport, p50, p99) => `${transport}: 절반은 ${time(p50)}, 100개 중 99개는 ${time(p99)} 안에`,
  half: "p50, 보낸 때부터",
  most: "p99",
  received: "받음",
  receivedOf: (count, all) => `${number(all)}개 중 ${number(count)}`,
  requests: "알림당 요청",
  bytes: "알림당 바이트",
  held: "차지한 연결",
  cut: "끊기",
  cutLabel: (transport) => `${transport} 끊기`,
  cutting: "끊기기를 기다리는 중…",
  cutAway: "끊겼습니다. 돌아오는 중…",
  cutCatching: "돌아왔습니다. 따라잡는 중…",
  cutOver: ({ tookMs, lost, repeated, missed }) => `${time(tookMs)} 만에 복구.\n그동안 보낸 ${number(missed)}개 중\n유실 ${number(lost)}, 중복 ${number(repeated)}`,
  cutFailed: (why) => `끊지 못했습니다: ${why}`,
  noConnection: "빈 연결을 기다리고 있습니다. HTTP/1.1에서 이 브라우저는 모든 탭을 합쳐 이 허브에 연결을 여섯 개까지 엽니다. 이 허브를 연 다른 탭을 닫아 주세요.",
  ended: (reason) => `허브가 완전히 끝냈습니다: ${reason}.`,
  stop: "멈추기",
  notLive: (transports) => `연결되지 않음: ${transports.join(", ")}. 아무것도 보내지 않았습니다.`,
  publishFailed: (count, why) => `${number(count)}개는 보내지 못했습니다: ${why}`,
  checking: "로그를 읽는 중…",
  agreed: (count, first, last) => `로그에 있는 시험 알림은 ${number(count)}개, ${first}번부터 ${last}번까지입니다. 다섯 가지 방법 모두 정확히 이것들을 한 번씩, 순서대로 가져왔습니다.`,
  nothing: "아무것도 보내지 않았습니다.",
  disagreed: (count, faults) => `로그에 있는 시험 알림은 ${number(count)}개입니다. ${faults.join(" ")}`,
  fault: (transport, { missing, repeated, strange, ordered }) =>
    `${transport}: ${[missing && `유실 ${number(missing)}`, repeated && `중복 ${number(repeated)}`, strange && `로그에 없음 ${number(strange)}`, !ordered && "순서가 어긋남"].filter(Boolean).join(", ")}.`,
  unreadable: (why) => `로그를 읽지 못했습니다: ${why}`,
  elsewhere: "이 페이지가 이 브라우저의 다른 탭에 열려 있습니다. HTTP/1.1에서는 둘이 연결 여섯 개를 모두 차지해 둘 다 멈춥니다. 하나를 닫고 다른 하나를 새로고침해 주세요.",
  protocolOld: "이 페이지는 HTTP/1.1로 왔습니다. 브라우저는 한 호스트에 모든 탭을 합쳐 연결을 여섯 개까지 엽니다. SSE와 HTTP 스트리밍, 롱 폴링이 하나씩 차지하고, 폴링과 보내는 요청이 잠깐씩 하나를 씁니다. 모두 다섯이며, 여섯째는 다른 탭의 종을 위해 남겨 둡니다. 그래서 이 페이지에는 종이 없습니다. WebSocket은 여섯 개에 들지 않습니다.",
  protocolNew: (protocol) => `이 페이지는 HTTP/2(${protocol})로 왔습니다. 이 브라우저의 모든 요청이 연결 하나를 함께 쓰므로 스트림끼리 자리를 다투지 않습니다. 동시에 몇 개까지인지는 서버가 정합니다. 이 허브는 256개, 앞에 둔 프록시는 흔히 100개나 128개입니다. WebSocket은 따로 연결을 엽니다.`,
  measuring: (transport, count) => `${transport}: ${number(count)}개 연결됨…`,
  limit: {
    waits: (transport, live) => `${transport}: ${number(live)}개 연결됨. ${number(live + 1)}번째는 3초가 지나도 기다리고 있었습니다.`,
    refused: (transport, live) => `${transport}: ${number(live)}개 연결됨. ${number(live + 1)}번째는 허브가 거절했습니다.`,
    all: (transport, live) => `${transport}: ${number(live)}개 중 ${number(live)}개 연결됨. 허브가 따로 설정하지 않으면 사용자당 스트림을 32개까지 허용하므로 여기서 멈춥니다.`,
  },
  limitOther: "이 허브를 연 다른 탭의 스트림도 함께 셉니다.",
  measured: "측정:",
  direction: {
    both: (ms) => `양방향. 핑에 ${time(ms)} 만에 응답`,
    one: (ms) => `허브에서 브라우저로. 허브로 보낼 때는 따로 요청: ${time(ms)}`,
  },
  data: (data, wire) => `텍스트. 알림 ${number(data)}바이트에 ${number(wire)}바이트를 받음`,
  reconnection: {
    browser: ({ tookMs, lost, repeated }) => `브라우저가 ${time(tookMs)} 만에. 유실 ${number(lost)}, 중복 ${number(repeated)}`,
    page: ({ tookMs, lost, repeated }) => `이 페이지의 코드가 ${time(tookMs)} 만에. 유실 ${number(lost)}, 중복 ${number(repeated)}`,
    request: ({ tookMs, lost, repeated }) => `다음 요청이 ${time(tookMs)} 만에. 유실 ${number(lost)}, 중복 ${number(repeated)}`,
  },
  connections: {
    waits: (live, protocol) => `${number(live)}개 연결, 하나 더는 대기 (${protocol})`,
    refused: (live, protocol) => `${number(live)}개 연결, 하나 더는 거절 (${protocol})`,
    all: (live, protocol) => `${number(live)}개 중 ${number(live)}개 연결 (${protocol})`,
    held: (share) => `하나. 측정 시간의 ${PERCENT.format(share)} 동안 차지`,
  },
  proxies: {
    stream: (ms) => `요청 후 ${time(ms)} 만에 첫 이벤트. 붙잡는 것이 없음`,
    slow: (ms) => `요청 후 ${time(ms)}이 지나서야 첫 이벤트. 무언가 붙잡는 듯함`,
    wait: (ms) => `요청이 ${time(ms)} 동안 기다릴 수 있었음`,
    answer: (ms) => `${time(ms)} 만에 첫 응답`,
  },
};

export const WORDS = wordsOf({ en: english, ko: korean });
