"""The registries: each rule for an entry, bad ones by name, and when the secrets are read."""

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
from moto import mock_aws
from spectrum_forwarder.adapters.destination_registry import (
    SecretDestinations,
    judge,
    read_destination,
    read_destinations,
)
from spectrum_forwarder.adapters.registry_entries import called, content_of
from spectrum_forwarder.adapters.webhook_registry import SecretWebhooks, read_webhook, read_webhooks
from spectrum_forwarder.domain.destination import Content, Destinations
from spectrum_forwarder.domain.errors import InvalidEntry, RegistryUnavailable, TableUnavailable
from spectrum_forwarder.domain.notes import digest_of
from spectrum_forwarder.domain.order import Batch, Order
from spectrum_forwarder.domain.ports import Secret, Webhook
from spectrum_forwarder.domain.schemes import v0

from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.facts import FactList
from tests.support.in_memory.registries import MemoryNotes
from tests.support.make import OTHER_WHSEC, WHSEC
from tests.support.secret import StoredSecret
from tests.support.taps import Tap

HEX = "5e" * 32
WEBHOOK: dict[str, Any] = {"id": "w-1", "signing_secret": HEX, "source": "main"}
CRM: dict[str, Any] = {"name": "crm", "url": "https://crm.example.com/in", "signing_secret": HEX}


