#!/usr/bin/env bash
# botocore 1.44.5. Expected: inside a Lambda function the trace header leaves as it came. Seen: it is percent-encoded, with
# `|` among what is encoded, so a lineage of two functions is written another way than it was read. It matters to whoever
# reads AWSTraceHeader off queued webhooks, to follow an event or to count the rounds of a loop: decode it first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check botocore==1.44.5 2>/dev/null
AWS_LAMBDA_FUNCTION_NAME=f \
_X_AMZN_TRACE_ID='Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1;Lineage=a87bd80c:1|68fd508a:5' \
  "$folder/venv/bin/python" - <<'PYTHON'
import os
import botocore, botocore.session

client = botocore.session.Session().create_client(
    "sqs", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
)
seen = []


def stop(request, **_):
    seen.append(request.headers["X-Amzn-Trace-Id"])
    raise RuntimeError("no call is made")


client.meta.events.register("before-send.sqs.SendMessage", stop)
try:
    client.send_message(QueueUrl="https://sqs.us-east-1.amazonaws.com/1/q", MessageBody="x")
except RuntimeError:
    pass
text = seen[0].decode() if isinstance(seen[0], bytes) else seen[0]
print("botocore", botocore.__version__)
print("came :", os.environ["_X_AMZN_TRACE_ID"])
print("leaves:", text)
raise SystemExit("a87bd80c:1%7C68fd508a:5" not in text)
PYTHON
