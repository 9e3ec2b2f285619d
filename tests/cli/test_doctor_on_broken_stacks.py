"""Broken configurations, and the sentence that `doctor` says of each: none is called well."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest
from spectrum_forwarder.adapters.health_board import DynamoHealthBoard
from spectrum_forwarder.adapters.quarantine import S3Quarantine
from spectrum_forwarder.adapters.quarantine_shelf import S3QuarantineShelf
from spectrum_forwarder.domain.delivery import Delivery, Status, planned, settled
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.ports import Webhook
from spectrum_forwarder.domain.quarantine import Suspect

from tests.cli.test_doctor import Ward, doctor, ward
from tests.support.filled import delivered, put
from tests.support.make import body_of, signed_headers
from tests.support.stacks import Deployed

__all__ = ["ward"]  # the stack that is broken here


class Broken(NamedTuple):
    """What is done to a stack, and what is said of it: the check, its verdict, both sentences."""

    done: Callable[[Ward], Any]
    check: str
    verdict: str
    said: str
    next_step: str


@contextmanager
def secret(ward: Ward, logical_id: str, text: str) -> Iterator[None]:
    """Whatever text in the place of a registry."""
    before = ward.secret(logical_id)
    client = ward.stack.client("secretsmanager")
    name = ward.stack.deployment.physical_ids[logical_id]
    client.put_secret_value(SecretId=name, SecretString=text)
    try:
        yield
    finally:
        ward.write(logical_id, before)


def destinations_text(text: str) -> Callable[[Ward], Any]:
    return lambda ward: secret(ward, "DestinationsSecret", text)


def webhooks_text(text: str) -> Callable[[Ward], Any]:
    return lambda ward: secret(ward, "WebhooksSecret", text)


def entry(**changes: Any) -> Callable[[Ward], Any]:
    """The one destination, changed by hand."""

    def done(ward: Ward) -> Any:
        (good,) = ward.secret("DestinationsSecret")["destinations"]
        return secret(
            ward, "DestinationsSecret", json.dumps({"destinations": [{**good, **changes}]})
        )

    return done


def twice(ward: Ward) -> Any:
    (good,) = ward.secret("DestinationsSecret")["destinations"]
    return secret(ward, "DestinationsSecret", json.dumps({"destinations": [good, good]}))


@contextmanager
def refused(ward: Ward, *, ago: float = 60.0, **stored: str) -> Iterator[None]:
    """What Spectrum has sent well signed does not verify with what is stored."""
    before = ward.secret("WebhooksSecret")
    own = next(e for e in before["webhooks"] if e.get("source") == "main")
    body, at = body_of("refused"), time.time() - ago
    sender = Webhook(own["id"], own["signing_secret"], "main")
    headers = signed_headers(body, now=at, webhook=sender)
    bucket = ward.stack.deployment.outputs["PayloadsBucketName"]
    s3 = ward.stack.client("s3")
    suspect = Suspect(at, "signature_mismatch", headers, body)
    kept = S3Quarantine(s3, bucket, clock=time.time, elapsed=lambda: 0.0).keep(suspect)
    ward.write("WebhooksSecret", {"webhooks": [own | stored]})
    try:
        yield
    finally:
        ward.write("WebhooksSecret", before)
        S3QuarantineShelf(s3, bucket).remove(str(kept), suspect)


def gone(at: float) -> Delivery:
    return settled(planned("consumer", at), Status.DEAD_LETTERED, "rejected: 410")


@contextmanager
def ended(
    ward: Ward, *deliveries: Callable[[float], Delivery], ago: float = 60.0
) -> Iterator[None]:
    """Events whose deliveries have ended like this, the first one last."""
    outputs, client = ward.stack.deployment.outputs, ward.stack.client
    stack = cast(Deployed, SimpleNamespace(outputs=outputs, client=client))
    keys = []
    for number, delivery in enumerate(deliveries):
        at = time.time() - 60 - number
        keys.append(put(stack, f"ended-{number}", delivery(at), received_at=at))
    try:
        yield
    finally:
        for key in keys:
            client("dynamodb").delete_item(
                TableName=outputs["EventsTableName"], Key={"event_key": {"S": key}}
            )


@contextmanager
def failing(ward: Ward) -> Iterator[None]:
    table = ward.stack.deployment.outputs["EventsTableName"]
    board = DynamoHealthBoard(ward.stack.client("dynamodb"), table, clock=time.time)
    began = time.time() - 7200
    board.save("consumer", Health(failures=40, failing_since=began, trips=3, open_until=began))
    try:
        yield
    finally:
        board.forget("consumer")


@contextmanager
def dead_letter(ward: Ward) -> Iterator[None]:
    sqs, url = ward.stack.client("sqs"), ward.stack.deployment.outputs["EventsDeadLetterQueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    try:
        yield
    finally:
        sqs.purge_queue(QueueUrl=url)


@contextmanager
def disabled(ward: Ward) -> Iterator[None]:
    (one,) = ward.spectrum.registrations.values()
    ward.spectrum.webhooks.disable(one.id, "delivery_failures")
    try:
        yield
    finally:
        ward.spectrum.registrations[one.id] = one


@contextmanager
def unregistered(ward: Ward) -> Iterator[None]:
    kept = dict(ward.spectrum.registrations)
    ward.spectrum.registrations.clear()
    try:
        yield
    finally:
        ward.spectrum.registrations.update(kept)


WRONG = "0f" * 32
FORM = "it must be JSON of the form"
BROKEN = {
    "a wrong secret is stored": Broken(
        lambda ward: refused(ward, signing_secret=WRONG),
        *("quarantine", "failed", "1 requests of known webhooks were refused"),
        "forwarder quarantine release --all",
    ),
    "a wrong secret is stored, and why": Broken(
        lambda ward: refused(ward, signing_secret=WRONG),
        *("quarantine", "failed", "it was signed with a secret that is not known here"),
        "Check that the secret is this webhook's newest",
    ),
    "a wrong secret was stored yesterday": Broken(
        lambda ward: refused(ward, signing_secret=WRONG, ago=86_400.0),
        *("quarantine", "warning", "came 24 hours ago"),
        "forwarder quarantine release --all",
    ),
    "a wrong secret has been mended": Broken(
        refused,
        *("quarantine", "warning", "1 of the newest verify now"),
        "Let them go out: forwarder quarantine release --all.",
    ),
    "a secret with a line break": Broken(
        lambda ward: refused(ward, signing_secret=WRONG + "\n"),
        *("secrets", "failed", "signing_secret"),
        "Store it again: forwarder webhooks import",
    ),
    "a destination that has gone": Broken(
        lambda ward: ended(ward, gone, gone),
        *("deliveries", "failed", "consumer: all 2 deliveries that ended in the last 6 hours were"),
        "forwarder replay --since 6h --status dead_lettered --destination consumer",
    ),
    "a destination that has gone, and what it says": Broken(
        lambda ward: ended(ward, gone, lambda at: delivered("consumer", at)),
        *("deliveries", "failed", "1 of the 2 deliveries"),
        "forwarder destinations test consumer",
    ),
    "a destination that was gone and is back": Broken(
        lambda ward: ended(ward, lambda at: delivered("consumer", at), gone),
        *("deliveries", "warning", "rejected: 410. 1 have been delivered since"),
        "Deliver what was given up: forwarder replay",
    ),
    "a destination that keeps failing": Broken(
        failing,
        *("breakers", "failed", "consumer (for 2 hours, 40 attempts)"),
        "forwarder destinations test NAME",
    ),
    "a list in the place of the destinations": Broken(
        destinations_text("[]"),
        *("destinations", "failed", f"it is no JSON object: {FORM}"),
        "Mend that, and run this again.",
    ),
    "a comma too many among the destinations": Broken(
        destinations_text('{"destinations": [],}'),
        *("destinations", "failed", "it is not JSON from line 1, column 2"),
        "Mend that",
    ),
    "nothing in the place of the destinations": Broken(
        destinations_text(" "), "destinations", "failed", "it is empty", "Mend that"
    ),
    "a comma too many among the webhooks": Broken(
        webhooks_text('{"webhooks": [],}'),
        *("secrets", "failed", "is not JSON from line 1, column 1"),
        "Mend that",
    ),
    "a destination with a field of somebody's own": Broken(
        entry(retries=3),
        *("destinations", "failed", "consumer: unknown field 'retries'"),
        "forwarder destinations set consumer --drop retries",
    ),
    "a destination that nobody answers at": Broken(
        entry(url="http://127.0.0.1:9/"),
        *("destinations", "failed", "consumer cannot be reached from here"),
        "forwarder destinations test consumer",
    ),
    "a destination that is paused": Broken(
        entry(enabled=False),
        *("destinations", "warning", "consumer is paused"),
        "forwarder destinations resume consumer",
    ),
    "a destination that stands twice": Broken(
        twice, "destinations", "failed", "name stands twice", "destinations secret"
    ),
    "a record that nobody could read": Broken(
        dead_letter,
        *("queues", "failed", "1 records are in the dead-letter queue"),
        "redrive the queue",
    ),
    "a registration that Spectrum has disabled": Broken(
        disabled, "registered", "failed", "delivery_failures", "forwarder webhooks enable"
    ),
    "an endpoint that is not registered": Broken(
        unregistered, "registered", "failed", "none of the 0 webhooks", "forwarder webhooks"
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_stack_is_called_that_with_what_to_do(name: str, ward: Ward) -> None:
    broken = BROKEN[name]
    with broken.done(ward):
        ran = doctor("--no-canary", "--json")
    told = [c for c in ran.json["checks"] if c["verdict"] not in ("ok", "skipped")]
    found = [c for c in told if (c["check"], c["verdict"]) == (broken.check, broken.verdict)]
    assert any(broken.said in c["said"] for c in found), told
    assert any(broken.next_step in c["next_step"] for c in found), told
    assert ran.status == (broken.verdict == "failed")
    # Every check has been done, whatever became of the others.
    assert {"deliveries", "table", "sweeper", "answers"} <= {c["check"] for c in ran.json["checks"]}
    assert "defect" not in ran.out


def test_what_went_wrong_lately_is_told_first(ward: Ward) -> None:
    with refused(ward, signing_secret=WRONG):
        checks = [check["check"] for check in doctor("--no-canary", "--json").json["checks"]]
    assert checks[:2] == ["credentials", "quarantine"]


@pytest.mark.parametrize("text", ['\ufeff{"destinations": []}', '\ufeff\n{"destinations": []}\n'])
def test_a_byte_order_mark_breaks_nothing(ward: Ward, text: str) -> None:
    with secret(ward, "DestinationsSecret", text):
        ran = doctor("--no-canary", "--json")
    assert ran.status == 0