class Reports:
    """Takes what is reported: names and reasons."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def __call__(self, name: str, error: InvalidEntry) -> None:
        self.told.append((name, str(error)))


# ---- Webhooks ----------------------------------------------------------------------------------


def test_a_webhook_is_read() -> None:
    assert read_webhook(WEBHOOK) == Webhook("w-1", HEX, "main")


@pytest.mark.parametrize("source", [None, ""])
def test_the_source_is_the_id_by_default(source: str | None) -> None:
    assert read_webhook(WEBHOOK | {"source": source}).source == "w-1"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": None}, "id"),
        ({"id": ""}, "id"),
        ({"id": 7}, "id"),
        ({"id": " w-1"}, "id"),
        ({"signing_secret": None}, "signing_secret"),
        ({"signing_secret": HEX[:-1]}, "63 characters"),
        ({"signing_secret": HEX + "\n"}, "65 characters"),
        ({"signing_secret": HEX.upper()}, "lowercase"),
        ({"source": "a:b"}, "source"),
        ({"source": "x" * 101}, "source"),
        ({"source": 7}, "source"),
        ({"source": None, "id": "no alias"}, "source"),
    ],
)
def test_a_webhook_that_cannot_be_used_is_refused(change: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidEntry, match=named) as refused:
        read_webhook(WEBHOOK | change)
    assert HEX[:-1].lower() not in str(refused.value).lower()


def test_bad_webhooks_are_reported_by_name_and_the_others_work() -> None:
    entries = [WEBHOOK, {"id": "w-2", "signing_secret": "short"}, "text", WEBHOOK | {"id": "w-3"}]
    reports = Reports()
    found = read_webhooks(json.dumps({"webhooks": entries}), reports)
    assert list(found) == ["w-1", "w-3"]
    assert [name for name, _ in reports.told] == ["w-2", "entry 3"]


def test_one_id_may_have_two_secrets() -> None:
    entries = [WEBHOOK, WEBHOOK | {"signing_secret": "ab" * 32}]
    found = read_webhooks(json.dumps({"webhooks": entries}), Reports())
    assert [webhook.signing_secret for webhook in found["w-1"]] == [HEX, "ab" * 32]


# ---- Secrets of both schemes -------------------------------------------------------------------

STANDARD: dict[str, Any] = {"id": "w-1", "standard_secrets": [WHSEC], "source": "main"}


@pytest.mark.parametrize("written", [WHSEC, {"secret": WHSEC}, {"secret": WHSEC, "more": 1}])
def test_a_standard_secret_is_read_in_both_forms(written: Any) -> None:
    expected = Webhook("w-1", HEX, "main", None, (Secret("standard", WHSEC),))
    assert read_webhook(WEBHOOK | {"standard_secrets": [written]}) == expected
    assert read_webhook(STANDARD).signing_secret == ""


def test_a_standard_secret_may_have_an_end() -> None:
    ending = {"secret": WHSEC, "accepted_until": 1_800_000_000}
    webhook = read_webhook(STANDARD | {"standard_secrets": [OTHER_WHSEC, ending]})
    texts = [secret.text for secret in webhook.secrets]
    assert texts == [OTHER_WHSEC, WHSEC]
    before, after = webhook.at(1_799_999_999.9), webhook.at(1_800_000_000.0)
    assert before == webhook
    assert after is not None
    assert [secret.text for secret in after.secrets] == [OTHER_WHSEC]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"standard_secrets": None}, "signing_secret or standard_secrets"),
        ({"standard_secrets": []}, "signing_secret or standard_secrets"),
        ({"standard_secrets": WHSEC.removeprefix("whsec_")}, "standard_secrets must be 'whsec_'"),
        ({"standard_secrets": [WHSEC, 7]}, "this one has 0 characters"),
        ({"standard_secrets": ["whsec_AAAA"]}, "3 bytes of key"),
        ({"standard_secrets": [{"secret": WHSEC, "accepted_until": "soon"}]}, "accepted_until"),
        ({"standard_secrets": [{"accepted_until": 1}]}, "standard_secrets"),
    ],
)
def test_a_standard_secret_that_cannot_be_used_is_refused(
    change: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidEntry, match=named) as refused:
        read_webhook(STANDARD | change)
    assert WHSEC[6:] not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"signing_secret": "whsec_oops"}, ("", [WHSEC])),
        ({"signing_secret": HEX, "standard_secrets": ["oops", WHSEC]}, (HEX, [WHSEC])),
        ({"signing_secret": HEX, "standard_secrets": ["oops"]}, (HEX, [])),
    ],
)
def test_a_secret_that_cannot_be_used_does_not_spoil_the_others_of_its_entry(
    change: dict[str, Any], left: tuple[str, list[str]]
) -> None:
    reports = Reports()
    (webhook,) = read_webhooks(json.dumps({"webhooks": [STANDARD | change]}), reports)["w-1"]
    assert (webhook.signing_secret, [secret.text for secret in webhook.secrets]) == left
    assert [name for name, _ in reports.told] == ["w-1"]
    assert "oops" not in repr(reports.told)


def test_a_secret_of_v0_may_have_an_end_as_well() -> None:
    ending = {"secret": HEX, "accepted_until": 10}
    webhook = read_webhook(STANDARD | {"signing_secret": ending})
    for moment, known in ((9, [HEX]), (10, [])):
        accepted = webhook.at(moment)
        assert accepted is not None
        assert list(v0.secrets(accepted)) == known


@pytest.mark.parametrize(("path", "known"), [("/spectrum-webhook/2",) * 2, (7, None), (None, None)])
def test_the_path_of_a_registration_is_known_where_it_is_stored(path: Any, known: Any) -> None:
    assert read_webhook(WEBHOOK | {"path": path}).path == known


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '"webhooks"', '{"webhooks":{}}'])
def test_a_text_of_another_form_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(InvalidEntry):
        read_webhooks(text, Reports())


def test_no_webhooks_are_a_valid_registry() -> None:
    assert read_webhooks('{"webhooks":[]}', Reports()) == {}


# ---- Destinations ------------------------------------------------------------------------------


def test_a_destination_has_defaults() -> None:
    crm = read_destination(CRM)
    assert (crm.name, crm.url, crm.signing_secret) == ("crm", CRM["url"], HEX)
    assert (crm.timeout_seconds, crm.max_attempts, crm.enabled) == (10.0, 12, True)
    assert (dict(crm.headers), crm.takes) == ({}, None)
    assert crm.keep_answers


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("timeout_seconds", 0.1), ("timeout_seconds", 30), ("max_attempts", 1)),
        *(("max_attempts", 100), ("rate", 0.1), ("rate", 200), ("max_in_flight", 1)),
        *(("max_in_flight", 100), ("keep_answers", False)),
    ],
)
def test_a_field_may_be_as_small_and_as_large_as_it_is_said_to_be(field: str, value: Any) -> None:
    assert getattr(read_destination(CRM | {field: value}), field) == value


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "http://localhost/"])
def test_this_machine_is_no_destination_unless_that_is_allowed(url: str) -> None:
    text = json.dumps({"destinations": [CRM | {"url": url}]})
    assert not read_destinations(text, Reports()).usable
    assert read_destinations(text, Reports(), allow_loopback=True).usable
    (refused,) = judge([CRM | {"url": url}])
    assert isinstance(refused, InvalidEntry)


def test_every_field_can_be_set() -> None:
    changes = {
        "headers": {"X-Team": "sales"},
        "filter": "message.content.type == 'text'",
        "timeout_seconds": 2.5,
        "max_attempts": 3,
        "enabled": False,
        "rate": 10,
        "max_in_flight": 4,
    }
    crm = read_destination(CRM | changes)
    assert (crm.rate, crm.max_in_flight) == (10.0, 4)
    assert (crm.timeout_seconds, crm.max_attempts, crm.enabled) == (2.5, 3, False)
    assert crm.headers == {"X-Team": "sales"}
    assert crm.takes is not None
    assert crm.takes({"message": {"content": {"type": "text"}}}) is True
    assert crm.takes({"message": {"content": {"type": "voice"}}}) is False


def test_null_stands_for_the_default() -> None:
    optional = ("headers", "filter", "timeout_seconds", "max_attempts", "enabled", "rate")
    assert read_destination(CRM | dict.fromkeys(optional)) == read_destination(CRM)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", None),
        ("name", ""),
        ("name", "no blanks"),
        ("name", "x" * 65),
        ("name", "crm\n"),
        ("url", None),
        ("url", "http://crm.example.com/"),
        ("url", "https://127.0.0.1/"),
        ("url", "https://localhost/"),
        ("signing_secret", None),
        ("signing_secret", ""),
        ("signing_secret", "line\nbreak"),
        ("signing_secret", "h\u00e9"),
        ("headers", ["a"]),
        ("headers", {"a b": "c"}),
        ("headers", {"a": "b\r\nc: d"}),
        ("headers", {"a": 7}),
        ("filter", 7),
        ("filter", ""),
        ("filter", "a[?"),
        ("timeout_seconds", 0.09),
        ("timeout_seconds", 30.01),
        ("timeout_seconds", 0),
        ("timeout_seconds", 31),
        ("timeout_seconds", "5"),
        ("timeout_seconds", True),
        ("timeout_seconds", float("nan")),
        ("max_attempts", 0),
        ("max_attempts", 101),
        ("enabled", 1),
        ("enabled", "false"),
        ("rate", 0),
        ("rate", 0.09),
        ("rate", 201),
        ("rate", "10"),
        ("rate", True),
        ("rate", float("nan")),
        ("max_in_flight", 0),
        ("max_in_flight", 101),
        ("max_in_flight", 2.5),
        ("max_in_flight", True),
        ("order", "sender"),
        ("order", True),
        ("order_patience", 5),
    ],
)
def test_a_destination_that_cannot_be_used_is_refused_by_its_field(field: str, value: Any) -> None:
    with pytest.raises(InvalidEntry, match=f"^{field}"):
        read_destination(CRM | {field: value})


ORDERED = CRM | {"order": "conversation"}


def test_an_order_has_its_patience() -> None:
    assert read_destination(CRM).order is None
    assert read_destination(ORDERED).order == Order(patience=900.0)
    assert read_destination(ORDERED | {"order_patience": 60}).order == Order(patience=60.0)


@pytest.mark.parametrize(
    "change",
    [
        {"order_patience": -1},
        {"order_patience": 86_401},
        {"order_patience": "60"},
        {"rate": 10},
        {"max_in_flight": 4},
        {"batch": {}, "order": None},
        {"order_patience": 9, "order": None},
    ],
)
def test_an_order_that_cannot_be_kept_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidEntry, match="order"):
        read_destination(ORDERED | change)


@pytest.mark.parametrize(
    ("batch", "means"),
    [
        ({}, Batch(2.0, 20, 8.0)),
        ({"window": 0.5, "max": 5, "wait": 4}, Batch(0.5, 5, 4.0)),
    ],
)
def test_a_batch_says_what_it_waits_for(batch: dict[str, Any], means: Batch) -> None:
    assert read_destination(ORDERED | {"batch": batch}).order == Order(batch=means)


@pytest.mark.parametrize(
    "batch",
    [
        True,
        [],
        {"windows": 2},
        {"max": 1},
        {"max": 2.5},
        {"max": 101},
        {"window": -1},
        {"window": "2"},
        {"window": 9, "wait": 8},
    ],
)
def test_a_batch_that_cannot_be_made_is_refused(batch: Any) -> None:
    with pytest.raises(InvalidEntry, match="batch"):
        read_destination(ORDERED | {"batch": batch})


def test_a_queue_gets_no_batches() -> None:
    queue = {name: value for name, value in ORDERED.items() if name != "url"}
    queue |= {"kind": "sqs", "target": "arn:aws:sqs:us-east-1:123456789012:orders", "batch": {}}
    with pytest.raises(InvalidEntry, match="batch is for"):
        read_destination(queue)


def test_a_broken_entry_is_known_to_be_ordered() -> None:
    text = json.dumps({"destinations": [ORDERED | {"url": "ftp://elsewhere"}]})
    (broken,) = read_destinations(text, Reports()).broken.values()
    assert broken.is_ordered


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(InvalidEntry, match="'timeout'"):
        read_destination(CRM | {"timeout": 5})


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/", "http://localhost/"])
def test_the_local_stack_lets_loopback_through(url: str) -> None:
    assert read_destination(CRM | {"url": url}, allow_loopback=True).url == url


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("`true`", True),
        ("`false`", False),
        ("missing", False),
        ("''", False),
        ("`[]`", False),
        ("`{}`", False),
        ("`0`", True),
        ("`0.0`", True),
        ("'text'", True),
        ("abs('text')", True),
        ("nosuch(@)", True),
    ],
)
def test_a_filter_is_true_as_jmespath_has_it(expression: str, wanted: bool) -> None:
    crm = read_destination(CRM | {"filter": expression})
    assert Content(b"{}").wanted_by(crm).taken is wanted


def read(*entries: Any) -> tuple[Destinations, Reports]:
    reports = Reports()
    return read_destinations(json.dumps({"destinations": entries}), reports), reports


def test_bad_destinations_are_reported_by_name_and_the_others_work() -> None:
    found, reports = read(CRM | {"name": "erp", "url": "http://x"}, CRM, {"name": "no blanks"}, 7)
    assert list(found.usable) == ["crm"]
    assert list(found.broken) == ["erp"]
    assert [name for name, _ in reports.told] == ["erp", "no blanks", "entry 4"]


def test_of_two_entries_of_one_name_the_first_usable_one_counts() -> None:
    found, reports = read(
        CRM | {"url": "http://x"}, CRM, CRM | {"url": "https://other.example.com/"}
    )
    assert found.usable["crm"].url == CRM["url"]
    assert not found.broken
    assert len(reports.told) == 2


# ---- Identities ---------------------------------------------------------------------------------

WITH_ID = CRM | {"id": "crm.k3f9x2"}
ERP = WITH_ID | {"name": "erp"}


def test_an_entry_without_an_id_is_its_name() -> None:
    assert read_destination(CRM).id == read_destination(CRM | {"id": None}).id == "crm"
    assert read_destination(WITH_ID).id == "crm.k3f9x2"


def test_destinations_stand_by_identity_and_have_the_name_of_today() -> None:
    found, _ = read(WITH_ID | {"name": "sales"}, CRM)
    assert found.ids() == ["crm.k3f9x2", "crm"]
    assert (found.name_of("crm.k3f9x2"), found.name_of("crm")) == ("sales", "crm")
    assert found.name_of("gone.abc234") == "gone"


@pytest.mark.parametrize(
    "identity", ["", 7, "crm.", "crm.K3F9X2", "crm.k3f9x", "a b.k3f9x2", ["x"]]
)
def test_an_id_of_another_form_is_refused_and_nobodys(identity: Any) -> None:
    found, reports = read(CRM | {"id": identity})
    assert (found.ids(), len(found.nameless)) == ([], 1)
    assert "id must be as" in reports.told[0][1]


@pytest.mark.parametrize("name", ["crm ", "", 7, None])
def test_an_entry_whose_name_cannot_be_read_may_be_any(name: Any) -> None:
    found, _ = read(CRM | {"name": name})
    assert (found.ids(), len(found.nameless)) == ([], 1)


def test_an_id_tells_whose_an_entry_is_whose_name_cannot_be_read() -> None:
    found, _ = read(WITH_ID | {"name": "crm "})
    assert found.broken["crm.k3f9x2"].name == "crm"
    assert not found.nameless


def test_of_two_entries_with_one_id_the_second_is_refused_and_says_what_to_do() -> None:
    found, reports = read(WITH_ID, ERP)
    assert found.ids() == ["crm.k3f9x2"]
    ((name, reason),) = reports.told
    assert name == "erp"
    assert "is that of crm" in reason
    assert "destinations add" in reason
    # What erp was before is not known: nothing settles as removed meanwhile.
    assert len(found.nameless) == 1


def test_of_two_entries_with_one_name_the_second_waits_under_its_own_id() -> None:
    found, _ = read(WITH_ID, CRM | {"id": "crm.aaaaaa"})
    assert list(found.usable) == ["crm.k3f9x2"]
    assert found.broken["crm.aaaaaa"].reason.startswith("name stands twice")


def test_an_id_that_is_written_down_goes_before_a_name_that_is_like_it() -> None:
    """`sales` was `crm` once, before entries had ids: what that was owed is its own."""
    renamed, by_hand = CRM | {"id": "crm", "name": "sales"}, CRM | {"url": "https://new.example/"}
    for entries in ((renamed, by_hand), (by_hand, renamed)):
        found, reports = read(*entries)
        assert {identity: one.name for identity, one in found.usable.items()} == {"crm": "sales"}
        assert reports.told[0][0] == "crm"
        assert "is that of sales" in reports.told[0][1]
        assert len(found.nameless) == 1


def test_an_entry_without_a_name_that_owns_an_id_is_called_by_its_place() -> None:
    _, reports = read(ERP | {"id": None}, CRM, {"id": "crm", "url": "https://new.example/"})
    assert reports.told[0][0] == "crm"
    assert "is that of entry 3" in reports.told[0][1]


@pytest.mark.parametrize("identity", ["crm", "crm.k3f9x2"])
def test_a_broken_entry_keeps_its_id_from_others(identity: str) -> None:
    broken = CRM | {"id": identity, "name": "sales", "url": "http://plain.example/"}
    other = CRM | ({} if identity == "crm" else {"id": identity})
    for entries in ((broken, other), (other, broken))[: 2 if identity == "crm" else 1]:
        found, _ = read(*entries)
        assert not found.usable
        assert found.broken[identity].name == "sales"
        assert len(found.nameless) == 1


# ---- When the secrets are read -----------------------------------------------------------------


class Scene:
    """A stored secret and both registries over it."""

    def __init__(self) -> None:
        self.stored = StoredSecret()
        self.clock = ManualClock()
        self.facts = FactList()
        where = (self.stored.client, self.stored.name)
        self.kept_notes = MemoryNotes()
        self.notes = Tap(self.kept_notes, TableUnavailable)
        self.webhooks = self.instance(notes=cast(Any, self.notes))
        self.destinations = SecretDestinations(*where, clock=self.clock, facts=self.facts)

    def instance(self, **more: Any) -> SecretWebhooks:
        """Another instance's copy of the webhooks."""
        where = (self.stored.client, self.stored.name)
        return SecretWebhooks(*where, clock=self.clock, facts=self.facts, **more)

    def accepted_for(self, webhook_id: str, seconds: float, *, webhooks: SecretWebhooks) -> float:
        """How long from now on the webhook is accepted, asked twice a second."""
        for half in range(int(seconds * 2)):
            try:
                if not webhooks.find(webhook_id):
                    return half / 2
            except RegistryUnavailable:
                return half / 2
            self.clock.advance(0.5)
        return seconds


