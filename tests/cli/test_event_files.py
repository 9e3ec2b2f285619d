"""The stored files of events/ are what the generator makes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from spectrum_cli.samples.event_files import Maker, dumps, write
from spectrum_forwarder.domain.event import unpack

EVENTS = Path(__file__).parents[2] / "events"
FILES = Maker().files()


def test_no_file_is_missing_or_left_over() -> None:
    stored = {str(path.relative_to(EVENTS)) for path in EVENTS.rglob("*.json")}
    assert stored == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_stored_files_are_what_the_generator_makes(name: str) -> None:
    stored = json.loads((EVENTS / name).read_text())
    assert readable(stored) == readable(json.loads(dumps(FILES[name])))


def test_fresh_files_are_signed_at_their_own_time(tmp_path: Path) -> None:
    write(Maker(timestamp=1_800_000_000).files(), tmp_path)
    event = json.loads((tmp_path / "receiver" / "text.json").read_text())
    assert event["headers"]["x-spectrum-timestamp"] == "1800000000"
    assert (
        event["headers"]["x-spectrum-signature"] not in (EVENTS / "receiver/text.json").read_text()
    )


def readable(content: Any) -> Any:
    """The content with compressed bodies unpacked: compressors differ, what they hold may not."""
    for record in content.get("Records", []):
        if '"packed"' in record["body"]:
            record["body"] = json.loads(record["body"])
            record["body"]["packed"] = unpack(base64.b64decode(record["body"]["packed"])).hex()
            del record["md5OfBody"], record["messageId"]
    return content
