"""A signed canary: through the public URL, the table and the fan-out, and back from the table.

It is sent for a webhook of its own, whose source is reserved: the fan-out settles its events
without a destination, so that nothing that is configured is touched. Its secret is made for the
occasion, stored for minutes, and removed.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Iterator

from spectrum_forwarder.domain.event import CANARY_SOURCE

from spectrum_cli.checks.model import Patient, Result, failed, ok
from spectrum_cli.http_client import HttpAnswer, NotAnswered
from spectrum_cli.samples import make_body, signed
from spectrum_cli.webhook_store import Webhooks

CHECK = "canary"
LIFETIME = 600
# Seconds for the receiver to learn of the new secret, and for the event to be settled.
LEARNING, SETTLING = 20.0, 45.0
PAUSE = 0.5
TIMEOUT = 10.0


def canary(patient: Patient) -> Iterator[Result]:
    """One event, all the way."""
    webhook_id, secret = f"canary-{uuid.uuid4()}", secrets.token_hex(32)

    def add(webhooks: Webhooks) -> None:
        webhooks.put(webhook_id, secret, CANARY_SOURCE)
        webhooks.retire(webhook_id, until=patient.clock() + LIFETIME)

    patient.store.update(add)
    try:
        yield from _sent(patient, webhook_id, secret)
    finally:
        patient.store.update(lambda webhooks: webhooks.remove(webhook_id))


def _sent(patient: Patient, webhook_id: str, secret: str) -> Iterator[Result]:
    began = patient.clock()
    message_id = f"canary-{uuid.uuid4()}"
    try:
        answer = _post(patient, webhook_id, secret, message_id)
        # A new secret is read when an unknown webhook asks for it, but not at each such request.
        while answer.status == 503 and patient.clock() < began + LEARNING:
            patient.sleep(PAUSE)
            answer = _post(patient, webhook_id, secret, message_id)
    except NotAnswered as error:
        yield failed(
            CHECK, f"the endpoint did not answer: {error}", "See the check of the answers."
        )
        return
    if answer.status != 200:
        yield failed(
            CHECK,
            f"the endpoint answered {answer.status} {_said(answer)}",
            "Look for request.refused and receive.failed in the receiver's log.",
        )
        return
    took = answer.seconds * 1000
    yield ok(CHECK, f"verified and stored: answered 200 in {took:.0f} ms")
    yield _settled(patient, f"{CANARY_SOURCE}:{message_id}")


def _settled(patient: Patient, event_key: str) -> Result:
    began = patient.clock()
    while patient.clock() < began + SETTLING:
        event = patient.log.get(event_key)
        if event is not None and event.settled:
            return ok(CHECK, f"fanned out and settled {patient.clock() - began:.1f} s later")
        patient.sleep(PAUSE)
    return failed(
        CHECK,
        f"stored, and not fanned out within {SETTLING:.0f} s",
        "Look at the fan-out's log, its concurrency, and the queues.",
    )


def _post(patient: Patient, webhook_id: str, secret: str, message_id: str) -> HttpAnswer:
    now = int(patient.clock())
    request = signed(
        make_body("text", message_id=message_id, sent_at=now),
        webhook_id=webhook_id,
        secret=secret,
        timestamp=now,
    )
    url = patient.target.endpoint_url
    return patient.http.request(
        "POST", url, headers=request.headers, body=request.body, timeout=TIMEOUT
    )


def _said(answer: HttpAnswer) -> str:
    try:
        return str(json.loads(answer.body)["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""
