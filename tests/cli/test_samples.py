"""Samples: every kind is what it says it is, and every flaw spoils a request."""

import json
import re
import time
import uuid

import pytest
from spectrum_cli.samples.bodies import make_id, shared_by
from spectrum_cli.samples.requests import (
    CONTENT_KINDS,
    FLAWS,
    KINDS,
    ODD_KINDS,
    PLATFORMS,
    SITUATION_KINDS,
    TEST_SECRET,
    TEST_WEBHOOK_ID,
    SampleRequest,
    flawed,
    make_body,
    signed,
)
from spectrum_forwarder.domain.errors import Refused
from spectrum_forwarder.domain.event import make_event, pack
from spectrum_forwarder.domain.signature import (
    SignedBytes,
    check_freshness,
    parse_signature,
    parse_timestamp,
)
from spectrum_forwarder.domain.sources import fingerprint_of

NOW = 1_700_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_signed_as_it_is(kind: str) -> None:
    body = make_body(kind)
    request = signed(body, webhook_id=TEST_WEBHOOK_ID, secret=TEST_SECRET, timestamp=NOW)
    assert request.body == body
    assert verifies(request)


@pytest.mark.parametrize("flaw", FLAWS)
def test_every_flaw_spoils_the_request(flaw: str) -> None:
    body = make_body("text")
    good = signed(body, webhook_id=TEST_WEBHOOK_ID, secret=TEST_SECRET, timestamp=NOW)
    assert verifies(good)
    bad = flawed(flaw, body, webhook_id=TEST_WEBHOOK_ID, secret=TEST_SECRET, timestamp=NOW)
    assert not verifies(bad)


def verifies(request: SampleRequest) -> bool:
    """The whole check in short, for the test webhook."""
    headers = request.headers
    if headers.get("X-Spectrum-Webhook-Id") != TEST_WEBHOOK_ID:
        return False
    try:
        timestamp = parse_timestamp(headers.get("X-Spectrum-Timestamp", ""))
        signature = parse_signature(headers.get("X-Spectrum-Signature", ""))
        check_freshness(timestamp, NOW, tolerance=300)
    except Refused:
        return False
    return SignedBytes(signature, timestamp, request.body).by(TEST_SECRET)


def test_the_signature_is_the_known_answer() -> None:
    request = signed(b'{"a":1}', webhook_id="any", secret=TEST_SECRET, timestamp=1_700_000_000)
    assert request.headers["X-Spectrum-Signature"] == (
        "v0=ed32e8299574bceff54880713e4c241a2b12b589710377037d2ec7c7ae9fcf7f"
    )


def test_content_kinds_are_named_after_their_content_type() -> None:
    for kind in CONTENT_KINDS:
        whole = json.loads(make_body(kind))
        assert whole["message"]["content"]["type"] == kind
        assert whole["message"]["space"] == whole["space"]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("kind", CONTENT_KINDS)
def test_contract_2_every_content_type_on_every_platform_in_both_spellings(
    kind: str, platform: str
) -> None:
    whole = json.loads(make_body(kind, platform=platform))
    message = whole["message"]
    assert message["space"] == whole["space"]
    assert set(re.findall(r'"platform":"([^"]*)"', json.dumps(whole, separators=(",", ":")))) == {
        platform
    }
    has = {"direction", "timestamp", "sender"} & set(message)
    assert has == (set() if kind == "typing" else {"direction", "timestamp", "sender"})


@pytest.mark.parametrize("kind", [kind for kind in SITUATION_KINDS if shared_by(kind) != kind])
def test_contract_4_kinds_that_share_an_id_are_two_events(kind: str) -> None:
    seed = uuid.uuid4()
    first, second = (
        make_body(name, message_id=make_id(name, seed)) for name in (shared_by(kind), kind)
    )
    assert json.loads(first)["message"]["id"] == json.loads(second)["message"]["id"]
    assert fingerprint_of(first) != fingerprint_of(second)


def test_contract_2_no_sample_carries_a_one_time_code() -> None:
    """Spectrum withholds such messages: a sample that looks like one would be a bad example."""
    for kind in KINDS:
        text = make_body(kind)[:2000].decode("utf-8", "replace")
        assert not re.search(r"(?i)code\W{1,3}(is\W{1,3})?[0-9]{4}", text)


def test_contract_9_the_card_with_a_photo_is_of_a_megabyte_that_does_not_compress() -> None:
    body = make_body("vcard")
    assert len(body) > 1_000_000
    # base64 has three quarters of its bits to lose, and no more than that.
    assert len(pack(body)) > 700_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_id_makes_a_body_repeatable_and_another_one_does_not(kind: str) -> None:
    assert make_body(kind, message_id="one") == make_body(kind, message_id="one")
    assert make_body(kind, message_id="one") != make_body(kind, message_id="two")
    assert make_body(kind) != make_body(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_two_samples_of_a_kind_are_two_events(kind: str) -> None:
    keys = {_key(make_body(kind)) for _ in range(3)}
    assert len(keys) == 3


@pytest.mark.parametrize("kind", [kind for kind in ODD_KINDS if kind != "unknown_content"])
def test_odd_bodies_are_odd(kind: str) -> None:
    body = make_body(kind, message_id="spc-msg-1")
    hashed = "sha256:" in _key(body)
    assert hashed or kind in ("missing_parts", "hostile_json", "raw_inbound")
    if kind == "hostile_json":
        assert _written_again(body) != body


def test_the_event_header_mirrors_the_body_and_is_left_out_where_there_is_none() -> None:
    events = {
        kind: signed(make_body(kind), webhook_id="w", secret="s", timestamp=NOW).headers.get(
            "X-Spectrum-Event"
        )
        for kind in ("text", "unknown_event", "not_json")
    }
    assert events == {"text": "messages", "unknown_event": "space.archived", "not_json": None}


def test_json_is_compact_utf_8() -> None:
    body = make_body("text", sent_at=int(time.time()))
    assert b'{"event":"messages","space":{"id":' in body
    assert "🍜".encode() in body


def _written_again(body: bytes) -> bytes:
    text = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def _key(body: bytes) -> str:
    return make_event(source="test", webhook_id="w", received_at=0.0, signed_at=NOW, body=body).key
