"""Quarantine: what the receiver keeps of refusals, and what comes of it when it is released."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.errors import PayloadsUnavailable
from spectrum_forwarder.domain.inbound import InboundRequest, Reply
from spectrum_forwarder.domain.ports import Webhook
from spectrum_forwarder.domain.quarantine import UNSIGNED, Suspect
from spectrum_forwarder.receive import Receiver
from spectrum_forwarder.release import Judge, Outcome, Released, Releaser, Verdict

from tests.support.in_memory.objects import MemoryQuarantine
from tests.support.make import (
    WEBHOOK,
    WHSEC,
    body_of,
    destination_of,
    signed_headers,
    webhook_of,
)
from tests.support.taps import Tap
from tests.support.world import World

KEY = "main:spc-msg-1"
ID = "suspect-1"
MISTYPED = WEBHOOK._replace(signing_secret="00" * 32)
FORGED = {"x-spectrum-signature": "v0=" + "ab" * 32}


class Stack(World):
    """A world whose receiver has a quarantine."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.kept = MemoryQuarantine()
        self.quarantine = Tap(self.kept, PayloadsUnavailable)

    def receiver(self) -> Any:
        return super().receiver()._replace(quarantine=cast(Any, self.quarantine))

    def release(self, suspect_id: str = ID, *, stale: bool = False, **changes: object) -> Released:
        """As `quarantine release` does, with the secrets of now."""
        parts: dict[str, Any] = {
            "judge": Judge({WEBHOOK.id: self.webhooks.webhooks}, tolerance=300),
            "shelf": self.quarantine,
            "store": self.store,
            "queue": self.queue,
            "clock": self.clock,
        }
        return Releaser(**(parts | changes)).release(suspect_id, stale=stale)


@pytest.fixture
def world() -> Stack:
    world = Stack()
    world.add_quick(destination_of("crm"))
    return world


def refuse_mistyped(world: Stack) -> None:
    """A good request arrives while the stored secret is wrong; then the secret is mended."""
    world.webhooks.webhooks[:] = [MISTYPED]
    assert world.receive().status == 401
    world.webhooks.webhooks[:] = [WEBHOOK]


@pytest.mark.parametrize("scheme", ["standard", "both"])
def test_what_came_before_its_standard_secret_was_stored_is_released(
    world: Stack, scheme: str
) -> None:
    registered = webhook_of(WHSEC, v0="11" * 32)
    unsigned: dict[str, str | None] = dict.fromkeys((SIGNATURE, TIMESTAMP))
    signed = signed_headers(body_of(), now=world.clock(), webhook=registered, scheme=scheme)
    assert world.receive(headers=unsigned | signed).status == 503
    assert world.kept.suspects[ID].code == "scheme_without_secret"
    assert world.release().verdict is Verdict.MISMATCH
    # Stored, and over since: it counted when the request came.
    world.webhooks.webhooks[:] = [webhook_of(WHSEC, until=world.clock() + 1)]
    world.clock.advance(60)
    assert world.release() == Released(ID, Outcome.ACCEPTED, Verdict.GOOD, KEY)
    event = world.row().stored.event
    assert (event.scheme, event.signed_id is not None) == ("standard", True)
    # The same event again, by a way of its own, is known by its signed id.
    world.webhooks.webhooks[:] = [webhook_of(WHSEC)]
    again = body_of(text="written anew")
    headers = signed_headers(again, now=world.clock(), webhook=webhook_of(WHSEC), scheme="standard")
    assert world.receive(again, unsigned | headers).body["status"] == "duplicate"


def test_a_secret_that_was_over_when_the_request_came_releases_nothing(world: Stack) -> None:
    unsigned: dict[str, str | None] = dict.fromkeys((SIGNATURE, TIMESTAMP))
    registered = webhook_of(WHSEC)
    signed = signed_headers(body_of(), now=world.clock(), webhook=registered, scheme="standard")
    assert world.receive(headers=unsigned | signed).status == 503
    world.webhooks.webhooks[:] = [webhook_of(WHSEC, until=world.clock())]
    assert world.release().outcome is Outcome.REFUSED


