#!/usr/bin/env bash
# botocore 1.44.5. Expected: an answer of DynamoDB that does not fit its x-amz-crc32 is tried again and, when all tries are used,
# an error, as retry mode `legacy` (the default) has it: ChecksumError. Seen: in the modes `standard` and `adaptive`, which AWS
# recommends, the last answer is returned as a success. It matters to whoever keeps webhooks in DynamoDB and changed the mode:
# a damaged item is forwarded as if it had been read. A handler of `after-call` that counts again finds it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check botocore==1.44.5 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import http.server, threading, zlib
import botocore, botocore.session
from botocore.config import Config
from botocore.exceptions import ChecksumError

SENT, ARRIVES = b'{"Item":{"k":{"S":"a"}}}', b'{"Item":{"k":{"S":"b"}}}'
requests = []


class Table(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        requests.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", str(len(ARRIVES)))
        self.send_header("x-amz-crc32", str(zlib.crc32(SENT)))
        self.end_headers()
        self.wfile.write(ARRIVES)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Table)
threading.Thread(target=server.serve_forever, daemon=True).start()


def outcome(mode):
    requests.clear()
    client = botocore.session.Session().create_client(
        "dynamodb",
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        config=Config(retries={"mode": mode, "total_max_attempts": 3}),
    )
    try:
        said = client.get_item(TableName="table", Key={"k": {"S": "a"}})["Item"]["k"]["S"]
    except ChecksumError:
        said = "ChecksumError"
    return f"{len(requests)} requests, {said}"


seen = {mode: outcome(mode) for mode in ("legacy", "standard", "adaptive")}
print("botocore", botocore.__version__)
for mode, what in seen.items():
    print(f"the item is a, the wire makes it b, mode {mode}: {what}")
raise SystemExit(list(seen.values()) != ["3 requests, ChecksumError", "3 requests, b", "3 requests, b"])
PYTHON
