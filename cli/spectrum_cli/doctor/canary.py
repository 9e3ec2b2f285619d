"""A signed canary: through the public URL, the table and the fan-out, and back from the table.

It is sent for a webhook of its own, whose source is reserved: the fan-out settles its events
without a destination, so that nothing that is configured is touched. Its entry stands among the
webhooks and is renewed once a month: one for each run would be too many for Secrets Manager, which
keeps about a hundred versions, and each for a day at least. Whoever finds its secret can send
canaries, and nothing else.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator

from spectrum_forwarder.domain.event import CANARY_SOURCE

from spectrum_cli.doctor.backlog import LONG_QUEUE, standing
from spectrum_cli.doctor.model import Patient
from spectrum_cli.samples.requests import make_body, signed
from spectrum_cli.stack.http_client import HttpAnswer, NotAnswered
from spectrum_cli.stack.probes import error_code
from spectrum_cli.stack.registry import Entry
from spectrum_cli.terminal.verdicts import Result, failed, ok, skipped
from spectrum_cli.vendor.webhook_store import Webhooks

CHECK = "canary"
# Seconds for which an entry is made, and before whose end it is renewed.
LIFETIME, RENEWED_BEFORE = 30 * 86_400, 86_400
# Seconds for the receiver to learn of the new secret, and for the event to be settled.
LEARNING, SETTLING = 20.0, 45.0
PAUSE = 0.5
TIMEOUT = 10.0


def canary(patient: Patient) -> Iterator[Result]:
    """One event, all the way."""
    found: list[tuple[str, str]] = []

    def find_or_make(webhooks: Webhooks) -> None:
        now = patient.clock()
        standing = [e for e in webhooks.entries if e.get("source") == CANARY_SOURCE]
        entry = next((e for e in standing if _ends(e) > now + RENEWED_BEFORE), None)
        if entry is None:
            # Another doctor may be waiting for one that still counts.
            for old in standing:
                if _ends(old) <= now:
                    webhooks.remove(str(old.get("id")))
            entry = _new_entry(webhooks, until=now + LIFETIME)
        found[:] = [(str(entry["id"]), str(entry["signing_secret"]))]

    patient.store.update(find_or_make)
    yield from _sent(patient, *found[0])


def _ends(entry: Entry) -> float:
    """Until when its secret counts (Unix seconds); 0 for one that cannot be used."""
    from spectrum_forwarder.adapters.webhook_registry import read_webhook  # noqa: PLC0415 (heavy)
    from spectrum_forwarder.domain.errors import InvalidEntry  # noqa: PLC0415

    try:
        return read_webhook(entry).accepted_until or 0.0
    except InvalidEntry:
        return 0.0


def _new_entry(webhooks: Webhooks, *, until: float) -> Entry:
    webhook_id = f"canary-{uuid.uuid4()}"
    webhooks.put(webhook_id, secrets.token_hex(32), CANARY_SOURCE)
    webhooks.retire(webhook_id, until=until)
    entry = webhooks.entry(webhook_id)
    assert entry is not None
    return entry


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
            f"the endpoint answered {answer.status} {error_code(answer.body)}",
            "Look for request.refused and receive.failed in the receiver's log.",
        )
        return
    took = answer.seconds * 1000
    yield ok(CHECK, f"verified and stored: answered 200 in {took:.0f} ms")
    yield settled(patient, f"{CANARY_SOURCE}:{message_id}")


def settled(patient: Patient, event_key: str) -> Result:
    """Whether the canary is fanned out in time; in a backlog it is not waited for."""
    began = patient.clock()
    before = standing(patient)
    if before > LONG_QUEUE:
        return skipped(CHECK, f"stored; its turn is not waited for: {before} hints stand there too")
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
