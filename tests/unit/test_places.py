"""Places: which roots vouch for AWS, by region and by what is there."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from spectrum_forwarder.adapters import botocore_clients, places


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
