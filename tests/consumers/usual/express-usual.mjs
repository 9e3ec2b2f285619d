import express from "express";
import { verified } from "./verify.mjs";

const app = express();
app.post("/spectrum-webhook", express.raw({ type: "application/json" }), (request, response) => {
  response.sendStatus(verified(SECRET, (name) => request.get(name), request.body ?? "") ? 204 : 401);
});
app.listen(PORT);
