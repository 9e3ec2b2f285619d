"""`forwarder quarantine`: what is kept, why it was refused, and what its release does."""

from __future__ import annotations

import json
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from spectrum_cli.commands import quarantine as command_module
from spectrum_cli.quarantine import releasing, suspects
from spectrum_cli.stack.target import Target
from spectrum_forwarder.adapters import quarantine as quarantine_module
from spectrum_forwarder.adapters.quarantine import PREFIX
from spectrum_forwarder.adapters.quarantine_shelf import S3QuarantineShelf
from spectrum_forwarder.domain.errors import ItemTooLarge, QuarantineFull, TableUnavailable
from spectrum_forwarder.domain.quarantine import Suspect
from spectrum_forwarder.storing import EventStore

from tests.support.kept import ENTRY, Kept
from tests.support.make import WEBHOOK, body_of, signed_headers
from tests.support.stacks import Deployed, Ran, forwarder

COMMANDS = [
    ["quarantine", "list"],
    ["quarantine", "show", "2026-01-31T08/042"],
    ["quarantine", "release", "--all"],
    ["audit"],
    ["support-bundle", "-o", "-"],
]


def quarantine(*arguments: str, given: str = "") -> Ran:
    return forwarder("quarantine", *arguments, given=given)


@pytest.fixture
def kept(stack: Deployed) -> Iterator[Kept]:
    kept = Kept(stack)
    kept.store(ENTRY)
    yield kept
    kept.empty()


def test_nothing_kept_is_said(kept: Kept) -> None:
    ran = quarantine("list")
    assert (ran.status, ran.out) == (0, "")
    assert "nothing is kept" in ran.err
    assert quarantine("release", "--all").status == 0


def test_the_list_says_what_would_verify_today(kept: Kept) -> None:
    good = kept.keep("m-1", ago=3700)
    late = kept.keep("m-2", late=600)
    bad = kept.keep("m-3", body=b"changed")
    rows = {row["id"]: row for row in map(json.loads, quarantine("list", "--json").lines)}
    assert {name: row["verdict"] for name, row in rows.items()} == {
        good: "good",
        late: "stale",
        bad: "mismatch",
    }
    shown = quarantine("list").lines
    assert shown[0].split()[:2] == ["received", "id"]
    assert shown[-1].endswith("verifies now")
    assert "2 more" in quarantine("list", "--limit", "1").err


def test_what_is_older_than_72_hours_is_not_listed(kept: Kept) -> None:
    kept.keep("m-1", ago=74 * 3600)
    assert "nothing is kept" in quarantine("list").err


def test_what_could_not_be_kept_is_told(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine_module, "SLOTS", 1)
    kept.keep("m-1")
    with pytest.raises(QuarantineFull):
        kept.keep("m-2")
    for ran in (quarantine("list"), quarantine("release", "--all")):
        assert "1 refused requests were not kept" in ran.err
        assert "their hour was full" in ran.err
    assert quarantine("release", "--all", "--json").json["not_kept"] == {"full": 1}


def test_what_will_be_forgotten_soon_is_told(kept: Kept) -> None:
    kept.keep("m-1", ago=3600)
    assert "forgotten" not in quarantine("list").err
    kept.keep("m-2", ago=60 * 3600)
    assert "1 of them are forgotten within a day" in quarantine("list").err


def test_a_request_without_a_signature_is_explained(kept: Kept) -> None:
    headers = signed_headers(body_of("m-1")) | {"x-spectrum-signature": ""}
    name = kept.put(Suspect(time.time(), "missing_signature", headers, body_of("m-1")))
    ran = quarantine("show", name, "--json")
    assert [found["cause"] for found in ran.json["findings"]] == ["signature_missing"]
    assert "Signature is missing" in quarantine("release", name, "--json").json["kept"][0]["why"]


def test_neither_bodies_nor_secrets_are_listed(kept: Kept) -> None:
    name = kept.keep("m-1", body=body_of("m-1", text="canary"))
    for ran in (quarantine("list"), quarantine("show", name), quarantine("release", "--all")):
        assert "canary" not in ran.out + ran.err
        assert WEBHOOK.signing_secret not in ran.out + ran.err


