#!/usr/bin/env bash
# Express 5.3.0 behind serverless-http 4.0.0 and @codegenie/serverless-express 4.17.1. Expected: an application does behind an
# adapter what it does behind a socket: `express.raw({ type: "application/json" })` leaves `request.body` undefined for another
# content type. Seen: there `request.body` is the bytes, put there by the adapter before any parser is asked. It matters to
# whoever verifies webhooks over `request.body`: code that was tried in a function verifies a body of any type there, and
# none of those once it runs as a server.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true,"type":"module"}' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund \
  express@5.3.0 serverless-http@4.0.0 @codegenie/serverless-express@4.17.1
cat >ask.mjs <<'NODE'
import serverlessExpress from "@codegenie/serverless-express";
import express from "express";
import serverless from "serverless-http";

const make = () =>
  express().post("/hook", express.raw({ type: "application/json" }), (request, response) => {
    response.send(Buffer.isBuffer(request.body) ? "bytes" : String(request.body));
  });
// A POST of text/plain in payload format 2.0, as in AWS's documents.
const http = { method: "POST", path: "/hook", protocol: "HTTP/1.1", sourceIp: "192.0.2.1" };
const event = {
  version: "2.0",
  routeKey: "$default",
  rawPath: "/hook",
  rawQueryString: "",
  headers: { host: "a.example.com", "content-type": "text/plain", "content-length": "2" },
  requestContext: { http, stage: "$default", domainName: "a.example.com" },
  body: "hi",
  isBase64Encoded: false,
};
const server = make().listen(0, "127.0.0.1");
await new Promise((listening) => server.once("listening", listening));
const headers = { "content-type": "text/plain" };
const url = `http://127.0.0.1:${server.address().port}/hook`;
const seen = {
  "a server": await (await fetch(url, { method: "POST", headers, body: "hi" })).text(),
  "serverless-http": (await serverless(make())(event, {})).body,
  "@codegenie/serverless-express": (await serverlessExpress({ app: make() })(event, {})).body,
};
console.log("request.body of text/plain after express.raw for JSON:", seen);
process.exit(JSON.stringify(Object.values(seen)) === '["undefined","bytes","bytes"]' ? 0 : 1);
NODE
node ask.mjs