@pytest.fixture
def scene() -> Iterator[Scene]:
    with mock_aws():
        yield Scene()


def test_a_stack_sends_to_no_address_of_its_own_machine_if_nothing_else_is_said(
    scene: Scene,
) -> None:
    entry = {"name": "crm", "url": "http://127.0.0.1:8000/", "signing_secret": HEX}
    scene.stored.write({"destinations": [entry]})
    found = scene.destinations.load()
    assert (found.usable, list(found.broken)) == ({}, ["crm"])


def test_a_secret_that_is_nested_too_deep_is_told_as_such() -> None:
    with pytest.raises(InvalidEntry, match="is nested too deep"):
        content_of("[" * 100_000, "webhooks")


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ({}, "entry 3"),
        ({"id": ""}, "entry 3"),
        ({"id": 7}, "entry 3"),
        ({"id": "a" * 101}, "a" * 100),
    ],
)
def test_an_entry_is_called_by_its_name_or_its_place(entry: dict[str, Any], name: str) -> None:
    assert called(entry, "id", 2) == name


def test_a_known_webhook_is_read_again_before_half_a_minute(scene: Scene) -> None:
    scene.stored.write({"webhooks": [WEBHOOK]})
    for seconds in (0, 10, 14.9):
        scene.clock.advance(seconds)
        assert scene.webhooks.find("w-1")
    assert (scene.stored.reads, scene.notes.calls) == (1, [])
    scene.clock.advance(0.2)
    scene.webhooks.find("w-1")
    assert (scene.stored.reads, scene.notes.calls) == (2, [])


