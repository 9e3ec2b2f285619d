"""What a target of AWS answers: as an emulator does, as it should, or failing."""

import http.client
import json
import re
import socket
from urllib.parse import urlsplit

from tests.support.http_server import Request, Script, respond
from tests.support.waiting import PATIENCE

# Of a message in a queue.
MOST_ATTRIBUTES = 10

# What a FIFO queue takes for a group, and for what copies are known by (SQS API, SendMessage).
FIFO_TOKEN = re.compile(r"[A-Za-z0-9!-/:-@\[-`{-~]{1,128}")

FIFO_FIELDS = ("MessageGroupId", "MessageDeduplicationId")


def relay(to: str) -> Script:
    """Pass every request on to the server at this URL, and its answer back."""
    address = urlsplit(to).netloc

    def script(request: Request, connection: socket.socket) -> bool:
        upstream = http.client.HTTPConnection(address, timeout=PATIENCE)
        # Not the Host: moto knows a service by it, and by the credential scope too.
        upstream.request(request.method, request.path, request.body, dict(request.headers))
        answer = upstream.getresponse()
        body = answer.read()
        upstream.close()
        kept = {n: v for n, v in answer.getheaders() if n.lower() in ("content-type",)}
        return respond(answer.status, kept, body)(request, connection)

    return script


def queue(to: str, *, fifo: bool) -> Script:
    """The queue behind this URL, which refuses what SQS refuses and no emulator does."""
    forward = relay(to)

    def script(request: Request, connection: socket.socket) -> bool:
        asked = json.loads(request.body)
        attributes = asked.get("MessageAttributes", {})
        empty = [name for name, value in attributes.items() if not value["StringValue"]]
        tokens = [asked.get(name, "") for name in FIFO_FIELDS]
        odd = [token for token in tokens if bool(FIFO_TOKEN.fullmatch(token)) is not fifo]
        if empty or len(attributes) > MOST_ATTRIBUTES or odd:
            return refusal(400, "InvalidParameterValue", f"of attributes: {empty}, {odd}")(
                request, connection
            )
        return forward(request, connection)

    return script


def lose_the_answer_of(well: Script) -> Script:
    """Have the target take what it gets, and say that it has failed."""

    def script(request: Request, connection: socket.socket) -> bool:
        unheard, held = socket.socketpair()
        with unheard, held:
            well(request, unheard)
        return refusal(500, "InternalFailure")(request, connection)

    return script


def refusal(status: int, code: str, text: str = "no") -> Script:
    """An error as AWS's JSON protocols put it."""
    body = json.dumps({"__type": code, "message": text}).encode()
    headers = {"Content-Type": "application/json", "x-amzn-errortype": code}
    return respond(status, headers, body)
