"""Samples in every scheme: proved by the receiver's own rules and by the published library."""

import json

import pytest
from spectrum_cli.samples.bodies import make_body
from spectrum_cli.samples.keys import (
    SCHEMES,
    TEST_KEYS,
    TEST_SECRET,
    TEST_STANDARD_SECRETS,
    TEST_WEBHOOK_ID,
    Keys,
    event_id_of,
)
from spectrum_cli.samples.requests import FLAWS, V0_ALONE, SampleRequest, flawed, signed
from spectrum_forwarder.domain.inbound import InboundRequest
from spectrum_forwarder.domain.schemes import Proof, prove

from tests.support.make import RAW_INBOUND, webhook_of
from tests.support.stacks import forwarder
from tests.support.world import World

NOW = 1_700_000_000
BODY = make_body("text")


def sample(scheme: str, *, keys: Keys = TEST_KEYS, body: bytes = BODY) -> SampleRequest:
    found = keys.by(scheme)
    assert found is not None
    return signed(
        body,
        webhook_id=found.webhook_id,
        secret=found.secret,
        standard_secrets=found.standard_secrets,
        timestamp=NOW,
    )


def proved(request: SampleRequest, *secrets: str, v0: str = "") -> Proof:
    headers = {name.lower(): value for name, value in request.headers.items()}
    known = [webhook_of(*secrets, v0=v0)]
    return prove(InboundRequest(headers, request.body), known, now=NOW, tolerance=300)


@pytest.mark.parametrize(
    ("scheme", "by"),
    [("v0", "v0"), ("standard", "standard"), ("both", "v0+standard"), ("rotated", "standard")],
)
def test_a_sample_is_proved_in_the_scheme_that_was_asked_for(scheme: str, by: str) -> None:
    proof = proved(sample(scheme), *TEST_STANDARD_SECRETS, v0=TEST_SECRET)
    assert proof.scheme == by
    assert set(SCHEMES) == {"v0", "standard", "both", "rotated"}


@pytest.mark.parametrize("secret", TEST_STANDARD_SECRETS)
def test_a_rotated_sample_is_proved_by_either_secret(secret: str) -> None:
    request = sample("rotated")
    assert len(request.headers["webhook-signature"].split()) == 2
    assert proved(request, secret).scheme == "standard"


def test_where_one_secret_is_stored_the_other_token_of_a_rotated_sample_is_anybodys() -> None:
    secret = "whsec_" + "B" * 43 + "="
    for stored in ((secret,), ("whsec_" + "C" * 43 + "=", secret)):
        request = sample("rotated", keys=Keys("w", None, stored))
        assert len(request.headers["webhook-signature"].split()) == 2
        assert proved(request, secret)


@pytest.mark.parametrize(
    ("keys", "scheme"),
    [
        (Keys("w", TEST_SECRET), "standard"),
        (Keys("w", TEST_SECRET), "both"),
        (Keys("w", TEST_SECRET), "rotated"),
        (Keys("w", None, TEST_STANDARD_SECRETS), "v0"),
        (Keys("w", None, TEST_STANDARD_SECRETS), "both"),
    ],
)
def test_a_scheme_without_a_secret_makes_no_sample(keys: Keys, scheme: str) -> None:
    assert keys.by(scheme) is None


def test_copies_of_one_event_have_one_id_and_a_raw_body_its_own() -> None:
    assert event_id_of(BODY) == event_id_of(bytes(BODY)) != event_id_of(make_body("voice"))
    assert event_id_of(RAW_INBOUND) == json.loads(RAW_INBOUND)["eventId"]
    assert event_id_of(b"\xff").startswith("evt_")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_command_signs_in_each_scheme(scheme: str) -> None:
    made = forwarder("sample", "--scheme", scheme, "--json").json
    assert made["headers"]["X-Spectrum-Webhook-Id"] == TEST_WEBHOOK_ID
    assert ("X-Spectrum-Signature" in made["headers"]) is (scheme in ("v0", "both"))
    assert ("webhook-signature" in made["headers"]) is (scheme != "v0")


def test_a_standard_secret_that_is_given_signs_by_itself() -> None:
    made = forwarder("sample", "--secret", TEST_STANDARD_SECRETS[0], "--json").json
    assert "webhook-signature" in made["headers"]
    assert "X-Spectrum-Signature" not in made["headers"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scheme", "v2"], "there is no scheme 'v2'"),
        (["--scheme", "both", "--corrupt", "upper_case_signature"], "is for --scheme v0"),
        (["--scheme", "both", "--secret", TEST_SECRET], "needs a secret of Standard Webhooks"),
        (["--scheme", "both", "--secret", TEST_STANDARD_SECRETS[0]], "needs a secret of v0"),
    ],
)
def test_what_cannot_be_signed_is_told(arguments: list[str], said: str) -> None:
    ran = forwarder("sample", *arguments, "--json")
    assert ran.status == 2
    assert said in ran.err.replace("\n", " ")


@pytest.mark.parametrize("flaw", [name for name in FLAWS if name not in V0_ALONE])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_flaw_spoils_a_sample_in_every_scheme_that_signs_it(scheme: str, flaw: str) -> None:
    world = World()
    world.webhooks.webhooks[:] = [
        webhook_of(*TEST_STANDARD_SECRETS, v0=TEST_SECRET)._replace(id=TEST_WEBHOOK_ID)
    ]
    keys = TEST_KEYS.by(scheme)
    assert keys is not None
    bad = flawed(
        flaw,
        BODY,
        webhook_id=keys.webhook_id,
        secret=keys.secret,
        standard_secrets=keys.standard_secrets,
        timestamp=int(world.clock()),
    )
    headers = {name.lower(): value for name, value in bad.headers.items()}
    reply = world.receiver().receive(InboundRequest(headers, bad.body), receipt="1")
    error = reply.body["error"]
    assert isinstance(error, dict)
    in_standard = {"milliseconds": "stale_timestamp"} if keys.secret is None else {}
    code = in_standard.get(flaw, FLAWS[flaw].code)
    assert (reply.status, error["code"]) == (FLAWS[flaw].status, code)


def test_the_command_spoils_what_standard_webhooks_signs() -> None:
    ran = forwarder("sample", "--scheme", "standard", "--corrupt", "without_signature", "--json")
    assert "webhook-timestamp" in ran.json["headers"]
    assert "webhook-signature" not in ran.json["headers"]