def refuse_late(world: Stack) -> None:
    """A well-signed request arrives ten minutes after it was signed."""
    headers = signed_headers(body_of(), now=world.clock() - 600)
    assert world.receive(headers=headers).status == 401


# ---- Keeping -----------------------------------------------------------------------------------


def test_a_refusal_of_a_known_webhook_is_kept_whole(world: Stack) -> None:
    headers = signed_headers(body_of(), now=world.clock()) | FORGED | {"cookie": "private"}
    assert world.receive(headers=headers).status == 401
    suspect = world.kept.suspects[ID]
    assert (suspect.code, suspect.received_at) == ("signature_mismatch", world.clock())
    assert suspect.body == body_of()
    assert suspect.headers == {n: v for n, v in headers.items() if n != "cookie"}
    assert world.facts.named("request.quarantined") == [{"id": ID, "code": "signature_mismatch"}]


SIGNATURE, TIMESTAMP = "x-spectrum-signature", "x-spectrum-timestamp"
STANDARD = {"webhook-id": "evt_1", "webhook-timestamp": "1", "webhook-signature": "v1,AA"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-spectrum-webhook-id": "unknown"}, 503),
        ({"x-spectrum-webhook-id": "unknown", SIGNATURE: "v0=short"}, 503),
        ({"x-spectrum-webhook-id": None, SIGNATURE: "v0=short"}, 503),
        ({"x-spectrum-webhook-id": None, SIGNATURE: None, TIMESTAMP: None}, 400),
        ({SIGNATURE: UNSIGNED}, 401),
        ({}, 200),
    ],
)
def test_nothing_else_is_kept(world: Stack, headers: Mapping[str, str | None], status: int) -> None:
    assert world.receive(headers=headers).status == status
    assert world.quarantine.calls == []


@pytest.mark.parametrize(
    "headers",
    [
        {SIGNATURE: None},
        {TIMESTAMP: None},
        {SIGNATURE: None, TIMESTAMP: None},
        {SIGNATURE: "v0=short"},
        {TIMESTAMP: "1_700_000_0"},
        {SIGNATURE: None, TIMESTAMP: None, **STANDARD},
        {SIGNATURE: None, "http_x_spectrum_signature": "v0=" + "ab" * 32},
    ],
)
def test_a_spoilt_proof_of_a_known_webhook_is_kept_with_what_was_seen(
    world: Stack, headers: Mapping[str, str | None]
) -> None:
    assert world.receive(headers=headers).status in (401, 503)
    seen = signed_headers(body_of(), now=world.clock()) | dict(headers)
    suspect = world.kept.suspects[ID]
    assert suspect.headers == {name: value for name, value in seen.items() if value is not None}
    assert suspect.body == body_of()


@pytest.mark.parametrize("size", [256 * 1024 + 1, 4_700_000])
def test_a_body_is_kept_whatever_its_size(world: Stack, size: int) -> None:
    world.receive(b"x" * size, headers=FORGED)
    assert [len(suspect.body) for suspect in world.kept.suspects.values()] == [size]


def test_a_long_header_is_kept_whole(world: Stack) -> None:
    tokens = ",".join(f"v0={number:064x}" for number in range(100))
    world.receive(headers={SIGNATURE: tokens})
    assert world.kept.suspects[ID].headers[SIGNATURE] == tokens


class Careless:
    """A quarantine with a defect."""

    def keep(self, _: Suspect) -> str | None:
        raise ZeroDivisionError


@pytest.mark.parametrize("quarantine", ["down", "defective", "none"])
@pytest.mark.parametrize("code", ["signature_mismatch", "stale_timestamp"])
def test_trouble_with_keeping_does_not_change_the_answer(
    world: Stack, quarantine: str, code: str
) -> None:
    skew = 600 if code == "stale_timestamp" else 0
    headers = signed_headers(body_of(), now=world.clock() - skew) | FORGED
    request = InboundRequest(headers, body_of())

    def answer() -> Reply:
        receiver: Receiver = world.receiver()._replace(quarantine=parts[quarantine])
        return receiver.receive(request, receipt="r")

    parts: dict[str, Any] = {"down": world.quarantine, "defective": Careless(), "none": None}
    usual = world.receiver().receive(request, receipt="r")
    world.quarantine.fail("keep")
    assert answer() == usual
    assert code in repr(usual)
    causes = [fields["cause"] for fields in world.facts.named("quarantine.failed")]
    assert causes == {"down": ["down"], "defective": ["ZeroDivisionError"], "none": []}[quarantine]


