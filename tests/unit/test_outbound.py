"""What is sent: both signatures, and headers that neither a body nor an operator can break."""

import hashlib
from typing import Any

import pytest
from spectrum_forwarder.domain.destination import OldSecret
from spectrum_forwarder.domain.event import FORMAT
from spectrum_forwarder.domain.headers import HEADER_VALUE
from spectrum_forwarder.domain.outbound import (
    Attempt,
    headers_in_batch,
    key_of,
    outbound_headers,
    outgoing_id,
)
from spectrum_forwarder.domain.signature import SignedBytes, sign_standard

from tests.support.make import NOW, destination_of

BODY = b'{ "any": "bytes" }\r\n'
CRM = destination_of("crm")


def headers(
    *,
    event_key: str = "main:spc-msg-1",
    kind: str | None = "messages",
    content_type: str | None = "application/json",
    webhook_id: str = "w-1",
    now: float = NOW,
    **changes: object,
) -> dict[str, str]:
    found = outbound_headers(
        destination_of("crm", **changes),
        outgoing_id=event_key,
        kind=kind,
        webhook_id=webhook_id,
        content_type=content_type,
        body=BODY,
        now=now,
    )
    return {name.lower(): value for name, value in found.items()}


def test_an_attempt_verifies_as_a_spectrum_request() -> None:
    sent = headers(now=NOW + 0.9)
    assert sent["x-spectrum-timestamp"] == str(int(NOW))
    signed = SignedBytes(sent["x-spectrum-signature"].encode(), int(NOW), BODY)
    assert signed.by(CRM.signing_secret)
    assert (sent["x-spectrum-event"], sent["x-spectrum-webhook-id"]) == ("messages", "w-1")


def test_an_attempt_is_signed_by_standard_webhooks_under_the_event_key() -> None:
    sent = headers()
    expected = sign_standard(CRM.signing_secret, "main:spc-msg-1", int(NOW), BODY)
    assert sent["webhook-signature"] == expected
    assert (sent["webhook-id"], sent["webhook-timestamp"]) == ("main:spc-msg-1", str(int(NOW)))


def test_the_id_stays_and_the_signature_is_made_anew() -> None:
    first, second = headers(), headers(now=NOW + 5)
    assert first["webhook-id"] == second["webhook-id"]
    assert first["x-spectrum-signature"] != second["x-spectrum-signature"]


@pytest.mark.parametrize("key", ["main:1764234300.000100", "main:a.b.c", "main:57", "main:t1+17"])
def test_a_webhook_id_holds_no_full_stop_and_leads_back_to_its_key(key: str) -> None:
    sent = outgoing_id(key, FORMAT)
    assert "." not in sent
    assert headers(event_key=sent)["webhook-id"] == sent
    assert key_of(sent) == key


@pytest.mark.parametrize(
    ("key", "sent"),
    [
        ("main:webhook-id:evt_0001", "evt_0001"),
        ("main:webhook-id:evt:a.b", "evt:a~b"),
        ("main:webhook-id:evt_0001+0123456789abcdef", "main:webhook-id:evt_0001+0123456789abcdef"),
        ("main:webhook-id:id-sha256:ab", "main:webhook-id:id-sha256:ab"),
        ("webhook-id:spc-msg-1", "webhook-id:spc-msg-1"),
    ],
)
def test_what_is_known_by_the_id_that_it_was_signed_with_goes_on_under_it(
    key: str, sent: str
) -> None:
    assert outgoing_id(key, FORMAT) == sent


def test_what_0_1_0_stored_keeps_its_webhook_id() -> None:
    assert outgoing_id("main:1764234300.000100", 0) == "main:1764234300.000100"
    assert key_of("main:1764234300.000100") == "main:1764234300.000100"


def test_the_longest_event_key_is_still_the_webhook_id() -> None:
    key = "s" * 100 + ":" + "x" * 200
    assert headers(event_key=key)["webhook-id"] == key


def test_a_long_token_can_be_configured() -> None:
    token = "Bearer " + "x" * 2000
    assert HEADER_VALUE.fullmatch(token)
    assert headers(headers={"Authorization": token})["authorization"] == token


