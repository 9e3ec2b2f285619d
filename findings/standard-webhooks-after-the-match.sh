#!/usr/bin/env bash
# standardwebhooks 1.1.0 (PyPI), svix 2.9.1 (PyPI), standardwebhooks 1.1.1 (npm). Expected: three implementations of one verify()
# agree on an authentic empty body. Seen: the first parses it and raises JSONDecodeError although the signature matched, the
# second does not parse and returns None, the third returns undefined. It matters to whoever answers 400 to every exception of verify(): an
# authentic webhook is refused for ever. Catch the library's own error alone, or ask it not to parse (json_parse=False).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check standardwebhooks==1.1.0 svix==2.9.1 2>/dev/null
cd "$folder"
echo '{"private":true,"type":"module"}' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund standardwebhooks@1.1.1
"$folder/venv/bin/python" - >python.txt <<'PYTHON'
import base64, datetime, json
import standardwebhooks, svix

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
now = datetime.datetime.now(datetime.timezone.utc)
signature = standardwebhooks.Webhook(SECRET).sign("evt_1", now, "")
headers = {"webhook-id": "evt_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
json.dump({"secret": SECRET, "headers": headers}, open("signed.json", "w"))


def outcome(library):
    try:
        return repr(library.Webhook(SECRET).verify(b"", headers))
    except Exception as error:
        return type(error).__name__


print("standardwebhooks (PyPI):", outcome(standardwebhooks))
print("svix (PyPI):", outcome(svix))
PYTHON
cat >ask.mjs <<'NODE'
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";
const { secret, headers } = JSON.parse(readFileSync("signed.json", "utf8"));
console.log("standardwebhooks (npm):", new Webhook(secret).verify("", headers));
NODE
node ask.mjs >>python.txt
cat python.txt
grep -q '^standardwebhooks (PyPI): JSONDecodeError$' python.txt
grep -q '^svix (PyPI): None$' python.txt
grep -q '^standardwebhooks (npm): undefined$' python.txt
