"""`forwarder webhooks`: Spectrum's list and the stored secrets stay in step, come what may."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from spectrum_cli.vendor import api as spectrum_api
from spectrum_cli.vendor import webhook_changes, webhook_registering
from spectrum_cli.vendor.api import SPACING_SECONDS
from spectrum_cli.vendor.sights import sights
from spectrum_forwarder.adapters.notes import DynamoNotes
from spectrum_forwarder.domain.notes import digest_of

from tests.support.fake_spectrum import FakeSpectrum, Fault, Registered
from tests.support.killer import Killed, Killer
from tests.support.stacks import Deployed, Ran, deployed, forwarder

WEBHOOK = "3f1c2b7e-0000-4000-8000-000000000001"
SECRET = "5e" * 32


@pytest.fixture(scope="module")
def one_stack() -> Iterator[Deployed]:
    with deployed() as stack:
        yield stack


@pytest.fixture
def stack(one_stack: Deployed, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    for name, value in one_stack.environment.items():
        monkeypatch.setenv(name, value)
    write(one_stack, {"webhooks": []})
    return one_stack


@pytest.fixture
def spectrum(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSpectrum]:
    monkeypatch.setattr(spectrum_api, "PAUSES", (0.01, 0.01, 0.01))
    monkeypatch.setattr(spectrum_api, "SPACING_SECONDS", 0.0)
    # The endpoint of these stacks is a name that nobody can look up.
    monkeypatch.setattr(webhook_registering, "sights", lambda _url, _client: ())
    with FakeSpectrum(rate_limit=None) as fake:
        for name, value in fake.environment.items():
            monkeypatch.setenv(name, value)
        yield fake


def write(stack: Deployed, content: dict[str, Any]) -> None:
    stack.write_secret("WebhooksSecretId", json.dumps(content))


def stored(stack: Deployed) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(stack.secret("WebhooksSecretId"))
    return content


def entry_of(made: Registered, source: str = "main", **more: object) -> dict[str, Any]:
    """What is stored of a registration that was just made."""
    standard = [{"secret": one.text} for one in made.standard]
    return more | {
        "id": made.id,
        "signing_secret": made.secret,
        "standard_secrets": standard,
        "source": source,
        "path": urlsplit(made.url).path,
    }


def webhooks(*arguments: str, given: str = "") -> Ran:
    return forwarder("webhooks", *arguments, given=given)


def test_register_stores_the_secret_and_shows_none(stack: Deployed, spectrum: FakeSpectrum) -> None:
    ran = webhooks("register", "--source", "main")
    (made,) = spectrum.registrations.values()
    assert ran.status == 0
    assert made.url == stack.outputs["EndpointUrl"]
    assert stored(stack) == {"webhooks": [entry_of(made)]}
    assert made.secret not in ran.out + ran.err
    assert made.standard[0].text not in ran.out + ran.err


def test_register_of_a_registered_url_says_what_to_do(
    stack: Deployed, spectrum: FakeSpectrum
) -> None:
    spectrum.add(stack.outputs["EndpointUrl"] + "/")
    ran = webhooks("register")
    assert (ran.status, "rotate" in ran.err) == (1, True)
    assert stored(stack) == {"webhooks": []}


def test_contract_6_register_says_what_it_wants(stack: Deployed, spectrum: FakeSpectrum) -> None:
    assert webhooks("register", "--failure-email", "ops@example.com").status == 0
    (made,) = spectrum.registrations.values()
    assert (made.schema_version, made.event_types, made.failure_email) == (
        "normalized-events.v1",
        ("message.received",),
        "ops@example.com",
    )


def test_contract_6_a_422_gets_the_url_alone(stack: Deployed, spectrum: FakeSpectrum) -> None:
    spectrum.webhooks.rules.newest = False
    assert webhooks("register", "--failure-email", "ops@example.com").status == 0
    (made,) = spectrum.registrations.values()
    assert [call[0] for call in spectrum.calls].count("POST") == 2
    assert stored(stack)["webhooks"][0]["signing_secret"] == made.secret


def test_contract_6_a_503_was_rolled_back_and_is_tried_again(
    stack: Deployed, spectrum: FakeSpectrum
) -> None:
    spectrum.faults["POST"].extend([503, 503])
    assert webhooks("register").status == 0
    (made,) = spectrum.registrations
    assert [entry["id"] for entry in stored(stack)["webhooks"]] == [made]
    assert "DELETE" not in [method for method, _ in spectrum.calls]


@pytest.mark.parametrize("command", ["register", "rotate"])
def test_contract_9_4_a_409_deletes_nothing(
    stack: Deployed, spectrum: FakeSpectrum, command: str
) -> None:
    if command == "rotate":
        webhooks("register")
    # Somebody registers the URL between our look at the list and our request.
    spectrum.faults["POST"].append(409)
    ran = webhooks(command)
    assert (ran.status, "registered already" in ran.err) == (1, True)
    assert "DELETE" not in [method for method, _ in spectrum.calls]
    assert "pending" not in stored(stack)


def test_a_registration_older_than_what_was_begun_is_somebody_elses(
    stack: Deployed, spectrum: FakeSpectrum
) -> None:
    made = spectrum.add(stack.outputs["EndpointUrl"])
    pending = {"url": made.url, "source": None, "replaces": None, "began_at": time.time() + 3600}
    write(stack, {"webhooks": [], "pending": pending})
    assert webhooks("register").status == 1
    assert list(spectrum.registrations) == [made.id]


def test_registering_before_there_is_a_destination_is_warned_of(
    stack: Deployed, spectrum: FakeSpectrum
) -> None:
    ran = webhooks("register")
    assert (ran.status, "no destination yet" in ran.err) == (0, True)


def test_contract_5_a_url_that_the_guard_refuses_is_not_registered(
    stack: Deployed, spectrum: FakeSpectrum, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_registering, "sights", sights)
    ran = webhooks("register", "http://x.example.com/spectrum-webhook")
    assert (ran.status, "https only" in ran.err, spectrum.registrations) == (1, True, {})
    assert stored(stack) == {"webhooks": []}
    assert webhooks("register", "http://x.example.com/hook", "--unchecked").status == 0


def test_contract_6_the_standard_secret_is_rotated_in_its_place(
    stack: Deployed, spectrum: FakeSpectrum
) -> None:
    webhooks("register", "--source", "main")
    (old,) = spectrum.registrations.values()
    ran = webhooks("rotate", "--standard", "--overlap", "600", "--json")
    (new,) = spectrum.registrations.values()
    before, fresh = stored(stack)["webhooks"][0]["standard_secrets"]
    assert (ran.status, new.id, new.secret) == (0, old.id, old.secret)
    assert fresh == {"secret": new.standard[-1].text}
    assert before["secret"] == old.standard[0].text
    assert before["accepted_until"] == pytest.approx(new.standard[0].until, abs=0.01)
    assert fresh["secret"] not in ran.out + ran.err


def test_contract_9_5_a_leak_takes_both_secrets(stack: Deployed, spectrum: FakeSpectrum) -> None:
    webhooks("register")
    (old,) = spectrum.registrations.values()
    assert webhooks("rotate", "--standard", "--leaked").status == 2
    assert webhooks("rotate", "--leaked").status == 0
    leaked = {digest_of(old.secret), digest_of(old.standard[0].text)}
    assert leaked <= set(revoked(stack))


def test_a_standard_rotation_killed_at_any_step_is_finished_by_the_next(
    stack: Deployed, spectrum: FakeSpectrum
) -> None:
    webhooks("register")
    for step in range(1, 10):
        with pytest.MonkeyPatch.context() as patch:
            Killer(patch, step)
            try:
                assert webhooks("rotate", "--standard").status == 0
                break
            except Killed:
                pass
        # What Spectrum signed with before the death is still accepted.
        (one,) = spectrum.registrations.values()
        kept = {secret["secret"] for secret in stored(stack)["webhooks"][0]["standard_secrets"]}
        assert kept & set(one.signing(time.time()))
        if "pending" in stored(stack):
            assert webhooks("rotate", "--standard").status == 0
        (one,) = spectrum.registrations.values()
        assert stored(stack)["webhooks"][0]["standard_secrets"][-1] == {
            "secret": one.standard[-1].text
        }
    assert step > 3
    assert "pending" not in stored(stack)


def test_contract_6_a_secret_that_spectrum_does_not_rotate_stands_in_nobodys_way(
    stack: Deployed, spectrum: FakeSpectrum
) -> None:
    spectrum.webhooks.rules.newest = False
    webhooks("register")
    (old,) = spectrum.registrations.values()
    ran = webhooks("rotate", "--standard")
    assert (ran.status, f"forwarder webhooks rotate {old.id}" in ran.err) == (1, True)
    assert "pending" not in stored(stack)
    assert webhooks("rotate", "--leaked").status == 0
    assert old.id not in spectrum.registrations


def test_contract_6_a_rotation_that_was_begun_ends_with_its_registration(
    stack: Deployed, spectrum: FakeSpectrum
) -> None:
    """Killed in the middle, and the registration deleted in the dashboard meanwhile."""
    webhooks("register")
    (old,) = spectrum.registrations
    write(stack, stored(stack) | {"pending": {"rotates": old, "began_at": 1}})
    spectrum.registrations.clear()
    assert webhooks("register").status == 1
    assert webhooks("rotate", "--standard").status == 1
    assert webhooks("register").status == 0


@pytest.mark.parametrize("begun_before", [False, True])
def test_contract_6_a_url_that_spectrum_refuses_does_not_stand_in_the_right_ones_way(
    stack: Deployed, spectrum: FakeSpectrum, begun_before: bool
) -> None:
    wrong = "https://wrong.example.com/spectrum-webhook"
    if begun_before:
        pending = {"url": wrong, "source": None, "replaces": None, "began_at": 1}
        write(stack, {"webhooks": [], "pending": pending})
    spectrum.faults["POST"].extend([422, 422])
    assert webhooks("register", wrong).status == 2
    assert stored(stack) == {"webhooks": []}
    assert webhooks("register").status == 0


def test_contract_6_a_second_path_that_spectrum_refuses_leaves_the_first_as_it_was(
    stack: Deployed, spectrum: FakeSpectrum
) -> None:
    webhooks("register", "--source", "main")
    before = stored(stack)
    spectrum.faults["POST"].extend([422, 422])
    assert webhooks("rotate").status == 2
    assert stored(stack) == before
    assert webhooks("rotate", "--leaked").status == 0


@pytest.mark.parametrize("fault", ["lost_after", "lost_before", 500, "garbage"])
def test_a_lost_answer_leaves_one_registration_whose_secret_is_stored(
    stack: Deployed, spectrum: FakeSpectrum, fault: Fault
) -> None:
    spectrum.faults["POST"].append(fault)
    ran = webhooks("register")
    (made,) = spectrum.registrations.values()
    assert ran.status == 0
    assert [entry["id"] for entry in stored(stack)["webhooks"]] == [made.id]
    assert "pending" not in stored(stack)


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [(401, 3, "SPECTRUM_PROJECT_ID"), (422, 2, "https://"), (404, 3, "no such project")],
)
def test_a_refusal_says_what_to_do(
    stack: Deployed, spectrum: FakeSpectrum, fault: int, status: int, said: str
) -> None:
    spectrum.faults["POST"].extend([fault, fault])
    ran = webhooks("register")
    assert (ran.status, said in ran.err, spectrum.registrations) == (status, True, {})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_throttling_is_waited_for(stack: Deployed, spectrum: FakeSpectrum, method: str) -> None:
    spectrum.faults[method].extend([429, 429])
    assert webhooks("register").status == 0
    assert len(spectrum.registrations) == 1


def test_throttling_without_end_says_so(stack: Deployed, spectrum: FakeSpectrum) -> None:
    spectrum.faults["GET"].extend([429] * 20)
    ran = webhooks("list")
    assert (ran.status, "5 requests a second" in ran.err) == (3, True)


def test_the_rate_limit_is_kept(
    stack: Deployed, spectrum: FakeSpectrum, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spectrum_api, "SPACING_SECONDS", SPACING_SECONDS)
    spectrum.rate_limit = 5
    before = len(spectrum.calls)
    began = time.monotonic()
    for url in ("https://a.example.com/x", "https://b.example.com/x"):
        assert webhooks("register", url).status == 0
    calls = len(spectrum.calls) - before
    # A busy machine bunches calls, and one over the limit is made again: six at the least.
    assert calls >= 6
    assert time.monotonic() - began > (6 - 2) * 0.2


@pytest.mark.parametrize("slash", ["with", "without"])
def test_either_form_of_urls_is_found(stack: Deployed, spectrum: FakeSpectrum, slash: str) -> None:
    spectrum.slash = "with" if slash == "with" else "without"
    assert webhooks("register").status == 0
    (made,) = spectrum.registrations.values()
    assert webhooks("delete", made.id, "--yes").status == 0
    assert spectrum.registrations == {}


def test_delete_keeps_the_secret_for_an_hour(stack: Deployed, spectrum: FakeSpectrum) -> None:
    webhooks("register")
    (made,) = spectrum.registrations.values()
    assert webhooks("delete", made.id, "--yes", "--json").json["deleted"] is True
    (entry,) = stored(stack)["webhooks"]
    assert 3590 <= entry["accepted_until"] - time.time() <= 3601
    assert webhooks("delete", made.id, "--yes", "--json", "--leaked").json["deleted"] is False
    assert stored(stack)["webhooks"] == []


def revoked(stack: Deployed) -> frozenset[str]:
    """The digests of secrets that are refused although an instance may still hold them."""
    table = DynamoNotes(stack.client("dynamodb"), stack.outputs["EventsTableName"])
    return table.read().revoked


@pytest.mark.parametrize("asked", ["spectrum fails", "no credentials"])
def test_a_leaked_secret_is_refused_before_spectrum_is_asked(
    stack: Deployed, spectrum: FakeSpectrum, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    write(stack, {"webhooks": [{"id": WEBHOOK, "signing_secret": SECRET}]})
    spectrum.faults["DELETE"].extend([500] * 20)
    if asked == "no credentials":
        monkeypatch.delenv("SPECTRUM_PROJECT_SECRET")
    ran = webhooks("delete", WEBHOOK, "--yes", "--leaked")
    assert (ran.status, "within 30 s" in ran.err) == (3, True)
    assert stored(stack)["webhooks"] == []
    assert digest_of(SECRET) in revoked(stack)


def test_every_secret_of_a_leaked_webhook_ends_whatever_scheme_it_is_for(
    stack: Deployed, spectrum: FakeSpectrum
) -> None:
    first, second = (f"whsec_{base64.b64encode(bytes([n]) * 32).decode()}" for n in (1, 2))
    entry = {"id": WEBHOOK, "signing_secret": "8d" * 32}
    standard = [first, {"secret": second, "accepted_until": 2e9}]
    write(stack, {"webhooks": [entry | {"standard_secrets": standard}]})
    webhooks("delete", WEBHOOK, "--yes", "--leaked")
    assert {digest_of(one) for one in ("8d" * 32, first, second)} <= revoked(stack)


def test_a_secret_that_is_imported_again_counts_again(
    stack: Deployed, spectrum: FakeSpectrum
) -> None:
    secret = "7c" * 32
    webhooks("import", WEBHOOK, given=f"{secret}\n")
    webhooks("delete", WEBHOOK, "--yes", "--leaked")
    assert digest_of(secret) in revoked(stack)
    webhooks("import", WEBHOOK, given=f"{secret}\n")
    assert digest_of(secret) not in revoked(stack)


def test_a_leaked_secret_is_rotated_without_grace_and_without_waiting(
    stack: Deployed, spectrum: FakeSpectrum
) -> None:
    webhooks("register", "--source", "main")
    (old,) = spectrum.registrations.values()
    # Nobody answers at the endpoint here: whoever waited would end without having rotated.
    ran = webhooks("rotate", "--leaked", "--json")
    (new,) = spectrum.registrations.values()
    assert (ran.status, ran.json["replaced"], ran.json["proof"]) == (0, old.id, None)
    assert stored(stack) == {"webhooks": [entry_of(new, first_id=old.id)]}
    assert digest_of(old.secret) in revoked(stack)
    assert digest_of(new.secret) not in revoked(stack)


def test_a_rotation_of_a_leak_that_was_cut_off_is_finished_as_one(
    stack: Deployed, spectrum: FakeSpectrum
) -> None:
    webhooks("register")
    (old,) = spectrum.registrations.values()
    spectrum.faults["DELETE"].extend([500] * 20)
    assert webhooks("rotate", "--leaked").status == 3
    assert digest_of(old.secret) in revoked(stack)
    assert old.id not in [entry["id"] for entry in stored(stack)["webhooks"]]
    spectrum.faults["DELETE"].clear()
    assert webhooks("rotate").status == 0
    (new,) = spectrum.registrations
    assert ([entry["id"] for entry in stored(stack)["webhooks"]], new == old.id) == ([new], False)
    assert "pending" not in stored(stack)


def test_a_rotation_that_was_begun_becomes_one_of_a_leak(
    stack: Deployed, spectrum: FakeSpectrum
) -> None:
    webhooks("register")
    (old,) = spectrum.registrations.values()
    spectrum.faults["POST"].extend([422, 422])
    assert webhooks("rotate").status == 2
    assert webhooks("rotate", "--leaked").status == 0
    assert digest_of(old.secret) in revoked(stack)


def test_a_leak_that_cannot_be_rotated_says_how_to_end_it(
    stack: Deployed, spectrum: FakeSpectrum
) -> None:
    webhooks("register")
    (old,) = spectrum.registrations.values()
    spectrum.faults["POST"].extend([422, 422])
    ran = webhooks("rotate", "--leaked")
    assert (ran.status, f"delete {old.id} --leaked" in ran.err) == (2, True)


def test_list_shows_both_sides_and_no_secret(stack: Deployed, spectrum: FakeSpectrum) -> None:
    spectrum.add("https://elsewhere.example.com/hook")
    webhooks("register", "--source", "main")
    ran = webhooks("list", "--json")
    assert ran.status == 0
    assert [row["secret"] for row in ran.json["webhooks"]] == ["missing", "stored"]
    made = list(spectrum.registrations.values())[-1]
    assert [row["state"] for row in ran.json["webhooks"]] == ["active", "active"]
    assert made.secret not in ran.out
    assert made.secret in webhooks("list", "--json", "--reveal").out


def test_list_complains_of_an_endpoint_whose_secret_is_missing(
    stack: Deployed, spectrum: FakeSpectrum
) -> None:
    made = spectrum.add(stack.outputs["EndpointUrl"])
    ran = webhooks("list")
    assert (ran.status, made.id in ran.err) == (1, True)


def test_contract_9_3_list_calls_a_disabled_registration_that(
    stack: Deployed, spectrum: FakeSpectrum
) -> None:
    webhooks("register")
    (made,) = spectrum.registrations
    spectrum.webhooks.disable(made, "delivery_failures")
    ran = webhooks("list", "--json")
    (row,) = ran.json["webhooks"]
    assert (ran.status, row["state"], row["disabled_reason"]) == (
        1,
        "disabled",
        "delivery_failures",
    )
    assert f"webhooks enable {made}" in ran.err


def test_contract_6_a_list_of_four_fields_is_read(stack: Deployed, spectrum: FakeSpectrum) -> None:
    spectrum.webhooks.rules.newest = False
    assert webhooks("register").status == 0
    ran = webhooks("list", "--json")
    assert (ran.status, ran.json["webhooks"][0]["state"]) == (0, "-")


def test_contract_9_4_enable_switches_it_on_again(stack: Deployed, spectrum: FakeSpectrum) -> None:
    webhooks("register")
    (made,) = spectrum.registrations
    spectrum.webhooks.disable(made, "receiver_gone")
    assert webhooks("enable", made).status == 0
    assert spectrum.registrations[made].enabled
    assert webhooks("enable", "another").status == 2


@pytest.mark.parametrize("refusal", [409, 404])
def test_contract_9_4_enable_takes_the_second_path_where_it_is_refused(
    stack: Deployed, spectrum: FakeSpectrum, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    webhooks("register", "--source", "main")
    (old,) = spectrum.registrations.values()
    spectrum.webhooks.disable(old.id, "delivery_failures")
    spectrum.faults["PATCH"].extend([refusal, refusal])
    monkeypatch.setattr(webhook_changes, "knows", lambda _client: lambda _url, _id: True)
    ran = webhooks("enable", old.id, "--wait", "0", "--json")
    (new,) = spectrum.registrations.values()
    assert (ran.status, ran.json["replaced"], new.enabled) == (0, old.id, True)
    assert new.url == old.url + "/2"
    assert entry_of(new, first_id=old.id) in stored(stack)["webhooks"]


def test_list_without_credentials_shows_what_is_stored(stack: Deployed) -> None:
    write(stack, {"webhooks": [{"id": WEBHOOK, "signing_secret": SECRET}]})
    ran = webhooks("list")
    assert (ran.status, WEBHOOK in ran.out, SECRET in ran.out) == (0, True, False)


def test_other_commands_without_credentials_end_with_3(stack: Deployed) -> None:
    for arguments in (["register"], ["delete", WEBHOOK, "--yes"], ["rotate"]):
        ran = webhooks(*arguments)
        assert (ran.status, "SPECTRUM_PROJECT_ID" in ran.err) == (3, True)


def test_import_reads_a_pipe_and_mends_an_entry(stack: Deployed) -> None:
    first = webhooks("import", given=f"{WEBHOOK}\n{'a' * 64}\n")
    assert (first.status, "from the next request on" in first.err) == (0, True)
    ran = webhooks("import", WEBHOOK, "--source", "main", given=f" {SECRET}\n")
    # Over a wrong one: the receiver's copy may be that old.
    assert "it counts within 10 s; what is refused until then is kept" in ran.err
    assert (ran.status, SECRET in ran.out + ran.err) == (0, False)
    entry = {"id": WEBHOOK, "signing_secret": SECRET, "source": "main"}
    assert stored(stack) == {"webhooks": [entry]}


def test_import_puts_a_standard_secret_beside_the_other(stack: Deployed) -> None:
    standard = "whsec_" + "QUFB" * 8
    webhooks("import", WEBHOOK, "--source", "main", given=f"{SECRET}\n")
    assert webhooks("import", WEBHOOK, given=f"{standard}\n").status == 0
    entry = {"id": WEBHOOK, "signing_secret": SECRET, "source": "main"}
    assert stored(stack)["webhooks"] == [{**entry, "standard_secrets": [{"secret": standard}]}]
    assert webhooks("import", WEBHOOK, given="whsec_short\n").status == 2


@pytest.mark.parametrize("secret", ["", "abc", SECRET.upper(), SECRET + "00"])
def test_import_refuses_what_is_no_secret(stack: Deployed, secret: str) -> None:
    ran = webhooks("import", WEBHOOK, given=f"{secret}\n")
    assert (ran.status, stored(stack)) == (2, {"webhooks": []})
    assert not secret or secret not in ran.err


def test_a_broken_secret_is_left_alone(stack: Deployed, spectrum: FakeSpectrum) -> None:
    write(stack, {"hooks": []})
    assert webhooks("register").status == 1
    assert (spectrum.registrations, stored(stack)) == ({}, {"hooks": []})


def test_fields_of_others_are_kept(stack: Deployed) -> None:
    write(stack, {"webhooks": [{"id": "x", "note": "mine"}], "more": 1})
    webhooks("import", WEBHOOK, given=f"{SECRET}\n")
    kept = stored(stack)
    assert (kept["more"], kept["webhooks"][0]) == (1, {"id": "x", "note": "mine"})
