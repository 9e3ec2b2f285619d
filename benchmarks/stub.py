"""The AWS services and a destination as the benchmarks need them: one process, canned answers.

Answers what DynamoDB, SQS, Secrets Manager and S3 answer in the good case, over TLS or plain, with
so little work that the caller's cost is what is measured. A path of `/slow/MS` is a destination
that takes so many milliseconds; `/hang` is one that never answers. An event whose id begins with
`known-` is in the table already; `/delay/MS` makes all of AWS take so long from then on.

Run as `python -m benchmarks.stub [CERTIFICATE KEY]`: prints its port, then serves until its
standard input ends.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
import sys
import time
from collections import Counter
from typing import Any, ClassVar

SECRETS = {
    "webhooks": {"webhooks": [{"id": "w-1", "signing_secret": "5e" * 32, "source": "main"}]},
}


class Exchange(asyncio.Protocol):
    """One keep-alive connection."""

    # Of the whole stub: calls by operation, when attempts came, and what is stored.
    counts: ClassVar[Counter[str]] = Counter()
    arrivals: ClassVar[list[tuple[str, float]]] = []
    items: ClassVar[dict[str, dict[str, Any]]] = {}
    delay: ClassVar[float] = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = 0
            at = head.find(b"\r\ncontent-length:")
            if at >= 0:
                length = int(head[at + 17 :].split(b"\r\n", 1)[0])
            if len(self._buffer) < end + 4 + length:
                if b"100-continue" in head:
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._answer(self._buffer[:end], body)
            self._buffer = self._buffer[end + 4 + length :]

    def _answer(self, head: bytes, body: bytes) -> None:
        path = head.split(b" ", 2)[1].decode()
        if path.startswith(("/slow/", "/hang")):
            self.arrivals.append((path, time.monotonic()))
        if path.startswith("/slow/"):
            delay = int(path.removeprefix("/slow/").split("/")[0]) / 1000
            asyncio.get_running_loop().call_later(delay, self._write, 200, b"")
            return
        if path == "/hang":
            return
        asked = self._control(path, body)
        if asked is not None:
            self._write(200, asked)
            return
        target = _header(head, b"x-amz-target")
        operation = target.rpartition(".")[2] or head.split(b" ", 1)[0].decode()
        self.counts[operation] += 1
        answer = _aws(operation, body)
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self._write, *answer)
        else:
            self._write(*answer)

    def _control(self, path: str, body: bytes) -> bytes | None:
        """What a benchmark asks of the stub itself, if it does."""
        _, verb, *rest = path.split("/")
        if verb == "arrivals":
            arrivals = json.dumps(self.arrivals).encode()
            self.arrivals.clear()
            return arrivals
        if verb == "counts":
            counts = json.dumps(self.counts).encode()
            self.counts.clear()
            return counts
        if verb == "delay":
            Exchange.delay = int(rest[0]) / 1000
        elif verb == "fill":
            item = next(item for key, item in self.items.items() if key.startswith("main:"))
            for number in range(int(rest[0])):
                self.items[f"main:filling-{number}"] = dict(item)
        elif verb == "load":
            Exchange.items = json.loads(body)
        else:
            return None
        return b"{}"

    def _write(self, status: int, body: bytes) -> None:
        if self._transport.is_closing():
            return
        head = (
            f"HTTP/1.1 {status} x\r\nContent-Type: application/x-amz-json-1.0\r\n"
            f"Content-Length: {len(body)}\r\nx-amzn-RequestId: 1\r\n\r\n"
        )
        self._transport.write(head.encode() + body)


def _header(head: bytes, name: bytes) -> str:
    at = head.lower().find(b"\r\n" + name + b":")
    return head[at + len(name) + 3 :].split(b"\r\n", 1)[0].strip().decode() if at >= 0 else ""


def _aws(operation: str, body: bytes) -> tuple[int, bytes]:
    if operation == "SendMessage":
        sent = json.loads(body)["MessageBody"].encode()
        digest = hashlib.md5(sent, usedforsecurity=False).hexdigest()
        return 200, json.dumps({"MessageId": "1", "MD5OfMessageBody": digest}).encode()
    if operation == "GetSecretValue":
        name = json.loads(body)["SecretId"]
        text = json.dumps(Exchange.items.get(name) or SECRETS[name])
        return 200, json.dumps({"Name": name, "SecretString": text}).encode()
    if operation == "UpdateItem":
        asked = json.loads(body)
        item = Exchange.items.get(next(iter(asked["Key"].values()))["S"])
        values = asked.get("ExpressionAttributeValues", {})
        if item is not None and asked.get("ReturnValues") == "ALL_NEW":
            claim = {"claim_owner": values[":owner"], "claim_until": values[":until"]}
            return 200, json.dumps({"Attributes": item | claim | {"claims": {"N": "1"}}}).encode()
    if operation == "PutItem" and b":known-" in body:
        sent = json.loads(body)["Item"]
        # 0.1.0 stored no fingerprint.
        same = {"receipt": {"S": "0"}} | ({"fp": sent["fp"]} if "fp" in sent else {})
        refusal = {"__type": "#ConditionalCheckFailedException", "Item": same}
        return 400, json.dumps(refusal).encode()
    if operation == "GetItem":
        asked = json.loads(body)
        item = Exchange.items.get(next(iter(asked["Key"].values()))["S"])
        return 200, json.dumps({"Item": item} if item else {}).encode()
    return 200, b"{}"


async def serve(context: ssl.SSLContext | None) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Exchange, "127.0.0.1", 0, ssl=context, backlog=500)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve over TLS where a certificate and its key are given."""
    context = None
    if len(sys.argv) == 3:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
    asyncio.run(serve(context))


if __name__ == "__main__":
    main()
