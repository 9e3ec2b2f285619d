"""Signatures: the known answer, the strict patterns, the window, and both outbound schemes."""

import base64
import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spectrum_forwarder.domain.errors import MalformedSignature, MalformedTimestamp, StaleTimestamp
from spectrum_forwarder.domain.signature import (
    SignedBytes,
    check_freshness,
    parse_signature,
    parse_timestamp,
    sign,
    sign_standard,
)
from standardwebhooks import Webhook as StandardWebhook

SECRET = "0123456789abcdef" * 4
KNOWN_BODY = b'{"a":1}'
KNOWN = "v0=ed32e8299574bceff54880713e4c241a2b12b589710377037d2ec7c7ae9fcf7f"
NOW = 1_700_000_000


def test_the_known_answer_is_given() -> None:
    assert sign(SECRET, NOW, KNOWN_BODY) == KNOWN


def test_the_known_answer_is_recognised() -> None:
    assert SignedBytes(parse_signature(KNOWN), NOW, KNOWN_BODY).by(SECRET)


def test_the_secret_is_text_and_not_hex() -> None:
    assert sign(SECRET.upper(), NOW, KNOWN_BODY) != KNOWN


def test_the_bytes_are_signed_not_the_json() -> None:
    spaced = json.dumps(json.loads(KNOWN_BODY)).encode()
    assert spaced != KNOWN_BODY
    assert not SignedBytes(KNOWN.encode(), NOW, spaced).by(SECRET)


@given(st.binary(max_size=300))
def test_any_bytes_can_be_signed_and_recognised(body: bytes) -> None:
    signature = parse_signature(sign(SECRET, NOW, body))
    assert SignedBytes(signature, NOW, body).by(SECRET)
    assert not SignedBytes(signature, NOW, body + b"\n").by(SECRET)
    assert not SignedBytes(signature, NOW + 1, body).by(SECRET)
    assert not SignedBytes(signature, NOW, body).by("f" * 64)


HEX = "ab" * 32


@pytest.mark.parametrize(
    "value",
    [
        "",
        "v0=",
        HEX,
        f"v0={HEX[:-1]}",
        f"v0={HEX}a",
        f"v0={HEX.upper()}",
        f"V0={HEX}",
        f"v1={HEX}",
        f" v0={HEX}",
        f"v0={HEX} ",
        f"v0={HEX}\n",
        f"v0= {HEX[1:]}",
        f"v0={HEX[:-1]}g",
        f"v0={HEX[:-1]}\u0661",
        f"v0={HEX[:-1]}\uff11",
        f"v0={HEX},v0={HEX}",
        f"v0={HEX}, v0={HEX}",
        f"x\nv0={HEX}",
        "v0=\udc80" + HEX[1:],
    ],
)
def test_a_signature_of_any_other_form_is_malformed(value: str) -> None:
    with pytest.raises(MalformedSignature):
        parse_signature(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "170000000",
        "17000000000",
        " 1700000000",
        "1700000000 ",
        "1700000000\n",
        "1_700_000_0",
        "1_70000000",
        "+170000000",
        "-170000000",
        "1700000.00",
        "1700000000.0",
        "0x65545c00",
        "\uff11\uff17\uff10\uff10\uff10\uff10\uff10\uff10\uff10\uff10",
        "\u0661700000000",
        "17000000\u00b2\u00b2",
        "1700000000,1700000000",
    ],
)
def test_a_timestamp_of_any_other_form_is_malformed(value: str) -> None:
    with pytest.raises(MalformedTimestamp):
        parse_timestamp(value)


@given(st.text())
def test_no_text_makes_the_patterns_raise_anything_else(value: str) -> None:
    for parse, refused in (
        (parse_signature, MalformedSignature),
        (parse_timestamp, MalformedTimestamp),
    ):
        with pytest.raises(refused):
            parse(value)


def test_a_timestamp_of_ten_digits_is_read() -> None:
    assert parse_timestamp("0000000001") == 1


@pytest.mark.parametrize("skew", [-300, -299, 0, 299, 300])
def test_the_window_is_inclusive_both_ways(skew: int) -> None:
    check_freshness(NOW + skew, NOW, 300)


@pytest.mark.parametrize("skew", [-301, 301])
def test_outside_the_window_a_timestamp_is_stale(skew: int) -> None:
    with pytest.raises(StaleTimestamp):
        check_freshness(NOW + skew, NOW, 300)


def test_parts_of_a_second_do_not_count() -> None:
    check_freshness(NOW - 300, NOW + 0.999, 300)
    with pytest.raises(StaleTimestamp):
        check_freshness(NOW + 301, NOW + 0.999, 300)


UNPADDED = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


@pytest.mark.parametrize("prefix", ["", "whsec_"])
@pytest.mark.parametrize("secret", [SECRET, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", UNPADDED])
def test_the_standard_signature_verifies_with_its_published_library(
    prefix: str, secret: str
) -> None:
    body = '{"text":"h\u00e9"}'.encode()
    now = int(time.time())
    headers = {
        "webhook-id": "main:spc-msg-1",
        "webhook-timestamp": str(now),
        "webhook-signature": sign_standard(prefix + secret, "main:spc-msg-1", now, body) or "",
    }
    assert StandardWebhook(prefix + secret).verify(body, headers) == {"text": "h\u00e9"}


@pytest.mark.parametrize("text", [UNPADDED, UNPADDED + "=", "-_" + UNPADDED[2:], "-_8="])
def test_a_secret_in_any_base64_is_one_key(text: str) -> None:
    """Those with - and _ are what `Buffer.from` and Go's URLEncoding read; no library does."""
    key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert sign_standard(text, "main:1", NOW, b"") == StandardWebhook(key).sign(
        "main:1", datetime.fromtimestamp(NOW, UTC), ""
    )


@pytest.mark.parametrize(
    "secret", ["not base64!", "ab cd !!", "abcde", "\u00e9" * 4, "whsec_", "===="]
)
def test_a_secret_that_is_no_base64_makes_no_standard_signature(secret: str) -> None:
    assert sign_standard(secret, "main:1", NOW, b"") is None


def test_no_body_stands_in_a_representation() -> None:
    assert "canary" not in repr(SignedBytes(b"v0=", NOW, b"canary"))
