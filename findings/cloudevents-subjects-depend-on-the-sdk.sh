#!/usr/bin/env bash
# cloudevents 2.2.0 (PyPI, `cloudevents.core` and its older `cloudevents.v1`) and cloudevents 10.0.0 (npm). Expected: what one SDK of the project
# writes in binary mode, the others read: the HTTP binding (1.0.2, 3.1.3.2) has header values percent-encoded, a space too, and decoded once by
# the receiver. Seen: `core` alone does so; the other two write and read a value as it is. It matters to whoever routes or deduplicates webhooks by `subject`:
# "order 7" arrives as "order%207", and a subject with an escaped path of its own ("in/a%20b.pdf") as another one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cloudevents==2.2.0 2>/dev/null
cd "$folder"
echo '{"private":true,"type":"module"}' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund cloudevents@10.0.0
cat >npm.mjs <<'NODE'
import { CloudEvent, HTTP } from "cloudevents";
const [, , what, value] = process.argv;
const given = { id: "1", source: "/shop", type: "order.paid", datacontenttype: "application/json", data: {} };
const header = (subject) => HTTP.binary(new CloudEvent({ ...given, subject })).headers["ce-subject"];
const headers = { "ce-id": "1", "ce-source": "/shop", "ce-type": "order.paid", "ce-specversion": "1.0", "content-type": "application/json" };
const subject = (text) => HTTP.toEvent({ headers: { ...headers, "ce-subject": text }, body: "{}" }).subject;
console.log(what === "write" ? header(value) : subject(value));
NODE
venv/bin/python -W ignore - <<'PYTHON'
import subprocess
from cloudevents.core.bindings import http as core
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1 import conversion
from cloudevents.v1 import http as v1

GIVEN = {"id": "1", "source": "/shop", "type": "order.paid", "specversion": "1.0", "datacontenttype": "application/json"}
HEADERS = {f"ce-{name}": text for name, text in GIVEN.items() if name != "datacontenttype"}
HEADERS["content-type"] = "application/json"


def npm(what, text):
    return subprocess.run(["node", "npm.mjs", what, text], capture_output=True, text=True, check=True).stdout[:-1]


write = {
    "core": lambda subject: core.to_binary(CloudEvent({**GIVEN, "subject": subject}, {}), JSONFormat()).headers["ce-subject"],
    "v1": lambda subject: conversion.to_binary(v1.CloudEvent({**GIVEN, "subject": subject}, {}))[0]["ce-subject"],
    "npm": lambda subject: npm("write", subject),
}
read = {
    "core": lambda text: core.from_binary(
        core.HTTPMessage(headers={**HEADERS, "ce-subject": text}, body=b"{}"), JSONFormat()
    ).get_subject(),
    "v1": lambda text: v1.from_http({**HEADERS, "ce-subject": text}, b"{}")["subject"],
    "npm": lambda text: npm("read", text),
}
seen = {}
for subject in ("order 7", "in/a%20b.pdf"):
    for writer in write:
        header = write[writer](subject)
        seen[subject, writer] = [read[reader](header) for reader in read]
        print(f"{subject!r} by {writer}, as {header!r}: {', '.join(f'{r} {t!r}' for r, t in zip(read, seen[subject, writer]))}")
raise SystemExit(
    seen
    != {
        ("order 7", "core"): ["order 7", "order%207", "order%207"],
        ("order 7", "v1"): ["order 7"] * 3,
        ("order 7", "npm"): ["order 7"] * 3,
        ("in/a%20b.pdf", "core"): ["in/a%20b.pdf", "in/a%2520b.pdf", "in/a%2520b.pdf"],
        ("in/a%20b.pdf", "v1"): ["in/a b.pdf", "in/a%20b.pdf", "in/a%20b.pdf"],
        ("in/a%20b.pdf", "npm"): ["in/a b.pdf", "in/a%20b.pdf", "in/a%20b.pdf"],
    }
)
PYTHON
