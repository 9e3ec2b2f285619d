#!/usr/bin/env bash
# moto 5.2.5. Expected: as at AWS, a message that is sent with the request header X-Amzn-Trace-Id carries it as its system
# attribute AWSTraceHeader. Seen: the header is dropped; only what is given as a system attribute by hand is kept. It matters
# to whoever tests a webhook's way through queues on moto: neither traces nor Lambda's detection of loops can be seen there.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[sqs]==5.2.5' boto3==1.44.5 botocore==1.44.5 2>/dev/null
AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b "$folder/venv/bin/python" - <<'PYTHON'
import boto3, moto

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
with moto.mock_aws():
    sqs = boto3.client("sqs", region_name="us-east-1")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    by_hand = {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}
    sqs.send_message(QueueUrl=url, MessageBody="by hand", MessageSystemAttributes=by_hand)

    def add(request, **_):
        request.headers["X-Amzn-Trace-Id"] = TRACE

    sqs.meta.events.register("before-sign.sqs.SendMessage", add)
    sqs.send_message(QueueUrl=url, MessageBody="as a header")
    seen = {}
    for _ in range(2):
        for message in sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        ).get("Messages", []):
            seen[message["Body"]] = message["Attributes"].get("AWSTraceHeader")
print("moto", moto.__version__)
for how, trace in sorted(seen.items()):
    print(f"sent {how}: AWSTraceHeader {trace}")
raise SystemExit(seen != {"by hand": TRACE, "as a header": None})
PYTHON
