#!/usr/bin/env bash
# awslambdaric 4.2.2 (PyPI, its wheel with the native client). Expected: AWS_LAMBDA_RUNTIME_API is one address for all calls: a path in it counts for
# all, or is refused at once. Seen: the native client (next, response) asks below the path, and Python's http.client (a start that failed) takes
# "port/path" for a port: InvalidURL, and nothing is posted. It matters to whoever runs functions locally behind one runtime API that
# tells its workers apart by path: every event works, and the first handler that cannot be imported is never heard of, so that whoever
# sent the webhook waits until the time is up for an answer that was there at once.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary awslambdaric awslambdaric==4.2.2 2>/dev/null
cd "$folder"
echo 'def handler(event, context): return "ok"' >good.py
echo 'raise RuntimeError("no settings")' >bad.py
venv/bin/python - <<'PYTHON'
import http.server, os, subprocess, sys, threading

calls = []
EVENT = {
    "Lambda-Runtime-Aws-Request-Id": "1",
    "Lambda-Runtime-Deadline-Ms": "4102444800000",
    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:f",
    "Content-Type": "application/json",
}


class RuntimeApi(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        calls.append(self.path)
        first = sum(path.endswith("/next") for path in calls) == 1
        self.answer(200 if first else 410, b"{}", EVENT if first else {})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        calls.append(self.path)
        self.answer(202, b'{"status":"OK"}', {})

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi)
threading.Thread(target=server.serve_forever, daemon=True).start()


def run(path, handler):
    """The calls that the runtime made, without the version of the API, and the error that it died of."""
    calls.clear()
    address = f"127.0.0.1:{server.server_port}{path}"
    env = {**os.environ, "AWS_LAMBDA_RUNTIME_API": address, "LAMBDA_TASK_ROOT": os.getcwd()}
    command = [sys.executable, "-m", "awslambdaric", handler]
    died = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60).stderr
    made = [call.replace("/2018-06-01/runtime/", " ").strip() for call in calls]
    return made, "InvalidURL" if "http.client.InvalidURL" in died else ""


seen = {(path, handler): run(path, handler) for path in ("", "/w1") for handler in ("good.handler", "bad.handler")}
for (path, handler), (made, error) in seen.items():
    print(f"address HOST:PORT{path}, {handler}: {', '.join(made) or 'no call'} {error}")
NEXT, DONE = "invocation/next", "invocation/1/response"
expected = [
    ([NEXT, DONE, NEXT], ""),
    (["init/error"], ""),
    ([f"/w1 {NEXT}", f"/w1 {DONE}", f"/w1 {NEXT}"], ""),
    ([], "InvalidURL"),
]
raise SystemExit(list(seen.values()) != expected)
PYTHON
