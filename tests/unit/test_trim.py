"""What the layer's build leaves out, and the roots that it copies."""

from __future__ import annotations

import runpy
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore
import pytest
import urllib3

TRIM: dict[str, Any] = runpy.run_path(
    str(Path(__file__).parents[2] / "layers" / "core" / "trim.py"), run_name="trim"
)
BUNDLE_FOLDER = Path(botocore.__file__).parent
BUNDLE = (BUNDLE_FOLDER / "cacert.pem").read_text(encoding="utf-8")


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
    member = {"shape": "S"}
    model = {
        "operations": {"documentation": {"name": "documentation"}},
        "shapes": {"documentation": {"members": {"documentation": member}}},
    }
    assert TRIM["undocumented"](model) == model


def test_texts_go_from_the_parts_that_are_named_and_stay_everywhere_else() -> None:
    text = {"documentation": "<p>For people.</p>"}
    model = {
        **text,
        "operations": {"Put": {"name": "Put", **text}},
        "shapes": {"Body": {"type": "structure", "members": {"A": {"shape": "S", **text}}, **text}},
        # botocore's S3 client reads it at every call.
        "clientContextParams": {"Accelerate": {"type": "boolean", **text}},
        "something new": text,
    }
    assert TRIM["undocumented"](model) == {
        "operations": {"Put": {"name": "Put"}},
        "shapes": {"Body": {"type": "structure", "members": {"A": {"shape": "S"}}}},
        "clientContextParams": model["clientContextParams"],
        "something new": text,
    }


def test_a_model_keeps_the_calls_that_are_made_and_what_they_need() -> None:
    model = {
        "metadata": {"protocol": "json"},
        "operations": {
            "Send": {"input": {"shape": "Sent"}, "errors": [{"shape": "Refused"}]},
            "Other": {"input": {"shape": "Others"}},
        },
        "shapes": {
            "Sent": {"type": "structure", "members": {"texts": {"shape": "Texts"}}},
            "Texts": {"type": "list", "member": {"shape": "Text"}},
            "Text": {"type": "string"},
            "Refused": {"type": "structure", "members": {"shape": {"shape": "Text"}}},
            "Others": {"type": "structure", "members": {}},
        },
    }
    kept = TRIM["only"](("Send",), model)
    assert kept["metadata"] == model["metadata"]
    assert set(kept["operations"]) == {"Send"}
    assert set(kept["shapes"]) == {"Sent", "Texts", "Text", "Refused"}


def test_the_switch_to_http2_is_emptied_and_what_asks_for_it_stays(tmp_path: Path) -> None:
    copy = tmp_path / "urllib3"
    shutil.copytree(Path(urllib3.__file__).parent, copy)
    TRIM["trim_http2"](copy)
    code = "import sys, urllib3; print(urllib3.__file__, 'importlib.metadata' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(copy / "__init__.py"), "False"]


def test_another_switch_to_http2_fails_the_build(tmp_path: Path) -> None:
    switch = tmp_path / "http2" / "__init__.py"
    switch.parent.mkdir()
    switch.write_text("from importlib import metadata\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="HTTP/2"):
        TRIM["trim_http2"](tmp_path)


def test_clients_are_made_without_documentation(tmp_path: Path) -> None:
    copy = tmp_path / "botocore"
    shutil.copytree(Path(botocore.__file__).parent, copy, ignore=shutil.ignore_patterns("data"))
    shutil.copytree(BUNDLE_FOLDER / "data" / "sqs", copy / "data" / "sqs")
    for path in (BUNDLE_FOLDER / "data").glob("*.json"):
        shutil.copy(path, copy / "data")
    TRIM["trim_docs"](copy)
    code = """
import sys, botocore, botocore.session
client = botocore.session.get_session().create_client("sqs", region_name="us-east-1")
print(botocore.__file__, repr(client.send_message.__doc__), client.can_paginate("list_queues"))
print("html.parser" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [f"{copy / '__init__.py'} '' True", "False"]


def test_other_docstrings_fail_the_build(tmp_path: Path) -> None:
    (tmp_path / "client.py").write_text("from botocore.docs.docstring import New\n")
    with pytest.raises(SystemExit, match="docstrings"):
        TRIM["trim_docs"](tmp_path)
