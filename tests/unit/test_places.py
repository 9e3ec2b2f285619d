"""Places: which roots vouch for AWS, by region and by what is there."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.validate import ParamValidationDecorator
from spectrum_forwarder.adapters import botocore_clients, places
from spectrum_forwarder.adapters.aws import Clients
from spectrum_forwarder.adapters.kinds.http import trust


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The file that is made when the layer is built."""
    file = tmp_path / "amazon_roots.pem"
    file.write_text("roots")
    monkeypatch.setattr(places, "AMAZON_ROOTS", file)
    return str(file)


@pytest.mark.parametrize(
    ("region", "is_public"),
    [
        ("eu-central-1", True),
        ("us-east-1", True),
        ("cn-north-1", False),
        ("us-gov-west-1", False),
        ("us-iso-east-1", False),
        ("us-isob-east-1", False),
        ("eu-isoe-west-1", False),
        ("eusc-de-east-1", False),
        ("", True),
    ],
)
def test_amazons_roots_vouch_for_all_services_of_public_regions(
    roots: str, region: str, is_public: bool
) -> None:
    assert places.amazon_roots(region) == (roots if is_public else None)


def test_where_the_roots_are_not_there_others_vouch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "AMAZON_ROOTS", tmp_path)
    assert places.amazon_roots("eu-central-1") is None
    assert places.plain_roots({"AWS_DEFAULT_REGION": "eu-central-1"}).endswith("cacert.pem")


@pytest.mark.parametrize(
    ("chosen", "region", "found"),
    [
        ("/own.pem", "eu-central-1", "/own.pem"),
        ("/own.pem", "cn-north-1", "/own.pem"),
        (None, "eu-central-1", "roots"),
        (None, "cn-north-1", None),
        (None, None, "roots"),
    ],
)
def test_a_bundle_that_somebody_has_set_goes_first(
    roots: str, chosen: str | None, region: str | None, found: str | None
) -> None:
    found = roots if found == "roots" else found
    set_to = {"ca_bundle": chosen, "region": region}
    session = cast(Any, SimpleNamespace(get_config_variable=set_to.get))
    assert botocore_clients.ca_bundle(session) == found
    environment = {"AWS_CA_BUNDLE": chosen, "AWS_DEFAULT_REGION": region}
    plain = places.plain_roots({name: value for name, value in environment.items() if value})
    assert plain == found or (found is None and plain.endswith("cacert.pem"))


@pytest.mark.parametrize(
    ("more", "connections", "tries", "made_with"),
    [({}, 10, None, 3), ({"connections": 4}, 4, 7, 7)],
)
def test_a_client_of_botocores_is_made_as_is_said(
    more: dict[str, int],
    connections: int,
    tries: int | None,
    made_with: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    clients = Clients(connect_seconds=1.5, read_seconds=2.5, tries=3, **more)  # type: ignore[arg-type]
    client = clients.make("ssm", tries=tries)
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (1.5, 2.5)
    assert config.max_pool_connections == connections
    assert config.retries == {"mode": "standard", "total_max_attempts": made_with}
    # What is asked is known to be right, and looking takes time.
    assert not isinstance(client._serializer, ParamValidationDecorator)


@pytest.mark.parametrize("found", [None, SimpleNamespace(origin=None)])
def test_without_certifi_it_is_said_what_lacks(
    found: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: found)
    with pytest.raises(FileNotFoundError, match="certifi"):
        trust.public_ca_bundle()
