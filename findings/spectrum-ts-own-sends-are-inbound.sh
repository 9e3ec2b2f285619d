#!/usr/bin/env bash
# spectrum-ts' core 12.8.0 with its Telegram provider, on Node.js: `webhook(request, handler)`. Expected: the handler's
# `message.direction` is the body's. Seen: it is `inbound` for a signed body that says `outbound`. It matters to whoever has
# a copy of their own sends come: a bot that skips `outbound` by that field answers itself; the body alone can tell, before
# the SDK has it. The provider gets no client: nothing is sent.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true,"type":"module"}' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund @spectrum-ts/core@12.8.0 @spectrum-ts/telegram@12.8.0
cat >ask.mjs <<'NODE'
import { createHmac } from "node:crypto";
import { Spectrum } from "@spectrum-ts/core";
import { telegram } from "@spectrum-ts/telegram";

const SECRET = "0123456789abcdef".repeat(4);
const provider = telegram.config({ botToken: "1:none", webhookSecret: "none" });
const lifecycle = { createClient: async () => ({}) };
const app = await Spectrum({
  webhookSecret: SECRET,
  options: { logLevel: "silent" },
  providers: [{ ...provider, __definition: { ...provider.__definition, lifecycle } }],
});

const space = { id: "-1005550100", platform: "telegram" };
const message = {
  id: "17",
  platform: "telegram",
  direction: "outbound",
  timestamp: new Date().toISOString(),
  sender: { id: "5550100", platform: "telegram" },
  space,
  content: { type: "text", text: "On my way." },
};
const body = JSON.stringify({ event: "messages", space, message });
const at = String(Math.floor(Date.now() / 1000));
const signature = "v0=" + createHmac("sha256", SECRET).update(`v0:${at}:${body}`).digest("hex");
const headers = { "x-spectrum-timestamp": at, "x-spectrum-signature": signature };
const told = await new Promise((done) => {
  setTimeout(() => done("no call"), 2000).unref();
  app.webhook({ headers, body: new TextEncoder().encode(body) }, (_, { direction }) => done(direction));
});
console.log({ body: message.direction, handler: told });
process.exit(told === "inbound" ? 0 : 1);
NODE
node ask.mjs
