#!/usr/bin/env bash
# jmespath 1.1.0 (PyPI) and jmespath 0.16.0 (npm). Expected: an expression is a portable rule: what selects an event in a function
# in Python selects it in one for Node.js, and what does not fit an operator is null (JMESPath specification, "Ordering Operators").
# Seen: below. contains() looks into objects in Python only, where 1 is in [true] besides (though 1 == true is false); a text
# against a number with `>` is compared by JavaScript's rules in npm's, and in Python's a bare TypeError, no JMESPathError; to_number() of an
# empty text is 0 there and null here. It matters to whoever filters webhooks by rules that two runtimes share: events are lost in one of them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jmespath==1.1.0 2>/dev/null
cd "$folder"
echo '{"private":true,"type":"module"}' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund jmespath@0.16.0
cat >rules.json <<'JSON'
[["contains(lines, `{\"sku\": \"a\"}`)", {"lines": [{"sku": "a"}]}],
 ["contains(codes, `1`)", {"codes": [true]}],
 ["code == `1`", {"code": true}],
 ["amount > `100`", {"amount": 120}],
 ["amount > `100`", {"amount": "120"}],
 ["to_number(amount)", {"amount": ""}]]
JSON
cat >ask.mjs <<'NODE'
import { readFileSync } from "node:fs";
import jmespath from "jmespath";
const rules = JSON.parse(readFileSync("rules.json", "utf8"));
console.log(JSON.stringify(rules.map(([rule, event]) => jmespath.search(event, rule))));
NODE
node ask.mjs >npm.json
venv/bin/python - <<'PYTHON'
import json, jmespath
from jmespath.exceptions import JMESPathError


def answer(rule, event):
    try:
        return jmespath.search(rule, event)
    except JMESPathError:
        return "JMESPathError"
    except TypeError:
        return "TypeError"


rules, npm = json.load(open("rules.json")), json.load(open("npm.json"))
pypi = [answer(rule, event) for rule, event in rules]
for (rule, event), here, there in zip(rules, pypi, npm):
    print(f"{rule} on {json.dumps(event)}: PyPI's {json.dumps(here)}, npm's {json.dumps(there)}")
expected_pypi, expected_npm = [True, True, False, True, "TypeError", None], [False, False, False, True, True, 0]
raise SystemExit(json.dumps([pypi, npm]) != json.dumps([expected_pypi, expected_npm]))
PYTHON
