"""Schemes: known answers (CONTRACT §1), each strict rule, and a request with several of them."""

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st
from spectrum_forwarder.adapters.webhook_registry import read_webhook
from spectrum_forwarder.domain import schemes
from spectrum_forwarder.domain.errors import (
    MalformedId,
    MalformedSignature,
    MalformedTimestamp,
    MissingId,
    MissingSignature,
    MissingTimestamp,
    NoSecretForScheme,
    SignatureMismatch,
    StaleTimestamp,
    Unproved,
)
from spectrum_forwarder.domain.inbound import InboundRequest
from spectrum_forwarder.domain.ports import Webhook
from spectrum_forwarder.domain.schemes import Proof, is_signed, prove, prove_spoilt, standard, v0

from tests.support.make import OTHER_WHSEC, WEBHOOK, WHSEC, signed_headers, webhook_of

BODY, NOW = b'{"a":1}', 1_700_000_000
V0 = "0123456789abcdef" * 4
KNOWN = "v1,iFAl7E2IHarl92av4ATMRox9dn7KWiN9xJw+bsFb2M4="
OTHER_KNOWN = "v1,mrN8wChSZIBKT1hYJmsB+TReILI7k+tLIF37wsCBmgY="
UNCHANGED: Mapping[str, str] = {}
BOTH = webhook_of(WHSEC, OTHER_WHSEC, v0=V0)
SIGNATURE, TIMESTAMP, ID = "webhook-signature", "webhook-timestamp", "webhook-id"
V0_SIGNATURE, V0_TIMESTAMP = v0.HEADERS


def request_of(
    scheme: str = "standard", changes: Mapping[str, str] = UNCHANGED, *, webhook: Webhook = BOTH
) -> InboundRequest:
    """A request as the webhook signs it at NOW; `changes` name headers with `_` for `-`."""
    headers = signed_headers(BODY, now=NOW, webhook=webhook, scheme=scheme)
    return InboundRequest(headers | {n.replace("_", "-"): v for n, v in changes.items()}, BODY)


def proved(request: InboundRequest, *webhooks: Webhook, now: float = NOW) -> Proof:
    return prove(request, webhooks, now=now, tolerance=300)


# ---- Standard Webhooks -------------------------------------------------------------------------


@pytest.mark.parametrize(("secret", "token"), [(WHSEC, KNOWN), (OTHER_WHSEC, OTHER_KNOWN)])
def test_the_known_answer_of_standard_webhooks_is_given(secret: str, token: str) -> None:
    assert standard.sign(secret, "evt_0001", NOW, BODY) == token


@pytest.mark.parametrize("header", [KNOWN, OTHER_KNOWN, f"{KNOWN} {OTHER_KNOWN}"])
@pytest.mark.parametrize("secrets", [(WHSEC, OTHER_WHSEC), (OTHER_WHSEC, WHSEC)])
def test_the_known_answers_are_recognised(header: str, secrets: tuple[str, ...]) -> None:
    webhook = webhook_of(*secrets)
    proof = proved(request_of("standard", {"webhook_signature": header}), webhook)
    assert proof == Proof(webhook, NOW, ("standard",), "evt_0001")


@given(st.text(alphabet="ab-_0", min_size=1), st.text(), st.sampled_from([24, 32, 64]))
def test_what_the_published_library_signs_is_proved_and_the_other_way_round(
    event_id: str, text: str, length: int
) -> None:
    secret = standard.PREFIX + base64.b64encode(bytes(range(length))).decode()
    library, now = standardwebhooks.Webhook(secret), int(time.time())
    body = json.dumps({"text": text})
    token = library.sign(event_id, datetime.fromtimestamp(now, UTC), body)
    assert token == standard.sign(secret, event_id, now, body.encode())
    headers = {ID: event_id, TIMESTAMP: str(now), SIGNATURE: token}
    assert library.verify(body, headers) == {"text": text}
    request = InboundRequest(headers, body.encode())
    assert proved(request, webhook_of(secret), now=now).event_id == event_id


@pytest.mark.parametrize(
    "header",
    [
        f"v2,unknown v1a,{KNOWN[3:]} {KNOWN}",
        f"{OTHER_KNOWN}\t  {KNOWN}",
        f"v1, {KNOWN} v1",
        f"v1,{'A' * 43}= {KNOWN}",
        f"v1,{KNOWN[3:-2]}5= {KNOWN}",
    ],
)
def test_one_token_that_matches_is_enough_and_unknown_ones_are_skipped(header: str) -> None:
    assert (
        proved(request_of("standard", {"webhook_signature": header}), webhook_of(WHSEC)).scheme
        == "standard"
    )


