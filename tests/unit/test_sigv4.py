"""The signer of direct calls: known answers; tests/contract/test_direct.py holds it to botocore."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spectrum_forwarder.adapters.sigv4 import Signer

# The keys of AWS's own examples ("Signature Version 4 test suite").
KEY_ID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
MOMENT = 1_440_938_160  # 2015-08-30T12:36:00Z
HEADERS = {"host": "example.amazonaws.com"}


def signer(token: str | None = None, *, service: str = "service") -> Signer:
    return Signer(KEY_ID, SECRET, token, region="us-east-1", service=service)


def test_the_suites_plain_post_is_signed_as_it_says() -> None:
    """Its case `post-vanilla`."""
    signed = signer().sign(HEADERS, b"", now=MOMENT)
    assert signed["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
    )
    assert signed["x-amz-date"] == "20150830T123600Z"
    assert "x-amz-security-token" not in signed


def test_the_suites_body_of_a_form_is_signed_as_it_says() -> None:
    """Its case `post-x-www-form-urlencoded`."""
    headers = HEADERS | {"content-type": "application/x-www-form-urlencoded"}
    signed = signer().sign(headers, b"Param1=value1", now=MOMENT)
    assert signed["authorization"].endswith(
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
    )


def test_a_token_is_sent_and_signed() -> None:
    signed = signer("token").sign(HEADERS, b"", now=MOMENT)
    assert signed["x-amz-security-token"] == "token"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token," in signed["authorization"]


def test_the_key_changes_with_the_day() -> None:
    one = signer()
    today, tomorrow = (one.sign(HEADERS, b"", now=MOMENT + s) for s in (0, 86_400))
    assert today["authorization"] == signer().sign(HEADERS, b"", now=MOMENT)["authorization"]
    assert tomorrow == signer().sign(HEADERS, b"", now=MOMENT + 86_400)
    assert one.sign(HEADERS, b"", now=MOMENT) == today


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_another_body_has_another_signature(body: bytes, other: bytes) -> None:
    one, another = (signer().sign(HEADERS, each, now=MOMENT) for each in (body, other))
    assert (one == another) == (body == other)


@pytest.mark.parametrize("header", ["user-agent", "x-amzn-trace-id"])
def test_what_changes_on_the_way_is_not_signed(header: str) -> None:
    signed = signer().sign({**HEADERS, header: "a"}, b"", now=MOMENT)
    assert signed["authorization"] == signer().sign(HEADERS, b"", now=MOMENT)["authorization"]
    assert signed[header] == "a"


def test_nothing_that_can_be_printed_holds_the_secret() -> None:
    one = signer("a-token")
    one.sign(HEADERS, b"", now=MOMENT)
    assert SECRET not in f"{one!r}{one}" and "a-token" not in f"{one!r}{one}"
