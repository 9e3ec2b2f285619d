import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { verified } from "./verify.mjs";

const app = new Hono();
app.post("/spectrum-webhook", async (c) => {
  const body = await c.req.text();
  return c.body(null, verified(SECRET, (name) => c.req.header(name), body) ? 204 : 401);
});
serve({ fetch: app.fetch, port: PORT });
