"""Signed ids: what two requests under one `webhook-id` are, and under two different ones."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws
from spectrum_forwarder.adapters.event_queue import encode_event, read_record
from spectrum_forwarder.domain.identity import LONGEST_RUN
from spectrum_forwarder.domain.ports import Webhook

from functions.receiver import app
from tests.functional.test_same_id import TYPING, body
from tests.support.deployed import Context, Deployed
from tests.support.make import (
    OTHER_WHSEC,
    RAW_INBOUND,
    WEBHOOK,
    WHSEC,
    body_of,
    destination_of,
    signed_headers,
    webhook_of,
)
from tests.support.world import World

REGISTERED = webhook_of(WHSEC, v0=WEBHOOK.signing_secret)
# Registrations of the same source: an older one, one that the vendor signs by Standard alone, and
# one beside REGISTERED that has secrets of its own.
V0_ALONE = WEBHOOK._replace(id="3f1c2b7e-0000-4000-8000-00000000000a", signing_secret="a5" * 32)
STANDARD_ALONE = webhook_of(OTHER_WHSEC)._replace(id="3f1c2b7e-0000-4000-8000-00000000000b")
SECOND = STANDARD_ALONE._replace(signing_secret="b6" * 32)


class Upstream(World):
    """A world in which a registration signs by both schemes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.webhooks.webhooks[:] = [REGISTERED]
        self.add_quick(destination_of("crm"))

    def post(
        self,
        content: bytes,
        event_id: str = "evt_0001",
        scheme: str = "standard",
        webhook: Webhook = REGISTERED,
    ) -> str:
        """Receive it so signed; return the answer's word."""
        headers: dict[str, str | None] = {
            "x-spectrum-signature": None,
            "x-spectrum-timestamp": None,
        }
        headers |= signed_headers(
            content, now=self.clock(), webhook=webhook, scheme=scheme, event_id=event_id
        )
        reply = self.receive(content, headers)
        assert reply.status == 200
        return str(reply.body["status"])


@pytest.fixture
def world() -> Upstream:
    return Upstream()


def arrived(world: World) -> list[bytes]:
    world.live(1)
    return [attempt.body for attempt in world.sent_to("crm")]


CHANGED = [
    pytest.param(body(), body(content={"type": "text", "text": "other"}), id="message"),
    pytest.param(body(), json.dumps(json.loads(body()), indent=1).encode(), id="written anew"),
    pytest.param(body(TYPING), body(TYPING, direction="outbound"), id="typing"),
    pytest.param(RAW_INBOUND, RAW_INBOUND.replace(b"16", b"17"), id="raw inbound"),
    pytest.param(b'{"a":1}', b'{"a":2}', id="of no known kind"),
    pytest.param(b"\x0a\x03\xff", b"\x0a\x03\xfe", id="no JSON"),
]


@pytest.mark.parametrize("scheme", ["standard", "both"])
@pytest.mark.parametrize(("first", "second"), CHANGED)
def test_contract_9_1_two_equal_signed_ids_are_one_event_whatever_else_differs(
    world: Upstream, first: bytes, second: bytes, scheme: str
) -> None:
    assert world.post(first, scheme=scheme) == "accepted"
    puts = len(world.table.calls)
    assert world.post(second, scheme=scheme) == "duplicate"
    # Known at once: by the one call that a duplicate costs.
    assert world.table.calls[puts:] == ["put"]
    world.clock.advance(LONGEST_RUN + 1)
    assert world.post(second) == "duplicate"
    assert arrived(world) == [first]


@pytest.mark.parametrize(
    ("first", "second"), [one for one in CHANGED if one.id not in ("written anew",)]
)
def test_two_unequal_signed_ids_of_unequal_events_are_two(
    world: Upstream, first: bytes, second: bytes
) -> None:
    assert world.post(first) == "accepted"
    assert world.post(second, "evt_0002") == "accepted"
    assert sorted(arrived(world)) == sorted([first, second])


@pytest.mark.parametrize("content", [body(), body(TYPING), b'{"event":"messages"}'])
def test_contract_9_1_unequal_signed_ids_of_two_registrations_prove_nothing(
    world: Upstream, content: bytes
) -> None:
    world.webhooks.webhooks.append(SECOND)
    assert world.post(content) == "accepted"
    assert world.post(content, "evt_0002", webhook=SECOND) == "duplicate"
    assert arrived(world) == [content]


def test_unequal_signed_ids_prove_nothing_of_what_has_an_id_and_a_time(world: Upstream) -> None:
    assert [world.post(body(), event_id) for event_id in ("evt_0001", "evt_0002")] == [
        "accepted",
        "duplicate",
    ]


