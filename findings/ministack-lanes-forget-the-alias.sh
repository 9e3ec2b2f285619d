#!/usr/bin/env bash
# ministack 1.5.33. Expected: as at AWS, an event source mapping that a stack's update moves from a function to its alias calls the
# version that the alias stands for. Seen: GetEventSourceMapping names the alias, and batches still run $LATEST; one that is made
# with the alias runs the version. It matters to whoever proves on an emulator that consumers of a queue of webhooks survive an
# update: there they see code of one version and layers of another, which AWS never shows them.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ministack==1.5.33 boto3==1.43.106 2>/dev/null
export GATEWAY_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export BIND_HOST=127.0.0.1 TMPDIR="$folder" AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=b AWS_DEFAULT_REGION=us-east-1
"$folder/venv/bin/python" -m ministack >"$folder/log" 2>&1 &
server=$!
OUT="$folder/out" "$folder/venv/bin/python" - <<'PYTHON'
import json, os, time, boto3
from botocore.config import Config

url = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"
aws = lambda name: boto3.client(name, endpoint_url=url, config=Config(retries={"total_max_attempts": 20}))
CODE = "def handler(event, context):\n    open(%r, 'a').write(context.function_version + '\\n')\n" % os.environ["OUT"]

def template(calls, alias):
    function = {"Runtime": "python3.13", "Handler": "index.handler", "Code": {"ZipFile": CODE},
                "Role": "arn:aws:iam::123456789012:role/any"}
    mapping = {"EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}, "FunctionName": {"Ref": calls}}
    parts = {"Queue": ("AWS::SQS::Queue", {}), "Function": ("AWS::Lambda::Function", function),
             "Mapping": ("AWS::Lambda::EventSourceMapping", mapping)}
    if alias:
        version = {"Fn::GetAtt": ["Version", "Version"]}
        parts["Version"] = ("AWS::Lambda::Version", {"FunctionName": {"Ref": "Function"}})
        parts["Alias"] = ("AWS::Lambda::Alias",
                          {"FunctionName": {"Ref": "Function"}, "FunctionVersion": version, "Name": "live"})
    return json.dumps({"Resources": {n: {"Type": t, "Properties": p} for n, (t, p) in parts.items()}})

def one_batch(stack):
    found = aws("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    ids = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found}
    if os.path.exists(os.environ["OUT"]):
        os.remove(os.environ["OUT"])
    aws("sqs").send_message(QueueUrl=ids["Queue"], MessageBody="hello")
    for _ in range(300):
        if os.path.exists(os.environ["OUT"]) and (ran := open(os.environ["OUT"]).read().strip()):
            break
        time.sleep(0.1)
    said = aws("lambda").get_event_source_mapping(UUID=ids["Mapping"])["FunctionArn"]
    return said.rpartition(":")[2], ran

cloudformation = aws("cloudformation")
for _ in range(100):
    try:
        cloudformation.list_stacks()
        break
    except Exception:
        time.sleep(0.2)
cloudformation.create_stack(StackName="moved", TemplateBody=template("Function", False))
cloudformation.get_waiter("stack_create_complete").wait(StackName="moved", WaiterConfig={"Delay": 1})
cloudformation.update_stack(StackName="moved", TemplateBody=template("Alias", True))
cloudformation.get_waiter("stack_update_complete").wait(StackName="moved", WaiterConfig={"Delay": 1})
cloudformation.create_stack(StackName="made", TemplateBody=template("Alias", True))
cloudformation.get_waiter("stack_create_complete").wait(StackName="made", WaiterConfig={"Delay": 1})
moved, made = one_batch("moved"), one_batch("made")
print(f"ministack 1.5.33\nmoved to the alias: the mapping names {moved[0]}, and version {moved[1]} runs")
print(f"made with the alias: the mapping names {made[0]}, and version {made[1]} runs")
raise SystemExit((moved, made) != (("live", "$LATEST"), ("live", "1")))
PYTHON
