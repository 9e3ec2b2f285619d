"""Samples and deliveries, and what the vendor's own SDK makes of each (`receiver.mjs`)."""

import base64
import contextlib
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectrum_cli.samples.requests import (
    CONTENT_TYPES,
    TEST_SECRET,
    TEST_WEBHOOK_ID,
    USUAL,
    SampleRequest,
    make_body,
    signed,
)
from spectrum_forwarder.adapters.kinds.router import make_sender
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.event import FORMAT, make_event
from spectrum_forwarder.domain.outbound import Attempt, outbound_headers, outgoing_id

from tests.consumers.servers import serving
from tests.support.waiting import PATIENCE

FOLDER = Path(__file__).parent
SENDER = make_sender(allow_loopback=True)


@dataclass(frozen=True)
class Seen:
    """What the SDK's parts made of one request.

    `verified` is `ok` or its own word for the reason; `handled` are the calls of the handler, with
    the fields that it got; `missed` are fields that a provider misses, so that no call was made.
    """

    verified: str
    envelope: bool
    standard: bool
    status: int
    text: str
    handled: list[dict[str, Any]]
    missed: list[str]

    @property
    def outcome(self) -> str:
        """In a word: the content types that the handler got, or why it was not called."""
        if self.missed:
            return f"✗ {', '.join(self.missed)}"
        if self.status != 200:
            return f"{self.status} {self.text}"
        return ", ".join(call["content"] for call in self.handled) or "-"


@contextlib.contextmanager
def vendor(folder: Path) -> Iterator[str]:
    """The SDK's receiver until the block ends; yields its URL."""
    (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    shutil.copy(FOLDER / "receiver.mjs", folder)
    node = shutil.which("node") or "node"
    with serving([node, "receiver.mjs"], folder, TEST_SECRET) as url:
        yield url


def sample(kind: str, platform: str = USUAL) -> SampleRequest:
    """A sample as Spectrum would send it now."""
    now = int(time.time())
    return signed(
        make_body(kind, sent_at=now, platform=platform),
        webhook_id=TEST_WEBHOOK_ID,
        secret=TEST_SECRET,
        timestamp=now,
        content_type=CONTENT_TYPES.get(kind),
    )


def forwarded(url: str, request: SampleRequest) -> Attempt:
    """The delivery that the forwarder makes of it."""
    now = time.time()
    event = make_event(
        source="main",
        webhook_id=TEST_WEBHOOK_ID,
        received_at=now,
        signed_at=int(now),
        body=request.body,
        content_type=request.headers["Content-Type"],
    )
    headers = outbound_headers(
        Destination("vendor", url, signing_secret=TEST_SECRET),
        outgoing_id=outgoing_id(event.key, FORMAT),
        kind=event.kind,
        webhook_id=event.webhook_id,
        content_type=event.content_type,
        body=event.body,
        now=now,
    )
    return Attempt(event.key, "vendor", url, headers, event.body, 30.0, begin_by=now + 30.0)


def standard_takes(folder: Path, cases: Sequence[tuple[str, SampleRequest]]) -> list[bool]:
    """Whether npm's standardwebhooks takes each request with the secret beside it."""
    (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    shutil.copy(FOLDER / "standard.mjs", folder)
    asked = [
        {
            "secret": secret,
            "headers": dict(request.headers),
            "body": base64.b64encode(request.body).decode(),
        }
        for secret, request in cases
    ]
    done = subprocess.run(
        [shutil.which("node") or "node", "standard.mjs"],
        cwd=folder,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    taken: list[bool] = json.loads(done.stdout)
    return taken


def sent_straight(url: str, request: SampleRequest) -> Seen:
    """The sample as Spectrum's own request."""
    post = urllib.request.Request(url, data=request.body, headers=dict(request.headers))
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(post, timeout=PATIENCE).close()
    return _seen(url)


def delivered(url: str, request: SampleRequest) -> Seen:
    """The sample through the forwarder's own sender; its answer is the one that the SDK gave."""
    [(_, answer)] = SENDER.send([forwarded(url, request)])
    seen = _seen(url)
    assert answer.status == seen.status
    return seen


def _seen(url: str) -> Seen:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        [found] = json.load(answer)
    return Seen(**found)