UNTIMED = [body(TYPING), b'{"event":"messages"}', b'{"event":"user.updated","user":{"id":"u1"}}']


@pytest.mark.parametrize("content", UNTIMED)
def test_two_events_that_only_their_signed_ids_tell_apart_are_both_delivered(
    world: Upstream, content: bytes
) -> None:
    """Within four minutes, through one registration: what else would be called a copy."""
    ids = ("evt_0001", "evt_0002", "evt_0003")
    assert [world.post(content, event_id) for event_id in ids] == ["accepted"] * 3
    world.clock.advance(30.0)
    assert [world.post(content, event_id) for event_id in ids] == ["duplicate"] * 3
    assert arrived(world) == [content] * 3


@pytest.mark.parametrize("content", UNTIMED)
def test_copies_through_an_older_registration_of_v0_stay_duplicates_beside_them(
    world: Upstream, content: bytes
) -> None:
    world.webhooks.webhooks.append(V0_ALONE)
    words = [
        world.post(content, event_id, scheme, webhook)
        for event_id in ("evt_0001", "evt_0002")
        for webhook, scheme in ((REGISTERED, "both"), (V0_ALONE, "v0"))
    ]
    assert words == ["accepted", "duplicate"] * 2
    assert arrived(world) == [content] * 2


def test_what_only_its_signed_id_tells_apart_costs_one_put_more_and_v0_none(
    world: Upstream,
) -> None:
    for scheme, more in (("v0", ["put"]), ("standard", ["put", "put"])):
        content = body(TYPING, id=scheme)
        world.post(content, "evt_0001", scheme)
        puts = len(world.table.calls)
        world.post(content, "evt_0002", scheme)
        assert world.table.calls[puts:] == more


def test_a_signed_id_under_another_id_of_a_message_is_another_event(world: Upstream) -> None:
    """Nobody has described such a copy, and to look for it would cost each event (decision 035)."""
    contents = [body(), body(id="58")]
    assert [world.post(content) for content in contents] == ["accepted"] * 2
    assert sorted(arrived(world)) == sorted(contents)


@pytest.mark.parametrize("first", ["v0", "standard"])
def test_one_event_through_a_registration_of_each_scheme_is_one_and_so_are_its_retries(
    world: Upstream, first: str
) -> None:
    world.webhooks.webhooks[:] = [V0_ALONE, STANDARD_ALONE]
    ways = {"v0": V0_ALONE, "standard": STANDARD_ALONE}
    words = []
    for scheme in sorted(ways, key=lambda name: name != first) * 2:
        words.append(world.post(body(), scheme=scheme, webhook=ways[scheme]))
        world.clock.advance(1.0)  # the next attempt is signed anew
    assert words == ["accepted", "duplicate", "duplicate", "duplicate"]
    assert arrived(world) == [body()]


@pytest.mark.parametrize("order", [("v0", "standard"), ("standard", "v0"), ("both", "v0")])
def test_contract_9_1_a_copy_in_the_other_scheme_is_a_duplicate(
    world: Upstream, order: tuple[str, str]
) -> None:
    assert [world.post(body(), scheme=scheme) for scheme in order] == ["accepted", "duplicate"]


def test_an_id_that_is_not_signed_proves_nothing(world: Upstream) -> None:
    """Standard headers that do not verify stand beside a good v0 signature."""
    spoilt = {"webhook-id": "evt_0001", "webhook-signature": "v1,", "webhook-timestamp": "1"}
    for content in (body(), body(space="elsewhere")):
        headers = signed_headers(content, now=world.clock()) | spoilt
        assert world.receive(content, headers).body["status"] == "accepted"
    assert len(arrived(world)) == 2


def test_contract_3_a_raw_body_is_forwarded_untouched_under_its_own_id(world: Upstream) -> None:
    assert world.post(RAW_INBOUND, "evt_synth_0001") == "accepted"
    world.live(1)
    (sent,) = world.sent_to("crm")
    assert sent.body == RAW_INBOUND
    # The vendor's own receivers answer 400 where it is not the body's.
    assert sent.headers["webhook-id"] == json.loads(RAW_INBOUND)["eventId"]
    assert sent.headers["X-Spectrum-Event"] == "message.received"


def test_contract_3_a_raw_body_in_v0_and_its_copy_in_standard_are_one_event(
    world: Upstream,
) -> None:
    assert world.post(RAW_INBOUND, "evt_synth_0001", "v0") == "accepted"
    assert world.post(RAW_INBOUND, "evt_synth_0001") == "duplicate"