LEAK = [digest_of(HEX)]


@pytest.mark.parametrize("warm_for", [0.0, 0.5, 12.0, 24.5])
@pytest.mark.parametrize(
    "then", ["all is well", "Secrets Manager fails", "the table fails", "both"]
)
def test_a_leaked_secret_ends_within_half_a_minute_whatever_fails_afterwards(
    scene: Scene, warm_for: float, then: str
) -> None:
    scene.stored.write({"webhooks": [WEBHOOK]})
    assert scene.accepted_for("w-1", warm_for, webhooks=scene.webhooks) == warm_for
    # As `webhooks delete --leaked` does.
    scene.kept_notes.revoke(LEAK)
    scene.stored.write({"webhooks": []})
    if then in ("Secrets Manager fails", "both"):
        scene.stored.remove()
    if then in ("the table fails", "both"):
        scene.notes.fail("read")
    assert scene.accepted_for("w-1", 3600, webhooks=scene.webhooks) <= 30
    # And it does not come back.
    for _ in range(3):
        scene.clock.advance(30)
        assert scene.accepted_for("w-1", 1, webhooks=scene.webhooks) == 0


def test_another_secret_of_the_same_webhook_goes_on(scene: Scene) -> None:
    other = WEBHOOK | {"signing_secret": "ab" * 32}
    scene.stored.write({"webhooks": [WEBHOOK, other]})
    scene.webhooks.find("w-1")
    scene.kept_notes.revoke(LEAK)
    scene.stored.remove()
    scene.clock.advance(30)
    assert [one.signing_secret for one in scene.webhooks.find("w-1")] == ["ab" * 32]


