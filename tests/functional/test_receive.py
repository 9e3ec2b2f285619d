"""Receive: every row of the table of answers, and what each costs and tells."""

import json
import random

import pytest
from spectrum_forwarder.adapters.webhook_registry import read_webhook
from spectrum_forwarder.domain.errors import NotDurable, TableUnavailable, refusals
from spectrum_forwarder.domain.event import pack, unpack
from spectrum_forwarder.domain.inbound import InboundRequest, Reply
from spectrum_forwarder.domain.ports import Webhook
from spectrum_forwarder.domain.quarantine import UNSIGNED
from spectrum_forwarder.domain.worker_ports import Record
from spectrum_forwarder.measures import MEASURES
from spectrum_forwarder.receive import LARGEST_QUEUED
from spectrum_forwarder.storing import CHEAPEST_INLINE, LARGEST_INLINE

from tests.support import contract, vendor_signing
from tests.support.make import (
    WEBHOOK,
    WHSEC,
    body_of,
    destination_of,
    signed_headers,
    stored_of,
    webhook_of,
)
from tests.support.world import World

KEY = "main:spc-msg-1"
OTHER = Webhook(id="w-2", signing_secret="7a" * 32, source="other")
CLOSED_FOR_GOOD = Record({}, due_at=None, expires_at=2e9)


@pytest.fixture
def world() -> World:
    return World()


def code(reply: Reply) -> tuple[int, str]:
    """An answer in short: its status, and the word for it."""
    error = reply.body.get("error")
    return reply.status, str(error["code"] if isinstance(error, dict) else reply.body["status"])


def noise(size: int) -> bytes:
    """A body that does not get smaller by packing."""
    return random.Random(1).randbytes(size)


# ---- Accepted ----------------------------------------------------------------------------------


def test_a_new_event_is_stored_and_hinted_at_before_it_is_accepted(world: World) -> None:
    assert world.receive() == Reply(200, {"status": "accepted", "event_key": KEY})
    assert unpack(world.row().stored.packed or b"") == body_of()
    assert [json.loads(queued.body) for queued in world.memory_queue.queued] == [{"event_key": KEY}]
    assert [name for name, _ in world.facts.told] == ["event.accepted"]


def test_a_new_event_costs_one_look_up_one_put_and_one_hint(world: World) -> None:
    world.receive()
    calls = world.registry.calls + world.table.calls + world.queue.calls + world.payloads.calls
    assert calls == ["find", "put", "send_hint"]


def test_a_new_event_owes_work_but_leaves_the_hint_some_time(world: World) -> None:
    world.receive()
    assert world.row().due_at == world.clock() + world.timing.claim()


def test_a_copy_is_a_duplicate_and_sends_no_hint(world: World) -> None:
    world.receive()
    assert world.receive() == Reply(200, {"status": "duplicate", "event_key": KEY})
    assert world.queue.calls == ["send_hint"]


def test_a_copy_through_another_registration_of_the_same_source_is_a_duplicate(
    world: World,
) -> None:
    successor = Webhook(id="w-3", signing_secret="3c" * 32, source=WEBHOOK.source)
    world.webhooks.webhooks.append(successor)
    world.receive()
    copy = signed_headers(body_of(), now=world.clock(), webhook=successor)
    assert code(world.receive(headers=copy)) == (
        200,
        "duplicate",
    )


def test_an_overdue_duplicate_is_hinted_at_again(world: World) -> None:
    world.receive()
    world.clock.advance(world.timing.claim() + 1)
    assert code(world.receive()) == (200, "duplicate")
    assert world.queue.calls == ["send_hint", "send_hint"]


def test_an_overdue_duplicate_that_somebody_holds_is_left_to_them(world: World) -> None:
    world.receive()
    world.clock.advance(world.timing.claim() + 1)
    now = world.clock()
    world.rows.claim(KEY, owner="a", now=now, until=now + 75)
    world.receive()
    assert world.queue.calls == ["send_hint"]


