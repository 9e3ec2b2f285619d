import { H3, serve } from "h3";
import { verified } from "./verify.mjs";

const app = new H3();
app.post("/spectrum-webhook", async (event) => {
  const body = await event.req.text();
  const status = verified(SECRET, (name) => event.req.headers.get(name), body) ? 204 : 401;
  return new Response(null, { status });
});
serve(app, { port: PORT });
