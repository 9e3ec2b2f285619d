#!/usr/bin/env bash
# moto 5.2.5. Expected: as at DynamoDB, an UpdateItem that would make an item larger than 400 KB is refused and changes nothing.
# Seen: it is refused (ValidationException), and what its expression had set before the large attribute stays set. The same
# update inside TransactWriteItems is undone, as is one that sets the large attribute first. It matters to whoever keeps a
# webhook's state beside its body or its attempts: on moto the refused update has settled the event, so a test sees a caller
# that goes on rightly, or a second try that finds the work done; at AWS the event is still open.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[dynamodb]==5.2.5' boto3==1.44.5 botocore==1.44.5 2>/dev/null
AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b "$folder/venv/bin/python" - <<'PYTHON'
import boto3, moto
from botocore.exceptions import ClientError

VALUES = {":state": {"S": "closed"}, ":answer": {"S": "y" * 150_000}}


def state_after(expression, transaction):
    """What an event's state is after an update that would make the event 450 KB large."""
    dynamodb.put_item(TableName="t", Item={"k": {"S": "1"}, "st": {"S": "open"}, "body": {"S": "x" * 300_000}})
    update = {"TableName": "t", "Key": {"k": {"S": "1"}}, "UpdateExpression": expression, "ExpressionAttributeValues": VALUES}
    try:
        if transaction:
            dynamodb.transact_write_items(TransactItems=[{"Update": update}])
        else:
            dynamodb.update_item(**update)
        refused = "done"
    except ClientError as error:
        refused = error.response["Error"]["Code"]
    item = dynamodb.get_item(TableName="t", Key={"k": {"S": "1"}})["Item"]
    return refused, item["st"]["S"], "answer" in item


with moto.mock_aws():
    dynamodb = boto3.client("dynamodb", region_name="us-east-1")
    dynamodb.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    seen = {
        "SET st, answer": state_after("SET st = :state, answer = :answer", False),
        "SET answer, st": state_after("SET answer = :answer, st = :state", False),
        "SET st, answer in a transaction": state_after("SET st = :state, answer = :answer", True),
    }
print("moto", moto.__version__)
for how, (refused, state, _) in seen.items():
    print(f"{how}: {refused}, and the state is {state}")
no = "ValidationException"
raise SystemExit(list(seen.values()) != [(no, "closed", False), (no, "open", False), (no, "open", False)])
PYTHON