def test_nothing_that_is_told_holds_content(world: Stack) -> None:
    world.receive(body_of(text="canary"), headers=FORGED)
    told = repr(world.facts.told) + repr(world.kept.suspects[ID])
    for secret in ("canary", "abab", "+15550100"):
        assert secret not in told


# ---- Releasing ---------------------------------------------------------------------------------


def test_what_verifies_after_all_is_delivered_once(world: Stack) -> None:
    refuse_mistyped(world)
    received_at = world.clock()
    world.clock.advance(3 * 3600)
    assert world.release() == Released(ID, Outcome.ACCEPTED, Verdict.GOOD, KEY)
    assert world.release() == Released(ID, Outcome.GONE)
    world.live(200)
    (attempt,) = world.sent_to("crm")
    assert attempt.body == body_of()
    assert world.row().stored.event.received_at == received_at
    assert world.kept.suspects == {}


def test_what_came_by_another_way_meanwhile_is_a_duplicate(world: Stack) -> None:
    refuse_mistyped(world)
    world.receive()
    world.live(200)
    assert world.release().outcome is Outcome.DUPLICATE
    world.live(200)
    assert len(world.sent_to("crm")) == 1
    assert world.kept.suspects == {}


def test_what_still_does_not_verify_stays(world: Stack) -> None:
    world.receive(headers=FORGED)
    for stale in (False, True):
        released = world.release(stale=stale)
        assert (released.outcome, released.verdict) == (Outcome.REFUSED, Verdict.MISMATCH)
    assert world.rows.rows == {}
    assert list(world.kept.suspects) == [ID]


def spoilt(value: str) -> list[str]:
    """What proxies make of a header."""
    return [f"{value},{value}", f"{value}, {value}", f'"{value}"', f"{value} other=1", f"; {value}"]


@pytest.mark.parametrize("form", range(5))
@pytest.mark.parametrize("name", [SIGNATURE, TIMESTAMP])
def test_what_only_its_headers_were_spoilt_of_is_released(
    world: Stack, name: str, form: int
) -> None:
    good = signed_headers(body_of(), now=world.clock())[name]
    assert world.receive(headers={name: spoilt(good)[form]}).status == 401
    assert world.release().outcome is Outcome.ACCEPTED
    world.live(200)
    assert len(world.sent_to("crm")) == 1


@pytest.mark.parametrize("change", [str.upper, lambda value: value.removeprefix("v0=")])
def test_a_signature_in_another_spelling_is_released(world: Stack, change: Any) -> None:
    good = signed_headers(body_of(), now=world.clock())[SIGNATURE]
    assert world.receive(headers={SIGNATURE: change(good)}).status == 401
    assert world.release().outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    "headers",
    [{SIGNATURE: None}, {TIMESTAMP: None}, {SIGNATURE: None, TIMESTAMP: None, **STANDARD}],
)
def test_what_misses_a_header_stays(world: Stack, headers: Mapping[str, str | None]) -> None:
    world.receive(headers=headers)
    released = world.release()
    assert (released.outcome, released.verdict) == (Outcome.REFUSED, Verdict.MISMATCH)
    assert list(world.kept.suspects) == [ID]


@pytest.mark.parametrize("cut", [8, 3, 66])
def test_a_cut_signature_proves_nothing(world: Stack, cut: int) -> None:
    good = signed_headers(body_of(), now=world.clock())[SIGNATURE]
    world.receive(headers={SIGNATURE: good[:cut]})
    assert world.release(stale=True).verdict is Verdict.MISMATCH


