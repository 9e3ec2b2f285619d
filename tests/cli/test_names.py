"""Names for people, identities for the stack: what is typed, and what is shown."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from spectrum_cli.destinations.names import Names, names_in
from spectrum_cli.stack.target import find_target
from spectrum_forwarder.domain.delivery import Status, settled
from spectrum_forwarder.domain.destination import Broken, Destinations

from tests.support.filled import dead, delivered, put
from tests.support.make import destination_of
from tests.support.stacks import Deployed, forwarder
from tests.ui.served import OURS, asked

NOW = time.time()
CRM, OLD_CRM, ERP = "crm.bbbbbb", "crm.aaaaaa", "erp.cccccc"


@pytest.fixture(scope="module")
def stack_of_names(stack: Deployed) -> Iterator[Deployed]:
    """A stack whose `crm` was removed and added again, and whose `finance` was `erp` once."""
    entries = [
        {"id": CRM, "name": "crm", "url": "https://crm.example.com/", "signing_secret": "5e" * 32},
        {"id": ERP, "name": "finance", "url": "https://e.example.com/", "signing_secret": "5e"},
    ]
    stack.write_destinations(*entries)
    put(stack, "old", settled(delivered(OLD_CRM, NOW), Status.REMOVED), dead(ERP, NOW))
    put(stack, "new", delivered(CRM, NOW), delivered(ERP, NOW))
    yield stack


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


def test_one_that_was_removed_is_called_as_when_it_was_made() -> None:
    names = Names({ERP: "finance"})
    assert [names.of(identity) for identity in (ERP, CRM, "crm")] == ["finance", "crm", "crm"]


def test_one_whose_name_another_has_by_now_is_told_from_it() -> None:
    names = Names({CRM: "crm"})
    assert [names.of(identity) for identity in (CRM, OLD_CRM, "crm")] == [
        "crm",
        "crm (removed)",
        "crm (removed)",
    ]


def test_what_is_typed_is_a_name_or_an_identity() -> None:
    names = Names({CRM: "crm", ERP: "finance"})
    typed = ("crm", "finance", ERP, "erp", OLD_CRM)
    assert [names.identity(text) for text in typed] == [CRM, ERP, ERP, None, None]


def test_entries_that_cannot_be_used_have_names_all_the_same() -> None:
    entries: list[dict[str, Any]] = [
        {"name": "crm"},
        {"id": ERP, "name": 7},
        {"name": "a b"},
        {"id": 7, "name": "x"},
    ]
    assert names_in(entries).by_identity == {"crm": "crm", ERP: "7"}


def test_a_destination_is_known_by_its_identity_wherever_it_stands() -> None:
    found = Destinations({CRM: destination_of("crm", id=CRM)}, {ERP: Broken("finance", "why")})
    assert (CRM in found, ERP in found, "crm" in found) == (True, True, False)
    assert (found.name_of(CRM), found.name_of(ERP), found.name_of(OLD_CRM)) == (
        "crm",
        "finance",
        "crm",
    )


def test_events_are_shown_with_the_names_of_today(stack_of_names: Deployed) -> None:
    ran = forwarder("events", "list")
    new, old = ran.lines[1:]
    assert new.endswith("delivered crm, delivered finance")
    assert old.endswith("removed crm (removed), dead_lettered finance (12 attempts)")
    ran = forwarder("events", "list", "--destination", "crm", "--json")
    (event,) = map(json.loads, ran.lines)
    assert [(d["destination"], d["destination_id"]) for d in event["deliveries"]] == [
        ("crm", CRM),
        ("finance", ERP),
    ]
    shown = forwarder("events", "show", event["event_key"])
    assert "finance" in shown.out
    assert "erp" not in shown.out


@pytest.mark.parametrize("typed", [OLD_CRM, "crm (removed)"])
def test_events_of_a_removed_destination_can_be_found(stack_of_names: Deployed, typed: str) -> None:
    (line,) = forwarder("events", "list", "--destination", typed, "--json").lines
    assert json.loads(line)["deliveries"][0]["destination_id"] == OLD_CRM


def test_events_are_shown_where_the_registry_cannot_be_read(stack_of_names: Deployed) -> None:
    text = stack_of_names.secret("DestinationsSecretId")
    stack_of_names.write_secret("DestinationsSecretId", "nothing of use")
    try:
        ran = forwarder("events", "list")
    finally:
        stack_of_names.write_secret("DestinationsSecretId", text)
    assert ran.status == 0
    assert ran.lines[1].endswith("delivered crm, delivered erp")


# ---- The pages ----------------------------------------------------------------------------------


def test_pages_show_names_and_act_on_identities(stack_of_names: Deployed) -> None:
    pages = asked(find_target())
    pages.day.step()
    log = pages.client.get("/").text
    assert "finance" in log
    assert "crm (removed)" in log
    assert OLD_CRM not in log
    event = pages.client.get("/event?key=main:new").text
    assert "Replay to finance?" in event
    # What is done from a page is done to the one that stood there, whoever has its name by then.
    assert f'value="{ERP}"' in event
    gone = pages.client.get("/event?key=main:old").text
    assert f'value="{OLD_CRM}"' not in gone
    form = {"form_token": pages.guard.form_token, "destination": OLD_CRM}
    headers = OURS
    assert "any more" in pages.client.post("/destination/pause", data=form, headers=headers).text
    found = pages.client.get("/?destination=crm").text
    assert "main:new" in found
    assert "main:old" not in found


def test_the_overview_counts_by_identity(stack_of_names: Deployed) -> None:
    pages = asked(find_target())
    pages.day.step()
    summary = pages.day.summary
    assert summary is not None
    assert summary.total(CRM, Status.DELIVERED) == 1
    assert summary.total(OLD_CRM, Status.REMOVED) == 1
    shown = pages.client.get("/overview").text
    assert [re.sub("<.*?>", "", title) for title in re.findall("<h3>.*?</h3>", shown)] == [
        "crm",
        "finance",
        "crm (removed)",
    ]


# ---- Replays ------------------------------------------------------------------------------------


def test_a_replay_goes_to_the_destination_that_has_the_name_today(stack_of_names: Deployed) -> None:
    ran = forwarder("replay", "main:old", "--destination", "crm", "--dry-run", "--json")
    assert ran.json["would_replay"] == [{"event_key": "main:old", "destinations": ["crm"]}]
    ran = forwarder("replay", "main:old", "--json")
    assert ran.json["deliveries"] == {"finance": 1}
    ran = forwarder("replay", "main:old", "--destination", "erp")
    assert ran.status == 2
    assert "configured are crm, finance" in ran.err


def test_a_replay_to_a_destination_that_was_removed_is_not_continued_to_its_successor(
    stack_of_names: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It is cut off.
    monkeypatch.setattr("spectrum_cli.events.journal.Journal.finish", lambda _: None)
    command = ("replay", "--since", "1h", "--destination", "crm", "--json")
    assert forwarder(*command).json["deliveries"] == {"crm": 2}
    text = stack_of_names.secret("DestinationsSecretId")
    stack_of_names.write_secret("DestinationsSecretId", text.replace(CRM, "crm.dddddd"))
    try:
        ran = forwarder(*command)
    finally:
        stack_of_names.write_secret("DestinationsSecretId", text)
    assert "continuing" not in ran.err
    assert ran.json["deliveries"] == {"crm": 2}
