"""Ready filters: what each takes of the samples, as the registry itself reads the expression."""

import pytest
from spectrum_cli.destinations.ready_filters import READY, ready
from spectrum_cli.samples.requests import (
    CONTENT_KINDS,
    KINDS,
    ODD_KINDS,
    SITUATION_KINDS,
    make_body,
)
from spectrum_forwarder.adapters.destination_registry import read_destination
from spectrum_forwarder.domain.destination import Content

NOT_ANSWERED = {"read", "delivered", "typing", "typing_stopped", "outbound"}
# No filter can be evaluated on it, and then it is delivered: one too many can be ignored.
NO_JSON = {"protobuf", "not_json", "not_utf8"}
MESSAGES = {*CONTENT_KINDS, *SITUATION_KINDS, "unknown_content", "odd_id"}


def taken(expression: str) -> set[str]:
    """The kinds of samples that a destination with this filter takes."""
    entry = {"name": "bot", "url": "https://bot.example.com/", "signing_secret": "5e" * 32}
    bot = read_destination(entry | {"filter": expression}, allow_loopback=False)
    return {kind for kind in KINDS if Content(make_body(kind)).wanted_by(bot).taken}


def test_messages_are_what_a_bot_may_answer_without_answering_itself() -> None:
    assert taken(ready(["messages"])) - NO_JSON == MESSAGES - NOT_ANSWERED


def test_inbound_is_everything_but_own_sends() -> None:
    assert set(KINDS) - taken(ready(["inbound"])) == {"outbound"}


def test_sdk_is_whatever_docs_vendor_md_has_no_400_for() -> None:
    refused = set(KINDS) - taken(ready(["sdk"]))
    assert refused == {"raw_inbound", "unknown_event", "no_id", "missing_parts", "hostile_json"}
    assert refused <= set(ODD_KINDS)


@pytest.mark.parametrize("name", READY)
def test_two_names_take_what_both_take(name: str) -> None:
    assert taken(ready(["inbound", name])) == taken(ready(["inbound"])) & taken(ready([name]))
