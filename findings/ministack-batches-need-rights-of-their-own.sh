#!/usr/bin/env bash
# ministack 1.5.33 with AUTH=true. Expected: as at AWS, SQS's batch calls are allowed by the right of the single call (there is no
# sqs:ChangeMessageVisibilityBatch that a policy could name). Seen: the batch is refused to a role that may do the same one by one.
# It matters to whoever forwards webhooks: a worker that asks for its failed records again in seconds, in one call, is refused it
# here, mostly without anybody's noticing, and each failure then waits for the queue's visibility timeout.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ministack==1.5.33 boto3==1.43.106 2>/dev/null
export GATEWAY_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export BIND_HOST=127.0.0.1 TMPDIR="$folder" AUTH=true
export AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1
"$folder/venv/bin/python" -m ministack >"$folder/log" 2>&1 &
server=$!
"$folder/venv/bin/python" - <<'PYTHON'
import json, os, time, boto3
from botocore.exceptions import ClientError

def client(service, **credentials):
    return boto3.client(service, endpoint_url=f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}", **credentials)

sqs, iam = client("sqs"), client("iam")
for _ in range(100):
    try:
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        break
    except Exception:
        time.sleep(0.2)
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}]}
rights = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:ChangeMessageVisibility", "Resource": "*"}]}
role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(rights))
lent = client("sts").assume_role(RoleArn=role, RoleSessionName="worker")["Credentials"]
worker = client(
    "sqs",
    aws_access_key_id=lent["AccessKeyId"],
    aws_secret_access_key=lent["SecretAccessKey"],
    aws_session_token=lent["SessionToken"],
)
sqs.send_message(QueueUrl=url, MessageBody="x")
receipt = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
worker.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=9)
try:
    entry = {"Id": "0", "ReceiptHandle": receipt, "VisibilityTimeout": 9}
    worker.change_message_visibility_batch(QueueUrl=url, Entries=[entry])
    said = "allowed"
except ClientError as error:
    said = error.response["Error"]["Code"]
print(f"ministack 1.5.33, a role with sqs:ChangeMessageVisibility: the single call is allowed, the batch: {said}; AWS allows both")
raise SystemExit("AccessDenied" not in said)
PYTHON
