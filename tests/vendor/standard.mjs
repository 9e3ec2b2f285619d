// Which requests standardwebhooks takes, of those on standard input: [{ secret, headers, body }].
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

function takes({ secret, headers, body }) {
  try {
    new Webhook(secret).verify(Buffer.from(body, "base64").toString(), headers);
    return true;
  } catch {
    return false;
  }
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(takes)));