def test_a_settled_duplicate_is_not_hinted_at(world: World) -> None:
    world.receive()
    now = world.clock()
    world.rows.claim(KEY, owner="a", now=now, until=now + 75)
    world.rows.record(KEY, owner="a", record=CLOSED_FOR_GOOD)
    world.clock.advance(10_000)
    assert code(world.receive()) == (200, "duplicate")
    assert world.queue.calls == ["send_hint"]


def test_a_put_that_is_repeated_by_the_client_library_is_no_duplicate(world: World) -> None:
    world.receive()
    world._receipts = 0
    assert code(world.receive()) == (200, "accepted")


@pytest.mark.parametrize(
    "body",
    [b"", b"not json", b"\xff\x00", b'{"event":"edited"}', b'{ "event" : "messages" }\r\n', b"[]"],
)
def test_an_authentic_body_of_any_form_is_accepted_byte_for_byte(world: World, body: bytes) -> None:
    reply = world.receive(body)
    assert code(reply) == (200, "accepted")
    assert str(reply.body["event_key"]).startswith("main:body-sha256:")
    assert unpack(world.row(str(reply.body["event_key"])).stored.packed or b"") == body


def test_the_unsigned_event_header_decides_nothing(world: World) -> None:
    assert code(world.receive(headers={"x-spectrum-event": "edited"})) == (200, "accepted")
    assert world.row().stored.event.kind == "messages"


# ---- Refused -----------------------------------------------------------------------------------

HEX = "ab" * 32
SIGNATURE, TIMESTAMP = "x-spectrum-signature", "x-spectrum-timestamp"
WEBHOOK_ID = "x-spectrum-webhook-id"


@pytest.mark.parametrize("value", [None, "", " "])
def test_what_names_no_webhook_and_is_not_signed_is_refused_without_any_call(
    world: World, value: str | None
) -> None:
    unsigned = {WEBHOOK_ID: value, SIGNATURE: None, TIMESTAMP: value}
    assert code(world.receive(headers=unsigned)) == (400, "missing_headers")
    assert world.registry.calls == world.table.calls == world.queue.calls == []


# What may come of a known webhook, spoilt on its way: Spectrum drops it for ever on a 4xx, so each
# is either kept (tests/functional/test_quarantine.py) or doubted.
SPOILT = [
    ({SIGNATURE: None}, "missing_signature"),
    ({SIGNATURE: ""}, "missing_signature"),
    ({TIMESTAMP: None}, "missing_timestamp"),
    ({TIMESTAMP: " "}, "missing_timestamp"),
    ({SIGNATURE: None, TIMESTAMP: None}, "missing_signature"),
    ({SIGNATURE: f"v0={HEX[1:]}"}, "malformed_signature"),
    ({SIGNATURE: f"v0={HEX},v0={HEX}"}, "malformed_signature"),
    ({SIGNATURE: f"v0={HEX} v1=token"}, "malformed_signature"),
    ({SIGNATURE: HEX}, "malformed_signature"),
    ({SIGNATURE: f"v0={HEX}\n"}, "malformed_signature"),
    ({SIGNATURE: "\u00e9" * 67}, "malformed_signature"),
    ({SIGNATURE: "\udc80"}, "malformed_signature"),
    ({TIMESTAMP: "17000000_0"}, "malformed_timestamp"),
    ({TIMESTAMP: "1700000000,1700000000"}, "malformed_timestamp"),
    ({TIMESTAMP: "1700000000000"}, "malformed_timestamp"),
    ({TIMESTAMP: "\uff11" * 10}, "malformed_timestamp"),
    ({TIMESTAMP: "1700000000\n"}, "malformed_timestamp"),
]


@pytest.mark.parametrize(("headers", "expected"), SPOILT)
def test_a_spoilt_proof_of_a_known_webhook_is_no_400(
    world: World, headers: dict[str, str | None], expected: str
) -> None:
    assert code(world.receive(headers=headers)) == (401, expected)
    assert world.registry.calls == ["find"]
    assert world.table.calls == world.queue.calls == []