def test_a_webhook_that_was_forgotten_releases_nothing(world: Stack) -> None:
    refuse_mistyped(world)
    world.webhooks.webhooks.clear()
    assert world.release().verdict is Verdict.UNKNOWN_WEBHOOK


def test_a_stale_request_is_released_only_on_demand(world: Stack) -> None:
    refuse_late(world)
    assert world.release().verdict is Verdict.STALE
    assert world.rows.rows == {}
    assert world.release(stale=True).outcome is Outcome.ACCEPTED
    world.live(200)
    assert len(world.sent_to("crm")) == 1


def test_a_secret_counts_as_long_as_it_was_accepted_when_the_request_came(world: Stack) -> None:
    refuse_mistyped(world)
    old = WEBHOOK._replace(accepted_until=world.clock() + 60)
    too_old = WEBHOOK._replace(accepted_until=world.clock())
    successor = Webhook(WEBHOOK.id, "11" * 32, WEBHOOK.source)
    world.clock.advance(3600)
    world.webhooks.webhooks[:] = [too_old, successor]
    assert world.release().verdict is Verdict.MISMATCH
    world.webhooks.webhooks[:] = [old, successor]
    assert world.release().outcome is Outcome.ACCEPTED


def test_the_same_request_kept_by_two_instances_is_an_event_and_a_copy_of_it(world: Stack) -> None:
    """Sent again as it was, signature and all, and refused by another instance the second time."""
    refuse_mistyped(world)
    copy = world.kept.suspects[ID]._replace(received_at=world.clock() + 30)
    assert (kept := world.kept.keep(copy)) is not None
    assert [world.release(each).outcome for each in (ID, kept)] == [
        Outcome.ACCEPTED,
        Outcome.DUPLICATE,
    ]
    world.live(200)
    assert len(world.sent_to("crm")) == 1
    assert world.kept.suspects == {}


# ---- Cut off, and run again --------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


class Deadly:
    """Stands before a port: dies at one call, before or after it took effect."""

    def __init__(self, port: object, method: str, *, after: bool) -> None:
        self._port, self._method, self._after = port, method, after

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            if name != self._method:
                return getattr(self._port, name)(*arguments, **named)
            if self._after:
                getattr(self._port, name)(*arguments, **named)
            raise Killed

        return call


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["get", "put", "send_hint", "remove"])
def test_killed_at_any_step_it_is_delivered_once_by_the_next_run(
    world: Stack, step: str, after: bool
) -> None:
    refuse_mistyped(world)
    changes: dict[str, Any]
    if step in ("get", "remove"):
        changes = {"shelf": Deadly(world.quarantine, step, after=after)}
    elif step == "put":
        store = world.store._replace(table=cast(Any, Deadly(world.table, step, after=after)))
        changes = {"store": store}
    else:
        changes = {"queue": Deadly(world.queue, step, after=after)}
    with pytest.raises(Killed):
        world.release(**changes)
    world.live(200)
    world.release()
    world.live(200)
    assert len(world.sent_to("crm")) == 1
    assert world.row().due_at is None
    assert world.kept.suspects == {}


def test_a_lost_hint_is_told_and_the_sweeper_has_the_event(world: Stack) -> None:
    refuse_mistyped(world)
    world.queue.fail("send_hint", times=1)
    assert not world.release().hinted
    world.live(300)
    assert len(world.sent_to("crm")) == 1


def test_what_is_released_is_told_as_if_it_had_been_accepted(world: Stack) -> None:
    """The webhook that destinations know, and how the body is to be read."""
    successor = WEBHOOK._replace(first_id="w-first")
    world.webhooks.webhooks = [MISTYPED]
    as_sent = {"content-encoding": "gzip", "content-type": "application/x-protobuf"}
    world.receive(headers=as_sent)
    world.webhooks.webhooks = [successor]
    assert world.release().outcome is Outcome.ACCEPTED
    event = world.row(KEY).stored.event
    assert {
        "content-encoding": event.content_encoding,
        "content-type": event.content_type,
    } == as_sent
    assert event.first_id == "w-first"
