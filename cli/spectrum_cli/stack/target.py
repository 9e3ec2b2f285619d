"""The target of a command: a deployed stack, or the local one that is running.

Owns the names and clients that a stack amounts to; the options that choose it are in `options`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spectrum_cli.terminal.errors import Unreachable, WrongUse

if TYPE_CHECKING:
    from spectrum_cli.local.state import LocalState

DEFAULT_STACK = "spectrum-forwarder"
STACK_VARIABLE = "FORWARDER_STACK"
# An operator waits for the answer: fewer tries than a function may take, and never for minutes.
CONNECT_SECONDS, READ_SECONDS, TRIES = 3.0, 15.0, 3
CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Target:
    """A stack that can be operated. `title` names it to a person, `id` among all stacks.

    `outputs` are the template's. `time_scale` is 1 but for local stacks.
    """

    title: str
    id: str
    outputs: Mapping[str, str]
    is_local: bool
    time_scale: float
    make_client: Callable[[str], Any] = field(repr=False)

    def client(self, service: str) -> Any:
        """A boto3 client of the stack's own account and region; safe to use from threads."""
        return self.make_client(service)

    @property
    def name(self) -> str:
        """What a deployed stack is called: so do its alarms begin, and its metrics' namespace."""
        return self.id.split("/")[1] if "/" in self.id else self.id

    @property
    def endpoint_url(self) -> str:
        return self._output("EndpointUrl")

    @property
    def table(self) -> str:
        return self._output("EventsTableName")

    @property
    def waiting_table(self) -> str | None:
        """The table of lines; None where the stack is of before them."""
        return self.outputs.get("WaitingTableName")

    @property
    def knows_identities(self) -> bool:
        """Whether its functions take an entry that has an `id`; those of 0.1.0 refuse it."""
        return self.waiting_table is not None

    @property
    def queue_url(self) -> str:
        return self._output("EventsQueueUrl")

    @property
    def slow_queue_url(self) -> str:
        return self._output("SlowQueueUrl")

    @property
    def dead_letter_queue_url(self) -> str:
        return self._output("EventsDeadLetterQueueUrl")

    @property
    def payloads_bucket(self) -> str:
        return self._output("PayloadsBucketName")

    @property
    def webhooks_secret(self) -> str:
        return self._output("WebhooksSecretId")

    @property
    def destinations_secret(self) -> str:
        return self._output("DestinationsSecretId")

    @property
    def project_secret(self) -> str:
        return self._output("ProjectSecretId")

    @property
    def listen_queue_prefixes(self) -> tuple[str, ...]:
        """What listeners' queues may begin with, the one to be preferred first."""
        # Stacks of 0.1.0 have no short one.
        short = self.outputs.get("ListenQueueShortPrefix")
        return (self._output("ListenQueuePrefix"), *([short] if short else []))

    def _output(self, name: str) -> str:
        if name not in self.outputs:
            raise Unreachable(
                f"{self.title} has no output {name}: it is no Spectrum forwarder, or an older one; "
                "name another with --stack, or deploy this version"
            )
        return self.outputs[name]


def find_target(
    *,
    stack: str | None = None,
    region: str | None = None,
    profile: str | None = None,
    local: bool = False,
) -> Target:
    """Find the stack that the options name; raise WrongUse, Unreachable, or botocore's errors."""
    if not local:
        name = stack or os.environ.get(STACK_VARIABLE) or DEFAULT_STACK
        return _deployed(name, region, profile)
    if region or profile:
        raise WrongUse("--local takes no --region or --profile: it is on this machine")
    from spectrum_cli.stack.local_choice import chosen_stack  # noqa: PLC0415 (not for deployed stacks)

    return local_target(chosen_stack(stack))


def local_target(state: LocalState) -> Target:
    """The local stack that has left this word of itself."""
    from spectrum_cli.local.aws import session  # noqa: PLC0415 (boto3 is heavy)
    from spectrum_cli.local.state import DEFAULT_NAME  # noqa: PLC0415

    own = _watched(session(state.endpoints.credentials))

    def make(service: str) -> Any:
        return own.client(
            service,
            endpoint_url=state.endpoints.url(service),
            # A proxy for the outside world is not for loopback.
            config=_config(proxies={}),
        )

    outputs = {**state.outputs, "EndpointUrl": state.endpoint_url}
    title, identity = "the local stack", f"local {state.endpoints.default}"
    if state.name not in ("", DEFAULT_NAME):
        title = f"{title} {state.name}"
    return Target(title, identity, outputs, True, state.time_scale, functools.cache(make))


def _deployed(name: str, region: str | None, profile: str | None) -> Target:
    from botocore.exceptions import (  # noqa: PLC0415 (boto3 is heavy)
        ClientError,
        NoCredentialsError,
        NoRegionError,
    )

    session = _session(region_name=region, profile_name=profile)

    def make(service: str) -> Any:
        return session.client(service, config=_config())

    try:
        cloudformation = make("cloudformation")
        where = cloudformation.meta.region_name
        found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except (NoRegionError, NoCredentialsError) as error:
        from spectrum_cli.stack.local_choice import instead_of  # noqa: PLC0415 (as above)

        raise instead_of(error) from error
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise Unreachable(
            f"there is no stack {name} in {where}: name it with --stack (or {STACK_VARIABLE}) and "
            "its region with --region, deploy it, or use --local for the local stack"
        ) from error
    outputs = {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])}
    title = f"stack {name} in {where}"
    return Target(title, found["StackId"], outputs, False, 1.0, functools.cache(make))


def _session(**settings: Any) -> Any:
    import boto3  # noqa: PLC0415 (heavy)

    return _watched(boto3.session.Session(**settings))


def _watched(session: Any) -> Any:
    from spectrum_forwarder.adapters.botocore_clients import refuse_wrong_checksum  # noqa: PLC0415

    session.events.register("after-call.dynamodb", refuse_wrong_checksum)
    return session


def _config(**more: Any) -> Any:
    from botocore.config import Config  # noqa: PLC0415 (heavy)

    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": TRIES},
        **more,
    )
