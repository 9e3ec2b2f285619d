"""docs/consumers.md on the libraries for Standard Webhooks: what each makes of each body."""

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import standardwebhooks
from spectrum_forwarder.domain.destination import OldSecret
from spectrum_forwarder.domain.outbound import Attempt

from tests.consumers.bodies import BODIES
from tests.consumers.conftest import SECRET, answers_on_the_page, delivery, needs_node
from tests.consumers.servers import MODULES
from tests.support.svix_library import svix

URL = "https://consumer.example.com/"
PYTHON: dict[str, Callable[[bytes, dict[str, str]], object]] = {
    "Python standardwebhooks 1.1: `verify(body, headers)`": (
        lambda body, headers: standardwebhooks.Webhook(SECRET).verify(body, headers)
    ),
    "Python standardwebhooks 1.1: `verify(body, headers, json_parse=False)`": (
        lambda body, headers: standardwebhooks.Webhook(SECRET).verify(
            body, headers, json_parse=False
        )
    ),
    "Python svix 2.9": lambda body, headers: svix(SECRET).verify(body, headers),
}


@pytest.mark.parametrize("library", PYTHON)
def test_a_library_does_to_bodies_what_the_page_says(library: str) -> None:
    found = {}
    for body in BODIES:
        try:
            PYTHON[library](body.content, dict(delivery(URL, body).headers))
            found[body.name] = "✓"
        except Exception as error:  # whatever a library raises is what the page tells
            found[body.name] = type(error).__name__
    assert found == answers_on_the_page(library)


@needs_node
def test_the_library_on_node_does_to_bodies_what_the_page_says(tmp_path: Path) -> None:
    said = said_on_node(tmp_path, SECRET, [delivery(URL, body) for body in BODIES])
    found = dict(zip([body.name for body in BODIES], said, strict=True))
    assert found == answers_on_the_page("npm standardwebhooks 1.1")


@needs_node
def test_the_library_on_node_takes_either_secret_of_a_rotation(tmp_path: Path) -> None:
    old = OldSecret("0d" * 32, time.time() + 60)
    rotating = delivery(URL, BODIES[0], old=(old,))
    for secret in (SECRET, old.text):
        folder = tmp_path / secret
        folder.mkdir()
        assert said_on_node(folder, secret, [rotating]) == ["✓"]


def said_on_node(folder: Path, secret: str, attempts: Sequence[Attempt]) -> list[str]:
    """A word of the library on Node for each attempt, verified with this secret."""
    script = folder / "verify.mjs"
    shutil.copy(Path(__file__).with_name("usual") / "standardwebhooks.mjs", script)
    (folder / "node_modules").symlink_to(MODULES)
    deliveries = [
        {"headers": dict(one.headers), "body": base64.b64encode(one.body).decode()}
        for one in attempts
    ]
    return subprocess.run(
        [shutil.which("node") or "node", str(script)],
        input=json.dumps({"secret": secret, "deliveries": deliveries}),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
