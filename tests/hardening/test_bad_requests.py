"""The receiver's real handler under garbage: documented answers, nothing authentic dropped.

What is signed, fresh and of a known webhook is 200 and stored byte for byte, whatever it holds and
whatever stands around it. Nothing else is ever stored. No exception leaves, no line is forged.
"""

import base64
import json
import random
import time
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from spectrum_forwarder.domain.event import make_event

from tests.hardening import strange
from tests.hardening.bench import ANSWERS, Answered, Bench, check_lines
from tests.hardening.conftest import examples
from tests.support.make import WEBHOOK, body_of, signed_headers

SIGNATURE, TIMESTAMP = "x-spectrum-signature", "x-spectrum-timestamp"
WEBHOOK_ID = "x-spectrum-webhook-id"
PROOF = (SIGNATURE, TIMESTAMP, WEBHOOK_ID)
NOISE = (
    *("content-type", "content-length", "x-spectrum-event", "webhook-signature"),
    *("x-amzn-trace-id", "webhook-id", "x-spectrum-forwarder-replay"),
)
MEGABYTE = 1_000_000

Headers = dict[str, str | list[str]]


def check_documented(answered: Answered) -> None:
    assert ANSWERS[answered.word] == answered.status
    check_lines(answered.lines, WEBHOOK.signing_secret)


@st.composite
def noisy_headers(draw: st.DrawFn, proof: dict[str, str]) -> Headers:
    """A request's proof among headers that a forger would choose."""
    blank = st.sampled_from(["", " ", "\t", " \t "])
    headers: Headers = {}
    for name in draw(st.lists(st.sampled_from(NOISE), unique=True)):
        headers[name] = draw(strange.texts)
    headers["x-forwarded-for"] = draw(st.lists(strange.texts, min_size=1, max_size=3))
    for name in PROOF:
        headers[name] = f"{draw(blank)}{proof[name]}{draw(blank)}"
    return headers


def test_whatever_is_authentic_is_accepted_and_kept_byte_for_byte(bench: Bench) -> None:
    first: dict[str, bytes] = {}

    @given(data=st.data())
    @examples(150)
    def holds(data: st.DataObject) -> None:
        body = data.draw(strange.bodies)
        headers = data.draw(noisy_headers(signed_headers(body)))
        answered = bench.receive(data.draw(strange.gateway_events(headers, body)))

        check_documented(answered)
        assert answered.status == 200, answered
        key = answered.event_key
        assert key is not None
        assert (answered.word == "duplicate") == (key in first)
        assert bench.log.body(key) == first.setdefault(key, body)

    holds()
    assert len(first) > 30


def _spoilt(headers: Headers, name: str, kind: str, text: str) -> Headers:
    """The headers with one that proves the request changed."""
    value = str(headers[name])
    changed: dict[str, str | list[str]] = {
        "replaced": text,
        "prefixed": text + value,
        "suffixed": value + text,
        "joined": f"{value},{value}",
        "twice": [value, value],
        "other_first": [text, value],
        "other_last": [value, text],
        "upper_case": value.upper(),
        "cut": value[:-1],
    }
    return {**headers, name: changed[kind]}


SPOILING = (
    *("replaced", "prefixed", "suffixed", "joined", "twice", "other_first", "other_last"),
    *("upper_case", "cut"),
)


@given(
    data=st.data(),
    name=st.sampled_from(PROOF),
    kind=st.sampled_from(SPOILING),
    text=strange.texts,
)
@examples(100)
def test_a_spoilt_proof_is_refused_and_nothing_is_stored(
    bench: Bench, data: st.DataObject, name: str, kind: str, text: str
) -> None:
    body = data.draw(strange.bodies)
    good: Headers = {**signed_headers(body)}
    headers = _spoilt(good, name, kind, text)
    value = headers[name]
    said = ",".join(value) if isinstance(value, list) else value
    if name == WEBHOOK_ID:
        # Its letters may be of either case; and who names no webhook is proved by any of them.
        assume(said.strip(" \t").lower() not in ("", str(good[name]).lower()))
    assume(said.strip(" \t") != good[name])
    answered = bench.receive(data.draw(strange.gateway_events(headers, body)))

    check_documented(answered)
    assert answered.status != 200
    assert answered.word != "internal_error"
    assert bench.count() == 0