@pytest.mark.parametrize(("headers", "_"), SPOILT)
def test_a_spoilt_proof_of_an_unknown_webhook_is_a_doubt_of_ours(
    world: World, headers: dict[str, str | None], _: str
) -> None:
    reply = world.receive(headers={WEBHOOK_ID: "unknown", **headers})
    assert code(reply) == (503, "unknown_webhook")


# ---- Both schemes ------------------------------------------------------------------------------

# Registered at Spectrum with both secrets; those that are stored differ from test to test.
REGISTERED = webhook_of(WHSEC, v0=WEBHOOK.signing_secret)


def signed_by(world: World, scheme: str, **changes: str | None) -> dict[str, str | None]:
    """The headers of a request of REGISTERED; those of the other scheme are not there."""
    headers: dict[str, str | None] = dict.fromkeys((SIGNATURE, TIMESTAMP))
    headers |= signed_headers(body_of(), now=world.clock(), webhook=REGISTERED, scheme=scheme)
    return headers | {name.replace("_", "-"): value for name, value in changes.items()}


def stored_webhooks(now: float) -> list[Webhook]:
    """CONTRACT's registrations, with those secrets that count now."""
    read = [read_webhook(entry).at(now) for entry in contract.ENTRIES]
    return [webhook for webhook in read if webhook is not None]


@pytest.mark.parametrize("case", contract.CASES, ids=lambda case: case.name)
def test_contract_1_and_9_2_every_way_of_signing_has_its_answer(
    world: World, case: contract.Case
) -> None:
    world.webhooks.webhooks[:] = stored_webhooks(world.clock())
    headers, body = case.request(world.clock())
    request = InboundRequest(headers, body, "/spectrum-webhook")
    reply = world.receiver().receive(request, receipt="request-1")
    assert code(reply) == case.answer
    calls = world.table.calls + world.queue.calls
    assert calls == (["put", "send_hint"] if reply.status == 200 else [])


@pytest.mark.parametrize("scheme", ["v0", "standard", "both"])
@pytest.mark.parametrize("name", contract.BODIES)
def test_contract_2_any_body_is_forwarded_byte_for_byte(
    world: World, name: str, scheme: str
) -> None:
    world.webhooks.webhooks[:] = stored_webhooks(world.clock())
    world.add_quick(destination_of("crm"))
    body, now = contract.BODIES[name], int(world.clock())
    ways = {
        "v0": vendor_signing.v0(contract.BOTH, contract.LEGACY, body, now),
        "standard": vendor_signing.standard(contract.BOTH, body, now, "evt_1", contract.KEY),
    }
    headers = ways["v0"] | ways["standard"] if scheme == "both" else ways[scheme]
    request = InboundRequest(headers, body, "/spectrum-webhook")
    for expected in ("accepted", "duplicate"):
        assert code(world.receiver().receive(request, receipt=expected)) == (200, expected)
    world.live(1)
    assert [attempt.body for attempt in world.sent_to("crm")] == [body]
    assert "." not in world.sent_to("crm")[0].headers["webhook-id"]


@pytest.mark.parametrize("scheme", ["v0", "standard", "both"])
def test_the_log_says_which_scheme_proved_it(world: World, scheme: str) -> None:
    world.webhooks.webhooks[:] = [REGISTERED]
    said = {"both": "v0+standard"}.get(scheme, scheme)
    for fact in ("event.accepted", "event.duplicate"):
        assert world.receive(headers=signed_by(world, scheme)).status == 200
        assert [told["scheme"] for told in world.facts.named(fact)] == [said]
    assert (world.row().stored.event.scheme, world.table.calls) == (said, ["put", "put"])


