#!/usr/bin/env bash
# botocore 1.44.5, DynamoDB and SQS (JSON). Expected: an answer that is not what the service's protocol says, as a proxy's page is,
# is a BotoCoreError or a ClientError, and tried again. Seen: with status 200 a page of HTML is a success without content; in
# Latin-1, or a JSON list, it is a bare UnicodeDecodeError or AttributeError that is not tried again, with status 503 and a list
# too. It matters to whoever queues webhooks: SendMessage "succeeds" without a MessageId, GetItem finds no such event, and
# `except (BotoCoreError, ClientError)` misses the rest. Ask for the members that must be there, and take a ValueError or an
# AttributeError out of a call for a failed call.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check botocore==1.44.5 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import http.server, threading
import botocore, botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

requests, answer = [], (200, b"")


class Proxy(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        requests.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(answer[0])
        self.send_header("Content-Length", str(len(answer[1])))
        self.end_headers()
        self.wfile.write(answer[1])

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"


def outcome(service, call, **arguments):
    requests.clear()
    client = botocore.session.Session().create_client(
        service,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        endpoint_url=url,
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}),
    )
    try:
        got = getattr(client, call)(**arguments)
        said = f"success with {sorted(set(got) - {'ResponseMetadata'})}"
    except (BotoCoreError, ClientError) as error:
        said = f"botocore's {type(error).__name__}"
    except Exception as error:
        said = f"a raw {type(error).__name__}"
    return f"{said} after {len(requests)} request{'s'[: len(requests) > 1]}"


def both():
    read = outcome("dynamodb", "get_item", TableName="table", Key={"k": {"S": "a"}})
    return read, outcome("sqs", "send_message", QueueUrl=f"{url}/1/q", MessageBody="x")


PAGE = "<html>Connexion établie</html>"
EXPECTED = {
    "200, a page in ASCII": (200, PAGE.replace("é", "e").encode(), "success with [] after 1 request"),
    "200, a page in Latin-1": (200, PAGE.encode("latin-1"), "a raw UnicodeDecodeError after 1 request"),
    "200, a list": (200, b"[]", "a raw AttributeError after 1 request"),
    "503, a list": (503, b"[]", "a raw AttributeError after 1 request"),
    "503, a page in Latin-1": (503, PAGE.encode("latin-1"), "botocore's ClientError after 3 requests"),
}
print("botocore", botocore.__version__)
stands = True
for what, (status, body, expected) in EXPECTED.items():
    answer = status, body
    seen = both()
    print(f"{what}: GetItem {seen[0]}, SendMessage {seen[1]}")
    stands = stands and seen == (expected, expected)
raise SystemExit(not stands)
PYTHON
