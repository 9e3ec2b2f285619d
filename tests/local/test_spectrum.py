"""The stand-in for Spectrum speaks CONTRACT §6, call by call."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from spectrum_cli.local.loopback import LoopbackHandler, LoopbackServer
from spectrum_cli.local.spectrum.registrations import Rules
from spectrum_cli.local.spectrum.sender import signed_headers
from spectrum_cli.local.spectrum.server import Spectrum
from standardwebhooks import Webhook

URL = "https://x.example.com/spectrum-webhook"
NOW = 1_800_000_000.0


class Api:
    """Asks a stand-in, with the right login unless told otherwise."""

    def __init__(self, spectrum: Spectrum, moments: list[float]) -> None:
        self.spectrum = spectrum
        self.moments = moments

    def __call__(
        self, method: str, path: str = "", content: object = None, **more: str
    ) -> tuple[int, Any]:
        root = f"/projects/{self.spectrum.project_id}/webhooks/"
        return self.raw(method, root + path, content, **more)

    def raw(self, method: str, path: str, content: object = None, **more: str) -> tuple[int, Any]:
        """The same at any path of the server."""
        pair = f"{self.spectrum.project_id}:{self.spectrum.project_secret}".encode()
        headers = {"Authorization": "Basic " + base64.b64encode(pair).decode(), **more}
        connection = http.client.HTTPConnection(self.spectrum.url.removeprefix("http://"))
        body = None if content is None else json.dumps(content)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


@pytest.fixture
def api(request: pytest.FixtureRequest) -> Iterator[Api]:
    rules = getattr(request, "param", None) or Rules()
    # The clock of the rate limit stands still unless a test moves it.
    moments = [0.0]
    with Spectrum(
        rules=rules, clock=lambda: NOW, monotonic=lambda: moments[0], rate_limit=5
    ) as spectrum:
        yield Api(spectrum, moments)


def registered(api: Api) -> dict[str, Any]:
    status, content = api("POST", content={"webhookUrl": URL})
    assert status == 200
    made: dict[str, Any] = content["data"]
    return made


def test_contract_6_a_registration_shows_both_secrets_once(api: Api) -> None:
    made = registered(api)
    assert len(made["signingSecret"]) == 64
    assert made["standardSigningSecret"].startswith("whsec_")
    (row,) = api("GET")[1]["data"]
    assert row.keys() == made.keys() - {"signingSecret", "standardSigningSecret"}
    assert (row["enabled"], row["status"], row["schemaVersion"], row["eventTypes"]) == (
        True,
        "active",
        "normalized-events.v1",
        ["message.received"],
    )


@pytest.mark.parametrize("api", [Rules(newest=False)], indirect=True)
def test_contract_6_the_oldest_api_knows_one_secret_and_four_fields(api: Api) -> None:
    assert api("POST", content={"webhookUrl": URL, "eventTypes": ["message.received"]})[0] == 422
    assert "standardSigningSecret" not in registered(api)
    (row,) = api("GET")[1]["data"]
    assert row.keys() == {"id", "webhookUrl", "createdAt", "updatedAt"}


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"webhookUrl": "not a url"},
        {"webhookUrl": URL, "schemaVersion": "v7"},
        {"webhookUrl": URL, "eventTypes": []},
        {"webhookUrl": URL, "failureNotificationEmail": "nobody"},
        {"webhookUrl": URL, "colour": "red"},
    ],
)
def test_contract_6_what_is_malformed_is_a_422(api: Api, content: object) -> None:
    status, said = api("POST", content=content)
    assert (status, said["succeed"]) == (422, False)


def test_contract_6_the_same_url_is_a_409(api: Api) -> None:
    registered(api)
    assert api("POST", content={"webhookUrl": URL})[0] == 409


def test_contract_6_patch_switches_and_says_why(api: Api) -> None:
    made = registered(api)
    off = api("PATCH", made["id"], {"enabled": False})[1]["data"]
    assert (off["enabled"], off["status"], off["disabledReason"]) == (False, "disabled", "manual")
    on = api("PATCH", made["id"], {"enabled": True})[1]["data"]
    assert (on["enabled"], on["disabledAt"], on["disabledReason"]) == (True, None, None)


@pytest.mark.parametrize("api", [Rules(pinned=True)], indirect=True)
def test_contract_6_what_is_pinned_to_normalized_is_not_switched(api: Api) -> None:
    made = registered(api)
    assert api("PATCH", made["id"], {"enabled": False})[0] == 409
    assert api("PATCH", made["id"], {"failureNotificationEmail": "a@example.com"})[0] == 200


def test_contract_6_raw_inbound_is_one_way_and_alone(api: Api) -> None:
    made = registered(api)
    both = {"schemaVersion": "raw-inbound.v1", "failureNotificationEmail": "a@example.com"}
    assert api("PATCH", made["id"], both)[0] == 409
    assert api("PATCH", made["id"], {"schemaVersion": "raw-inbound.v1"})[0] == 200
    assert api("PATCH", made["id"], {"schemaVersion": "normalized-events.v1"})[0] == 422


def test_contract_6_rotation_signs_with_both_until_the_overlap_ends(api: Api) -> None:
    made = registered(api)
    status, said = api("POST", f"{made['id']}/secret/rotate", {"overlapSeconds": 60})
    fresh = said["data"]["standardSigningSecret"]
    assert (status, said["data"]["previousValidUntil"]) == (200, "2027-01-15T08:01:00.000+00:00")
    one = api.spectrum.registrations[made["id"]]
    assert one.signing(NOW + 59) == (made["standardSigningSecret"], fresh)
    assert one.signing(NOW + 60) == (fresh,)
    assert one.secret == made["signingSecret"]


@pytest.mark.parametrize("overlap", [-1, 604_801, "60", True])
def test_contract_6_an_overlap_outside_of_a_week_is_a_422(api: Api, overlap: object) -> None:
    made = registered(api)
    assert api("POST", f"{made['id']}/secret/rotate", {"overlapSeconds": overlap})[0] == 422


def test_contract_6_delete_is_404_when_it_is_gone(api: Api) -> None:
    made = registered(api)
    assert [api("DELETE", made["id"])[0] for _ in range(2)] == [200, 404]


def test_contract_6_egress_addresses_are_listed(api: Api) -> None:
    assert api("GET", "egress-ips")[1]["data"]["addresses"]


def test_contract_6_another_login_is_a_401(api: Api) -> None:
    assert api("GET", Authorization="Basic eDp5")[0] == 401


def test_contract_6_a_sixth_request_within_a_second_is_a_429(api: Api) -> None:
    assert [api("GET")[0] for _ in range(6)] == [200] * 5 + [429]
    api.moments[0] = 1.5
    assert api("GET")[0] == 200


def test_contract_1_deliveries_are_signed_in_both_schemes(api: Api) -> None:
    made = registered(api)
    api("POST", f"{made['id']}/secret/rotate", {})
    one = api.spectrum.registrations[made["id"]]
    headers = signed_headers(one, b'{"a":1}', "evt_0001", int(time.time()))
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in one.standard:
        assert Webhook(secret.text).verify(b'{"a":1}', headers) == {"a": 1}


def test_the_stand_in_delivers_to_what_is_enabled_and_disables_on_demand(api: Api) -> None:
    received: list[Any] = []

    class Endpoint(LoopbackHandler):
        def do_POST(self) -> None:
            body = self.read_body(100_000)
            received.append(Webhook(made["standardSigningSecret"]).verify(body, dict(self.headers)))
            self.answer_json(200, {})

    server = LoopbackServer(Endpoint)
    server.start("endpoint")
    try:
        url = f"http://{server.address}/spectrum-webhook"
        made = api("POST", content={"webhookUrl": url})[1]["data"]
        status, said = api.raw("POST", "/stand-in/deliver")
        assert (status, [one["status"] for one in said["data"]]) == (200, [200])
        assert received[0]["event"] == "messages"
        assert api.raw("POST", f"/stand-in/disable/{made['id']}/delivery_failures")[0] == 200
        assert api.raw("POST", "/stand-in/deliver")[1]["data"] == []
    finally:
        server.stop()