def test_a_scheme_that_was_there_and_proved_nothing_is_kept_in_mind(world: World) -> None:
    """Whether Standard headers come is to be known where no secret of theirs is stored."""
    world.webhooks.webhooks[:] = [REGISTERED._replace(secrets=())]
    assert world.receive(headers=signed_by(world, "both")).status == 200
    event = world.row().stored.event
    assert (event.scheme, event.also) == ("v0", "standard")
    assert [told["also"] for told in world.facts.named("event.accepted")] == ["standard"]


def test_a_duplicate_says_how_it_came(world: World) -> None:
    second = REGISTERED._replace(id="second")
    world.webhooks.webhooks[:] = [REGISTERED, second]
    for seconds, webhook, body in (
        (0, REGISTERED, body_of()),
        (0, REGISTERED, body_of()),
        (2, REGISTERED, body_of()),
        (0, second, body_of() + b" "),
    ):
        world.clock.advance(seconds)
        headers = signed_headers(body, now=world.clock(), webhook=webhook)
        assert world.receive(body, headers=headers).status == 200
    told = [
        (line["signed"], line["registration"], line["body"])
        for line in world.facts.named("event.duplicate")
    ]
    assert told == [
        ("the_same", "the_same", "the_same"),
        ("anew", "the_same", "the_same"),
        ("anew", "another", "another"),
    ]


@pytest.mark.parametrize("scheme", ["standard", "both"])
def test_a_scheme_that_no_secret_is_stored_for_is_a_doubt_of_ours(
    world: World, scheme: str
) -> None:
    forged = {} if scheme == "standard" else {"x_spectrum_signature": f"v0={HEX}"}
    headers = signed_by(world, scheme, **forged)
    assert code(world.receive(headers=headers)) == (503, "scheme_without_secret")
    (told,) = world.facts.named("request.refused")
    v0 = "v0=signature_mismatch " if scheme == "both" else ""
    assert told["tried"] == f"{v0}standard=scheme_without_secret"
    # It counts among our own faults, each code of which raises an alarm.
    (measure,) = (one for one in MEASURES["request.refused"] if one.metric == "OwnFaults")
    assert measure.takes(told)


def test_a_secret_that_was_stored_just_now_proves_at_once(world: World) -> None:
    world.webhooks.later = [REGISTERED]
    assert code(world.receive(headers=signed_by(world, "standard"))) == (200, "accepted")
    assert world.registry.calls == ["find", "find"]


@pytest.mark.parametrize("scheme", ["v0", "standard", "both"])
@pytest.mark.parametrize("value", [None, "", " "])
def test_a_request_that_names_no_webhook_is_proved_by_whatever_secret_is_stored(
    world: World, scheme: str, value: str | None
) -> None:
    world.webhooks.webhooks[:] = [OTHER, REGISTERED]
    headers = signed_by(world, scheme, x_spectrum_webhook_id=value)
    assert code(world.receive(headers=headers)) == (200, "accepted")
    assert world.row().stored.event.webhook_id == REGISTERED.id
    assert world.registry.calls == ["all"]


@pytest.mark.parametrize("scheme", ["v0", "standard", "both"])
def test_what_names_no_webhook_and_is_not_proved_may_be_of_one_not_stored_yet(
    world: World, scheme: str
) -> None:
    world.webhooks.webhooks[:] = [OTHER]
    headers = signed_by(world, scheme, x_spectrum_webhook_id=None)
    assert code(world.receive(headers=headers)) == (503, "unnamed_webhook")
    assert world.registry.calls == ["all", "all"]
    # A stranger can cause it at will: no fault of ours.
    (told,) = world.facts.named("request.refused")
    (measure,) = (one for one in MEASURES["request.refused"] if one.metric == "OwnFaults")
    assert not measure.takes(told)
    world.registry.fail("all")
    assert code(world.receive(headers=headers)) == (503, "secrets_unavailable")


