#!/usr/bin/env bash
# aws-lambda-powertools 3.37.0 (PyPI). Expected: as its TypeDeserializer says ("B: bytes"), and as boto3 has it, a binary attribute of a DynamoDB
# stream's record is bytes. Seen: in the event that Lambda hands over, binaries are base64 text, and DynamoDBStreamEvent passes that on
# as `str`. It matters to whoever keeps webhook bodies as binaries and reads them off the stream: a signature over the "body" never
# fits, and an image that is written back through boto3's Table has become a text. Decode B (and BS) yourself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  aws-lambda-powertools==3.37.0 boto3==1.44.5 botocore==1.44.5 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import base64, typing
from importlib.metadata import version
from aws_lambda_powertools.shared.dynamodb_deserializer import TypeDeserializer
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent
from boto3.dynamodb.types import TypeSerializer

BODY = b'{"paid":true}'
# A record as in AWS's documents; Lambda writes binaries as base64.
image = {"Id": {"N": "101"}, "Body": {"B": base64.b64encode(BODY).decode()}}
record = {"eventName": "INSERT", "dynamodb": {"Keys": {"Id": {"N": "101"}}, "NewImage": image}, "eventSource": "aws:dynamodb"}
[seen] = DynamoDBStreamEvent({"Records": [record]}).records
body = seen.dynamodb.new_image["Body"]
promised = typing.get_type_hints(TypeDeserializer._deserialize_b)["return"]
written = TypeSerializer().serialize(body)
print("aws-lambda-powertools", version("aws-lambda-powertools"))
print(f"binary {BODY!r}: promised {promised.__name__}, seen {body!r}, written back as {written}")
raise SystemExit(not (promised is bytes and body == image["Body"]["B"] and written == {"S": body}))
PYTHON
