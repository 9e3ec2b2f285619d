"""Samples and deliveries against the vendor's own SDK: docs/vendor.md says what came out."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from spectrum_cli.samples.keys import TEST_KEYS, TEST_STANDARD_SECRETS
from spectrum_cli.samples.requests import (
    CONTENT_KINDS,
    ODD_KINDS,
    PLATFORMS,
    SITUATION_KINDS,
    USUAL,
    SampleRequest,
    make_body,
    signed,
)

from tests.vendor.oracle import standard_takes
from tests.vendor.table import PAGE, Both, Key, look, on_the_page, render, versions

NO_PROVIDER = frozenset({"iMessage", "WhatsApp Business"})
# The SDK comes with `make vendor`, which asks for these tests.
needs_node = pytest.mark.skipif(
    os.environ.get("REQUIRE_NODE") != "1",
    reason="needs Node.js and the vendor's SDK: make vendor runs it",
)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Key, Both]:
    """What the SDK made of everything."""
    return look(tmp_path_factory.mktemp("vendor"))


def test_the_page_names_the_versions_that_are_pinned() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"{name} {version}" in text for name, version in versions().items())


@needs_node
def test_the_page_has_what_the_sdk_does(seen: Mapping[Key, Both]) -> None:
    assert render(seen) == on_the_page()


@needs_node
def test_contract_1_every_sample_and_delivery_verifies(seen: Mapping[Key, Both]) -> None:
    found = {both.straight.verified for both in seen.values()}
    assert found | {both.forwarded.verified for both in seen.values()} == {"ok"}


@needs_node
def test_contract_2_every_sample_of_a_message_is_one_to_the_sdk(
    seen: Mapping[Key, Both],
) -> None:
    messages = [key for key in seen if key[0] not in ODD_KINDS]
    assert all(seen[key].straight.envelope for key in messages)


@needs_node
def test_the_sdk_makes_the_same_of_a_delivery_as_of_spectrums_own_request(
    seen: Mapping[Key, Both],
) -> None:
    for key, both in seen.items():
        straight, forwarded = both.straight, both.forwarded
        assert (straight.status, straight.handled, straight.missed) == (
            forwarded.status,
            forwarded.handled,
            forwarded.missed,
        ), key


@needs_node
def test_contract_2_the_lower_case_spelling_reaches_a_handler_and_the_other_one_none(
    seen: Mapping[Key, Both],
) -> None:
    called = {platform for (kind, platform), both in seen.items() if both.forwarded.handled}
    assert called == set(PLATFORMS) - NO_PROVIDER - {"slack"}
    assert all(seen[kind, "iMessage"].forwarded.status == 200 for kind in CONTENT_KINDS)


@needs_node
def test_contract_2_own_sends_look_inbound_to_the_sdk(seen: Mapping[Key, Both]) -> None:
    """Which is why `--only inbound` stands before a bot that is made with it."""
    [call] = seen["outbound", USUAL].forwarded.handled
    assert call["direction"] == "inbound"


@needs_node
def test_standard_webhooks_verifies_every_delivery_that_is_json(
    seen: Mapping[Key, Both],
) -> None:
    not_json = {"protobuf", "not_json", "not_utf8"}
    kinds = [key for key in seen if key[0] not in not_json]
    assert all(seen[key].forwarded.standard for key in kinds)
    assert set(SITUATION_KINDS) <= {kind for kind, _ in kinds}


@needs_node
def test_contract_1_standard_webhooks_takes_samples_of_its_scheme_in_every_way_of_signing(
    tmp_path: Path,
) -> None:
    old, new = TEST_STANDARD_SECRETS
    now, body = int(time.time()), make_body("text")

    def made(scheme: str) -> SampleRequest:
        keys = TEST_KEYS.by(scheme)
        assert keys is not None
        return signed(
            body,
            webhook_id=keys.webhook_id,
            secret=keys.secret,
            standard_secrets=keys.standard_secrets,
            timestamp=now,
        )

    cases = [
        ("standard", new, True),
        ("both", new, True),
        ("rotated", new, True),
        ("rotated", old, True),
        ("standard", old, False),
        ("v0", new, False),
    ]
    taken = standard_takes(tmp_path, [(secret, made(scheme)) for scheme, secret, _ in cases])
    assert taken == [expected for *_, expected in cases]