def test_the_registration_of_the_path_is_tried_first(world: World) -> None:
    second = REGISTERED._replace(id="w-2", path="/spectrum-webhook/2")
    world.webhooks.webhooks[:] = [REGISTERED, second]
    headers = signed_by(world, "v0", x_spectrum_webhook_id=None)
    world.receive(headers=headers, path="/spectrum-webhook/2")
    assert world.row().stored.event.webhook_id == "w-2"


@pytest.mark.parametrize("skew", [-301, 301])
def test_a_stale_timestamp_is_refused_after_one_look_up(world: World, skew: int) -> None:
    headers = signed_headers(body_of(), now=world.clock() + skew)
    assert code(world.receive(headers=headers)) == (401, "stale_timestamp")
    assert world.registry.calls == ["find"]


@pytest.mark.parametrize("skew", [-300, 300])
def test_the_edge_of_the_window_is_accepted(world: World, skew: int) -> None:
    headers = signed_headers(body_of(), now=world.clock() + skew)
    assert code(world.receive(headers=headers)) == (200, "accepted")


def test_a_wrong_signature_is_refused_after_a_second_look(world: World) -> None:
    assert code(world.receive(headers={SIGNATURE: f"v0={HEX}"})) == (401, "signature_mismatch")
    assert world.registry.calls == ["find", "find"]
    assert world.table.calls == world.queue.calls == []


def test_another_webhooks_secret_does_not_count(world: World) -> None:
    world.webhooks.webhooks.append(OTHER)
    assert code(world.receive(headers={WEBHOOK_ID: OTHER.id})) == (401, "signature_mismatch")


def test_both_secrets_of_one_id_count(world: World) -> None:
    mistyped = Webhook(id=WEBHOOK.id, signing_secret="00" * 32, source="main")
    world.webhooks.webhooks.insert(0, mistyped)
    assert code(world.receive()) == (200, "accepted")


@pytest.mark.parametrize("webhook_id", ["unknown", "\u00e9", "\ud83d", "x" * 9999])
def test_an_unknown_webhook_is_a_doubt_of_ours(world: World, webhook_id: str) -> None:
    assert code(world.receive(headers={WEBHOOK_ID: webhook_id})) == (503, "unknown_webhook")
    assert world.registry.calls == ["find"]


def test_a_stale_request_of_an_unknown_webhook_is_a_doubt_of_ours(world: World) -> None:
    reply = world.receive(headers={WEBHOOK_ID: "unknown", TIMESTAMP: "1000000000"})
    assert code(reply) == (503, "unknown_webhook")


def test_unreadable_secrets_are_a_doubt_of_ours(world: World) -> None:
    world.registry.fail("find")
    assert code(world.receive()) == (503, "secrets_unavailable")


def test_every_refusal_has_a_code_and_says_what_to_do() -> None:
    found = list(refusals())
    assert len({refusal.code for refusal in found}) == len(found) == 15
    for refusal in found:
        assert refusal.status in (400, 401, 503)
        assert len(refusal.advice) > 30


# ---- Our own failures --------------------------------------------------------------------------


def test_a_lost_hint_is_still_accepted(world: World) -> None:
    world.queue.fail("send_hint")
    assert code(world.receive()) == (200, "accepted")
    assert world.row().due_at is not None
    assert world.facts.named("hint.failed") == [{"event_key": KEY, "cause": "down"}]


def test_an_event_without_its_hint_is_hinted_at_by_the_next_sweep(world: World) -> None:
    """And not by the first one after the 75 s that a hint is given."""
    world.queue.fail("send_hint")
    assert code(world.receive()) == (200, "accepted")
    assert world.table.calls == ["put", "hasten"]
    assert world.row().due_at == world.clock()
    assert world.sweep().hints == 1


def test_an_event_without_its_hint_is_accepted_whatever_else_fails(world: World) -> None:
    world.queue.fail("send_hint")
    world.table.fail("hasten")
    assert code(world.receive()) == (200, "accepted")
    assert world.row().due_at == world.clock() + world.timing.hint_slack