def test_show_names_the_cause_and_prints_the_body_on_demand(kept: Kept) -> None:
    rewritten = json.dumps(json.loads(body_of("m-1"))).encode()
    name = kept.keep("m-1", body=rewritten)
    ran = quarantine("show", name, "--json")
    assert [found["cause"] for found in ran.json["findings"]] == ["body_reserialised"]
    assert ran.json["headers"]["x-spectrum-webhook-id"] == WEBHOOK.id
    assert "fix" in quarantine("show", name).out
    assert quarantine("show", name, "--body").out.encode() == rewritten
    assert quarantine("show", "2026-01-31T08/042").status == 1


def test_release_takes_what_verifies_and_names_why_the_rest_stays(kept: Kept) -> None:
    name = kept.keep("r-1")
    again = kept.keep("r-1", ago=61)
    late = kept.keep("r-2", late=600)
    bad = kept.keep("r-3", body=body_of("r-3") + b"\n")
    ran = quarantine("release", "--all", "--json")
    assert ran.status == 1
    assert {one["id"] for one in ran.json["accepted"] + ran.json["duplicates"]} == {name, again}
    assert [one["event_key"] for one in ran.json["accepted"]] == ["main:r-1"]
    why = {one["id"]: one for one in ran.json["kept"]}
    assert "--stale" in why[late]["fix"]
    assert "line break" in why[bad]["why"]
    assert sorted(kept.ids()) == sorted([late, bad])
    assert kept.event("r-1").due_at is not None
    assert kept.event("r-2") is None


def test_a_mended_secret_releases_what_it_had_cost(kept: Kept) -> None:
    kept.store(ENTRY | {"signing_secret": "00" * 32})
    name = kept.keep("mended-1")
    assert quarantine("release", name).status == 1
    assert kept.ids() == [name]
    kept.store(ENTRY)
    ran = quarantine("release", name)
    assert (ran.status, ran.lines) == (0, ["released 1, and 0 that were there already"])
    assert kept.ids() == []
    assert quarantine("release", name).status == 1


def test_a_stale_one_is_released_with_stale(kept: Kept) -> None:
    name = kept.keep("late-1", late=600)
    assert quarantine("release", name).status == 1
    assert quarantine("release", name, "--stale").status == 0
    event = kept.event("late-1")
    assert event.received_at - event.signed_at >= 600


def test_a_webhook_that_is_not_stored_any_more_is_named(kept: Kept) -> None:
    kept.store(ENTRY | {"id": "another"})
    kept.keep("m-1")
    ran = quarantine("release", "--all", "--json")
    assert ran.json["kept"][0]["verdict"] == "unknown_webhook"


@pytest.mark.parametrize("arguments", [(), ("2026-01-31T08/042", "--all")])
def test_release_wants_ids_or_all(kept: Kept, arguments: tuple[str, ...]) -> None:
    assert quarantine("release", *arguments).status == 2


def test_many_are_asked_for(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_module, "UNASKED", 2)
    for number in range(3):
        kept.keep(f"many-{number}")
    assert quarantine("release", "--all").status == 2
    assert len(kept.ids()) == 3
    ran = quarantine("release", "--all", "--yes", "--json")
    assert (ran.status, len(ran.json["accepted"]), kept.ids()) == (0, 3, [])


def test_a_secret_that_is_no_registry_is_told(kept: Kept, stack: Deployed) -> None:
    kept.keep("m-1")
    stack.write_secret("WebhooksSecretId", "{}")
    ran = quarantine("list")
    assert (ran.status, "mend it" in ran.err) == (1, True)


def test_an_object_of_another_kind_is_passed_over(kept: Kept, stack: Deployed) -> None:
    other = kept.keep("m-1") + "x"
    stack.client("s3").put_object(
        Bucket=stack.outputs["PayloadsBucketName"], Key=PREFIX + other, Body=b"nonsense"
    )
    assert len(quarantine("list", "--json").lines) == 1
    assert quarantine("show", other).status == 1
    assert quarantine("release", other).status == 1


