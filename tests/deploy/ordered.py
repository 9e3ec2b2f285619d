"""A FIFO queue of somebody else's, as a destination that is filled in order."""

from __future__ import annotations

import time
from typing import Any, Final

from spectrum_cli.demo.consumer import verify_standard
from spectrum_forwarder.adapters.destination_registry import DESTINATIONS_AGE
from spectrum_forwarder.adapters.kinds import sqs
from spectrum_forwarder.domain.signature import sign

from tests.deploy.emulator import ACCOUNT, REGION
from tests.deploy.site import Site, new_body
from tests.deploy.steps import Failed, expect, wait_until

NAME: Final = "orders"
QUEUE: Final = "orders.fifo"
LATE: Final = "X-Spectrum-Forwarder-Late"
_SECRET: Final = "0f" * 32
_SPACE: Final = "in-order"
_EVENTS: Final = 3


def add(site: Site) -> None:
    """Make the queue, and add it by the command: for one conversation alone."""
    client = site.emulator.client("sqs")
    client.create_queue(QueueName=QUEUE, Attributes={"FifoQueue": "true"})
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{QUEUE}"
    how = ("--order", "conversation", "--filter", f"space.id == '{_SPACE}'", "--secret-stdin")
    site.forwarder("destinations", "add", NAME, arn, *how, given=_SECRET)


def deliver(site: Site, added: float) -> int:
    """Send a conversation's events, the youngest first; raise Failed unless each is in the queue
    once, in one group, proved by both schemes, and in order but for those that say they are late.

    Returns how many say so. It was `added` then (monotonic): an older copy of the destinations, as
    a worker may have one for half a minute, knows nothing of it.
    """
    time.sleep(max(0.0, added + DESTINATIONS_AGE + 1 - time.monotonic()))
    outputs, client = site.outputs(), site.emulator.client("sqs")
    bodies = [new_body(space=_SPACE, second=second) for second in range(_EVENTS)]
    for body in reversed(bodies):
        site.accepted(outputs["EndpointUrl"], body)
    queue, messages = client.get_queue_url(QueueName=QUEUE)["QueueUrl"], list[Any]()

    def all_have_come() -> bool:
        answer = client.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        for message in answer.get("Messages", []):
            messages.append(message)
            client.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return len(messages) >= _EVENTS

    wait_until("the events in the queue", all_have_come)
    groups = {message["Attributes"]["MessageGroupId"] for message in messages}
    expect("groups in the queue", len(groups), 1)
    came = [sqs.read(message) for message in messages]
    expect("what is in the queue", sorted(each.body for each in came), sorted(bodies))
    if not all(map(_is_proved, came)):
        raise Failed("what is in the queue does not verify")
    in_turn = [bodies.index(each.body) for each in came if LATE not in each.headers]
    expect("the order in the queue", in_turn, sorted(in_turn))
    return _EVENTS - len(in_turn)


def _is_proved(read: sqs.Read) -> bool:
    headers = {name.lower(): value for name, value in read.headers.items()}
    wanted = sign(_SECRET, int(headers["x-spectrum-timestamp"]), read.body)
    by_v0 = headers["x-spectrum-signature"] == wanted
    return by_v0 and verify_standard(_SECRET, headers, read.body)
