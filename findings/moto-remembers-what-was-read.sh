#!/usr/bin/env bash
# moto 5.2.5. Expected: a call that only reads leaves nothing behind, as at DynamoDB; an emulator that is asked for hours holds
# what is stored. Seen: each item that a Query or a Scan returns is copied, and every copy is kept until the emulator is reset,
# as is each copy of the item that an UpdateItem was done on: all instances of moto's models are listed in their classes, for its
# dashboard. It matters to whoever runs moto as a server beside a program that polls: ten items that are looked at once a second
# are 36,000 copies an hour, bodies and all, though nothing is written (here: 3.3 GB after twenty minutes of ten events a second).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[dynamodb]==5.2.5' boto3==1.44.5 botocore==1.44.5 2>/dev/null
AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b "$folder/venv/bin/python" - <<'PYTHON'
import gc

import boto3, moto
from moto.dynamodb.models.dynamo_type import Item


def alive():
    gc.collect()
    return sum(type(each) is Item for each in gc.get_objects())


with moto.mock_aws():
    dynamodb = boto3.client("dynamodb", region_name="us-east-1")
    dynamodb.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for number in range(10):
        dynamodb.put_item(TableName="t", Item={"k": {"S": str(number)}})
    stored = alive()
    for _ in range(100):
        dynamodb.scan(TableName="t")
    scanned = alive()
    for _ in range(100):
        dynamodb.get_item(TableName="t", Key={"k": {"S": "1"}})
    got = alive()
print("moto", moto.__version__)
print(f"items alive: {stored} with 10 stored, {scanned} after 100 scans, {got} after 100 GetItems more")
raise SystemExit((stored, scanned, got) != (10, 1010, 1010))
PYTHON
