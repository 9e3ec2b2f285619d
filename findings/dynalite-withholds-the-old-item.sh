#!/usr/bin/env bash
# dynalite 4.0.0 (npm), boto3 1.44.5. Expected: what the emulator does not know it refuses, as it does whole operations (TransactWriteItems:
# UnknownOperationException). Seen: ReturnValuesOnConditionCheckFailure is taken and ignored: the write is refused without the item that was
# asked for. It matters to whoever tells a repeated webhook from a new one by one conditional write, and answers from the item in the
# refusal: at AWS a repetition is told apart by it; here `error.response["Item"]` is missing, and code that takes a missing item for one that
# has expired meanwhile goes another way than at AWS, in silence. moto 5.2.5 returns the item.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[dynamodb]==5.2.5' boto3==1.44.5 botocore==1.44.5 2>/dev/null
cd "$folder"
echo '{"private":true}' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund dynalite@4.0.0
export PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
node node_modules/dynalite/cli.js --host 127.0.0.1 --port "$PORT" >log 2>&1 &
server=$!
AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b AWS_DEFAULT_REGION=us-east-1 venv/bin/python - <<'PYTHON'
import os, time
import boto3, moto
from botocore.exceptions import ClientError, EndpointConnectionError

ITEM = {"k": {"S": "evt_1"}, "state": {"S": "done"}}


def refusal(dynamodb):
    """What a second write of the event is told: the error's code, and the item that it was asked for."""
    for _ in range(100):
        try:
            dynamodb.create_table(
                TableName="events",
                KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
            break
        except EndpointConnectionError:
            time.sleep(0.2)
    dynamodb.get_waiter("table_exists").wait(TableName="events", WaiterConfig={"Delay": 1})
    dynamodb.put_item(TableName="events", Item=ITEM)
    try:
        dynamodb.put_item(
            TableName="events",
            Item={"k": {"S": "evt_1"}, "state": {"S": "new"}},
            ConditionExpression="attribute_not_exists(k)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return "written", None
    except ClientError as error:
        return error.response["Error"]["Code"], error.response.get("Item")


dynalite = refusal(boto3.client("dynamodb", endpoint_url=f"http://127.0.0.1:{os.environ['PORT']}"))
with moto.mock_aws():
    seen = {"dynalite 4.0.0": dynalite, "moto 5.2.5": refusal(boto3.client("dynamodb"))}
for emulator, (code, item) in seen.items():
    print(f"{emulator}: {code}, the item in it: {item}")
no = "ConditionalCheckFailedException"
raise SystemExit(list(seen.values()) != [(no, None), (no, ITEM)])
PYTHON