def test_an_outage_of_secrets_manager_alone_costs_no_event(scene: Scene) -> None:
    scene.stored.write({"webhooks": [WEBHOOK]})
    scene.webhooks.find("w-1")
    scene.stored.remove()
    assert scene.accepted_for("w-1", 3600, webhooks=scene.webhooks) == 3600
    # Neither store is asked for each request.
    assert len(scene.notes.calls) <= 3600 / 25 + 1
    assert scene.stored.reads <= 3600 / 10 + 1


def test_a_copy_that_nobody_confirms_serves_no_longer_than_half_a_minute(scene: Scene) -> None:
    scene.stored.write({"webhooks": [WEBHOOK]})
    alone = scene.instance()
    for webhooks in (alone, scene.webhooks):
        assert webhooks.find("w-1")
    scene.stored.remove()
    scene.notes.fail("read")
    scene.clock.advance(29.9)
    for webhooks in (alone, scene.webhooks):
        assert webhooks.find("w-1")
    scene.clock.advance(0.1)
    for webhooks in (alone, scene.webhooks):
        with pytest.raises(RegistryUnavailable, match="30 s"):
            webhooks.find("w-1")


def test_notes_that_cannot_be_read_are_not_asked_for_by_every_request(scene: Scene) -> None:
    scene.stored.write({"webhooks": [WEBHOOK]})
    scene.webhooks.find("w-1")
    scene.stored.remove()
    scene.notes.fail("read")
    scene.clock.advance(25)
    assert scene.accepted_for("w-1", 60, webhooks=scene.webhooks) == 5
    assert len(scene.notes.calls) <= 4
    scene.notes.fail("read", times=0)
    scene.clock.advance(2)
    assert scene.webhooks.find("w-1")


