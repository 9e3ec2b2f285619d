"""What the vendor's support asks for, put together; and the proof that no secret is in it."""

from __future__ import annotations

import platform
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any

from spectrum_forwarder.domain.event import is_canary

from spectrum_cli.diagnosis.diagnose import TOLERANCE
from spectrum_cli.support.redaction import redact
from spectrum_cli.terminal.errors import Finding
from spectrum_cli.terminal.output import iso, masked

if TYPE_CHECKING:
    from spectrum_forwarder.domain.log import LoggedEvent
    from spectrum_forwarder.domain.quarantine import Suspect

    from spectrum_cli.quarantine.suspects import Secrets
    from spectrum_cli.stack.target import Target

# Parameters of the stack that say how it works, and nothing of whose it is.
TOLD_PARAMETERS = (
    *("RetentionDays", "LogRetentionDays", "ThrottleRate", "ThrottleBurst"),
    *("MainLaneConcurrency", "SlowLaneConcurrency", "ReceiverReservedConcurrency", "WarmWrites"),
)
LIBRARIES = ("boto3", "typer", "rich")
# Under their own names, or as a proxy renamed them.
SIGNED = re.compile(
    r"(http[_-])?(x[_-]spectrum|webhook)[_-](signature|timestamp|(webhook[_-])?id)"
    r"|content-length|date"
)
PLAIN = re.compile(r"[A-Za-z_.-]{1,40}")
UNVERIFIABLE = (
    "Letters, digits and names in the body are replaced, its form and length are kept. So the "
    "signature cannot be verified against what stands here: it was made over other bytes. The "
    "signing secret is not in this file."
)


def counts(events: Iterable[LoggedEvent]) -> dict[str, Any]:
    """How many events there were, by what is told of them to anybody."""
    kinds: Counter[str] = Counter()
    webhooks: Counter[str] = Counter()
    deliveries: Counter[str] = Counter()
    waiting: Counter[str] = Counter()
    total = in_line = 0
    for event in events:
        if is_canary(event.event_key):
            continue
        total += 1
        kind = event.kind or "none"
        kinds[kind if PLAIN.fullmatch(kind) else "other"] += 1
        webhooks[event.webhook_id] += 1
        if event.deliveries is None:
            deliveries["new"] += 1
        else:
            each = event.deliveries.values()
            deliveries.update(delivery.status.value for delivery in each)
            waiting.update(delivery.waiting_for for delivery in each if delivery.waiting_for)
            in_line += sum(delivery.stood_at is not None for delivery in each)
    return {
        "events": total,
        "by_event": dict(kinds),
        "by_webhook": dict(webhooks),
        "deliveries": dict(deliveries),
        "waiting_for": dict(waiting),
        "in_line": in_line,
    }


def failing_request(suspect_id: str, suspect: Suspect, secrets: Secrets) -> dict[str, Any]:
    """A refused request, its headers as they came and its body redacted."""
    return {
        "id": suspect_id,
        "received_at": iso(suspect.received_at),
        "refused_as": suspect.code,
        "today": secrets.judge.verdict(suspect).value,
        "headers": {name: shown_header(name, value) for name, value in suspect.headers.items()},
        "body": redact(suspect.body),
        "body_bytes": len(suspect.body),
        "shape": suspect.request.shape(),
        "causes": [
            {"cause": one.cause, "title": one.title, "proved": one.proved}
            for one in secrets.findings(suspect)
        ],
        "note": UNVERIFIABLE,
    }


def shown_header(name: str, value: str) -> str | None:
    """A header's value without anybody's number or address in it.

    What was signed, and when, stays as it came: nothing can be looked into without these.
    """
    return value if SIGNED.fullmatch(name.lower()) else masked(value, bare=False)


def versions() -> dict[str, str]:
    """Ours, and those of what it runs on here."""
    found = {"forwarder": _version("spectrum-forwarder"), "python": platform.python_version()}
    return found | {"system": sys.platform} | {name: _version(name) for name in LIBRARIES}


def settings(target: Target) -> dict[str, Any]:
    """How the stack is set up."""
    told: dict[str, Any] = {
        "timestamp_tolerance_seconds": TOLERANCE,
        "time_scale": target.time_scale,
    }
    if target.is_local:
        return told
    (stack,) = target.client("cloudformation").describe_stacks(StackName=target.id)["Stacks"]
    parameters = {p["ParameterKey"]: p["ParameterValue"] for p in stack.get("Parameters", [])}
    return told | {name: parameters[name] for name in TOLD_PARAMETERS if name in parameters}


def require_no_secret(text: str, secrets: Sequence[str]) -> None:
    """Raise Finding if one of the secrets is in the text, however it may have come there."""
    if any(secret and secret in text for secret in secrets):
        raise Finding(
            "a secret would be in the bundle, so it is not shown and not written: was it pasted "
            "into a webhook's id or a message? Replace it: forwarder webhooks rotate"
        )


def registered(listed: Sequence[Mapping[str, Any]], stored: Sequence[str]) -> list[dict[str, Any]]:
    """Webhooks as they are told: of those that Spectrum lists, or of the stored ids alone."""
    found = [dict(one) | {"secret_stored": one["id"] in stored} for one in listed]
    others = [id_ for id_ in stored if id_ not in {one["id"] for one in listed}]
    return found + [{"id": id_, "url": None, "secret_stored": True} for id_ in others]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
