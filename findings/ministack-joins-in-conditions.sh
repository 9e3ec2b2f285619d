#!/usr/bin/env bash
# ministack 1.5.33. Expected: as at AWS, a condition may join a list: `!Not [!Equals [!Join ["", !Ref Names], ""]]` is how a template
# asks whether a CommaDelimitedList holds anything. Seen: Fn::Join is not evaluated in Conditions, so an empty list counts as
# filled, and what stands under the condition is made. It matters to whoever forwards webhooks to targets that a parameter lists:
# with none, the role on the emulator has statements for resources without a name, which AWS would refuse.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ministack==1.5.33 boto3==1.43.106 2>/dev/null
export GATEWAY_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export BIND_HOST=127.0.0.1 TMPDIR="$folder" AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=b AWS_DEFAULT_REGION=us-east-1
"$folder/venv/bin/python" -m ministack >"$folder/log" 2>&1 &
server=$!
"$folder/venv/bin/python" - <<'PYTHON'
import json, os, time, boto3

joined = {"Fn::Join": ["", {"Ref": "Names"}]}
template = {
    "Parameters": {"Names": {"Type": "CommaDelimitedList", "Default": ""}},
    "Conditions": {
        "Joined": {"Fn::Not": [{"Fn::Equals": [joined, ""]}]},
        "Selected": {"Fn::Not": [{"Fn::Equals": [{"Fn::Select": [0, {"Ref": "Names"}]}, ""]}]},
    },
    "Resources": {
        "Always": {"Type": "AWS::SQS::Queue"},
        "IfJoined": {"Type": "AWS::SQS::Queue", "Condition": "Joined"},
        "IfSelected": {"Type": "AWS::SQS::Queue", "Condition": "Selected"},
    },
}
client = boto3.client("cloudformation", endpoint_url=f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}")
for _ in range(100):
    try:
        client.list_stacks()
        break
    except Exception:
        time.sleep(0.2)
client.create_stack(StackName="s", TemplateBody=json.dumps(template))
client.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
made = sorted(r["LogicalResourceId"] for r in client.describe_stack_resources(StackName="s")["StackResources"])
print(f"ministack 1.5.33, an empty list: made {', '.join(made)}; AWS makes Always alone")
raise SystemExit(made != ["Always", "IfJoined"])
PYTHON