def test_notes_are_looked_at_again_when_they_are_as_old_as_a_copy_may_be(scene: Scene) -> None:
    scene.stored.write({"webhooks": [WEBHOOK]})
    scene.webhooks.find("w-1")
    scene.stored.remove()
    for later, looks in ((24.75, 0), (0.25, 1), (24.75, 1), (0.25, 2)):
        scene.clock.advance(later)
        assert scene.webhooks.find("w-1")
        assert len(scene.notes.calls) == looks


def test_notes_that_failed_are_asked_for_again_after_two_seconds(scene: Scene) -> None:
    scene.stored.write({"webhooks": [WEBHOOK]})
    scene.webhooks.find("w-1")
    scene.stored.remove()
    scene.notes.fail("read")
    for later, looks in ((25.0, 1), (1.75, 1), (0.25, 2)):
        scene.clock.advance(later)
        assert scene.webhooks.find("w-1")
        assert len(scene.notes.calls) == looks
    told = scene.facts.named("registry.unread")
    assert {"cause": "down", "stale": True} in told
    assert all(fields["stale"] for fields in told)


def test_of_several_secrets_the_one_that_leaked_ends_alone(scene: Scene) -> None:
    scene.stored.write({"webhooks": [WEBHOOK | {"standard_secrets": [WHSEC, OTHER_WHSEC]}]})
    assert scene.webhooks.find("w-1")
    for secret, left in (
        (WHSEC, (HEX, [OTHER_WHSEC])),
        (HEX, ("", [OTHER_WHSEC])),
        (OTHER_WHSEC, None),
    ):
        scene.kept_notes.revoke([digest_of(secret)])
        # The store fails, so the copy serves on, and the notes are looked at.
        scene.stored.write("nothing of use")
        scene.clock.advance(26)
        found = [
            (webhook.signing_secret, [secret.text for secret in webhook.secrets])
            for webhook in scene.webhooks.find("w-1")
        ]
        assert found == ([left] if left else [])