def test_configured_headers_are_added_and_cannot_replace_ours() -> None:
    sent = headers(headers={"Authorization": "Bearer x", "X-SPECTRUM-signature": "mine"})
    assert sent["authorization"] == "Bearer x"
    assert sent["x-spectrum-signature"].startswith("v0=")


@pytest.mark.parametrize("kind", [None, "a\r\nX-Evil: 1", "\u00e9", " x", "x" * 9999, "\x00"])
def test_a_kind_that_is_no_header_value_is_taken_for_messages(kind: str | None) -> None:
    assert headers(kind=kind)["x-spectrum-event"] == "messages"


@pytest.mark.parametrize("content_type", [None, "a\r\nX-Evil: 1", "text/plain; name=\u00e9"])
def test_a_content_type_that_cannot_be_sent_is_taken_for_json(content_type: str | None) -> None:
    assert headers(content_type=content_type)["content-type"] == "application/json"


def test_the_inbound_content_type_is_passed_on() -> None:
    assert headers(content_type="text/plain")["content-type"] == "text/plain"


def test_a_secret_that_is_no_base64_still_signs_v0() -> None:
    sent = headers(signing_secret="not base64!")
    assert "webhook-signature" not in sent
    assert sent["x-spectrum-signature"].startswith("v0=")


def test_neither_body_nor_headers_stand_in_a_representation() -> None:
    body = b"canary"
    secret = hashlib.sha256(body).hexdigest()
    attempt = Attempt("main:1", "crm", "https://x/", {"Authorization": secret}, body, 10.0, NOW)
    assert "canary" not in repr(attempt)
    assert secret not in repr(attempt)


def test_what_is_no_replay_comes_in_order_and_from_spectrum_itself_says_nothing_of_it() -> None:
    assert not [name for name in headers() if name.startswith("x-spectrum-forwarder")]
    assert "content-encoding" not in headers()


def test_marks_and_an_encoding_that_are_no_header_values_are_left_out() -> None:
    found = outbound_headers(
        CRM,
        outgoing_id="main:1",
        kind=None,
        webhook_id="w-1",
        content_type=None,
        body=BODY,
        now=NOW,
        replays=2,
        late=True,
        via="a\r\nX-Evil: 1",
        content_encoding="a\r\nX-Evil: 1",
    )
    assert not [value for value in found.values() if "Evil" in value]
    assert (found["X-Spectrum-Forwarder-Replay"], found["X-Spectrum-Forwarder-Late"]) == ("2", "1")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"kind": "a\nb"}, {"X-Spectrum-Event": "messages"}),
        ({"content_type": "a\nb"}, {"Content-Type": "application/json"}),
        ({"content_encoding": "gzip"}, {"Content-Encoding": "gzip"}),
        ({"content_encoding": "a\nb"}, {}),
        ({"webhook_id": ""}, {"X-Spectrum-Webhook-Id": None}),
        ({"replays": 2}, {"X-Spectrum-Forwarder-Replay": "2"}),
        ({"late": True}, {"X-Spectrum-Forwarder-Late": "1"}),
        ({"via": "mark"}, {"X-Spectrum-Forwarder-Via": "mark"}),
    ],
)
def test_an_event_in_a_batch_has_the_headers_that_tell_of_it(
    changes: dict[str, Any], expected: dict[str, str | None]
) -> None:
    usual: dict[str, Any] = {
        "kind": "receipts",
        "webhook_id": "w-1",
        "content_type": "text/plain",
        "content_encoding": None,
        "replays": 0,
        "late": False,
        "via": None,
    }
    whole = {
        "Content-Type": "text/plain",
        "X-Spectrum-Event": "receipts",
        "X-Spectrum-Webhook-Id": "w-1",
    } | expected
    found = headers_in_batch(**usual | changes)
    assert found == {name: value for name, value in whole.items() if value is not None}


def test_while_a_secret_is_replaced_v0_is_signed_with_the_old_one_and_the_other_by_both() -> None:
    old, new = "whsec_" + "a" * 32, "whsec_" + "b" * 32
    sent = headers(signing_secret=new, old_secrets=(OldSecret(old, NOW + 60),))
    signed = SignedBytes(sent["x-spectrum-signature"].encode(), int(NOW), BODY)
    assert (signed.by(old), signed.by(new)) == (True, False)
    assert len(sent["webhook-signature"].split(" ")) == 2
