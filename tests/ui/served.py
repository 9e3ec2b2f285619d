"""The pages of a target, for tests: asked directly, or served to a browser."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from spectrum_cli.stack.target import Target
from spectrum_cli.ui.app import explain, make_pages
from spectrum_cli.ui.day import Day, KeptFresh
from spectrum_cli.ui.guard import Guard, random_host
from spectrum_cli.ui.memory import Memory
from spectrum_cli.ui.refusals import CountedFresh
from spectrum_cli.ui.registrations import Registrations
from spectrum_cli.ui.server import open_port, serve_on
from spectrum_cli.ui.stack import Stack
from werkzeug.test import TestResponse

PORT = 8788
HOST = "forwarder-test.localhost"
HOME = f"http://{HOST}:{PORT}"
# What a browser says of a form that one of the pages sends.
OURS = {"Origin": HOME, "Sec-Fetch-Site": "same-origin"}


@dataclass
class Asked:
    """The pages without a server: `client` has the cookie of this run, `stranger` has not."""

    guard: Guard
    day: Day
    client: FlaskClient
    stranger: FlaskClient


class LocalClient(FlaskClient):
    """Asks at the address that is printed."""

    def open(self, *args: Any, **named: Any) -> TestResponse:
        named.setdefault("base_url", HOME)
        return super().open(*args, **named)


def asked(
    target: Target,
    registrations: Registrations | None = None,
    counted: CountedFresh | None = None,
    *,
    guard: Guard | None = None,
    enter: bool = True,
) -> Asked:
    """Pages as the browser that was let in would ask for them."""
    stack, guard = Stack(target), guard or Guard(PORT, HOST)
    day = Day(Memory(stack.log, time.time))
    app = make_pages(stack, KeptFresh(day, explain), guard, registrations, counted)
    app.test_client_class = LocalClient
    client, stranger = app.test_client(), app.test_client()
    if enter:
        client.get("/enter", query_string={"token": guard.token})
    return Asked(guard, day, client, stranger)


@contextlib.contextmanager
def served(target: Target) -> Iterator[str]:
    """Serve the pages; what it gives is the link that lets a browser in."""
    with open_port(0) as listening:
        stack = Stack(target)
        guard = Guard(listening.getsockname()[1], random_host())
        overview = KeptFresh(Day(Memory(stack.log, time.time)), explain)
        counted = CountedFresh(stack.refusals.count, explain)
        server = serve_on(listening, make_pages(stack, overview, guard, counted=counted))
        overview.start()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield guard.link
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            overview.stop()
