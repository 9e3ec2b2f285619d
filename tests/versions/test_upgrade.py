"""An upgrade from 0.1.0, and the way back: its own code and today's over the same stores.

What one version has acknowledged the other one delivers, once, byte for byte. What 0.1.0 cannot
take stands in CHANGELOG.md, and is held here to be so.
"""

from __future__ import annotations

import secrets

import pytest

from tests.support.make import body_of
from tests.versions.stage import DAY, Stage

BOTH_WAYS = pytest.mark.parametrize(
    ("first", "then"), [("0.1.0", "today"), ("today", "0.1.0")], ids=["upgrade", "going back"]
)


@BOTH_WAYS
def test_what_one_version_has_stored_the_other_delivers(
    stage: Stage, first: str, then: str
) -> None:
    # In the item for both, for 0.1.0 alone, and for neither.
    texts = ["hello", secrets.token_hex(20_000), secrets.token_hex(800_000)]
    bodies = [body_of(f"spc-msg-{number}", text=text) for number, text in enumerate(texts)]
    keys = [key for _, key in (stage.receive(first, body) for body in bodies)]

    copies = [stage.receive(then, body) for body in bodies]
    stage.carry(then)

    assert copies == [("duplicate", key) for key in keys]
    assert stage.taken == dict.fromkeys(zip(keys, bodies, strict=True), 1)
    assert [stage.status(key) for key in keys] == ["delivered"] * 3


@BOTH_WAYS
def test_what_one_version_has_queued_whole_the_other_stores_and_delivers(
    stage: Stage, first: str, then: str
) -> None:
    body = body_of("spc-msg-whole")
    word, key = stage.receive(first, body, EVENTS_TABLE="there-is-none")

    stage.carry(then)

    assert word == "accepted"
    assert stage.taken == {(key, body): 1}
    assert stage.receive(first, body) == ("duplicate", key)


@BOTH_WAYS
def test_what_one_version_owes_after_a_failure_the_other_delivers(
    stage: Stage, first: str, then: str
) -> None:
    body = body_of("spc-msg-owed")
    _, key = stage.receive(first, body)
    stage.answers = 503
    stage.carry(first)
    assert (stage.status(key), stage.delivery(key)["attempts"]) == ("pending", {"N": "1"})
    stage.answers = 200
    stage.let_pass(key, 2 * DAY)

    stage.sweep(then)

    assert stage.taken == {(key, body): 1}
    assert (stage.status(key), stage.delivery(key)["attempts"]) == ("delivered", {"N": "2"})


@BOTH_WAYS
def test_what_one_version_holds_for_a_paused_destination_the_other_delivers(
    stage: Stage, first: str, then: str
) -> None:
    body = body_of("spc-msg-paused")
    stage.destine(stage.entry | {"enabled": False})
    _, key = stage.receive(first, body)
    stage.carry(first)
    assert stage.delivery(key)["waiting_for"] == {"S": "paused"}
    assert stage.places() == (1 if first == "today" else 0)
    stage.destine(stage.entry)
    stage.let_pass(key, 2 * DAY)

    stage.sweep(then)

    assert stage.taken == {(key, body): 1}
    # Once today's version is back, nobody stands in the line, and nothing is sent again.
    stage.sweep("today")
    assert (stage.taken, stage.places()) == ({(key, body): 1}, 0)


def test_another_event_under_a_known_id_is_delivered_by_the_version_before(stage: Stage) -> None:
    bodies = [body_of("spc-msg-same", text=text) for text in ("one", "another")]
    keys = [key for _, key in (stage.receive("today", body) for body in bodies)]
    assert keys[1].startswith(f"{keys[0]}+")

    stage.carry("0.1.0")

    assert stage.taken == dict.fromkeys(zip(keys, bodies, strict=True), 1)


@pytest.mark.parametrize("field", [{"rate": 5}, {"max_in_flight": 2}, {"order": "conversation"}])
def test_what_comes_for_an_entry_that_the_version_before_refuses_waits_for_it(
    stage: Stage, field: dict[str, object]
) -> None:
    body = body_of("spc-msg-refused")
    stage.destine(stage.entry | field)
    _, key = stage.receive("0.1.0", body)
    stage.carry("0.1.0")
    assert stage.delivery(key)["waiting_for"] == {"S": "broken_entry"}
    stage.let_pass(key, 2 * DAY)

    stage.sweep("today")
    # What goes out in order is let go by a hint that comes seconds later.
    stage.carry("today", patience=0 if stage.taken else 20)

    assert stage.taken == {(key, body): 1}


def test_what_an_entry_with_an_id_is_owed_is_settled_as_removed_by_the_version_before(
    stage: Stage,
) -> None:
    """Why CHANGELOG.md has it delivered before the way back."""
    stage.destine(stage.entry | {"id": "crm.k3f9x2"})
    _, key = stage.receive("today", body_of("spc-msg-bound"))
    stage.answers = 503
    stage.carry("today")
    stage.let_pass(key, 2 * DAY)

    stage.sweep("0.1.0")

    assert stage.status(key, "crm.k3f9x2") == "removed"


def test_what_the_version_before_holds_by_name_for_an_entry_with_an_id_is_settled_as_removed(
    stage: Stage,
) -> None:
    """Why CHANGELOG.md has such entries added after the update, and replays told otherwise."""
    stage.destine(stage.entry | {"id": "crm.k3f9x2"})
    _, key = stage.receive("0.1.0", body_of("spc-msg-early"))
    stage.carry("0.1.0")
    assert stage.delivery(key)["waiting_for"] == {"S": "broken_entry"}

    for _ in range(2):  # missed once, and then in a copy that was read since
        stage.let_pass(key, 2 * DAY)
        stage.deploy()
        stage.sweep("today")

    assert (stage.status(key), stage.taken) == ("removed", {})