@pytest.mark.parametrize("depth", [900, 100_000])
@pytest.mark.parametrize("changed", [b"", b" ", b"x"])
def test_a_body_that_is_nested_deep_takes_no_command_down(
    kept: Kept, depth: int, changed: bytes
) -> None:
    """It can be read where it cannot be written any more: json.dumps gives up first."""
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    headers = signed_headers(deep)
    bad = kept.put(Suspect(time.time(), "signature_mismatch", headers, deep + changed))
    other = kept.keep("beside-it")
    assert quarantine("show", bad).status == 0
    assert forwarder("support-bundle", "-o", "-", "--request", bad).status == 0
    ran = quarantine("release", "--all", "--json")
    assert other in {one["id"] for one in ran.json["accepted"] + ran.json["duplicates"]}
    assert [one["id"] for one in ran.json["kept"]] == ([bad] if changed else [])


def test_the_trouble_of_one_diagnosis_is_told_of_that_one(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(*_: Any, **__: Any) -> Any:
        raise OverflowError("canary")

    bad, good = kept.keep("d-1", body=b"changed"), kept.keep("d-2")
    monkeypatch.setattr(suspects, "diagnose", give_up)
    ran = quarantine("release", "--all", "--json")
    assert ran.json["accepted"][0]["id"] == good
    assert ran.json["kept"][0]["id"] == bad
    shown = quarantine("show", bad)
    assert (shown.status, "OverflowError" in shown.out) == (0, True)
    assert "canary" not in shown.out + shown.err + ran.out + ran.err


def test_what_the_stack_does_not_take_of_one_stays_and_the_others_go(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = EventStore.put

    def refuse(self: EventStore, stored: Any, **more: Any) -> Any:
        if b"t-2" in stored.event.body:
            raise ItemTooLarge("put_item: ValidationException")
        return put(self, stored, **more)

    monkeypatch.setattr(EventStore, "put", refuse)
    names = [kept.keep(f"t-{number}") for number in range(1, 4)]
    ran = quarantine("release", "--all", "--json")
    assert (ran.status, len(ran.json["accepted"])) == (1, 2)
    assert [(one["id"], one["verdict"]) for one in ran.json["kept"]] == [(names[1], "good")]
    assert "ValidationException" in ran.json["kept"][0]["why"]
    assert kept.ids() == [names[1]]


def test_a_stack_that_takes_none_ends_the_release(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise TableUnavailable("put_item: Throttled")

    monkeypatch.setattr(EventStore, "put", refuse)
    monkeypatch.setattr(releasing, "MOST_IN_A_ROW", 2)
    for number in range(3):
        kept.keep(f"n-{number}")
    ran = quarantine("release", "--all")
    assert (ran.status, "Throttled" in ran.err) == (3, True)
    assert len(kept.ids()) == 3


def test_no_more_bodies_are_held_than_are_being_read(
    kept: Kept, stack: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full quarantine holds gigabytes: they are judged one by one and let go of."""

    class Headers(dict[str, str]):
        """Those of a suspect, which live as long as its body does."""

    most: list[int] = []
    get = S3QuarantineShelf.get

    def watched(self: S3QuarantineShelf, name: str) -> Suspect | None:
        found = get(self, name)
        assert found is not None
        headers = Headers(found.headers)
        headers_of.append(weakref.ref(headers))
        most.append(sum(one() is not None for one in headers_of))
        return found._replace(headers=headers)

    headers_of: list[weakref.ref[Headers]] = []
    for number in range(30):
        kept.keep(f"held-{number}", body=b"changed %d" % number)
    monkeypatch.setattr(S3QuarantineShelf, "get", watched)
    quarantine("release", "--all", "--json")
    assert len(most) == 60
    # Those that are being read, and what each reader has just let go of.
    assert max(most) <= 2 * suspects.READ_AT_ONCE


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_a_stack_or_credentials_it_says_so(no_stack: Path, command: list[str]) -> None:
    for options, said in (
        (["--local"], "forwarder local"),
        (["--region", "eu-west-1"], "no AWS credentials were found"),
    ):
        ran = forwarder(*command, *options)
        assert (ran.status, ran.out) == (3, "")
        assert said in ran.err


def test_a_bucket_that_is_gone_is_said(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Target, "payloads_bucket", "none")
    ran = forwarder("quarantine", "list")
    assert (ran.status, ran.out) == (3, "")
    assert "did not find a resource" in ran.err