def test_a_hint_that_came_although_nobody_heard_of_it_is_no_reason_to_look_again(
    world: World,
) -> None:
    """It was faster than the receiver: the event is delivered, and owes nothing any more."""
    world.add_quick(destination_of("crm"))
    world.queue.lose("send_hint")
    hasten = world.rows.hasten

    def later(event_key: str, *, seen: float, due_at: float) -> bool:
        world.poll()
        return hasten(event_key, seen=seen, due_at=due_at)

    world.rows.hasten = later  # type: ignore[method-assign]
    assert code(world.receive()) == (200, "accepted")
    assert world.row().due_at is None
    assert world.outcome() == ("delivered", 1, None)


def test_while_the_table_is_down_the_queue_takes_the_whole_event(world: World) -> None:
    world.table.fail("put")
    assert world.receive() == Reply(200, {"status": "accepted", "event_key": KEY})
    assert world.queue.calls == ["send_event"]
    assert world.facts.named("event.queued_whole")


def test_without_table_and_queue_nothing_is_promised(world: World) -> None:
    world.table.fail("put")
    world.queue.fail("send_event")
    assert code(world.receive()) == (503, "not_durable")


def test_a_large_body_goes_to_the_bucket_first(world: World) -> None:
    body = noise(LARGEST_INLINE + 1)
    reply = world.receive(body)
    assert code(reply) == (200, "accepted")
    stored = world.row(str(reply.body["event_key"])).stored
    assert stored.packed is None
    assert unpack(world.bodies.get(stored.payload or "")) == body


@pytest.mark.parametrize(("size", "calls"), [(0, []), (1, ["put"])])
def test_a_body_goes_to_the_bucket_from_where_that_is_cheaper(
    world: World, size: int, calls: list[str]
) -> None:
    body = next(
        body
        for length in range(CHEAPEST_INLINE, 0, -1)
        if len(pack(body := noise(length))) == CHEAPEST_INLINE + size
    )
    assert code(world.receive(body)) == (200, "accepted")
    assert world.payloads.calls == calls


def test_a_body_that_packs_well_stays_in_the_table(world: World) -> None:
    world.receive(body_of(text="x" * 1_000_000))
    assert world.payloads.calls == []


@pytest.mark.parametrize("size", [CHEAPEST_INLINE + 1, LARGEST_INLINE - 1000])
def test_while_the_bucket_is_down_what_fits_stays_in_the_item(world: World, size: int) -> None:
    world.payloads.fail("put")
    body = noise(size)
    reply = world.receive(body)
    assert code(reply) == (200, "accepted")
    stored = world.row(str(reply.body["event_key"])).stored
    assert unpack(stored.packed or b"") == body
    assert world.queue.calls == ["send_hint"]
    (told,) = world.facts.named("event.accepted")
    assert told["in_bucket"] is False


def test_while_the_bucket_is_down_the_queue_takes_a_large_body(world: World) -> None:
    world.payloads.fail("put")
    assert code(world.receive(noise(500_000))) == (200, "accepted")
    assert world.queue.calls == ["send_event"]
    assert world.table.calls == []


def test_what_fits_neither_bucket_nor_queue_is_not_durable(world: World) -> None:
    world.payloads.fail("put")
    assert code(world.receive(noise(LARGEST_QUEUED + 1))) == (503, "not_durable")
    assert world.queue.calls == []


@pytest.mark.parametrize(("size", "is_queued"), [(750_000, True), (750_001, False)])
def test_a_whole_event_is_queued_up_to_what_the_queue_takes(
    world: World, size: int, is_queued: bool
) -> None:
    world.payloads.fail("put")
    stored = stored_of()._replace(packed=b"x" * size)
    receiver, cause = world.receiver(), TableUnavailable("down")
    if is_queued:
        receiver._queue_whole(stored, cause)
    else:
        with pytest.raises(NotDurable):
            receiver._queue_whole(stored, cause)
    assert world.queue.calls == (["send_event"] if is_queued else [])


