"""A local stack with 2,000 events, its pages, and a browser; a deployed stack without events."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from spectrum_cli.local.consumer import Consumer, Received, accept_verified
from spectrum_cli.local.stack import LocalStack
from spectrum_cli.stack.target import Target, local_target

from tests.support.make import WEBHOOK, body_of, signed_headers
from tests.support.stacks import Deployed, found
from tests.support.waiting import PATIENCE
from tests.ui import seeding
from tests.ui.served import served

# What .ci/run sets: there, a browser that is missing is a failure.
REQUIRED = "REQUIRE_BROWSER"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SEEDED = 1_980
SECRET = "ab" * 32
TIME_SCALE = 0.05


@dataclass
class World:
    """The stack, what its consumer received, and the link to its pages."""

    target: Target
    link: str
    received: list[Received] = field(repr=False)
    hostile_keys: list[str] = field(repr=False)
    newest_keys: list[str] = field(repr=False)
    dead_letters: set[str] = field(repr=False)
    # While it is set, the consumer of all destinations answers 503.
    is_down: threading.Event = field(repr=False)

    def send(self, message_id: str, **content: object) -> str:
        """Send a signed event to the endpoint; return its key."""
        body = body_of(message_id, **content)
        request = urllib.request.Request(
            self.target.endpoint_url, data=body, headers=signed_headers(body)
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=PATIENCE) as answer:
            assert answer.status == 200
        return f"{WEBHOOK.source}:{message_id}"

    def times_received(self, event_key: str) -> int:
        """How often the consumer got the event."""
        return sum(received.event_key == event_key for received in list(self.received))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    received: list[Received] = []
    is_down = threading.Event()

    def take(one: Received) -> int:
        if is_down.is_set():
            return 503
        received.append(one)
        return accept_verified(one)

    consumer = Consumer(SECRET, take)
    consumer.start()
    names = ("crm", "archive", "bot")
    entries = [{"name": name, "url": consumer.url, "signing_secret": SECRET} for name in names]
    webhook = {
        "id": WEBHOOK.id,
        "signing_secret": WEBHOOK.signing_secret,
        "source": WEBHOOK.source,
    }
    stack = LocalStack(
        webhooks=json.dumps({"webhooks": [webhook]}),
        destinations=json.dumps({"destinations": entries}),
        log=lambda _source, _line: None,
        time_scale=TIME_SCALE,
    )
    try:
        with stack:
            target = _target(stack)
            hostile = list(seeding.hostile_items(time.time() - 3 * 86_400))
            varied = list(seeding.varied_items(SEEDED, time.time()))
            seeding.write(target.client("dynamodb"), target.table, [*hostile, *varied])
            with served(target) as link:
                dead = {key for key, item in zip(_keys(varied), varied, strict=True) if _dead(item)}
                yield World(target, link, received, _keys(hostile), _keys(varied), dead, is_down)
    finally:
        consumer.stop()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A deployed stack, of which no part runs; commands find it without any option."""
    with found(tmp_path_factory.mktemp("state")) as stack:
        yield stack


@pytest.fixture(scope="module")
def chrome() -> Iterator[webdriver.Chrome]:
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        missing = "chromium and chromedriver are needed to look at pages: on Debian, install both"
        if os.environ.get(REQUIRED):
            pytest.fail(missing)
        pytest.skip(missing)
    options = Options()
    options.binary_location = binary
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with pytest.MonkeyPatch.context() as patch:
        # The driver is spoken to on loopback, whatever leads to the outside.
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        browser = webdriver.Chrome(options=options, service=Service(driver))
        yield browser
        browser.quit()


def _target(stack: LocalStack) -> Target:
    return local_target(stack.state())


def _dead(item: dict[str, Any]) -> bool:
    statuses = [delivery["M"]["status"]["S"] for delivery in item["deliveries"]["M"].values()]
    return "dead_lettered" in statuses


def _keys(written: list[dict[str, Any]]) -> list[str]:
    return [item["event_key"]["S"] for item in written]
