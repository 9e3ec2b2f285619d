"""What `forwarder local` says of its files at the start: what it refuses, and no watching."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from spectrum_cli.local.told import tell_of_files, told_of_destinations, told_of_webhooks

PATH = Path("mine.json")
GOOD = {"name": "crm", "url": "http://127.0.0.1:9/", "signing_secret": "s" * 40}
OWN = "http://127.0.0.1:8787/spectrum-webhook"


def target() -> Any:
    queues = {name: "" for name in ("queue_url", "slow_queue_url", "dead_letter_queue_url")}
    return SimpleNamespace(endpoint_url=OWN, **queues)


def test_a_refused_destination_is_said_by_name_and_that_the_file_is_not_watched() -> None:
    entries = [
        GOOD,
        GOOD | {"name": "erp", "url": "ftp://x"},
        GOOD | {"name": "own", "url": OWN},
        GOOD | {"name": "odd", "retries": 3},
    ]
    text = json.dumps({"destinations": entries})
    *refused, last = told_of_destinations(PATH, text, target())
    assert [sentence.split(": ")[1] for sentence in refused] == [
        "erp cannot be used",
        "own cannot be used",
        "odd cannot be used",
    ]
    assert "unknown field 'retries'" in refused[2]
    assert last.startswith("mine.json is not watched: change destinations with")


def test_the_command_says_it_of_each_file(capsys: pytest.CaptureFixture[str]) -> None:
    text = json.dumps({"destinations": [GOOD | {"url": "ftp://x"}]})
    tell_of_files({"webhooks": (None, None), "destinations": (PATH, text)}, target())
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in said] == ["mine.json", "mine.json is not watched"]
    tell_of_files({"webhooks": (PATH, '{"webhooks": []}'), "destinations": (None, None)}, target())
    assert "not watched" in capsys.readouterr().err


def test_a_refused_webhook_is_said_by_its_id_and_without_its_secret() -> None:
    text = json.dumps({"webhooks": [{"id": "w-1", "signing_secret": "canary"}]})
    refused, last = told_of_webhooks(PATH, text)
    assert refused.startswith("mine.json: w-1 cannot be used: signing_secret")
    assert "canary" not in refused
    assert "is not watched" in last