def test_while_the_table_is_down_a_large_body_is_queued_by_name(world: World) -> None:
    world.table.fail("put")
    assert code(world.receive(noise(LARGEST_QUEUED + 1))) == (200, "accepted")
    (queued,) = world.memory_queue.queued
    assert len(queued.body) < 2000


# ---- What is told ------------------------------------------------------------------------------


def test_nothing_that_is_told_holds_content(world: World) -> None:
    body = body_of(text="canary", phone="+15550100")
    signature = signed_headers(body, now=world.clock())["x-spectrum-signature"]
    world.receive(body)
    world.receive(body)
    world.receive(body[:-1] + b" }", headers={SIGNATURE: signature})
    world.receive(body, headers={TIMESTAMP: "1000000000"})
    world.receive(body, headers={SIGNATURE: signature[:-1]})
    world.receive(body, headers={WEBHOOK_ID: "unknown"})
    world.table.fail("put")
    world.queue.fail("send_event", "send_hint")
    world.receive(body)
    told = repr(world.facts.told)
    for secret in ("canary", "+15550100", signature[3:-1], WEBHOOK.signing_secret, "hello"):
        assert secret not in told
    assert len(world.facts.named("request.refused")) == 5


def test_a_refusal_is_told_with_its_shape_and_skew(world: World) -> None:
    headers = signed_headers(body_of(), now=world.clock() - 999)
    world.receive(headers=headers)
    (told,) = world.facts.named("request.refused")
    assert told["code"] == "stale_timestamp"
    assert told["skew_seconds"] == 999
    assert told["verified"] is True
    assert told["body_bytes"] == len(body_of())


@pytest.mark.parametrize(
    ("skew", "told"), [(100, 100), (-100, -100), (10, 10), (9, None), (0, None)]
)
def test_an_accepted_event_is_told_with_a_skew_that_no_good_clock_has(
    world: World, skew: int, told: int | None
) -> None:
    """As in a refusal: of what was signed a while ago it is above nought."""
    world.receive(headers=signed_headers(body_of(), now=world.clock() - skew))
    (accepted,) = world.facts.named("event.accepted")
    assert accepted["skew_seconds"] == told


@pytest.mark.parametrize(
    "headers",
    [
        {TIMESTAMP: "1000000000"},
        {SIGNATURE: f"v0={HEX}"},
        {TIMESTAMP: "1000000000", SIGNATURE: f"v0={HEX}"},
        {TIMESTAMP: "1000000000", WEBHOOK_ID: "unknown"},
        {TIMESTAMP: "1000000000", WEBHOOK_ID: None},
    ],
)
def test_a_time_that_nobody_signed_is_no_clock_skew(
    world: World, headers: dict[str, str | None]
) -> None:
    world.receive(headers=headers)
    (told,) = world.facts.named("request.refused")
    measured = [measure.metric for measure in MEASURES["request.refused"] if measure.takes(told)]
    assert "Refused" in measured
    assert "ClockSkew" not in measured


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_how_a_body_is_encoded_is_kept(world: World, encoding: str | None) -> None:
    world.receive(headers={"content-encoding": encoding})
    assert world.row().stored.event.content_encoding == encoding


@pytest.mark.parametrize(("signature", "probe"), [(UNSIGNED, True), (f"v0={HEX}", None)])
def test_who_only_asks_whether_a_webhook_is_known_is_told_as_such(
    world: World, signature: str, probe: bool | None
) -> None:
    world.receive(headers={SIGNATURE: signature})
    (told,) = world.facts.named("request.refused")
    assert told["probe"] is probe


def test_a_refusal_without_a_timestamp_has_no_skew(world: World) -> None:
    world.receive(headers={TIMESTAMP: None})
    (told,) = world.facts.named("request.refused")
    assert told["skew_seconds"] is None
    assert told["missing"] == ["x-spectrum-timestamp"]
