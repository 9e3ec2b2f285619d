"""A proxy before the stack's DynamoDB that fails on demand, and notes who held what.

A stack is given it in the place of its DynamoDB. It can refuse writes, and it can carry them out
and then break off without an answer, as a network does. From the requests that took effect it knows
which claims ended in a record and which were lost with their worker.
"""

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from spectrum_cli.local.loopback import LoopbackHandler, LoopbackServer

from tests.support.waiting import PATIENCE

LARGEST = 16 * 1024 * 1024
WRITES = {"PutItem", "UpdateItem"}
# Headers that are a matter between two neighbours.
OURS_ALONE = {"connection", "content-length", "expect", "transfer-encoding"}


class Mood(Enum):
    """What becomes of writes."""

    PASS = "they are carried out and answered"
    REFUSE = "they are answered with an error and not carried out"
    FORGET = "they are carried out and not answered"


class TableProxy:
    """Listens on loopback; `upstream` is the URL of the DynamoDB behind it."""

    def __init__(self, upstream: str) -> None:
        self.mood = Mood.PASS
        self.refused = self.forgotten = 0
        self._upstream = urlsplit(upstream).netloc
        self._lock = threading.Lock()
        self._claims: dict[str, str] = {}
        self._recorded: set[str] = set()
        proxy = self

        class Handler(_ProxyHandler):
            owner = proxy

        self._server = LoopbackServer(Handler)

    @property
    def url(self) -> str:
        return f"http://{self._server.address}"

    def lost_claims(self) -> list[str]:
        """The event of each claim under which nothing was recorded."""
        with self._lock:
            lost = self._claims.keys() - self._recorded
            return sorted(self._claims[owner] for owner in lost)

    def ask(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Carry a request out; its status and body."""
        connection = http.client.HTTPConnection(self._upstream, timeout=PATIENCE)
        try:
            connection.request("POST", "/", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def note(self, operation: str, request: dict[str, Any]) -> None:
        """Remember a write that took effect."""
        owner = request.get("ExpressionAttributeValues", {}).get(":owner", {}).get("S")
        if operation != "UpdateItem" or owner is None:
            return
        with self._lock:
            if ":until" in request["ExpressionAttributeValues"]:
                self._claims[owner] = request["Key"]["event_key"]["S"]
            elif "REMOVE claim_until" in request["UpdateExpression"]:
                self._recorded.add(owner)

    def count(self, mood: Mood) -> None:
        with self._lock:
            self.refused += mood is Mood.REFUSE
            self.forgotten += mood is Mood.FORGET


class _ProxyHandler(LoopbackHandler):
    owner: TableProxy

    def do_POST(self) -> None:
        body = self.read_body(LARGEST)
        operation = self.headers.get("x-amz-target", "").rpartition(".")[2]
        mood = self.owner.mood if operation in WRITES else Mood.PASS
        self.owner.count(mood)
        if mood is Mood.REFUSE:
            kind = "com.amazonaws.dynamodb.v20120810#InternalServerError"
            self.answer_json(500, {"__type": kind, "message": "refused by the test"})
            return
        headers = {n: v for n, v in self.headers.items() if n.lower() not in OURS_ALONE}
        status, answer = self.owner.ask(headers, body)
        if status == 200:
            self.owner.note(operation, json.loads(body))
        if mood is Mood.FORGET:
            self.close_connection = True
            return
        self.answer(status, answer, [("Content-Type", "application/x-amz-json-1.0")])


@contextlib.contextmanager
def proxying(upstream: str) -> Iterator[TableProxy]:
    """A proxy for the time of a test."""
    proxy = TableProxy(upstream)
    proxy._server.start("table-proxy")
    try:
        yield proxy
    finally:
        proxy._server.stop()
