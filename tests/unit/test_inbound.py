"""Inbound requests: both gateway events, headers in any case, strict base64, and their shape."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spectrum_forwarder.domain.errors import UnreadableBody
from spectrum_forwarder.domain.inbound import FAILED, REQUIRED_HEADERS, InboundRequest

FULL = dict.fromkeys(REQUIRED_HEADERS, "x")


def read(**event: Any) -> InboundRequest:
    return InboundRequest.from_api_gateway(event)


def test_an_http_api_event_is_read() -> None:
    request = read(version="2.0", headers={"x-a": "1"}, body="{}", isBase64Encoded=False)
    assert (request.header("x-a"), request.body) == ("1", b"{}")


def test_a_rest_api_event_is_read() -> None:
    request = read(
        version="1.0",
        headers={"X-A": "1"},
        multiValueHeaders={"X-A": ["1"]},
        body="{}",
        isBase64Encoded=False,
    )
    assert (request.header("x-a"), request.body) == ("1", b"{}")


@pytest.mark.parametrize(
    "name", ["X-SPECTRUM-SIGNATURE", "x-spectrum-signature", "X-sPeCtRuM-sIgNaTuRe"]
)
def test_header_names_come_in_any_case(name: str) -> None:
    assert read(headers={name: "v"}).header("x-spectrum-signature") == "v"
    assert read(multiValueHeaders={name: ["v"]}).header("x-spectrum-signature") == "v"


def test_a_header_sent_twice_is_joined_and_never_chosen_from() -> None:
    request = read(headers={"X-A": "last"}, multiValueHeaders={"X-A": ["first", "last"]})
    assert request.header("x-a") == "first,last"


def test_blanks_around_a_value_are_no_part_of_it_but_line_ends_are() -> None:
    assert read(headers={"x-a": " \tv "}).header("x-a") == "v"
    assert read(headers={"x-a": "v\n"}).header("x-a") == "v\n"


@pytest.mark.parametrize(
    "event", [{}, {"headers": None}, {"headers": {}, "multiValueHeaders": None}]
)
def test_an_event_without_headers_or_body_is_an_empty_request(event: dict[str, Any]) -> None:
    assert InboundRequest.from_api_gateway(event) == InboundRequest({}, b"")


@given(st.binary(max_size=200))
def test_any_bytes_come_through_base64(body: bytes) -> None:
    text = base64.b64encode(body).decode()
    assert read(body=text, isBase64Encoded=True).body == body


@pytest.mark.parametrize(
    "text", ["a", "YQ", "YQ=", "Y Q==", "YQ==\n", "YQ==YQ==", "YQ-_", "\u00e9==="]
)
def test_base64_that_is_not_strict_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableBody):
        read(body=text, isBase64Encoded=True)


@given(st.text(max_size=200))
def test_a_plain_body_is_its_utf8(text: str) -> None:
    assert read(body=text, isBase64Encoded=False).body == text.encode()


def test_a_lone_surrogate_in_a_plain_body_does_not_raise() -> None:
    assert read(body="\ud83d").body == b"\xed\xa0\xbd"


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_request_without_proof_is_told_all_that_is_missing(value: str | None) -> None:
    headers = FULL | {"x-spectrum-webhook-id": value or ""}
    missing = str(InboundRequest(headers, b"").without_proof())
    assert missing.startswith("Missing: x-spectrum-webhook-id. ")
    missing = str(InboundRequest({}, b"").without_proof())
    assert missing.startswith("Missing: " + ", ".join(REQUIRED_HEADERS) + ". ")


@pytest.mark.parametrize(
    ("event", "path"),
    [
        ({"rawPath": "/spectrum-webhook/2"}, "/spectrum-webhook/2"),
        ({"path": "/spectrum-webhook"}, "/spectrum-webhook"),
        ({"path": None}, ""),
        ({"rawPath": 7}, ""),
    ],
)
def test_the_path_is_read_off_both_events(event: dict[str, Any], path: str) -> None:
    assert read(**event).path == path


def test_the_shape_tells_lengths_and_no_content() -> None:
    request = InboundRequest(
        {"x-spectrum-signature": "canary-s", "x-spectrum-timestamp": "canary-t"}, b"canary-b"
    )
    shape = request.shape()
    assert "canary" not in repr(shape)
    assert (shape["signature_length"], shape["timestamp_length"], shape["body_bytes"]) == (8, 8, 8)
    assert shape["missing"] == ["x-spectrum-webhook-id"]


@pytest.mark.parametrize(
    ("body", "spaced", "returns"),
    [
        (b'{"event":"messages"}', False, False),
        (b'{ "event": "messages"}', True, False),
        (b'{"event": "messages"}', True, False),
        (b'{"event":"a"\r\n}', False, True),
    ],
)
def test_the_shape_tells_of_rewritten_bodies(body: bytes, spaced: bool, returns: bool) -> None:
    shape = InboundRequest({}, body).shape()
    assert (shape["spaced_json"], shape["carriage_returns"]) == (spaced, returns)


def test_no_body_stands_in_a_representation() -> None:
    assert "canary" not in repr(InboundRequest({}, b"canary"))


def test_the_shape_tells_of_a_standard_signature_and_of_a_missing_one() -> None:
    assert read(headers={"webhook-id": "x"}).shape()["standard"] is True
    assert read(headers={}).shape()["standard"] is None
    assert read(headers={}).shape()["signature_form"] == "missing"
    assert read(headers={"x-spectrum-signature": "?"}).shape()["signature_form"] == "other"
    named = read(headers={"x-spectrum-webhook-id": "w" * 101}).shape()
    assert named["webhook_id"] == "w" * 100


def test_what_nobody_foresaw_is_a_503_that_spectrum_retries() -> None:
    assert FAILED.status == 503
