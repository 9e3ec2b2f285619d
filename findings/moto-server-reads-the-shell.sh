#!/usr/bin/env bash
# moto 5.2.5. Expected: an emulator's server depends on its requests alone; the AWS set-up of the shell (AWS_PROFILE,
# AWS_CONFIG_FILE) is for clients. Seen: at a service's first request it makes a session of its own, to ask for the
# service's regions, and answers 500 where the profile is gone or the file cannot be read. It matters to whoever tries a
# webhook receiver on a developer's machine: the client gave credentials and an endpoint of its own, and retries a 500
# that only the server's shell explains.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'moto[dynamodb]==5.2.5' boto3==1.44.5 botocore==1.44.5 flask==3.1.3 flask-cors==6.0.5 werkzeug==3.1.9 2>/dev/null
cat >"$folder/ask.py" <<'PYTHON'
import urllib.error, urllib.request
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
scope = "AWS4-HMAC-SHA256 Credential=a/20261101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"
headers = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Authorization": scope}
headers["Content-Type"] = "application/x-amz-json-1.0"
try:
    with urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/", b"{}", headers)) as answer:
        print(answer.status)
except urllib.error.HTTPError as error:
    print(error.code)
server.stop()
PYTHON
echo '[default' >"$folder/half-written"
echo '[profile other]' >"$folder/config"
unset AWS_PROFILE AWS_DEFAULT_PROFILE
ask() {
  env AWS_SHARED_CREDENTIALS_FILE="$folder/none" "$@" "$folder/venv/bin/python" "$folder/ask.py" 2>"$folder/log"
}
error() { grep -oE '(ProfileNotFound|ConfigParseError)' "$folder/log" | tail -1 || true; }
good=$(ask AWS_CONFIG_FILE="$folder/config")
gone="$(ask AWS_CONFIG_FILE="$folder/config" AWS_PROFILE=gone) $(error)"
half="$(ask AWS_CONFIG_FILE="$folder/half-written") $(error)"
echo "moto 5.2.5, ListTables to its server: $good"
echo "the server's shell has AWS_PROFILE of a profile that is gone: $gone"
echo "the server's shell has a half-written AWS_CONFIG_FILE: $half"
[ "$good" = 200 ] && [ "$gone" = "500 ProfileNotFound" ] && [ "$half" = "500 ConfigParseError" ]
