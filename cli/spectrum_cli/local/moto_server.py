"""AWS on one machine: moto's server in this process, on a free port of the loopback address.

Owns what moto lacks for a stack with many workers: DynamoDB requests that exclude each other,
secrets whose current version can be moved, queues that keep trace headers, a stop that closes the
socket and forgets everything.
"""

from __future__ import annotations

import logging
import threading
from functools import cache
from types import TracebackType
from typing import Any, Final, Self
from urllib.request import ProxyHandler, Request, build_opener

from moto.core.common_types import TYPE_RESPONSE
from moto.dynamodb.responses import DynamoHandler
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend
from moto.server import ThreadedMotoServer
from moto.sqs.models import Message, SQSBackend
from moto.sqs.responses import SQSResponse

_LOOPBACK: Final = "127.0.0.1"


class MotoServer:
    """A context manager; `url` is where every AWS service answers between start and stop.

    moto keeps its state by process, not by server: run one at a time.
    """

    def __init__(self) -> None:
        self._server = ThreadedMotoServer(_LOOPBACK, port=0, verbose=False)
        self.url = ""

    def start(self) -> None:
        _make_dynamodb_requests_exclusive()
        _follow_the_current_version()
        _keep_trace_headers()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else a line for each request
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"

    def stop(self) -> None:
        """End the server and drop all state. Harmless when it has been stopped already."""
        if not self.url:
            return
        # A proxy for the outside world is not for loopback.
        direct = build_opener(ProxyHandler({}))
        with direct.open(Request(f"{self.url}/moto-api/reset", method="POST"), timeout=5):
            self.url = ""
        self._server.stop()
        # moto stops serving but leaves the port open.
        if self._server._server is not None:
            self._server._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


@cache
def _make_dynamodb_requests_exclusive() -> None:
    """Put one lock around every DynamoDB request, for the life of the process.

    moto checks a condition and writes in two steps, so that of two conditional writes at the same
    moment both can win; and it hands out items that another thread is changing. The lock is held
    until the answer is written out, for reads as well.
    """
    lock = threading.RLock()
    unguarded = DynamoHandler.call_action

    def call_action(self: DynamoHandler) -> TYPE_RESPONSE:
        with lock:
            response: TYPE_RESPONSE = unguarded(self)
        return response

    DynamoHandler.call_action = call_action  # type: ignore[method-assign]


@cache
def _follow_the_current_version() -> None:
    """Let a secret's value be that of the version that the label AWSCURRENT has been moved to.

    moto moves the label, and goes on giving out the version that it knew as the current one. Of
    two that move the label from the same version one is refused, by one lock around both steps.
    """
    lock = threading.RLock()
    unguarded = SecretsManagerBackend.update_secret_version_stage

    def update_secret_version_stage(
        self: SecretsManagerBackend,
        secret_id: str,
        version_stage: str,
        remove_from_version_id: str,
        move_to_version_id: str,
    ) -> tuple[str, str]:
        with lock:
            moved = unguarded(
                self, secret_id, version_stage, remove_from_version_id, move_to_version_id
            )
            secret = self.secrets[secret_id]
            if version_stage == "AWSCURRENT" and isinstance(secret, FakeSecret):
                secret.set_default_version_id(move_to_version_id)
        return moved

    SecretsManagerBackend.update_secret_version_stage = update_secret_version_stage  # type: ignore[method-assign]


@cache
def _keep_trace_headers() -> None:
    """Let a message carry the trace header of the request that sent it, as SQS does.

    moto keeps a header that is given as a system attribute, which nobody does by hand.
    """
    asked = threading.local()
    unheard, send = SQSResponse.call_action, SQSBackend.send_message

    def call_action(self: SQSResponse) -> TYPE_RESPONSE:
        asked.trace = self.headers.get("X-Amzn-Trace-Id")
        response: TYPE_RESPONSE = unheard(self)
        return response

    def send_message(self: SQSBackend, *positional: Any, **named: Any) -> Message:
        if trace := getattr(asked, "trace", None):
            header = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
            named["system_attributes"] = header | (named.get("system_attributes") or {})
        return send(self, *positional, **named)

    SQSResponse.call_action = call_action  # type: ignore[assignment, method-assign]
    SQSBackend.send_message = send_message  # type: ignore[method-assign]
