"""What a deployed template amounts to: the pieces that the local runtime has to run.

Owns plain descriptions only. Tables, queues, secrets and roles exist behind an endpoint once
`apply.deploy` has returned; everything that only Lambda, API Gateway or EventBridge would run is
described here for the local stack to run in their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

# What a service takes that asks nobody who they are: a server of moto alone, as tests have.
ANYBODY: Final[Mapping[str, str]] = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
}


class Run(StrEnum):
    """What functions are run from: builds, as a deployment makes them, or the sources."""

    BUILT = "built"
    SOURCE = "source"


@dataclass(frozen=True)
class Endpoints:
    """Where each AWS service answers: one address for all, but for those named in `overrides`.

    `overrides` maps a boto3 service name ("dynamodb", "sqs") to the URL of a service that is
    used instead of the default one. `credentials` are those of the account's administrator, named
    as in an environment.
    """

    default: str
    overrides: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=lambda: ANYBODY)

    def url(self, service: str) -> str:
        return self.overrides.get(service, self.default)

    def is_overridden(self, service: str) -> bool:
        return service in self.overrides

    def environment(self) -> dict[str, str]:
        """What tells a function's SDK of them."""
        overrides = {
            f"AWS_ENDPOINT_URL_{service.upper()}": url for service, url in self.overrides.items()
        }
        return {"AWS_ENDPOINT_URL": self.default, **overrides}


@dataclass(frozen=True)
class FunctionSpec:
    """One Lambda function. `code_dir` is its code's folder, `layer_dirs` come next on its path.

    Nothing but these, and the runtime's own client, can be imported beside the standard library.
    `handler` is the template's ("app.handler"), relative to `code_dir`; `role_name` is an IAM
    role that exists behind the IAM endpoint; `may_loop` says that a chain of calls may come back
    to it as often as it likes.
    """

    logical_id: str
    code_dir: Path
    layer_dirs: tuple[Path, ...]
    handler: str
    environment: Mapping[str, str]
    timeout_seconds: float
    memory_mb: int
    role_name: str
    may_loop: bool = False


@dataclass(frozen=True)
class RouteSpec:
    """One HTTP API route to the function with the logical id `function`.

    `path` is the template's, its variables kept: `{slot}`, or the greedy `{proxy+}` at the end,
    which takes everything below the path before it, a trailing slash alone included.
    """

    method: str
    path: str
    function: str


@dataclass(frozen=True)
class QueueSourceSpec:
    """One event source mapping from a queue to the function with the logical id `function`."""

    queue_name: str
    queue_arn: str
    queue_url: str
    function: str
    batch_size: int
    max_concurrency: int
    report_failures: bool


@dataclass(frozen=True)
class ScheduleSpec:
    """One schedule. `payload` is the event that the function gets; None means EventBridge's own."""

    function: str
    every_seconds: float
    payload: Mapping[str, object] | None


@dataclass(frozen=True)
class Deployment:
    """A template, applied. `functions` and `physical_ids` are keyed by logical id.

    A physical id is what `Ref` gives for most resources: table name, queue URL, bucket name, role
    name; for a secret it is the secret's name (`Ref` gives its ARN).
    """

    functions: Mapping[str, FunctionSpec]
    routes: tuple[RouteSpec, ...]
    queue_sources: tuple[QueueSourceSpec, ...]
    schedules: tuple[ScheduleSpec, ...]
    physical_ids: Mapping[str, str]
    outputs: Mapping[str, str]
