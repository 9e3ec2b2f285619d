#!/usr/bin/env bash
# spectrum-ts' core and providers 12.8.0, on Node.js: `webhook(request, handler)`. Expected: a signed message of a platform
# whose provider is there reaches the handler. Seen: Telegram's does; Slack's is answered 200 and reaches none, because the
# SDK drops `isFromMe` from the body and its Slack provider then demands it, after the answer. It matters to whoever forwards
# to such a receiver: no retry and no status tells that every Slack message is lost. Providers get no client: nothing is sent.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true,"type":"module"}' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund \
  @spectrum-ts/core@12.8.0 @spectrum-ts/slack@12.8.0 @spectrum-ts/telegram@12.8.0
cat >ask.mjs <<'NODE'
import { createHmac } from "node:crypto";
import { Spectrum } from "@spectrum-ts/core";
import { slack } from "@spectrum-ts/slack";
import { telegram } from "@spectrum-ts/telegram";

const SECRET = "0123456789abcdef".repeat(4);
const offline = (provider) => {
  const lifecycle = { createClient: async () => ({}) };
  return { ...provider, __definition: { ...provider.__definition, lifecycle } };
};
const app = await Spectrum({
  webhookSecret: SECRET,
  options: { logLevel: "silent" },
  providers: [
    offline(slack.config({ tokens: { T0SYNTH: "none" } })),
    offline(telegram.config({ botToken: "1:none", webhookSecret: "none" })),
  ],
});

async function ask(platform, fields) {
  const space = { id: "space-1", platform, ...fields.space };
  const sender = { id: "user-1", platform };
  const content = { type: "text", text: "Is the 9:40 on time?" };
  const named = { id: "1764234300.000100", platform, direction: "inbound", timestamp: new Date().toISOString() };
  const message = { ...named, sender, space, ...fields.message, content };
  const body = JSON.stringify({ event: "messages", space, message });
  const at = String(Math.floor(Date.now() / 1000));
  const signature = "v0=" + createHmac("sha256", SECRET).update(`v0:${at}:${body}`).digest("hex");
  const headers = { "x-spectrum-timestamp": at, "x-spectrum-signature": signature };
  let calls = 0;
  const answer = await app.webhook({ headers, body: new TextEncoder().encode(body) }, () => (calls += 1));
  await new Promise((done) => setTimeout(done, 500));
  return `${answer.status}, handler called ${calls} times`;
}

const seen = {
  telegram: await ask("telegram", { space: {}, message: {} }),
  slack: await ask("slack", {
    space: { teamId: "T0SYNTH" },
    message: { ts: "1764234300.000100", isFromMe: false },
  }),
};
console.log(seen);
const stands = seen.telegram === "200, handler called 1 times" && seen.slack === "200, handler called 0 times";
process.exit(stands ? 0 : 1);
NODE
node ask.mjs
