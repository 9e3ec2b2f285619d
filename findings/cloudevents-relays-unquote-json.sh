#!/usr/bin/env bash
# cloudevents 2.2.0 (PyPI, `cloudevents.core`) and cloudevents 10.0.0 (npm). Expected: an event that is read in binary mode and written again in
# binary mode has the same data: a JSON text stays one. Seen: its quotes are gone, under `application/json` as before; the body is JSON no
# longer. `null` becomes an empty body in Python; in structured mode npm writes the number 5 as the text "5". The older API,
# `cloudevents.v1`, keeps the text. It matters to whoever relays webhooks through an SDK: objects pass every test, and an event that is a bare
# text or number reaches the consumer as what it cannot parse. Forward the bytes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cloudevents==2.2.0 2>/dev/null
cd "$folder"
echo '{"private":true,"type":"module"}' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund cloudevents@10.0.0
cat >relay.mjs <<'NODE'
import { HTTP } from "cloudevents";
const headers = { "ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-specversion": "1.0", "content-type": "application/json" };
const event = (body) => HTTP.toEvent({ headers, body });
for (const body of ['{"a":1}', '"paid"', "null"]) console.log(`npm: ${body} -> ${HTTP.binary(event(body)).body}`);
console.log(`npm, structured: 5 -> ${JSON.stringify(JSON.parse(HTTP.structured(event("5")).body).data)}`);
NODE
node relay.mjs >seen.txt
venv/bin/python -W ignore - >>seen.txt <<'PYTHON'
from cloudevents.core.bindings import http as core
from cloudevents.core.formats.json import JSONFormat
from cloudevents.v1 import conversion
from cloudevents.v1 import http as v1

HEADERS = {"ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-specversion": "1.0", "content-type": "application/json"}
for body in (b'{"a": 1}', b'"paid"', b"null"):
    event = core.from_binary(core.HTTPMessage(headers=HEADERS, body=body), JSONFormat())
    message = core.to_binary(event, JSONFormat())
    print(f"core: {body.decode()} -> {message.body.decode()} as {message.headers['content-type']}")
print("v1:", '"paid" ->', conversion.to_binary(v1.from_http(HEADERS, b'"paid"'))[1].decode())
PYTHON
cat seen.txt
diff -q seen.txt - >/dev/null <<'EXPECTED'
npm: {"a":1} -> {"a":1}
npm: "paid" -> paid
npm: null -> null
npm, structured: 5 -> "5"
core: {"a": 1} -> {"a": 1} as application/json
core: "paid" -> paid as application/json
core: null ->  as application/json
v1: "paid" -> "paid"
EXPECTED
