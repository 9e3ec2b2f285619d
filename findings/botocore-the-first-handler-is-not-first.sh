#!/usr/bin/env bash
# botocore 1.44.5. Expected: a handler that is registered first for `needs-retry`, the event of every service, has the first word
# on a retry: its False ends the call. Seen: "first" counts among handlers of the same name only; those of
# `needs-retry.dynamodb`, botocore's own, are asked before it, and the first answer that is not None counts, so that the False is
# heard by nobody. It matters to whoever must answer a webhook within its sender's patience: a guard that is to stop
# retries when time runs out is called each time, and stops nothing. Register it for the service's own event.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check botocore==1.44.5 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import http.server, threading
import botocore, botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

requests, guard = [], []


class Busy(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        requests.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Busy)
threading.Thread(target=server.serve_forever, daemon=True).start()


def stop(**_):
    guard.append("asked")
    return False


def outcome(event):
    requests.clear(), guard.clear()
    client = botocore.session.Session().create_client(
        "dynamodb",
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}),
    )
    client.meta.events.register_first(event, stop)
    try:
        client.list_tables()
    except ClientError:
        return len(requests), len(guard)


seen = {event: outcome(event) for event in ("needs-retry", "needs-retry.dynamodb")}
print("botocore", botocore.__version__)
for event, (made, asked) in seen.items():
    print(f"False from a handler registered first for {event}: asked {asked} times, {made} requests of at most 3")
raise SystemExit(list(seen.values()) != [(3, 3), (1, 1)])
PYTHON