def test_all_are_found_for_a_request_that_names_none(scene: Scene) -> None:
    over = WEBHOOK | {"id": "w-2", "accepted_until": scene.clock()}
    scene.stored.write({"webhooks": [WEBHOOK, over, STANDARD | {"id": "w-3"}]})
    assert [webhook.id for webhook in scene.webhooks.all()] == ["w-1", "w-3"]
    scene.stored.write({"webhooks": [WEBHOOK]})
    scene.clock.advance(2)
    assert len(scene.webhooks.all()) == 2
    assert len(scene.webhooks.all(max_age=2)) == 1


def test_an_unknown_webhook_is_looked_for_at_most_every_two_seconds(scene: Scene) -> None:
    scene.stored.write({"webhooks": [WEBHOOK]})
    for _ in range(50):
        assert scene.webhooks.find("w-2") == []
    assert scene.stored.reads == 1
    scene.stored.write({"webhooks": [WEBHOOK, WEBHOOK | {"id": "w-2"}]})
    scene.clock.advance(1.9)
    assert scene.webhooks.find("w-2") == []
    scene.clock.advance(0.1)
    assert [webhook.id for webhook in scene.webhooks.find("w-2")] == ["w-2"]


def test_a_doubted_secret_is_read_again_if_its_copy_is_old(scene: Scene) -> None:
    scene.stored.write({"webhooks": [WEBHOOK]})
    scene.webhooks.find("w-1")
    mended = WEBHOOK | {"signing_secret": "ab" * 32}
    scene.stored.write({"webhooks": [mended]})
    scene.clock.advance(29)
    assert scene.webhooks.find("w-1", max_age=30)[0].signing_secret == HEX
    scene.clock.advance(1)
    assert scene.webhooks.find("w-1", max_age=30)[0].signing_secret == "ab" * 32


def test_the_last_good_copy_serves_while_the_secret_is_broken(scene: Scene) -> None:
    scene.stored.write({"webhooks": [WEBHOOK]})
    scene.webhooks.find("w-1")
    scene.stored.write('{"webhooks": [')
    scene.clock.advance(10_000)
    assert scene.webhooks.find("w-1")
    assert scene.facts.named("registry.unread")


def test_a_broken_secret_that_was_never_read_is_unavailable(scene: Scene) -> None:
    scene.stored.write("nothing of use")
    with pytest.raises(RegistryUnavailable):
        scene.webhooks.find("w-1")
    with pytest.raises(RegistryUnavailable):
        scene.destinations.load()


def test_destinations_are_read_again_after_half_a_minute(scene: Scene) -> None:
    scene.stored.write({"destinations": [CRM]})
    assert list(scene.destinations.load().usable) == ["crm"]
    scene.stored.write({"destinations": []})
    scene.clock.advance(29)
    assert list(scene.destinations.load().usable) == ["crm"]
    scene.clock.advance(1)
    assert list(scene.destinations.load().usable) == []


def test_a_younger_copy_of_the_destinations_is_read_when_asked_for(scene: Scene) -> None:
    scene.stored.write({"destinations": []})
    scene.destinations.load()
    scene.stored.write({"destinations": [CRM]})
    scene.clock.advance(3)
    assert scene.destinations.load(max_age=3.5).ids() == []
    assert scene.destinations.load(max_age=3).ids() == ["crm"]
    assert scene.destinations.load().read_at == scene.clock()


def test_a_copy_tells_when_it_was_read_with_success(scene: Scene) -> None:
    scene.stored.write({"destinations": [CRM]})
    read_at = scene.destinations.load().read_at
    scene.stored.write("nothing of use")
    scene.clock.advance(40)
    assert scene.destinations.load(max_age=0).read_at == read_at == scene.clock() - 40


