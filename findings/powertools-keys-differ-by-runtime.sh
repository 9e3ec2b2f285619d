#!/usr/bin/env bash
# Powertools for AWS Lambda, idempotency: 3.37.0 (PyPI) and 2.35.0 (npm). Expected: with the same table, function and key (eventKeyJmesPath is
# event_key_jmespath, both hash by MD5) an event that one has handled is a repetition to the other. Seen: never: before the # Python adds the
# handler's module and name to that of the function, which npm leaves out; behind it one writes the hash in
# hexadecimal, the other in base64, and where the key is more than one value it is another hash besides (of JSON with spaces, and
# without). It matters to whoever ports a webhook receiver from one runtime to the other or runs both: what was handled just before the
# switch and is sent again is handled again. Let the senders' retries run out before, or key both by a persistence layer of your own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  aws-lambda-powertools==3.37.0 boto3==1.44.5 botocore==1.44.5 jmespath==1.1.0 2>/dev/null
cd "$folder"
echo '{"private":true,"type":"module"}' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund \
  @aws-lambda-powertools/idempotency@2.35.0 @aws-lambda-powertools/jmespath@2.35.0
echo '{"id": "evt_1", "type": "paid"}' >event.json
cat >ask.mjs <<'NODE'
import { readFileSync } from "node:fs";
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { BasePersistenceLayer } from "@aws-lambda-powertools/idempotency/persistence";

class Store extends BasePersistenceLayer {
  async _putRecord(record) {
    this.key = record.idempotencyKey;
  }
  async _updateRecord() {}
  async _deleteRecord() {}
  async _getRecord() {}
}
for (const eventKeyJmesPath of ["id", "[id, type]"]) {
  const persistenceStore = new Store();
  const config = new IdempotencyConfig({ eventKeyJmesPath });
  const handler = makeIdempotent(async () => "ok", { persistenceStore, config });
  const context = { awsRequestId: "1", getRemainingTimeInMillis: () => 1000 };
  await handler(JSON.parse(readFileSync("event.json", "utf8")), context);
  console.log(persistenceStore.key.split("#")[1]);
}
NODE
export AWS_LAMBDA_FUNCTION_NAME=receiver
node ask.mjs >npm.txt
venv/bin/python -W ignore - <<'PYTHON'
import base64, json
from types import SimpleNamespace
from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent
from aws_lambda_powertools.utilities.idempotency.persistence.base import BasePersistenceLayer


class Store(BasePersistenceLayer):
    def _put_record(self, data_record):
        self.key = data_record.idempotency_key

    def _get_record(self, idempotency_key):
        raise AssertionError

    def _update_record(self, data_record):
        pass

    def _delete_record(self, data_record):
        pass


def key(path):
    store = Store()

    @idempotent(persistence_store=store, config=IdempotencyConfig(event_key_jmespath=path))
    def handler(event, context):
        return "ok"

    handler(json.load(open("event.json")), SimpleNamespace(get_remaining_time_in_millis=lambda: 1000))
    return store.key.split("#")[1]


paths, npm = ("id", "[id, type]"), open("npm.txt").read().split()
pypi = [key(path) for path in paths]
for path, here, there in zip(paths, pypi, npm):
    print(f"key {path}: PyPI's {here}, npm's {there}")
one_hash = [bytes.fromhex(here) == base64.b64decode(there) for here, there in zip(pypi, npm)]
print("the same bytes but for how they are written:", one_hash)
raise SystemExit(one_hash != [True, False] or any(here == there for here, there in zip(pypi, npm)))
PYTHON
