#!/usr/bin/env bash
# serverless-wsgi 3.1.0 with Flask 3.1.3. Expected: behind an HTTP API with its default stage, which is in no path, an
# application sees the URL that was called. Seen: `/$default` is put before the path (SCRIPT_NAME) where the host is API
# Gateway's own, so that `request.url` and `url_for` name an address that answers 404; behind a function URL or a domain of
# one's own it is not. It matters to whoever receives webhooks whose signature covers the URL, and to whoever gives a sender
# a URL to call back: the same code is right at one address of a function and wrong at another.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check serverless-wsgi==3.1.0 flask==3.1.3
"$folder/venv/bin/python" - <<'PYTHON'
import serverless_wsgi
from flask import Flask, request

app = Flask(__name__)


@app.post("/hook")
def hook():
    return request.url


def called(host):
    """A POST to https://HOST/hook in payload format 2.0, as in AWS's documents."""
    http = {"method": "POST", "path": "/hook", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/hook",
        "rawQueryString": "",
        "headers": {"host": host, "content-type": "application/json", "x-forwarded-proto": "https"},
        "requestContext": {"http": http, "stage": "$default", "domainName": host},
        "body": "{}",
        "isBase64Encoded": False,
    }
    return serverless_wsgi.handle_request(app, event, None)["body"]


gateway = "abc.execute-api.us-east-1.amazonaws.com"
seen = {host: called(host) for host in (gateway, "abc.lambda-url.us-east-1.on.aws")}
for host, url in seen.items():
    print(f"called: https://{host}/hook\n  seen: {url}")
right = [url == f"https://{host}/hook" for host, url in seen.items()]
raise SystemExit(0 if right == [False, True] and "/$default/hook" in seen[gateway] else 1)
PYTHON