def test_contract_3_a_raw_body_whose_id_is_not_the_signed_one_is_not_lost(world: Upstream) -> None:
    assert world.post(RAW_INBOUND, "evt_other") == "accepted"
    assert world.post(RAW_INBOUND, "evt_synth_0001") == "accepted"
    assert arrived(world) == [RAW_INBOUND] * 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("eventId", "evt.synth.1"),
        ("eventId", None),
        ("prevSubjectSeq", -1),
        ("type", "message.deleted"),
        ("request", {}),
        ("schemaVersion", "1"),
    ],
)
@pytest.mark.parametrize("scheme", ["v0", "standard"])
def test_contract_3_a_raw_body_of_another_form_is_forwarded_untouched(
    world: Upstream, field: str, value: object, scheme: str
) -> None:
    """What is published of this kind is code of a pull request: its form may still change."""
    content = json.dumps(json.loads(RAW_INBOUND) | {field: value}).encode()
    words = [world.post(content, "evt_synth_0001", scheme) for _ in range(2)]
    assert words == ["accepted", "duplicate"]
    world.live(1)
    (sent,) = world.sent_to("crm")
    assert sent.body == content
    assert "." not in sent.headers["webhook-id"]


def test_contract_3_raw_bodies_that_differ_in_their_event_id_alone_are_two(
    world: Upstream,
) -> None:
    second = RAW_INBOUND.replace(b"evt_synth_0001", b"evt_synth_0002")
    assert world.post(RAW_INBOUND, scheme="v0") == "accepted"
    assert world.post(second, scheme="v0") == "accepted"


def test_a_whole_event_in_the_queue_keeps_its_signed_id(world: Upstream) -> None:
    world.post(body())
    world.table.fail("put", times=1)
    assert world.post(body(timestamp="2026-11-27T09:07:00.000Z")) == "accepted"
    (queued,) = [q for q in world.memory_queue.queued if "packed" in q.body]
    stored = read_record({"messageId": "record-1", "body": queued.body}).whole
    assert stored is not None
    assert json.loads(encode_event(stored))["signed_id"] == stored.event.signed_id
    assert stored.event.scheme == "standard"
    assert arrived(world) == [body()]


# ---- Through the real adapters -----------------------------------------------------------------


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    importlib.reload(app)  # as a cold start does
    with mock_aws():
        deployed = Deployed(monkeypatch)
        entry: dict[str, Any] = {
            "id": WEBHOOK.id,
            "standard_secrets": [OTHER_WHSEC, {"secret": WHSEC, "accepted_until": 4e9}],
        }
        deployed.store_secret("webhooks", [entry])
        yield deployed


def handled(content: bytes, event_id: str, number: int) -> dict[str, Any]:
    headers = signed_headers(
        content, webhook=webhook_of(WHSEC), scheme="standard", event_id=event_id
    )
    event = {"version": "2.0", "rawPath": "/spectrum-webhook", "headers": headers}
    answer = app.handler(event | {"body": content.decode()}, Context(f"request-{number}"))
    return dict(json.loads(answer["body"]))


def test_the_item_says_its_scheme_and_the_digest_of_its_signed_id(deployed: Deployed) -> None:
    assert handled(body_of(), "evt_0001", 1)["status"] == "accepted"
    assert handled(body_of(text="changed"), "evt_0001", 2)["status"] == "duplicate"
    assert handled(body_of(text="changed"), "evt_0002", 3)["status"] == "accepted"
    items = deployed.items()
    assert {item["scheme"]["S"] for item in items} == {"standard"}
    assert [len(item["sid"]["B"]) for item in items] == [16, 16]


def test_the_table_tells_events_apart_that_only_differ_in_their_signed_ids(
    deployed: Deployed,
) -> None:
    posted = ["evt_0001", "evt_0002", "evt_0002", "evt_0001"]
    answers = [handled(body(TYPING), event_id, n) for n, event_id in enumerate(posted)]
    words = [answer["status"] for answer in answers]
    assert words == ["accepted", "accepted", "duplicate", "duplicate"]
    keys = [answer["event_key"] for answer in answers]
    assert keys == [*keys[:2], *keys[1::-1]]
    assert {item["event_key"]["S"] for item in deployed.items()} == set(keys)


def test_an_item_of_v0_is_no_byte_longer(deployed: Deployed) -> None:
    deployed.store_secret("webhooks", [{"id": WEBHOOK.id, "signing_secret": "5e" * 32}])
    event = {"version": "2.0", "headers": signed_headers(body_of()), "body": body_of().decode()}
    assert app.handler(event, Context())["statusCode"] == 200
    (item,) = deployed.items()
    assert {"scheme", "sid"}.isdisjoint(item)
