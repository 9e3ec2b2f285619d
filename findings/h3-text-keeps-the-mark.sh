#!/usr/bin/env bash
# h3 2.0.8 and Hono 4.13.19 with @hono/node-server 2.1.9, on Node.js. Expected: `text()` of a Fetch request is the same
# everywhere: UTF-8, without a byte order mark. Seen: h3's own server keeps the mark, Hono's drops it. It matters to whoever
# verifies a signature over that text: with one such a body verifies, with the other the very same code refuses it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true,"type":"module"}' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund h3@2.0.8 hono@4.13.19 @hono/node-server@2.1.9
cat >ask.mjs <<'NODE'
import { serve as serveHono } from "@hono/node-server";
import { H3, serve as serveH3 } from "h3";
import { Hono } from "hono";

const first = (text) => "U+" + text.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
const h3 = new H3().post("/", async (event) => first(await event.req.text()));
const hono = new Hono();
hono.post("/", async (c) => c.text(first(await c.req.text())));
const port = await new Promise((done) => {
  serveHono({ fetch: hono.fetch, port: 0, hostname: "127.0.0.1" }, (info) => done(info.port));
});
const server = serveH3(h3, { port: 0, hostname: "127.0.0.1", silent: true });
await server.ready();
const body = new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0x7d]);
const ask = async (url) => (await fetch(url, { method: "POST", body })).text();
const seen = { h3: await ask(server.url), hono: await ask(`http://127.0.0.1:${port}/`) };
console.log("first character of EF BB BF 7B 7D as text():", seen);
process.exit(seen.h3 === "U+FEFF" && seen.hono === "U+007B" ? 0 : 1);
NODE
node ask.mjs
