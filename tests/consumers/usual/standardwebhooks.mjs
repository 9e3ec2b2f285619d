// Verifies each delivery that standard input has as JSON; prints what came of it, a line each.
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const { secret, deliveries } = JSON.parse(readFileSync(0, "utf8"));
for (const { headers, body } of deliveries) {
  try {
    new Webhook(secret).verify(Buffer.from(body, "base64"), headers);
    console.log("✓");
  } catch (error) {
    console.log(error.constructor.name);
  }
}
