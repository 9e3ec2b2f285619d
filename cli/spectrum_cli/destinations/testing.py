"""`forwarder destinations test`: one signed sample, sent as the fan-out sends an event."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spectrum_cli.destinations import entries as entries_of
from spectrum_cli.destinations.options import Name
from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.registry import destinations_of, webhooks_of
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.aws_errors import explained
from spectrum_cli.terminal.errors import CommandError, Finding, Unreachable
from spectrum_cli.terminal.output import AsJson, print_json, print_line
from spectrum_cli.vendor.webhook_store import FIRST

if TYPE_CHECKING:
    from spectrum_forwarder.domain.delivery import Answer
    from spectrum_forwarder.domain.destination import Destination

TEST_HEADER = "X-Spectrum-Forwarder-Test"
# It is sent at once; this only has to be later than that.
BEGIN_WITHIN = 60.0


@with_target
def test(name: Name, *, as_json: AsJson = False, target: Target) -> None:
    """Send a destination one signed sample from this machine, and show what it answers.

    The sample is a text message as Spectrum sends it, under the webhook id that events are sent
    with, and X-Spectrum-Forwarder-Test: 1. It is sent
    once, whatever the filter, and is not stored. A queue, bus or function gets it with the
    credentials of this command. Ends with 1 if the answer is not 2xx.

    Example: forwarder destinations test crm
    """
    entry = entries_of.find(destinations_of(target).read(), name)
    destination = entries_of.usable(entry, target)
    webhook_id = webhook_id_of(target)
    answer = send_sample(destination, webhook_id=webhook_id, allow_loopback=target.is_local)
    if as_json:
        print_json(
            {
                "destination": name,
                "status": answer.status,
                "error": answer.error,
                "seconds": round(answer.seconds, 3),
            }
        )
    else:
        said = f"answered {answer}" if answer.status else f"gave no answer ({answer})"
        print_line(f"{name} {said} in {answer.seconds * 1000:.0f} ms")
    if not answer.succeeded:
        raise Finding(f"{name} did not take the sample: {advice(answer)}")


def webhook_id_of(target: Target) -> str:
    """What events of the stack are told to have come through, for receivers that look at it.

    Whoever may not read the webhooks secret sends under a made-up one.
    """
    from spectrum_cli.samples.requests import TEST_WEBHOOK_ID  # noqa: PLC0415 (not for --help)

    try:
        entries = webhooks_of(target).read()
    except Exception as error:
        if not isinstance(error, CommandError) and explained(error) is None:
            raise
        entries = []
    told = (entry.get(FIRST) or entry.get("id") for entry in entries)
    return next((one for one in told if isinstance(one, str) and one), TEST_WEBHOOK_ID)


def send_sample(destination: Destination, *, webhook_id: str, allow_loopback: bool) -> Answer:
    """Send it, and return the answer; raise Unreachable where this machine cannot send."""
    from spectrum_forwarder.domain.outbound import Attempt, outbound_headers  # noqa: PLC0415

    from spectrum_cli.samples.requests import make_body  # noqa: PLC0415

    now, key = time.time(), f"test:{uuid.uuid4()}"
    body = make_body("text", sent_at=int(now))
    headers = outbound_headers(
        destination,
        outgoing_id=key,
        kind="messages",
        webhook_id=webhook_id,
        content_type=None,
        body=body,
        now=now,
    )
    attempt = Attempt(
        event_key=key,
        destination=destination.id,
        url=destination.url,
        headers={**headers, TEST_HEADER: "1"},
        body=body,
        timeout_seconds=destination.timeout_seconds,
        begin_by=now + BEGIN_WITHIN,
        kind=destination.kind,
        options=destination.options,
        event_kind="messages",
    )
    answers: list[Answer] = [a for _, a in _sender(allow_loopback=allow_loopback)([attempt])]
    return answers[0]


def _sender(*, allow_loopback: bool) -> Callable[..., Any]:
    try:
        from spectrum_forwarder.adapters.kinds.router import make_sender  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise Unreachable(
            f"sending needs {error.name}: install it with pip install '.[cli,fanout]'"
        ) from error
    return make_sender(allow_loopback=allow_loopback).send


# By what the sender says of an attempt without an answer.
ADVICE = {
    "timeout": "it takes longer than its timeout_seconds; acknowledge first and work later",
    "blocked_address": "its name leads to an address that is not public, where nothing is sent",
    "tls": (
        "no public authority vouches for its certificate, or that is for another name or time; a "
        "private authority is named with `destinations set --ca-bundle FILE`"
    ),
}


def advice(answer: Answer) -> str:
    """What to look at after an answer that is not a success."""
    match answer.status, answer.error:
        case None, error:
            unreachable = f"it cannot be reached from this machine ({error})"
            return ADVICE.get(error or "", unreachable)
        case ((401 | 403), _):
            return "it refuses the signature or wants a header: compare secrets, see --header"
        case status, _ if status is not None and 300 <= status < 400:
            return "it redirects, which is not followed: set its final URL"
    return f"it answered {answer}; see its own log"
