"""CONTRACT §9.3: the scheduled check turns what Spectrum's list says into facts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from spectrum_forwarder.adapters import spectrum_list
from spectrum_forwarder.adapters.spectrum_list import list_registrations, stored_webhooks
from spectrum_forwarder.domain.errors import RegistryUnavailable
from spectrum_forwarder.domain.registration import ProjectRefused, Registration, Stored
from spectrum_forwarder.registrations import look_at_registrations

from tests.support.fake_spectrum import FakeSpectrum

ENDPOINT = "https://x.example.com/spectrum-webhook"


class Secrets:
    """Two secrets, and nothing else of Secrets Manager."""

    def __init__(self, **texts: str) -> None:
        self.texts = texts

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:
        return {"SecretString": self.texts[SecretId]}


@pytest.fixture
def spectrum() -> Iterator[FakeSpectrum]:
    with FakeSpectrum(rate_limit=None) as fake:
        yield fake


def told(spectrum: FakeSpectrum, *ids: str, secret: str | None = None) -> list[tuple[str, Any]]:
    """The facts of one check, with these webhooks' secrets stored."""
    found: list[tuple[str, Any]] = []
    project = {"project_id": spectrum.project_id, "project_secret": secret}
    project["project_secret"] = secret or spectrum.project_secret
    client: Any = Secrets(
        project=json.dumps(project if secret != "" else {}),
        webhooks=json.dumps({"webhooks": [{"id": one} for one in ids]}),
    )

    def facts(name: str, /, **fields: object) -> None:
        found.append((name, fields.get("trouble")))

    look_at_registrations(
        lambda: list_registrations(client, "project", spectrum.url),
        lambda: stored_webhooks(client, "webhooks", now=time.time()),
        endpoint=ENDPOINT,
        facts=facts,
    )
    return found


@pytest.mark.parametrize(
    "secret", [{}, {"SecretString": ""}, {"SecretString": "{"}, {"SecretBinary": b"{}"}]
)
def test_a_secret_that_is_none_of_ours_is_told_as_unread(secret: dict[str, Any]) -> None:
    client: Any = SimpleNamespace(get_secret_value=lambda **_: secret)
    with pytest.raises(RegistryUnavailable, match="a secret is not JSON"):
        stored_webhooks(client, "webhooks", now=0.0)


@pytest.mark.parametrize("project", [{}, {"project_id": "p"}, {"project_secret": "s"}, []])
def test_without_whole_credentials_spectrum_is_not_asked(project: object) -> None:
    client: Any = Secrets(project=json.dumps(project))
    with pytest.raises(ProjectRefused, match="no credentials are stored"):
        list_registrations(client, "project", "https://nobody.example.com")


def test_a_secret_out_of_reach_is_told_as_unread() -> None:
    def fail(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://x/")

    client: Any = SimpleNamespace(get_secret_value=fail)
    with pytest.raises(RegistryUnavailable, match=r"^get_secret_value: "):
        stored_webhooks(client, "webhooks", now=0.0)


def test_a_webhook_is_retired_from_the_end_of_its_time_on() -> None:
    entries = [{"id": str(end), "accepted_until": end} for end in (99, 100, 101, None, "x")]
    client: Any = Secrets(webhooks=json.dumps({"webhooks": entries}))
    stored = stored_webhooks(client, "webhooks", now=100)
    assert (set(stored.current), set(stored.retired)) == ({"101", "None", "x"}, {"99", "100"})


def test_where_no_time_is_left_the_list_is_not_read(
    spectrum: FakeSpectrum, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = spectrum.add(ENDPOINT)
    monkeypatch.setattr(spectrum_list, "SECONDS", -5.0)
    assert told(spectrum, made.id) == [("registrations.unread", None)]


def test_a_list_that_is_too_long_is_read_no_further(
    spectrum: FakeSpectrum, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = spectrum.add(ENDPOINT)
    monkeypatch.setattr(spectrum_list, "LARGEST_ANSWER", 10)
    assert told(spectrum, made.id) == [("registrations.unread", None)]


def test_contract_9_3_a_healthy_registration_is_no_trouble(spectrum: FakeSpectrum) -> None:
    made = spectrum.add(ENDPOINT)
    assert told(spectrum, made.id) == [("registrations.read", None)]


def test_contract_9_3_disabled_missing_and_second_are(spectrum: FakeSpectrum) -> None:
    assert told(spectrum)[0] == ("registration.trouble", "missing")
    first = spectrum.add(ENDPOINT)
    second = spectrum.add(ENDPOINT + "/2")
    assert told(spectrum, first.id, second.id)[0] == ("registration.trouble", "second")
    spectrum.webhooks.disable(second.id, "delivery_failures")
    assert told(spectrum, first.id, second.id)[0] == ("registration.trouble", "disabled")
    assert told(spectrum, second.id)[0] == ("registration.trouble", "unstored")


@pytest.mark.parametrize("secret", ["", "the-one-before"])
def test_contract_6_credentials_that_are_refused_are_trouble(
    spectrum: FakeSpectrum, secret: str
) -> None:
    assert told(spectrum, secret=secret) == [("registration.trouble", "credentials")]


@pytest.mark.parametrize("status", [401, 403])
def test_either_status_of_a_refusal_is_trouble_of_the_credentials(
    spectrum: FakeSpectrum, status: int
) -> None:
    spectrum.faults["GET"].extend([status, status])
    assert told(spectrum) == [("registration.trouble", "credentials")]


@pytest.mark.parametrize("fault", [500, 503, 429, "lost_before", "garbage", 302])
def test_a_list_that_cannot_be_read_is_no_trouble_of_a_registration(
    spectrum: FakeSpectrum, fault: Any
) -> None:
    spectrum.faults["GET"].extend([fault, fault])
    assert told(spectrum) == [("registrations.unread", None)]


@pytest.mark.parametrize("slash", ["with", "without"])
def test_either_form_of_the_path_is_found(spectrum: FakeSpectrum, slash: Any) -> None:
    spectrum.slash = slash
    made = spectrum.add(ENDPOINT)
    assert told(spectrum, made.id) == [("registrations.read", None)]


def test_of_what_spectrum_says_a_hundred_letters_are_told() -> None:
    found: list[dict[str, object]] = []
    for reason in ("", "r" * 100, "r" * 101):
        row = {"id": "i" * 101, "webhookUrl": ENDPOINT, "enabled": False, "disabledReason": reason}
        look_at_registrations(
            lambda row=row: [Registration.read(row)],  # type: ignore[misc]
            lambda: Stored(frozenset(), frozenset()),
            endpoint=ENDPOINT,
            facts=lambda name, /, **fields: found.append(fields),
        )
    told = [(each["webhook_id"], each["reason"]) for each in found if "trouble" in each]
    assert told == [("i" * 100, None), ("i" * 100, "r" * 100), ("i" * 100, "r" * 100)]
