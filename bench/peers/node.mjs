// Server-sent events on plain node:http, as one writes them without a library: channels in memory, nothing stored, nobody checked.
//   node node.mjs 127.0.0.1:8080
// GET /CHANNEL opens a stream, POST /CHANNEL sends its body to every stream of the channel.
import http from "node:http";

const [host, port] = process.argv[2].split(":");
const channels = new Map();
let lastId = 0;

function subscribe(channel, request, response) {
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-store, no-transform",
  });
  response.write(": hi\n\n");
  let subscribers = channels.get(channel);
  if (!subscribers) channels.set(channel, (subscribers = new Set()));
  subscribers.add(response);
  request.on("close", () => {
    subscribers.delete(response);
    if (subscribers.size === 0 && channels.get(channel) === subscribers) channels.delete(channel);
  });
}

function publish(channel, request, response) {
  let data = "";
  request.setEncoding("utf8");
  request.on("data", (part) => (data += part));
  request.on("end", () => {
    lastId += 1;
    const event = `event: alarm\nid: ${lastId}\ndata: ${data}\n\n`;
    for (const subscriber of channels.get(channel) ?? []) subscriber.write(event);
    response.writeHead(201, { "content-length": 0 });
    response.end();
  });
}

const server = http.createServer((request, response) => {
  const channel = request.url.slice(1);
  if (request.method === "GET") subscribe(channel, request, response);
  else if (request.method === "POST") publish(channel, request, response);
  else response.writeHead(405, { allow: "GET, POST" }).end();
});
// A publisher keeps its connection as long as it likes, and a stream never ends by itself.
server.keepAliveTimeout = 0;
server.requestTimeout = 0;
server.listen({ host, port: Number(port), backlog: 4096 });