@given(data=st.data(), body=strange.bodies, other=strange.bodies)
@examples(50)
def test_a_changed_body_is_refused_and_nothing_is_stored(
    bench: Bench, data: st.DataObject, body: bytes, other: bytes
) -> None:
    assume(body != other)
    headers: Headers = {**signed_headers(body)}
    answered = bench.receive(data.draw(strange.gateway_events(headers, other)))
    check_documented(answered)
    assert answered.word == "signature_mismatch"
    assert bench.count() == 0


@given(skew=st.integers(-(10**9), 10**9), body=strange.bodies, data=st.data())
@examples(50)
def test_the_time_window_alone_decides_on_a_signed_request(
    bench: Bench, data: st.DataObject, skew: int, body: bytes
) -> None:
    # A few seconds around the edge are left out: the clock runs.
    assume(abs(abs(skew) - 300) > 10)
    headers: Headers = {**signed_headers(body, now=time.time() + skew)}
    answered = bench.receive(data.draw(strange.gateway_events(headers, body)))
    check_documented(answered)
    assert (answered.status == 200) == (abs(skew) <= 300)


ODD_BASE64 = ("=", "e", "e===", "e30", "e30=\n", "e3 0=", "e30_", "e30-", "\u00e9", "e30=e30=")


def test_base64_that_is_not_strict_is_a_doubt_of_ours(bench: Bench) -> None:
    for text in ODD_BASE64:
        event = {"headers": signed_headers(b"{}"), "body": text, "isBase64Encoded": True}
        answered = bench.receive(event)
        check_documented(answered)
        assert (answered.status, answered.word) == (503, "unreadable_body"), text


GATEWAY_FIELDS = ("headers", "multiValueHeaders", "body", "isBase64Encoded", "version", "rawPath")


@given(
    event=st.fixed_dictionaries({}, optional=dict.fromkeys(GATEWAY_FIELDS, strange.values))
    | strange.values,
)
@examples(100)
def test_no_event_of_any_form_raises_or_is_stored(bench: Bench, event: Any) -> None:
    # As Lambda passes it: through JSON.
    event = json.loads(json.dumps(event))
    answered = bench.receive(event)
    check_documented(answered)
    assert answered.status != 200
    assert bench.count() == 0


@given(
    field=st.sampled_from(GATEWAY_FIELDS),
    value=strange.values,
    drop=st.booleans(),
)
@examples(80)
def test_a_signed_request_in_an_odd_event_is_accepted_or_doubted_but_never_dropped(
    bench: Bench, field: str, value: Any, drop: bool
) -> None:
    """A 4xx would make the sender forget an event because our gateway was set up wrongly."""
    body = b'{"event":"messages","message":{"id":"odd-event"}}'
    event: dict[str, Any] = {
        "version": "2.0",
        "headers": signed_headers(body),
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
        "rawPath": "/spectrum-webhook",
    }
    if drop:
        event.pop(field, None)
    else:
        event[field] = json.loads(json.dumps(value))
    answered = bench.receive(event)
    check_documented(answered)
    touches_the_proof = field in ("headers", "multiValueHeaders", "body", "isBase64Encoded")
    assert answered.status in (200, 503) or touches_the_proof


def test_a_body_of_five_megabytes_is_kept_byte_for_byte(bench: Bench) -> None:
    noise = random.Random(1).randbytes(5 * MEGABYTE)
    bodies = {
        "in the table": body_of("spaces", text=" " * 5 * MEGABYTE),
        "in the bucket": body_of("noise", text=base64.b64encode(noise).decode()[: 5 * MEGABYTE]),
        "no text at all": noise,
    }
    for said, body in bodies.items():
        text = base64.b64encode(body).decode()
        event = {"headers": signed_headers(body), "body": text, "isBase64Encoded": True}
        answered = bench.receive(event)
        check_documented(answered)
        assert (answered.status, answered.word) == (200, "accepted"), said
        assert answered.event_key is not None
        assert bench.log.body(answered.event_key) == body, said


@given(body=strange.bodies, content_type=strange.texts)
@examples(300)
def test_any_body_makes_an_event_with_a_key_that_is_safe_everywhere(
    body: bytes, content_type: str
) -> None:
    event = make_event(
        source="main",
        webhook_id=WEBHOOK.id,
        received_at=0.0,
        signed_at=0,
        body=body,
        content_type=content_type,
    )
    assert event.body == body
    assert event.key.isascii()
    assert event.key.isprintable()
    assert not set(event.key) & set(' "\\,\r\n')
    assert len(event.key) <= 300
    for label in (event.kind, event.space_id, event.sender_id, event.content_type):
        assert label is None or len(label.encode()) <= 4 * 200  # UTF-8, as the table wants it
