"""Destinations: filters, and what stands in for an entry that cannot be used."""

import json

import pytest
from spectrum_forwarder.domain.destination import Broken, Content, Destinations, OldSecret

from tests.support.make import NOW, destination_of


def failing(_: object) -> bool:
    raise ArithmeticError


ODD = [b"", b"{", b"\xff\xfe\xfd", b"[" * 200_000, b'{"n":' + b"9" * 5_000 + b"}"]


def test_without_a_filter_everything_is_wanted() -> None:
    assert Content(b"not json").wanted_by(destination_of("crm")).taken


@pytest.mark.parametrize("answer", [True, False])
def test_a_filter_decides_on_the_parsed_body(answer: bool) -> None:
    seen = []

    def takes(content: object) -> bool:
        seen.append(content)
        return answer

    assert Content(b'{"a":1}').wanted_by(destination_of("crm", takes=takes)).taken is answer
    assert seen == [{"a": 1}]


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_a_body_that_cannot_be_read_passes_every_filter(body: bytes) -> None:
    content = Content(body)
    for name in ("crm", "erp"):  # it is read once
        assert content.wanted_by(destination_of(name, takes=lambda _: False)).taken


def test_a_filter_that_fails_takes_the_event() -> None:
    assert Content(b"{}").wanted_by(destination_of("crm", takes=failing)).taken


def test_new_events_are_bound_for_broken_entries_too() -> None:
    crm = destination_of("crm")
    assert Destinations({"crm": crm}, {"erp": Broken("erp", "why")}).ids() == ["crm", "erp"]


def test_the_longest_timeout_is_that_of_any_destination() -> None:
    slow = destination_of("slow", timeout_seconds=25.0)
    assert Destinations({"a": destination_of("a"), "slow": slow}).longest_timeout == 25
    assert Destinations({}).longest_timeout == 10


def test_neither_secret_nor_headers_stand_in_a_representation() -> None:
    shown = repr(
        destination_of("crm", signing_secret="canary", headers={"Authorization": "canary"})
    )
    assert "canary" not in shown


def test_a_replaced_secret_signs_until_its_time_and_stands_in_no_representation() -> None:
    old = OldSecret("canary", NOW)
    crm = destination_of("crm", signing_secret="new", old_secrets=(old,))
    assert crm.secrets_at(NOW - 0.1) == ("new", "canary")
    assert crm.secrets_at(NOW) == crm.secrets_at(NOW + 1) == ("new",)
    assert "canary" not in repr(old)


def test_a_destination_is_known_whether_it_can_be_used_or_not() -> None:
    known = Destinations({"crm": destination_of("crm")}, {"erp": Broken("erp", "why")})
    assert ("crm" in known, "erp" in known, "cms" in known) == (True, True, False)
    assert not Broken("erp", "why").is_ordered


def test_a_body_is_parsed_once_whatever_comes_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[object] = []
    loads = json.loads

    def counted(body: bytes) -> object:
        parsed.append(body)
        return loads(body)

    monkeypatch.setattr(json, "loads", counted)
    for body in (b"{}", b"{"):
        content = Content(body)
        for _ in range(3):
            content.wanted_by(destination_of("crm", takes=lambda _: True))
    assert parsed == [b"{}", b"{"]