@pytest.mark.parametrize(
    "header",
    [
        KNOWN[3:],
        f"V1,{KNOWN[3:]}",
        f"v1,{KNOWN[3:].rstrip('=')}",
        f"v1,{KNOWN[3:]}=",
        f"v1,{KNOWN[3:-2]}5=",  # the same bytes, not canonical
        f"v1,{KNOWN[3:].replace('+', '-')}",
        f"v1={KNOWN[3:]}",
        f"v1,{KNOWN[3:]},{KNOWN}",
        f"v1a,{KNOWN[3:]}",
        f"v1,{'A' * 40}",
    ],
)
def test_a_token_of_any_other_form_does_not_count(header: str) -> None:
    with pytest.raises(MalformedSignature):
        proved(request_of("standard", {"webhook_signature": header}), webhook_of(WHSEC))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"webhook_signature": ""}, MissingSignature),
        ({"webhook_timestamp": ""}, MissingTimestamp),
        ({"webhook_id": ""}, MissingId),
        ({"webhook_id": "evt.0001"}, MalformedId),
        ({"webhook_id": "evt_0002"}, SignatureMismatch),
        ({"webhook_timestamp": f"{NOW}.0"}, MalformedTimestamp),
        ({"webhook_timestamp": f"+{NOW}"}, MalformedTimestamp),
        ({"webhook_timestamp": "\uff11" * 10}, MalformedTimestamp),
        ({"webhook_timestamp": "9" * 5000}, MalformedTimestamp),
        ({"webhook_timestamp": str(NOW + 1)}, SignatureMismatch),
        ({"webhook_timestamp": str(NOW - 301)}, StaleTimestamp),
        ({"webhook_id": "\udc80"}, SignatureMismatch),
    ],
)
def test_what_is_wrong_with_a_standard_request_is_said(
    changes: dict[str, str], error: type[Unproved]
) -> None:
    with pytest.raises(error):
        proved(request_of("standard", changes), webhook_of(WHSEC))


@pytest.mark.parametrize("skew", [-300, 300])
def test_the_window_of_standard_webhooks_is_300_seconds_both_ways(skew: int) -> None:
    assert proved(request_of(), webhook_of(WHSEC), now=NOW + skew)
    with pytest.raises(StaleTimestamp) as stale:
        proved(request_of(), webhook_of(WHSEC), now=NOW + skew + skew / 300)
    assert stale.value.verified


@pytest.mark.parametrize("length", [24, 32, 64])
def test_a_secret_of_24_to_64_bytes_can_be_stored(length: int) -> None:
    text = standard.PREFIX + base64.b64encode(bytes(length)).decode()
    assert standard.check(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        V0,
        WHSEC.removeprefix("whsec_"),
        WHSEC.upper(),
        WHSEC + "\n",
        WHSEC[:-1],
        "whsec_" + "A" * 28,
        "whsec_" + "A" * 88,
        "whsec_\u00e9",
        "whsec_" + "-" * 44,
    ],
)
def test_a_secret_of_any_other_form_is_refused_and_not_repeated(text: str) -> None:
    wrong = standard.check(text) or ""
    assert "24 to 64 bytes" in wrong
    assert not text or text not in wrong


# ---- Several schemes ---------------------------------------------------------------------------

BAD_V0 = {"x_spectrum_signature": "v0=" + "ab" * 32}
BAD_STANDARD = {"webhook_signature": "v1," + "A" * 43 + "="}


@pytest.mark.parametrize(
    ("webhook", "changes", "scheme"),
    [
        (BOTH, {}, "v0+standard"),
        (webhook_of(v0=V0), {}, "v0"),
        (webhook_of(WHSEC), {}, "standard"),
        (BOTH, BAD_STANDARD, "v0"),
        (BOTH, {"webhook_signature": ""}, "v0"),
        (BOTH, {"webhook_id": "a.b"}, "v0"),
        (BOTH, BAD_V0, "standard"),
        (BOTH, {"x_spectrum_signature": "v0=short"}, "standard"),
        (BOTH, {"x_spectrum_timestamp": "1000000000"}, "standard"),
        (BOTH, {"x_spectrum_timestamp": ""}, "standard"),
        (webhook_of(WHSEC), BAD_V0, "standard"),
        (webhook_of(v0=V0), BAD_STANDARD, "v0"),
    ],
)
def test_a_bad_signature_in_one_scheme_does_not_spoil_a_good_one(
    webhook: Webhook, changes: dict[str, str], scheme: str
) -> None:
    proof = proved(request_of("both", changes), webhook)
    assert proof.scheme == scheme
    assert (proof.event_id is not None) is ("standard" in scheme)


@pytest.mark.parametrize(
    ("webhook", "changes", "tried"),
    [
        (BOTH, BAD_V0 | BAD_STANDARD, "v0=signature_mismatch standard=signature_mismatch"),
        (BOTH, BAD_V0 | {"webhook_id": ""}, "v0=signature_mismatch standard=missing_id"),
    ],
)
def test_where_every_scheme_was_checked_and_fails_it_is_a_401(
    webhook: Webhook, changes: dict[str, str], tried: str
) -> None:
    with pytest.raises(SignatureMismatch) as refused:
        proved(request_of("both", changes), webhook)
    assert (refused.value.status, refused.value.tried) == (401, tried)


