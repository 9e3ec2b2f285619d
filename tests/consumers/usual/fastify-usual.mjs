import Fastify from "fastify";
import { verified } from "./verify.mjs";

const app = Fastify();
app.post("/spectrum-webhook", (request, reply) => {
  const body = JSON.stringify(request.body) ?? "";
  reply.code(verified(SECRET, (name) => request.headers[name], body) ? 204 : 401).send();
});
app.listen({ port: PORT });
