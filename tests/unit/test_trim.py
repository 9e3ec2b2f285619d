"""What the layer's build leaves out, and the roots that it copies."""

from __future__ import annotations

import runpy
import ssl
from pathlib import Path
from typing import Any

import botocore
import pytest

TRIM: dict[str, Any] = runpy.run_path(
    str(Path(__file__).parents[2] / "layers" / "core" / "trim.py"), run_name="trim"
)
BUNDLE = Path(botocore.__file__).with_name("cacert.pem").read_text(encoding="utf-8")


def test_amazons_roots_are_five_and_vouch_for_themselves() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=TRIM["amazon_roots"](BUNDLE))
    roots: list[Any] = context.get_ca_certs()
    names = [dict(part for group in root["subject"] for part in group) for root in roots]
    assert [name["commonName"] for name in names] == [
        *(f"Amazon Root CA {number}" for number in range(1, 5)),
        "Starfield Services Root Certificate Authority - G2",
    ]
    assert all(root["subject"] == root["issuer"] for root in roots)


def test_a_bundle_without_one_of_them_fails_the_build() -> None:
    with pytest.raises(SystemExit, match="Amazon Root CA 3"):
        TRIM["amazon_roots"](BUNDLE.replace("CN=Amazon Root CA 3", "CN=Another"))


def test_a_member_called_documentation_stays() -> None:
    model = {"documentation": "text", "members": {"documentation": {"shape": "S"}}}
    assert TRIM["undocumented"](model) == {"members": {"documentation": {"shape": "S"}}}