@pytest.mark.parametrize(
    ("scheme", "webhook", "changes", "tried"),
    [
        ("standard", webhook_of(v0=V0), {}, "standard=scheme_without_secret"),
        ("v0", webhook_of(WHSEC), {}, "v0=scheme_without_secret"),
        (
            "both",
            webhook_of(v0=V0),
            BAD_V0,
            "v0=signature_mismatch standard=scheme_without_secret",
        ),
        (
            "both",
            webhook_of(WHSEC),
            BAD_STANDARD,
            "v0=scheme_without_secret standard=signature_mismatch",
        ),
        (
            "both",
            webhook_of(),
            {},
            "v0=scheme_without_secret standard=scheme_without_secret",
        ),
    ],
)
def test_a_scheme_that_nothing_is_stored_for_is_our_doubt(
    scheme: str, webhook: Webhook, changes: dict[str, str], tried: str
) -> None:
    with pytest.raises(NoSecretForScheme) as refused:
        proved(request_of(scheme, changes), webhook)
    assert (refused.value.status, refused.value.tried) == (503, tried)


def test_what_is_signed_in_no_scheme_says_so() -> None:
    request = InboundRequest({}, BODY)
    assert not is_signed(request)
    with pytest.raises(MissingSignature):
        proved(request, BOTH)
    for name in (*v0.HEADERS, *standard.HEADERS):
        assert is_signed(InboundRequest({name: "x"}, BODY))


def test_of_several_registrations_the_proof_tells_which() -> None:
    other = webhook_of(OTHER_WHSEC, v0="7a" * 32)._replace(id="w-2", source="other")
    request = request_of("both", webhook=other)
    assert proved(request, webhook_of(WHSEC, v0=V0), other).webhook == other


def test_a_second_scheme_counts_only_by_a_secret_of_the_same_registration() -> None:
    other = webhook_of(WHSEC)._replace(id="w-2")
    proof = proved(request_of("both"), webhook_of(v0=V0), other)
    assert (proof.scheme, proof.event_id) == ("v0", None)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda h: h | {SIGNATURE: f'"{h[SIGNATURE]}"'},
        lambda h: h | {SIGNATURE: h[SIGNATURE].replace(" ", ",")},
        lambda h: {name: f"{value},{value}" for name, value in h.items()},
        lambda h: {name: f"'{value}'" for name, value in h.items()},
    ],
    ids=["quoted", "joined", "doubled", "all-quoted"],
)
def test_headers_that_were_spoilt_on_the_way_are_read_for_a_release(
    spoil: Callable[[dict[str, str]], dict[str, str]],
) -> None:
    request = request_of()
    headers = {name: request.headers[name] for name in standard.HEADERS}
    proof = prove_spoilt(InboundRequest(spoil(headers), BODY), [BOTH])
    assert proof is not None
    assert (proof.scheme, proof.event_id) == ("standard", "evt_0001")


def test_a_release_is_proved_by_both_schemes_where_both_are_right() -> None:
    proof = prove_spoilt(request_of("both"), [BOTH])
    assert proof is not None
    assert (proof.scheme, proof.event_id) == ("v0+standard", "evt_0001")
    assert prove_spoilt(request_of("both", BAD_V0 | BAD_STANDARD), [BOTH]) is None


# ---- A third one -------------------------------------------------------------------------------


@dataclass
class ToyClaim:
    """The body's last byte is the signature."""

    signature: str
    timestamp: int = NOW
    event_id: str | None = None

    def by(self, secret: str) -> bool:
        return secret == self.signature


class Toy:
    """A third scheme, as a module would be."""

    NAME, HEADERS, FIELD = "toy", ("x-toy",), "toy_secrets"

    def check(self, secret: str) -> str | None:
        return None if secret else "must be there"

    def secrets(self, webhook: Webhook) -> Iterator[str]:
        return (secret.text for secret in webhook.secrets if secret.scheme == self.NAME)

    def read(self, request: InboundRequest) -> ToyClaim:
        return ToyClaim(request.header("x-toy"))

    def readings(self, request: InboundRequest) -> Iterator[ToyClaim]:
        yield self.read(request)


def test_a_third_scheme_is_one_module_and_one_name_in_the_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = InboundRequest({"x-toy": "sesame"}, BODY)
    entry: Mapping[str, Any] = {"id": "w-1", "toy_secrets": ["sesame"]}
    assert not is_signed(request)
    # The list itself, which all its users share.
    monkeypatch.setattr(schemes, "SCHEMES", (*schemes.SCHEMES, Toy()))
    monkeypatch.setattr("spectrum_forwarder.adapters.webhook_registry.SCHEMES", schemes.SCHEMES)
    webhook = read_webhook(entry)
    assert is_signed(request)
    assert proved(request, webhook).scheme == "toy"
    with pytest.raises(NoSecretForScheme, match="no toy_secrets of this webhook"):
        proved(request, WEBHOOK)
    with pytest.raises(SignatureMismatch):
        proved(InboundRequest({"x-toy": "barley"}, BODY), webhook)
