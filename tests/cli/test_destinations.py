"""`forwarder destinations`: what is stored, what is shown, and what is woken."""

import json
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from spectrum_cli.local.consumer import Consumer, Received
from spectrum_cli.local.deployment import Endpoints
from spectrum_cli.local.state import LocalState, published
from spectrum_cli.stack import options as stack_options
from spectrum_cli.stack import target
from spectrum_cli.stack.registry import Registry
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.errors import Finding, Unreachable
from spectrum_forwarder.adapters.event_log import DynamoEventLog
from spectrum_forwarder.adapters.health_board import DynamoHealthBoard
from spectrum_forwarder.domain.delivery import held, planned
from spectrum_forwarder.domain.destination import identity_of
from spectrum_forwarder.domain.health import Health

from tests.support.certificates import make_certificate
from tests.support.filled import delivered, put
from tests.support.http_server import serving
from tests.support.make import WHSEC
from tests.support.stacks import Deployed, Ran, forwarder

URL = "https://crm.example.com/spectrum"
HEX = "5e" * 32
NOW = time.time()


@pytest.fixture
def secret(stack: Deployed) -> Iterator["Secret"]:
    secret = Secret(stack)
    secret.write({"destinations": []})
    yield secret


class Secret:
    """The destinations secret, as the functions would read it."""

    def __init__(self, stack: Deployed) -> None:
        self.client = stack.client("secretsmanager")
        self.id = stack.outputs["DestinationsSecretId"]

    def write(self, content: object) -> None:
        self.client.put_secret_value(SecretId=self.id, SecretString=json.dumps(content))

    @property
    def content(self) -> Any:
        return json.loads(self.client.get_secret_value(SecretId=self.id)["SecretString"])

    @property
    def entries(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.content["destinations"]
        return entries

    def registry(self) -> Registry:
        return Registry(self.client, self.id, "destinations")


def add(*options: str, name: str = "crm", url: str = URL, given: str = "") -> Ran:
    return forwarder("destinations", "add", name, url, *options, given=given)


def test_no_destinations_are_said(secret: Secret) -> None:
    ran = forwarder("destinations", "list")
    assert (ran.status, ran.out) == (0, "")
    assert "destinations add" in ran.err
    assert forwarder("destinations", "list", "--json").json == []


def test_a_ready_filter_is_written_out_where_it_can_be_read_and_changed(secret: Secret) -> None:
    assert add("--only", "inbound").status == 0
    assert secret.entries[0]["filter"] == "message.direction != 'outbound'"
    assert forwarder("destinations", "set", "crm", "--only", "messages").status == 0
    assert secret.entries[0]["filter"].startswith("event == 'messages' && ")
    assert forwarder("destinations", "set", "crm", "--filter", "").status == 0
    assert "filter" not in secret.entries[0]


def test_no_filter_is_there_unless_it_was_asked_for(secret: Secret) -> None:
    add()
    assert "filter" not in secret.entries[0]


@pytest.mark.parametrize("options", [("--only", "all"), ("--only", "inbound", "--filter", "event")])
def test_another_or_a_second_filter_is_wrong_use(secret: Secret, options: tuple[str, ...]) -> None:
    assert (add(*options).status, secret.entries) == (2, [])


def test_the_stacks_own_endpoint_and_queues_are_refused(secret: Secret, stack: Deployed) -> None:
    host = stack.outputs["EndpointUrl"].split("/")[2]
    queue = stack.outputs["EventsQueueUrl"].rpartition("/")[2]
    for where in (
        stack.outputs["EndpointUrl"],
        f"https://{host.upper()}.:443/another/path",
        f"arn:aws:sqs:us-east-1:123456789012:{queue}",
    ):
        ran = add(url=where)
        assert (ran.status, "own" in ran.err, secret.entries) == (2, True, []), where
    assert add(url=f"https://other-{host}/spectrum-webhook").status == 0
    ran = forwarder("destinations", "set", "crm", "--url", stack.outputs["EndpointUrl"])
    assert (ran.status, "own endpoint" in ran.err) == (2, True)


def test_an_own_endpoint_that_is_stored_by_hand_is_named(secret: Secret, stack: Deployed) -> None:
    entry = {"name": "me", "url": stack.outputs["EndpointUrl"], "signing_secret": "5e" * 32}
    secret.write({"destinations": [entry]})
    ran = forwarder("destinations", "list")
    assert (ran.status, "own endpoint" in ran.err) == (1, True)


def test_a_destination_is_added_with_a_secret_that_is_shown_only_when_asked_for(
    secret: Secret,
) -> None:
    ran = add("--header", "X-Team: support", "--timeout", "5", "--filter", "event == 'messages'")
    assert ran.status == 0
    (entry,) = secret.entries
    signing_secret = entry["signing_secret"]
    assert len(signing_secret) == 64
    assert signing_secret not in ran.out + ran.err
    assert "--reveal" in ran.err
    assert re.fullmatch("crm[.][a-z2-7]{6}", entry["id"])
    assert entry == {
        "id": entry["id"],
        "name": "crm",
        "url": URL,
        "signing_secret": signing_secret,
        "filter": "event == 'messages'",
        "headers": {"X-Team": "support"},
        "timeout_seconds": 5.0,
    }
    for options in ([], ["--json"]):
        shown = forwarder("destinations", "list", *options)
        assert signing_secret not in shown.out
        assert "support" not in shown.out
        assert signing_secret in forwarder("destinations", "list", "--reveal", *options).out


def test_the_new_secret_can_be_had_at_once_or_be_given(secret: Secret) -> None:
    ran = add("--reveal")
    assert ran.out == secret.entries[0]["signing_secret"] + "\n"
    add("--secret-stdin", name="erp", given=f"{WHSEC}\n")
    assert secret.entries[1]["signing_secret"] == WHSEC


def test_a_url_is_stored_as_it_travels(secret: Secret) -> None:
    assert add(url="https://bücher.example.com/für?q=森").status == 0
    assert secret.entries[0]["url"] == "https://xn--bcher-kva.example.com/f%C3%BCr?q=%E6%A3%AE"
    assert forwarder("destinations", "set", "crm", "--url", "https://x.example.com/é").status == 0
    assert secret.entries[0]["url"] == "https://x.example.com/%C3%A9"
    assert forwarder("destinations", "set", "crm", "--url", "https://-ü.example.com/").status == 2


def test_a_target_of_another_kind_is_added_by_its_arn(secret: Secret) -> None:
    arn = "arn:aws:sqs:us-east-1:123456789012:orders"
    assert add(url=arn).status == 0
    assert (secret.entries[0]["kind"], secret.entries[0]["target"]) == ("sqs", arn)
    assert arn in forwarder("destinations", "list").out
    forwarder("destinations", "set", "crm", "--url", URL)
    assert secret.entries[0]["url"] == URL
    assert not {"kind", "target"} & set(secret.entries[0])


def test_a_field_of_its_kind_is_set_shown_and_gone_with_the_kind(secret: Secret) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:orders"
    assert add("--path", "/hook", url=arn).status == 0
    [shown] = forwarder("destinations", "list", "--json").json
    assert (shown["kind"], shown["path"]) == ("lambda", "/hook")
    assert forwarder("destinations", "set", "crm", "--path", "").status == 0
    assert "path" not in secret.entries[0]
    assert forwarder("destinations", "set", "crm", "--path", "/other").status == 0
    assert forwarder("destinations", "set", "crm", "--url", arn + ":live").status == 0
    assert secret.entries[0]["path"] == "/other"
    assert forwarder("destinations", "set", "crm", "--url", URL).status == 0
    assert "path" not in secret.entries[0]
    ran = forwarder("destinations", "set", "crm", "--path", "/hook")
    assert (ran.status, "path is not for" in ran.err) == (2, True)


def test_how_much_a_destination_takes_is_set_shown_kept_elsewhere_and_taken_away(
    secret: Secret,
) -> None:
    assert add("--rate", "10", "--max-in-flight", "4").status == 0
    assert (secret.entries[0]["rate"], secret.entries[0]["max_in_flight"]) == (10, 4)
    [shown] = forwarder("destinations", "list", "--json").json
    assert (shown["rate"], shown["max_in_flight"]) == (10, 4)
    arn = "arn:aws:lambda:us-east-1:123456789012:function:orders"
    assert forwarder("destinations", "set", "crm", "--url", arn, "--rate", "2.5").status == 0
    assert (secret.entries[0]["rate"], secret.entries[0]["max_in_flight"]) == (2.5, 4)
    assert forwarder("destinations", "set", "crm", "--rate", "", "--max-in-flight", "").status == 0
    assert not {"rate", "max_in_flight"} & set(secret.entries[0])
    [exported] = forwarder("destinations", "export").json["destinations"]
    assert "rate" not in exported


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "crm", "http://crm.example.com/"], "url"),
        (["add", "crm", "https://127.0.0.1/"], "url"),
        (["add", "a name", URL], "name"),
        (["add", "crm", URL, "--filter", "=="], "filter"),
        (["add", "crm", URL, "--timeout", "99"], "timeout_seconds"),
        (["add", "crm", URL, "--rate", "fast"], "rate must be a number from 0.1 to 200"),
        (["add", "crm", URL, "--rate", "0"], "rate must be a number from 0.1 to 200"),
        (["set", "there", "--max-in-flight", "1.5"], "max_in_flight must be a whole number"),
        (["add", "crm", URL, "--header", "nothing"], "no colon"),
        (["add", "crm", URL, "--secret-stdin"], "signing_secret"),
        (["add", "there", URL], "already"),
        (["add", "crm", "arn:aws:s3:::bucket"], "kind"),
        (["add", "crm", "crm.example.com"], "an https URL"),
        (["add", "crm", "arn:aws:lambda:eu-west-1:1:function:f"], "of this form"),
        (["add", "crm", URL, "--path", "/hook"], "path is not for"),
        (["set", "there"], "nothing to change"),
        (["set", "there", "--url", "ftp://x"], "url"),
        (["set", "none", "--timeout", "5"], "configured are there"),
        (["remove", "none", "--yes"], "configured are there"),
        (["remove", "there"], "--yes"),
        (["test", "none"], "configured are there"),
        (["pause", "none"], "configured are there"),
        (["resume", "none"], "configured are there"),
    ],
)
def test_what_could_not_be_used_is_refused_and_nothing_is_written(
    secret: Secret, arguments: list[str], said: str
) -> None:
    add(name="there")
    before = secret.content
    ran = forwarder("destinations", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err
    assert secret.content == before


def test_what_is_not_named_stays_as_it_is(secret: Secret) -> None:
    add("--filter", "event", "--header", "A: 1", "--header", "B: 2")
    before = secret.entries[0]
    ran = forwarder(
        "destinations", "set", "crm", "--filter", "", "--header", "A:", "--header", "C: 3"
    )
    assert ran.status == 0
    after = secret.entries[0]
    assert after["headers"] == {"B": "2", "C": "3"}
    assert "filter" not in after
    assert (after["url"], after["signing_secret"]) == (before["url"], before["signing_secret"])
    fresh = forwarder("destinations", "set", "crm", "--new-secret", "--reveal").out.strip()
    assert secret.entries[0]["signing_secret"] == fresh != before["signing_secret"]


def test_a_destination_is_removed(secret: Secret) -> None:
    add()
    add(name="erp")
    assert forwarder("destinations", "remove", "crm", "--yes").status == 0
    assert [entry["name"] for entry in secret.entries] == ["erp"]


def test_paused_broken_and_failing_ones_are_told(stack: Deployed, secret: Secret) -> None:
    add("--paused", name="paused", url=URL + "?token=canary")
    add(name="failing")
    add(name="bad")
    broken = secret.entries[-1] | {"url": "http://plain.example.com/"}
    secret.write({"destinations": [*secret.entries[:-1], broken]})
    client, table = stack.client("dynamodb"), stack.outputs["EventsTableName"]
    board = DynamoHealthBoard(client, table, clock=time.time)
    board.save(secret.entries[1]["id"], Health(failures=20, trips=1, open_until=NOW + 60))
    ran = forwarder("destinations", "list", "--json")
    assert ran.status == 1
    assert "bad: " in ran.err
    assert [d["state"] for d in ran.json] == ["paused", "failing (breaker open)", "broken"]
    assert "canary" not in ran.out


def test_a_secret_that_is_no_registry_is_a_finding(secret: Secret) -> None:
    secret.write(["canary"])
    ran = add()
    assert ran.status == 1
    assert "put-secret-value" in ran.err
    assert "canary" not in ran.err
    assert secret.content == ["canary"]


# ---- Changes at the same time ------------------------------------------------------------------


def test_a_change_of_somebody_else_in_between_is_kept(secret: Secret) -> None:
    calls = 0

    def edit(entries: list[dict[str, Any]]) -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            secret.write({"destinations": [{"name": "theirs"}], "note": "kept"})
        entries.append({"name": "ours"})
        return calls

    assert secret.registry().change(edit) == 2
    assert secret.content == {
        "note": "kept",
        "destinations": [{"name": "theirs"}, {"name": "ours"}],
    }


def test_of_many_changes_at_once_none_is_lost(secret: Secret) -> None:
    def add_one(number: int) -> None:
        while True:
            try:
                secret.registry().change(lambda entries: entries.append({"name": str(number)}))
            except Unreachable:
                continue
            return

    threads = [threading.Thread(target=add_one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entry["name"] for entry in secret.entries) == [str(n) for n in range(8)]


def test_an_edit_that_fails_or_changes_nothing_writes_nothing(secret: Secret) -> None:
    def versions() -> int:
        found = secret.client.list_secret_version_ids(SecretId=secret.id, IncludeDeprecated=True)
        return len(found["Versions"])

    def fail(entries: list[dict[str, Any]]) -> None:
        entries.append({})
        raise Finding("no")

    before = versions()
    secret.registry().change(lambda entries: None)
    with pytest.raises(Finding):
        secret.registry().change(fail)
    assert versions() == before


# ---- Sending and waking ------------------------------------------------------------------------


@pytest.fixture
def local(stack: Deployed, secret: Secret) -> Iterator[None]:
    """The stack as a local one, so that loopback is allowed."""

    state = LocalState(os.getpid(), "http://x", Endpoints(stack.url), stack.outputs, 0.01)
    with published(state):
        yield


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize(("status", "exit_status"), [(200, 0), (503, 1), (302, 1)])
def test_a_sample_is_sent_once_and_the_answer_told(
    stack: Deployed, status: int, exit_status: int
) -> None:
    taken: list[Received] = []
    stack.write_webhooks({"id": "w-2", "signing_secret": HEX, "first_id": "w-1"})

    def take(received: Received) -> int:
        taken.append(received)
        return status

    consumer = Consumer("5e" * 32, take)
    consumer.start()
    try:
        options = ["--local", "--secret-stdin", "--paused"]
        assert add(*options, url=consumer.url, given="5e" * 32).status == 0
        ran = forwarder("destinations", "test", "crm", "--local", "--json")
    finally:
        consumer.stop()
        stack.write_webhooks()
    (received,) = taken
    assert received.verified
    assert received.headers["x-spectrum-webhook-id"] == "w-1"
    assert received.headers["x-spectrum-forwarder-test"] == "1"
    assert (ran.status, ran.json["status"], ran.json["error"]) == (exit_status, status, None)


@pytest.mark.usefixtures("local")
def test_a_private_authority_is_read_from_a_file_and_dropped_again(tmp_path: Path) -> None:
    bundle, context = make_certificate(tmp_path)
    with serving(tls=context) as server:
        options = ["--local", "--ca-bundle", str(bundle), "--json"]
        assert add(*options, url=server.url()).status == 0
        ran = forwarder("destinations", "test", "crm", "--local", "--json")
        assert (ran.status, ran.json["status"]) == (0, 200)
        assert forwarder("destinations", "set", "crm", "--local", "--ca-bundle", "").status == 0
        ran = forwarder("destinations", "test", "crm", "--local", "--json")
        assert (ran.status, ran.json["error"]) == (1, "tls")
    assert "--ca-bundle" in ran.err


def test_a_file_of_authorities_that_is_not_there_is_told(secret: Secret, tmp_path: Path) -> None:
    ran = add("--ca-bundle", str(tmp_path / "none.pem"))
    assert (ran.status, secret.entries) == (2, [])
    assert "none.pem cannot be read" in ran.err


@pytest.mark.usefixtures("local")
def test_a_destination_that_is_not_there_is_told() -> None:
    add("--local", url="http://127.0.0.1:9/")
    ran = forwarder("destinations", "test", "crm", "--local")
    assert (ran.status, ran.out.split(" in ")[0]) == (
        1,
        "crm gave no answer (connection_refused)",
    )
    assert "cannot be reached" in ran.err


def test_pausing_and_resuming_wakes_what_waits_and_nothing_else(
    stack: Deployed, secret: Secret
) -> None:
    add()
    assert forwarder("destinations", "pause", "crm").status == 0
    assert secret.entries[0]["enabled"] is False
    far, crm = NOW + 3600, secret.entries[0]["id"]
    waiting = put(stack, "waiting", held(planned(crm, NOW), far, "paused"))
    others = [
        put(stack, "breaker", held(planned(crm, NOW), far, "breaker")),
        put(stack, "other", held(planned("erp", NOW), far, "paused")),
        put(stack, "old", held(planned("crm", NOW), far, "paused")),
        put(stack, "done", delivered(crm, NOW)),
        put(stack, "new"),
    ]
    log = DynamoEventLog(stack.client("dynamodb"), stack.outputs["EventsTableName"], None)  # type: ignore[arg-type]
    before = [log.get(key) for key in others]
    ran = forwarder("destinations", "resume", "crm", "--json")
    said = {"destination": "crm", "woken": 1, "busy": 0, "lines": 0}
    assert (ran.status, ran.json) == (0, said)
    assert secret.entries[0]["enabled"] is True
    woken = log.get(waiting)
    assert woken is not None
    assert woken.deliveries is not None
    # Workers may go by their copy of the registry for half a minute.
    assert 25 < woken.deliveries[crm].next_attempt_at - time.time() < 32
    assert woken.deliveries[crm].waiting_for is None
    assert [log.get(key) for key in others] == before
    assert forwarder("destinations", "resume", "crm", "--json").json["woken"] == 0


# ---- Identities ---------------------------------------------------------------------------------


def test_set_keeps_the_identity_and_a_removal_ends_it(stack: Deployed, secret: Secret) -> None:
    add()
    (first,) = secret.entries
    forwarder("destinations", "set", "crm", "--url", "https://moved.example.com/")
    assert secret.entries[0]["id"] == first["id"]
    client, table = stack.client("dynamodb"), stack.outputs["EventsTableName"]
    DynamoHealthBoard(client, table, clock=time.time).save(first["id"], Health(quick=True))
    assert forwarder("destinations", "remove", "crm", "--yes").status == 0
    assert first["id"] not in DynamoHealthBoard(client, table, clock=time.time).load()
    add()
    assert secret.entries[0]["id"] != first["id"]


def test_an_entry_of_the_first_version_stays_what_it_is_when_it_is_set(secret: Secret) -> None:
    old = {"name": "crm", "url": URL, "signing_secret": "5e" * 32}
    secret.write({"destinations": [old]})
    forwarder("destinations", "set", "crm", "--timeout", "5")
    assert identity_of(secret.entries[0]) == "crm"
    assert forwarder("destinations", "list", "--json").json[0]["id"] == "crm"


def test_a_renamed_destination_is_the_same_one(secret: Secret) -> None:
    add()
    secret.write({"destinations": [*secret.entries, {**secret.entries[0], "id": None}]})
    new, old = secret.entries
    secret.write({"destinations": [new, old | {"name": "erp"}]})
    assert forwarder("destinations", "rename", "crm", "sales").status == 0
    assert forwarder("destinations", "rename", "erp", "finance").status == 0
    assert [(e["name"], e["id"]) for e in secret.entries] == [
        ("sales", new["id"]),
        ("finance", "erp"),
    ]
    add()
    assert secret.entries[2]["id"] not in ("crm", new["id"])


@pytest.mark.parametrize(
    ("names", "said"), [(("crm", "erp"), "already"), (("crm", "a b"), "name"), (("no", "x"), "no")]
)
def test_a_name_that_cannot_be_is_refused(secret: Secret, names: list[str], said: str) -> None:
    add()
    add(name="erp")
    before = secret.content
    ran = forwarder("destinations", "rename", *names)
    assert (ran.status, secret.content) == (2, before)
    assert said in ran.err


def test_a_name_that_could_not_be_read_is_mended_to_what_it_was(secret: Secret) -> None:
    secret.write({"destinations": [{"name": "crm ", "url": URL, "signing_secret": "5e" * 32}]})
    assert forwarder("destinations", "rename", "crm ", "crm").status == 0
    assert identity_of(secret.entries[0]) == "crm"


@pytest.mark.parametrize("how", ["add", "apply"])
def test_functions_of_0_1_0_get_entries_that_they_know(
    how: str, secret: Secret, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They refuse an `id`, and bind what comes meanwhile to the name: later it would be removed."""
    find = target.find_target

    def of_before(**options: Any) -> Target:
        found = find(**options)
        kept = {key: found.outputs[key] for key in found.outputs if key != "WaitingTableName"}
        return replace(found, outputs=kept)

    monkeypatch.setattr(stack_options, "find_target", of_before)
    wanted = tmp_path / "destinations.json"
    wanted.write_text(json.dumps({"destinations": [{"name": "crm", "url": URL}]}))
    given = (["add", "crm", URL], ["apply", "-f", str(wanted)])[how == "apply"]
    ran = forwarder("destinations", *given)
    assert ran.status == 0, ran.err
    (entry,) = secret.entries
    assert entry["name"] == "crm"
    assert "id" not in entry
    assert identity_of(entry) == "crm"
