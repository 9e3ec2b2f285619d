"""A secret that holds no registry: every command says so and where, and none calls it a defect."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from spectrum_cli.doctor.model import Patient
from spectrum_cli.doctor.walk import walk
from spectrum_cli.terminal.failures import TRACEBACK_VARIABLE
from spectrum_cli.terminal.verdicts import Result, Verdict, ok
from spectrum_forwarder.adapters.registry_entries import content_of
from spectrum_forwarder.domain.errors import InvalidEntry, TableUnavailable

from tests.support.make import WEBHOOK
from tests.support.stacks import Deployed, forwarder

HOOK = {"id": WEBHOOK.id, "signing_secret": WEBHOOK.signing_secret, "source": "main"}
CRM = {"name": "crm", "url": "https://crm.example.com/", "signing_secret": "s" * 32}
# What people have written → what is said of it.
BROKEN = {
    "[]": "is no JSON object",
    '{"destinations": [{"name": "canary"},]}': "is not JSON from line 1, column 3",
    '{"webhooks": [{"id": "canary"},]}': "is not JSON from line 1, column 3",
    " ": "is empty",
    '{"destinations":\n nope}': "is not JSON from line 2, column 2 on",
    "null": "is no JSON object",
    '{"canary": []}': 'has no "',
    '{"destinations": {}, "webhooks": {}}': "must be a list",
    '{"canary":' * 100_000: "is nested too deep",
}
OF_DESTINATIONS = [
    ("destinations", "list"),
    ("destinations", "add", "erp", "https://erp.example.com/"),
    ("destinations", "set", "crm", "--timeout", "5"),
    ("destinations", "rename", "crm", "sales"),
    ("destinations", "remove", "crm", "--yes"),
    ("destinations", "test", "crm"),
    ("destinations", "pause", "crm"),
    ("destinations", "resume", "crm"),
]
OF_WEBHOOKS = [
    ("webhooks", "list"),
    ("sample", "--send", "endpoint", "--stack", "spectrum-forwarder"),
    ("quarantine", "list"),
    ("quarantine", "release", "--all"),
    ("support-bundle", "-o", "-"),
]


@pytest.fixture
def written(stack: Deployed) -> Iterator[Deployed]:
    yield stack
    stack.write_destinations(CRM)
    stack.write_webhooks(HOOK)


@pytest.mark.parametrize(("text", "said"), BROKEN.items(), ids=[text[:25] for text in BROKEN])
def test_what_is_no_registry_is_named_by_its_place_and_never_quoted(
    written: Deployed, text: str, said: str
) -> None:
    for secret, commands in (
        ("DestinationsSecretId", OF_DESTINATIONS[:1]),
        ("WebhooksSecretId", OF_WEBHOOKS[:1]),
    ):
        written.write_secret(secret, text)
        ran = forwarder(*commands[0])
        assert ran.status == 1
        assert "put-secret-value" in ran.err
        assert "canary" not in ran.err
    with pytest.raises(InvalidEntry, match=said):
        content_of(text, "webhooks" if "webhooks" in text else "destinations")


@pytest.mark.parametrize("command", OF_DESTINATIONS + OF_WEBHOOKS, ids=" ".join)
def test_no_command_takes_a_broken_registry_for_a_defect_of_its_own(
    written: Deployed, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TRACEBACK_VARIABLE, raising=False)
    own = "DestinationsSecretId" if command in OF_DESTINATIONS else "WebhooksSecretId"
    written.write_secret(own, '{"destinations": [], "webhooks": [] nope}')
    ran = forwarder(*command)
    assert (ran.status, "defect" in ran.err) == (1, False), ran.err
    assert "line 1, column 37 on" in ran.err


@pytest.mark.parametrize("command", OF_DESTINATIONS[:1] + OF_WEBHOOKS[:1], ids=" ".join)
def test_a_byte_order_mark_is_read(written: Deployed, command: tuple[str, ...]) -> None:
    registry = json.dumps({"destinations": [CRM], "webhooks": [HOOK]})
    for secret in ("DestinationsSecretId", "WebhooksSecretId"):
        written.write_secret(secret, "\ufeff" + registry)
    assert forwarder(*command).status == 0


def test_an_entry_that_is_none_is_listed_and_left_to_whoever_wrote_it(written: Deployed) -> None:
    """The functions pass it over: so does the list, and no change takes it away."""
    text = json.dumps({"destinations": [CRM, "canary"]})
    written.write_secret("DestinationsSecretId", text)
    ran = forwarder("destinations", "list", "--json")
    assert (ran.status, [one["state"] for one in ran.json]) == (1, ["ok", "broken"])
    changed = forwarder("destinations", "pause", "crm")
    assert (changed.status, "its entry 2 is no object" in changed.err) == (1, True)
    assert written.secret("DestinationsSecretId") == text


# ---- The walk of `doctor` ----------------------------------------------------------------------


def refuses(_patient: Patient) -> Iterator[Result]:
    yield ok("first", "half of it was done")
    raise InvalidEntry("it is empty")


def unreachable(_patient: Patient) -> Iterator[Result]:
    raise TableUnavailable("query: Throttled")
    yield


def breaks(_patient: Patient) -> Iterator[Result]:
    yield ok("third", str(dict[str, str]()["there"]))


def goes_on(_patient: Patient) -> Iterator[Result]:
    yield ok("last", "it was done")


@pytest.mark.parametrize("wanted", [False, True])
def test_the_failure_of_one_check_takes_no_other(
    wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TRACEBACK_VARIABLE, raising=False)
    patient: Patient = None  # type: ignore[assignment]
    checks = (refuses, unreachable, breaks, goes_on)
    if wanted:
        monkeypatch.setenv(TRACEBACK_VARIABLE, "1")
        with pytest.raises(KeyError):
            list(walk(patient, checks))
        return
    results = list(walk(patient, checks))
    assert [result.verdict for result in results] == [
        Verdict.OK,
        *[Verdict.FAILED] * 3,
        Verdict.OK,
    ]
    said = [result.said for result in results]
    assert "it is empty" in said[1]
    assert "Throttled" in said[2]
    assert "a defect of the command: KeyError" in said[3]
