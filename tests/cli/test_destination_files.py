"""`forwarder destinations export` and `apply`: routing in a file, and secrets in none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from spectrum_cli.destinations.files import exported, merge, wanted_of
from spectrum_cli.terminal.errors import WrongUse

from tests.support.stacks import Deployed, Ran, forwarder

SECRETS = ("ab" * 32, "cd" * 32, "Bearer top-secret", "token=query-secret")
CRM = {
    "id": "crm.k3f9x2",
    "name": "crm",
    "url": "https://crm.example.com/spectrum?token=query-secret",
    "signing_secret": "ab" * 32,
    "old_secrets": [{"secret": "cd" * 32, "until": 4_000_000_000}],
    "headers": {"Authorization": "Bearer top-secret", "X-Team": "support"},
    "filter": "message.content.type == 'text'",
    "enabled": False,
}
BOT = {"name": "bot", "url": "https://bot.example.com/", "signing_secret": "ef" * 32}
LISTENER = {"name": "listen-laptop", "target": "arn:aws:sqs:us-east-1:1:q", "kind": "sqs"}


@pytest.fixture(autouse=True)
def registry(stack: Deployed) -> None:
    stack.write_destinations(CRM, BOT, LISTENER)


def apply(content: object, *options: str) -> Ran:
    return forwarder("destinations", "apply", "-f", "-", *options, given=json.dumps(content))


def changes(ran: Ran) -> dict[str, str]:
    assert ran.status == 0, ran.err
    return {change["name"]: change["change"] for change in ran.json}


def test_no_secret_is_exported_and_no_listener() -> None:
    ran = forwarder("destinations", "export")
    assert ran.status == 0
    assert [entry["name"] for entry in ran.json["destinations"]] == ["bot", "crm"]
    assert not [secret for secret in SECRETS if secret in ran.out]
    assert "signing_secret" not in ran.out
    revealed = forwarder("destinations", "export", "--reveal").out
    assert [secret in revealed for secret in SECRETS] == [False, False, True, True]


def test_what_was_exported_changes_nothing_where_it_came_from(stack: Deployed) -> None:
    before = stack.destinations()
    assert changes(apply(forwarder("destinations", "export").json, "--json")) == {
        "bot": "same",
        "crm": "same",
    }
    assert stack.destinations() == before


def test_a_dry_run_says_all_and_changes_nothing(stack: Deployed) -> None:
    before = stack.destinations()
    file = {"destinations": [{"name": "new", "url": "https://new.example.com/"}]}
    said = changes(apply(file, "--dry-run", "--prune", "--json"))
    assert said == {"new": "add", "crm": "remove", "bot": "remove"}
    assert stack.destinations() == before


def test_a_file_is_applied_and_what_it_leaves_out_stays(stack: Deployed) -> None:
    file = forwarder("destinations", "export").json
    file["destinations"][1] |= {"timeout_seconds": 5}
    del file["destinations"][1]["filter"]
    file["destinations"] = [
        file["destinations"][1],
        {"name": "new", "url": "https://new.example.com/"},
    ]
    assert changes(apply(file, "--json")) == {"crm": "set", "new": "add", "bot": "leave"}
    crm, bot, listener, new = stack.destinations()
    assert crm == {k: v for k, v in CRM.items() if k != "filter"} | {"timeout_seconds": 5}
    assert (bot, listener) == (BOT, LISTENER)
    assert new["id"].startswith("new.")
    assert len(new["signing_secret"]) == 64


def test_prune_removes_what_the_file_does_not_name_but_no_listener(stack: Deployed) -> None:
    file = {"destinations": [{"name": "bot", "url": BOT["url"]}]}
    assert apply(file, "--prune").status != 0  # nobody is there to say yes
    assert stack.destinations()[0] == CRM
    assert changes(apply(file, "--prune", "--yes", "--json")) == {"bot": "same", "crm": "remove"}
    assert stack.destinations() == [BOT, LISTENER]


def test_a_file_is_applied_whole_or_not_at_all(stack: Deployed) -> None:
    before = stack.destinations()
    good = {"name": "new", "url": "https://new.example.com/"}
    bad = {"name": "worse", "url": "http://127.0.0.1/"}
    ran = apply({"destinations": [good, bad]})
    assert ran.status == 2
    assert "could not be used" in ran.err
    assert stack.destinations() == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "must be"),
        ({"destinations": {}}, "must be"),
        ({"destinations": [{"url": "https://a.example.com/"}]}, "has no name"),
        ({"destinations": [{"name": "a"}, {"name": "a"}]}, "twice"),
        ({"destinations": [{"name": "a", "signing_secret": "x"}]}, "no secret belongs into a file"),
        ({"destinations": [{"name": "a", "id": "a.aaaaaa"}]}, "the stack's own"),
        ({"destinations": [{"name": "listen-x"}]}, "forwarder listen"),
        ({"destinations": [{"name": "n", "headers": {"A": None}}]}, "leaves out the header A"),
        ({"destinations": [{"name": "n", "url": "https://a/?…"}]}, "leaves out the query"),
        ({"destinations": [{"name": "crm", "url": "https://else/?…"}]}, "leaves out the query"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(content: object, said: str) -> None:
    ran = apply(content)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err


def test_a_file_that_is_not_there_or_no_json_is_said(tmp_path: Path) -> None:
    assert "cannot be read" in forwarder("destinations", "apply", "-f", "/none").err
    (tmp_path / "f").write_text("{,}")
    assert "is no JSON" in forwarder("destinations", "apply", "-f", str(tmp_path / "f")).err
    (tmp_path / "f").write_text('\ufeff{"destinations": []}')
    assert forwarder("destinations", "apply", "-f", str(tmp_path / "f")).status == 0


def test_another_stack_gets_the_routing_and_secrets_of_its_own() -> None:
    entries: list[dict[str, Any]] = []
    merge(entries, wanted_of(exported([CRM, BOT], reveal=True)), prune=True)
    by_name = {entry["name"]: entry for entry in entries}
    assert by_name["crm"]["headers"] == CRM["headers"]
    assert by_name["crm"]["signing_secret"] != CRM["signing_secret"]
    assert by_name["crm"]["id"] != CRM["id"]
    with pytest.raises(WrongUse, match="leaves out"):
        merge([], wanted_of(exported([CRM], reveal=False)), prune=True)
