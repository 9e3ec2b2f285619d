"""What the tests of consumers share: how a delivery is sent, and what is made of the answer."""

import os
import time

import pytest
from spectrum_forwarder.adapters.kinds.router import make_sender
from spectrum_forwarder.domain.destination import Destination, OldSecret
from spectrum_forwarder.domain.outbound import Attempt, outbound_headers

from tests.consumers.bodies import BODIES, PLAIN, Body
from tests.consumers.recipes import PAGE

SECRET = "5e" * 32
HEADS = ("way of reading", "adapter", "library")
SENDER = make_sender(allow_loopback=True)
Row = dict[str, str]

# Node's packages come with `make consumers`, which asks for these tests.
needs_node = pytest.mark.skipif(
    os.environ.get("REQUIRE_NODE") != "1",
    reason="needs Node.js and its packages: make consumers runs it",
)


def delivery(
    url: str, body: Body, *, secret: str = SECRET, old: tuple[OldSecret, ...] = ()
) -> Attempt:
    """An attempt at delivering the body, signed as the forwarder signs."""
    headers = outbound_headers(
        Destination("consumer", url, signing_secret=secret, old_secrets=old),
        outgoing_id="main:m-1",
        kind="messages",
        webhook_id="w-1",
        content_type=body.content_type,
        content_encoding=body.encoding,
        body=body.content,
        now=time.time(),
    )
    return Attempt(
        "main:m-1", "consumer", url, headers, body.content, 30.0, begin_by=time.time() + 30.0
    )


def row(url: str) -> Row:
    """What a consumer answers to each body, and to one that is signed with another secret."""
    attempts = [delivery(url, body) for body in BODIES]
    forged = delivery(url, Body("forged", PLAIN), secret="0a" * 32)
    answers = [str(answer) for one in (*attempts, forged) for _, answer in SENDER.send([one])]
    return dict(zip([*(body.name for body in BODIES), "forged"], answers, strict=True))


def answers_on_the_page(way: str) -> Row:
    """The row of docs/consumers.md that begins so: the outcome for each body."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    [found] = [cells for cells in rows if cells[0].startswith(way)]
    names = [body.name for body in BODIES]
    assert all(cells[1:] == names for cells in rows if cells[0] in HEADS)
    return dict(zip(names, found[1:], strict=True))


def statuses_on_the_page(way: str) -> Row:
    """The same as statuses, and what is answered to a forgery."""
    told = {name: cell.replace("✓", "204") for name, cell in answers_on_the_page(way).items()}
    return told | {"forged": "401"}
