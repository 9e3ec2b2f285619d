#!/usr/bin/env bash
# pycurl 7.49.0 (PyPI, libcurl 8.23.0). Expected: one perform() of a POST is one request, or an error; RFC 9110, 9.2.2, says that what is
# not idempotent is not repeated by itself. Seen: where a connection that was used before ends without a whole header line of an answer,
# even after half a status line, libcurl sends the POST again on a new one, and nothing says so (no error, no count). It matters to whoever forwards webhooks: a consumer
# that had taken the event gets it twice in one "attempt". A read callback without a seek callback forbids it (error 65, not for an empty body).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pycurl==7.49.0 2>/dev/null
"$folder/venv/bin/python" - >"$folder/seen.txt" <<'PYTHON'
import io, re, socket, threading, time
import pycurl

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def serve(connection, answers, requests):
    while True:
        received = b""
        while b"\r\n\r\nbody" not in received:
            part = connection.recv(65536)
            if not part:
                return
            received += part
        requests.append(received)
        answer = answers.pop(0) if answers else GOOD
        connection.sendall(answer)
        if answer != GOOD:
            connection.close()
            return


def requests_of(answers, repeatable):
    """How many requests two performs make, when these are the first answers."""
    requests, listener = [], socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, answers, requests), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    curl, outcome = pycurl.Curl(), []
    curl.setopt(pycurl.URL, f"http://127.0.0.1:{listener.getsockname()[1]}/")
    curl.setopt(pycurl.POST, 1)
    curl.setopt(pycurl.WRITEFUNCTION, lambda _: None)
    for _ in range(2):
        if repeatable:
            curl.setopt(pycurl.POSTFIELDS, b"body")
        else:
            curl.setopt(pycurl.READFUNCTION, io.BytesIO(b"body").read)
            curl.setopt(pycurl.POSTFIELDSIZE_LARGE, 4)
        try:
            curl.perform()
            outcome.append(str(curl.getinfo(pycurl.RESPONSE_CODE)))
        except pycurl.error as error:
            outcome.append(f"error {error.args[0]}")
    return f"{len(requests)} requests, {', '.join(outcome)}"


print(pycurl.version.split()[1])
print("no answer, POSTFIELDS:", requests_of([GOOD, b""], True))
print("half a status line, POSTFIELDS:", requests_of([GOOD, b"HTTP/1.1 2"], True))
print("half a status line, READFUNCTION:", requests_of([GOOD, b"HTTP/1.1 2"], False))
PYTHON
cat "$folder/seen.txt"
grep -q '^libcurl/8.23.0$' "$folder/seen.txt"
grep -q '^no answer, POSTFIELDS: 3 requests, 200, 200$' "$folder/seen.txt"
grep -q '^half a status line, POSTFIELDS: 3 requests, 200, 200$' "$folder/seen.txt"
grep -q '^half a status line, READFUNCTION: 2 requests, 200, error 65$' "$folder/seen.txt"