def test_a_failing_registry_is_not_asked_at_each_delivery_whose_entry_is_missing(
    scene: Scene,
) -> None:
    scene.stored.write({"destinations": [CRM]})
    scene.destinations.load()
    scene.stored.write("nothing of use")
    scene.clock.advance(1)
    reads = scene.stored.reads
    for _ in range(9):
        scene.destinations.load(max_age=0)
        scene.clock.advance(1)
    assert scene.stored.reads == reads + 1


def test_what_is_told_of_bad_entries_names_them_and_no_secret(scene: Scene) -> None:
    scene.stored.write({"webhooks": [WEBHOOK | {"signing_secret": "canary"}]})
    scene.webhooks.find("w-1")
    (told,) = scene.facts.named("registry.entry_refused")
    assert (told["registry"], told["entry"]) == ("webhooks", "w-1")
    assert "canary" not in repr(scene.facts.told)


def test_a_filter_with_a_mistake_is_not_repeated_in_what_is_told(scene: Scene) -> None:
    filter_ = "message.sender.id == '+15550100"
    scene.stored.write({"destinations": [CRM | {"filter": filter_}]})
    scene.destinations.load()
    (told,) = scene.facts.named("registry.entry_refused")
    assert told["cause"] == "filter is no JMESPath expression: see character 22"
    assert "+15550100" not in repr(scene.facts.told)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"signing_secret": "whsec_"}, "signing_secret"),
        ({"max_attempts": 2.5}, "max_attempts"),
        ({"headers": {"Transfer-Encoding": "chunked"}}, "Transfer-Encoding"),
    ],
)
def test_what_could_never_be_sent_is_refused(change: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidEntry, match=named):
        read_destination(CRM | change)


@pytest.mark.parametrize(
    ("batch", "means"),
    [
        ({}, Batch(2, 20, 8)),
        ({"window": 0, "max": 2, "wait": 0}, Batch(0, 2, 0)),
        ({"window": 300, "max": 100, "wait": 900}, Batch(300, 100, 900)),
        ({"window": 8}, Batch(8, 20, 8)),
    ],
)
def test_a_batch_may_be_as_small_and_as_large_as_it_is_said_to_be(
    batch: dict[str, Any], means: Batch
) -> None:
    order = read_destination(ORDERED | {"batch": batch}).order
    assert order is not None
    assert order.batch == means


@pytest.mark.parametrize(
    "batch",
    [
        *({"window": -0.1}, {"window": 300.1, "wait": 900}, {"max": 1}, {"max": 101}),
        *({"wait": -1, "window": 0}, {"wait": 900.1}, {"window": 8.1}, {"max": 2.5}),
    ],
)
def test_a_batch_beyond_that_is_refused(batch: dict[str, Any]) -> None:
    with pytest.raises(InvalidEntry, match=r"^batch"):
        read_destination(ORDERED | {"batch": batch})


@pytest.mark.parametrize(
    ("patience", "taken"), [(0, True), (86_400, True), (-1, False), (86_401, False)]
)
def test_patience_is_from_nothing_to_a_day(patience: int, taken: bool) -> None:
    entry = ORDERED | {"order_patience": patience}
    if taken:
        order = read_destination(entry).order
        assert order is not None
        assert order.patience == patience
    else:
        with pytest.raises(InvalidEntry, match=r"^order_patience"):
            read_destination(entry)


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ([], True),
        ([{"secret": "s", "until": 1}] * 4, True),
        ([{"secret": "s", "until": 1.5}], True),
        ([{"secret": "s", "until": 1}] * 5, False),
        ({"secret": "s", "until": 1}, False),
        ("s", False),
        (7, False),
        ([{"secret": "s"}], False),
        ([{"secret": "s", "until": True}], False),
        ([{"secret": "whsec_", "until": 1}], False),
        (["s"], False),
    ],
)
def test_four_secrets_at_most_may_have_been_replaced(written: Any, taken: bool) -> None:
    entry = CRM | {"old_secrets": written}
    if taken:
        assert len(read_destination(entry).old_secrets) == len(written)
    else:
        with pytest.raises(InvalidEntry, match=r"^old_secrets"):
            read_destination(entry)


def test_of_a_header_name_that_is_none_a_hundred_letters_are_repeated() -> None:
    with pytest.raises(InvalidEntry) as refused:
        read_destination(CRM | {"headers": {"n" * 101: "v"}})
    assert str(refused.value) == f"headers: '{'n' * 100}' is no header name"
    assert read_destination(CRM | {"headers": {"n" * 100: "v"}}).headers
