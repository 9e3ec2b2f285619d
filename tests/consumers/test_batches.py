"""docs/consumers.md on batches: both listings read every body, both libraries verify the whole."""

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import standardwebhooks
from spectrum_forwarder.domain import bundle
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.outbound import Attempt, outbound_headers

from tests.consumers.bodies import BODIES
from tests.consumers.conftest import SECRET, needs_node
from tests.consumers.recipes import modules, write
from tests.consumers.test_libraries import said_on_node

URL = "https://consumer.example.com/"
# Two megabytes go alone.
TOGETHER = [body for body in BODIES if body.name != "2 MB"]
READER = """
import { readFileSync } from "node:fs";
import { events } from "./batch-reader.mjs";
const { headers, body } = JSON.parse(readFileSync(0));
const found = events((name) => headers[name], Buffer.from(body, "base64"));
console.log(JSON.stringify(found.map(({ id, body }) => [id, body.toString("base64")])));
"""


def batch(secret: str = SECRET) -> Attempt:
    """All bodies together, as the forwarder sends them."""
    events = [
        bundle.Bundled(f"main:m-{number}", {"Content-Type": body.content_type}, body.content)
        for number, body in enumerate(TOGETHER)
    ]
    body, fitting = bundle.bundled(events)
    assert fitting == len(events)
    headers = outbound_headers(
        Destination("consumer", URL, signing_secret=secret),
        outgoing_id=bundle.batch_id(events),
        kind=bundle.KIND,
        webhook_id="w-1",
        content_type=bundle.CONTENT_TYPE,
        body=body,
        now=time.time(),
    )
    return Attempt("batch", "consumer", URL, headers, body, 30.0, begin_by=time.time() + 30.0)


EXPECTED = [(f"main:m-{number}", body.content) for number, body in enumerate(TOGETHER)]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[ModuleType]:
    with modules(tmp_path, "verify", "batch_reader", secret=SECRET) as listing:
        yield listing["batch_reader"]


def test_the_listing_reads_every_body_of_a_batch(reader: ModuleType) -> None:
    sent = batch()
    assert reader.events(dict(sent.headers), sent.body) == EXPECTED
    forged = batch("0a" * 32)
    with pytest.raises(ValueError, match="not signed"):
        reader.events(dict(forged.headers), forged.body)


def test_the_library_verifies_a_batch_as_a_whole() -> None:
    sent = batch()
    found = standardwebhooks.Webhook(SECRET).verify(sent.body, dict(sent.headers))
    assert [event["webhook-id"] for event in found["events"]] == [name for name, _ in EXPECTED]


@needs_node
def test_the_listing_on_node_reads_every_body_of_a_batch(tmp_path: Path) -> None:
    write(tmp_path, "verify.mjs", "batch-reader.mjs")
    (tmp_path / "read.mjs").write_text(READER)
    sent = batch()
    headers = {name.lower(): value for name, value in sent.headers.items()}
    ran = subprocess.run(
        [shutil.which("node") or "node", str(tmp_path / "read.mjs")],
        input=json.dumps({"headers": headers, "body": base64.b64encode(sent.body).decode()}),
        env={"SECRET": SECRET},
        capture_output=True,
        text=True,
        check=True,
    )
    found = [(name, base64.b64decode(body)) for name, body in json.loads(ran.stdout)]
    assert found == EXPECTED


@needs_node
def test_the_library_on_node_verifies_a_batch_as_a_whole(tmp_path: Path) -> None:
    assert said_on_node(tmp_path, SECRET, [batch()]) == ["✓"]
