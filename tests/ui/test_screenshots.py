"""Makes the pictures in docs/: `SCREENSHOTS=docs .venv/bin/pytest tests/ui/test_screenshots.py`."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from spectrum_cli.stack.target import find_target

from tests.support.kept import ENTRY, Kept
from tests.support.make import body_of
from tests.support.stacks import Deployed
from tests.support.waiting import wait_until
from tests.ui.conftest import World
from tests.ui.served import served

WHERE = os.environ.get("SCREENSHOTS", "")

if WHERE:
    LOOKS = pytest.mark.parametrize(
        ("name", "width", "dark"),
        [("ui-light", 1200, False), ("ui-dark", 1200, True), ("ui-phone", 390, False)],
    )

    @LOOKS
    def test_pictures(chrome: Chrome, world: World, name: str, width: int, dark: bool) -> None:
        key = world.send("picture-1")
        wait_until(lambda: world.times_received(key) >= 3)
        home = _entered(chrome, world.link, dark=dark)
        wait_until(lambda: chrome.find_elements(By.CSS_SELECTOR, ".row"))
        chrome.get(f"{home}/overview")
        wait_until(lambda: "By the hour" in chrome.page_source)
        waiting = world.newest_keys[7]
        for page, path in (
            ("log", "/"),
            ("overview", "/overview"),
            ("event", f"/event?key={quote(waiting)}"),
        ):
            chrome.get(home + path)
            _take(chrome, width, f"{name}-{page}")

    @LOOKS
    def test_pictures_of_a_search_and_of_retry_now(
        chrome: Chrome, world: World, name: str, width: int, dark: bool
    ) -> None:
        home = _entered(chrome, world.link, dark=dark)
        item = world.target.client("dynamodb").get_item(
            TableName=world.target.table, Key={"event_key": {"S": world.newest_keys[7]}}
        )["Item"]
        number = item["sender_id"]["S"].removeprefix("+1")
        written = f"({number[:3]}) {number[3:6]}-{number[6:]}"
        wait_until(lambda: "data-key" in _source(chrome, f"{home}/?q={quote(written)}"))
        _take(chrome, width, f"{name}-search")
        chrome.get(f"{home}/event?key={quote(world.newest_keys[7])}")
        retries = wait_until(lambda: chrome.find_elements(By.CSS_SELECTOR, "[data-open=retry-all]"))
        retries[0].click()
        _take(chrome, width, f"{name}-retry")

    @LOOKS
    def test_pictures_of_an_outage_and_after_it(
        chrome: Chrome, world: World, name: str, width: int, dark: bool
    ) -> None:
        home = _entered(chrome, world.link, dark=dark)
        wait_until(lambda: "By the hour" in _source(chrome, f"{home}/overview"))
        before = _number(chrome, "waiting")
        world.is_down.set()
        try:
            keys = [world.send(f"{name}-outage-{number}") for number in range(40)]
            wait_until(lambda: _number(chrome, "waiting", home) >= before + 3 * len(keys))
            _take(chrome, width, f"{name}-outage")
        finally:
            world.is_down.clear()
        wait_until(lambda: all(world.times_received(key) >= 3 for key in keys))
        wait_until(lambda: _number(chrome, "waiting", home) <= before)
        _take(chrome, width, f"{name}-after")

    @LOOKS
    def test_pictures_of_what_was_refused(
        chrome: Chrome, refused: tuple[str, str], name: str, width: int, dark: bool
    ) -> None:
        link, suspect_id = refused
        home = _entered(chrome, link, dark=dark)
        wait_until(lambda: "kept for 72" in _source(chrome, f"{home}/refused"))
        for page, path in (
            ("refused", "/refused"),
            ("refusal", f"/refused/request?id={quote(suspect_id)}"),
        ):
            chrome.get(home + path)
            _take(chrome, width, f"{name}-{page}")

    @pytest.fixture(scope="module")
    def refused(stack: Deployed) -> Iterator[tuple[str, str]]:
        """Pages of a stack that refused requests, and one that still does not verify."""
        kept = Kept(stack)
        kept.store(ENTRY)
        for number in range(3):
            kept.keep(f"m-{number}", ago=400.0 + 900 * number)
        kept.keep("m-8", ago=2_000, late=640)
        written_anew = json.dumps(json.loads(body_of("m-9"))).encode()
        bad = kept.keep("m-9", ago=95, body=written_anew)
        kept.keep("m-10", ago=130, body=b"{}")
        with served(find_target()) as link:
            yield link, bad


def _number(chrome: Chrome, word: str, home: str | None = None) -> int:
    """A number of the overview, of the page as it is or loaded anew."""
    if home is not None:
        chrome.get(f"{home}/overview")
    for part in chrome.find_elements(By.CSS_SELECTOR, ".numbers:not(.small) > *"):
        found = re.fullmatch(r"([\d,]+)\s+(.*)|(.*?)\s+([\d,]+)", part.text, re.S)
        if found and (found[2] or found[3]).strip() == word:
            return int((found[1] or found[4]).replace(",", ""))
    return -1


def _source(chrome: Chrome, address: str) -> str:
    chrome.get(address)
    return chrome.page_source


def _entered(chrome: Chrome, link: str, *, dark: bool) -> str:
    """Let a browser in that prefers these colours; where all pages' addresses begin."""
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    chrome.get(link)
    return link.partition("/enter")[0]


def _take(chrome: Chrome, width: int, name: str) -> None:
    _size(chrome, width, 800)
    time.sleep(1)
    whole = int(chrome.execute_script("return document.documentElement.scrollHeight"))
    _size(chrome, width, min(whole, 1_100))
    assert chrome.save_screenshot(str(Path(WHERE) / f"{name}.png"))


def _size(chrome: Chrome, width: int, height: int) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
