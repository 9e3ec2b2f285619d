"""Makes the pictures in docs/: `SCREENSHOTS=docs .venv/bin/pytest tests/ui/test_screenshots.py`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.ui.conftest import World, wait_for

pytestmark = pytest.mark.timeout(400)
WHERE = os.environ.get("SCREENSHOTS", "")

if WHERE:

    @pytest.mark.parametrize(
        ("name", "width", "dark"),
        [("ui-light", 1200, False), ("ui-dark", 1200, True), ("ui-phone", 390, False)],
    )
    def test_pictures(chrome: Chrome, world: World, name: str, width: int, dark: bool) -> None:
        home = world.link.partition("/enter")[0]
        key = world.send("picture-1")
        wait_for(lambda: world.times_received(key) >= 3)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        chrome.get(world.link)
        wait_for(lambda: chrome.find_elements(By.CSS_SELECTOR, ".row"))
        chrome.get(f"{home}/overview")
        wait_for(lambda: "By the hour" in chrome.page_source, seconds=200)
        waiting = world.newest_keys[7]
        for page, path in (
            ("log", "/"),
            ("overview", "/overview"),
            ("event", f"/event?key={quote(waiting)}"),
        ):
            chrome.get(home + path)
            _size(chrome, width, 800)
            time.sleep(1)
            whole = int(chrome.execute_script("return document.documentElement.scrollHeight"))
            _size(chrome, width, min(whole, 1_100))
            assert chrome.save_screenshot(str(Path(WHERE) / f"{name}-{page}.png"))


def _size(chrome: Chrome, width: int, height: int) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
