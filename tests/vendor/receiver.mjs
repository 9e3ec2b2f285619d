// The vendor's own receiver, with all of its providers, and none of them connected to anything.
// Answers each POST as the SDK does, and tells at GET /seen what its parts made of it.
import { createServer } from "node:http";
import { Spectrum } from "spectrum-ts";
import { slimEnvelopeSchema, verifySpectrumSignature } from "@spectrum-ts/core/webhook";
import { imessage } from "@spectrum-ts/imessage";
import { slack } from "@spectrum-ts/slack";
import { telegram } from "@spectrum-ts/telegram";
import { terminal } from "@spectrum-ts/terminal";
import { whatsappBusiness } from "@spectrum-ts/whatsapp-business";
import { Webhook } from "standardwebhooks";

const { SECRET, PORT } = process.env;
// Rounds of the event loop after an answer: a handler is called without being waited for.
const ROUNDS = 5;

function offline(provider, config) {
  const made = provider.config(config);
  const lifecycle = { createClient: async () => ({}) };
  return { ...made, __definition: { ...made.__definition, lifecycle } };
}

const app = await Spectrum({
  webhookSecret: SECRET,
  options: { logLevel: "error" },
  providers: [
    offline(imessage, {}),
    offline(slack, { tokens: { T0SYNTH: "none" } }),
    offline(telegram, { botToken: "1:none", webhookSecret: "none" }),
    offline(terminal, {}),
    offline(whatsappBusiness, { accessToken: "none", phoneNumberId: "1" }),
  ],
});

let seen = [];
let failures = [];
console.error = (...said) => failures.push(said);

function tried(work) {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

function envelope(body) {
  return tried(() => slimEnvelopeSchema.parse(JSON.parse(new TextDecoder().decode(body))));
}

function standard(headers, body) {
  return tried(() => new Webhook(SECRET).verify(body.toString(), headers));
}

function told(space, { id, direction, platform, content, sender }) {
  return {
    space: space.id,
    id,
    direction,
    platform,
    content: content.type,
    sender: sender?.id ?? null,
  };
}

// The fields that a provider misses in what the SDK has made for it.
function missed() {
  const issues = failures.flat().flatMap((said) => said?.issues ?? []);
  return [...new Set(issues.map((issue) => issue.path.join(".")))].sort();
}

async function receive(headers, body) {
  const handled = [];
  failures = [];
  const verification = await verifySpectrumSignature({ rawBody: body, headers, secret: SECRET });
  let status = 500;
  let text = "threw";
  try {
    const answer = await app.webhook({ headers, body: new Uint8Array(body) }, (space, message) =>
      handled.push(told(space, message)),
    );
    status = answer.status;
    text = Buffer.from(answer.body).toString();
  } catch {
    // What webhook() throws, a framework answers with 500.
  }
  for (let round = 0; round < ROUNDS; round += 1) await new Promise(setImmediate);
  const verified = verification.ok ? "ok" : verification.reason;
  seen.push({
    verified,
    envelope: envelope(body),
    standard: standard(headers, body),
    status,
    text,
    handled,
    missed: missed(),
  });
  return [status, text];
}

createServer(async (request, response) => {
  if (request.method === "GET") {
    response.end(JSON.stringify(seen));
    seen = [];
    return;
  }
  const parts = [];
  for await (const part of request) parts.push(part);
  const [status, text] = await receive(request.headers, Buffer.concat(parts));
  response.writeHead(status).end(text);
}).listen(Number(PORT), "127.0.0.1");
