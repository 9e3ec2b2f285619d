"""AWS on one machine: moto's server in this process, on a free port of the loopback address.

Owns what moto lacks for a stack with many workers: DynamoDB requests that exclude each other,
secrets whose current version can be moved, queues that keep trace headers, a stop that closes the
socket and forgets everything; and a door that opens to the stack's own parts only.
"""

from __future__ import annotations

import hmac
import threading
from functools import cache
from types import TracebackType
from typing import Any, Self

from moto.core.common_types import TYPE_RESPONSE
from moto.dynamodb.responses import DynamoHandler
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend
from moto.sqs.models import Message, SQSBackend
from moto.sqs.responses import SQSResponse
from moto.sts.models import sts_backends

from spectrum_cli.local.guard import Guard
from spectrum_cli.local.intrinsics import ACCOUNT
from spectrum_cli.local.moto_door import Door, straight
from spectrum_cli.local.moto_repairs import repair
from spectrum_cli.local.moto_speed import is_as_seen


class MotoServer:
    """A context manager; `url` is where every AWS service answers between start and stop.

    With `access_key`, the id of an access key, it answers nobody but its bearer and those who have
    taken a role. moto keeps its state by process, not by server: run one at a time.
    """

    def __init__(self, access_key: str = "") -> None:
        moto: Any = DomainDispatcherApplication(create_backend_app)
        self._access_key = access_key
        self._guarded = Guard(
            straight(moto) if is_as_seen() else moto, self._may_ask if access_key else None
        )
        self._door: Door | None = None
        self.url = ""

    def start(self) -> None:
        repair()
        _make_dynamodb_requests_exclusive()
        _follow_the_current_version()
        _keep_trace_headers()
        self._door = Door(self._guarded)
        self._door.start()
        self.url = self._door.url

    def stop(self) -> None:
        """End the server and drop all state. Harmless when it has been stopped already."""
        if self._door is None:
            return
        self._door.stop()
        self._door, self.url = None, ""
        moto_api_backend.reset()

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

    def _may_ask(self, key: str) -> bool:
        if hmac.compare_digest(key.encode(), self._access_key.encode()):
            return True
        roles = sts_backends[ACCOUNT]["aws"].assumed_roles
        return any(hmac.compare_digest(key.encode(), role.access_key_id.encode()) for role in roles)


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
