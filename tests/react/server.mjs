// Vite's server with server rendering (vite.dev/guide/ssr), for the test that renders the application on a server.

import { createServer as listen } from "node:http";
import { readFile } from "node:fs/promises";
import { createServer } from "vite";

const vite = await createServer({ server: { middlewareMode: true, hmr: { port: Number(process.env.HMR_PORT) } }, appType: "custom" });
listen((request, response) =>
  vite.middlewares(request, response, async () => {
    const file = (await readFile("index.html", "utf8")).replace("main.tsx", "hydrate.tsx");
    const page = await vite.transformIndexHtml("/", file);
    const { render } = await vite.ssrLoadModule("/src/server.tsx");
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(page.replace('<div id="root"></div>', `<div id="root">${render()}</div>`));
  }),
).listen(Number(process.env.PORT), "localhost");
