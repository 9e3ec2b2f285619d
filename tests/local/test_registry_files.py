"""Registry files as an operator may get them wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from spectrum_cli.local.registry_files import (
    destination_registry,
    make_up_webhook,
    read_registry,
)
from spectrum_cli.terminal.errors import WrongUse


def test_file_is_passed_on_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "webhooks.json"
    path.write_text('{ "webhooks" : [ {"id": "a"} ] }\n')
    assert read_registry(path, "webhooks") == path.read_text()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"not json", "is not JSON"),
        (b'{"destinations": []}', "must be"),
        (b"[]", "must be"),
        (b'{"webhooks": {}}', "must be"),
        (b'{"webhooks": ["id"]}', "must be"),
        (b"\xff", "not UTF-8"),
        (None, "No such file"),
    ],
)
def test_wrong_file_is_refused_with_its_name_and_reason(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    path = tmp_path / "webhooks.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WrongUse, match=says) as refusal:
        read_registry(path, "webhooks")
    assert str(path) in str(refusal.value)


def test_made_up_registries_have_the_secrets_form() -> None:
    webhook = make_up_webhook()
    (entry,) = json.loads(webhook.registry)["webhooks"]
    assert (entry["id"], len(entry["signing_secret"])) == (webhook.id, 64)
    assert webhook != make_up_webhook()
    (entry,) = json.loads(destination_registry("a", "http://127.0.0.1:1", "s"))["destinations"]
    assert entry["name"] == "a"
