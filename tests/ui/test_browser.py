"""The pages in a real browser, over a local stack with 2,000 events."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from tests.support import waiting
from tests.support.make import body_of
from tests.ui import seeding
from tests.ui.conftest import World

# Each look goes through a driver into the browser and back.
wait_until = partial(waiting.wait_until, pause=0.1)

# Every element that a hostile text could add, and where a page of ours has none.
FOREIGN = (
    "main script, main img, main iframe, main object, main style, main link, main base,"
    " main [onerror], main [onload], main [style], a[href^='http'], form[action^='http']"
)


class Browser:
    """What a person does with the pages."""

    def __init__(self, chrome: Chrome, link: str) -> None:
        self.chrome = chrome
        self.home = link.partition("/enter")[0]
        self.errors: list[str] = []

    def go(self, path: str) -> None:
        self.chrome.get(self.home + path)

    def event(self, key: str) -> None:
        self.go(f"/event?key={quote(key, safe='')}")

    def all(self, selector: str) -> list[WebElement]:
        return self.chrome.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.chrome.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def wait_for_text(self, selector: str, text: str) -> None:
        wait_until(lambda: text in self.text(selector))

    def run(self, script: str, *values: object) -> Any:
        return self.chrome.execute_script(script, *values)

    def press(self, *keys: str) -> None:
        # To whatever has the focus when it comes: a row may be drawn anew between two keys.
        for key in keys:
            ActionChains(self.chrome).send_keys(key).perform()

    def keys(self) -> list[str]:
        rows = "return [...document.querySelectorAll('.row')].map((row) => row.dataset.key)"
        return list(self.run(rows))

    def confirm(self, button: WebElement) -> None:
        """Press a button that asks, and say yes."""
        button.click()
        self.one("dialog[open] .strong").click()

    def command(self, name: str, **values: object) -> None:
        self.chrome.execute_cdp_cmd(name, values)

    def collect_errors(self) -> None:
        lines = self.chrome.get_log("browser")  # type: ignore[no-untyped-call]
        self.errors += [line["message"] for line in lines]


@pytest.fixture
def browser(chrome: Chrome, world: World) -> Iterator[Browser]:
    """A browser that was let in; whatever it complains of fails the test."""
    known = chrome.execute_cdp_cmd("Network.getCookies", {"urls": [world.link]})["cookies"]
    for name in (cookie["name"] for cookie in known):
        if name.endswith("_shown"):
            chrome.execute_cdp_cmd("Network.deleteCookies", {"name": name, "url": world.link})
    chrome.get(world.link)  # it lets one browser in, which it knows from then on
    browser = Browser(chrome, world.link)
    wait_until(lambda: browser.all(".row"))
    yield browser
    browser.collect_errors()
    assert browser.errors == []


def test_the_log_is_paged_newest_first(browser: Browser, world: World) -> None:
    assert browser.keys() == world.newest_keys[:50]
    assert browser.text("#where") == "Events 1 to 50"
    for number in range(1, 4):
        browser.one("#older").click()
        browser.wait_for_text("#where", f"Events {50 * number + 1} to")
        assert browser.keys() == world.newest_keys[50 * number : 50 * (number + 1)]
    browser.chrome.back()
    assert browser.keys() == world.newest_keys[100:150]
    browser.one(".pages a").click()
    wait_until(lambda: browser.keys() == world.newest_keys[:50])


def test_filters_narrow_the_log_and_the_search_goes_on_by_itself(
    browser: Browser, world: World
) -> None:
    browser.go("/?destination=bot&since=" + minutes(hours_ago=8))
    Select(browser.one("[name=status]")).select_by_visible_text("dead-lettered")
    browser.wait_for_text("#pages", "The log begins here.")
    found = browser.keys()
    assert set(found) <= world.dead_letters
    assert 3 < len(found) < 40
    browser.go("/?kind=reactions&destination=crm&since=" + minutes(hours_ago=4))
    kinds = browser.run(
        "return [...document.querySelectorAll('.row .what .sub')].map((sub) => sub.innerText)"
    )
    assert len(kinds) > 3
    assert all("reactions" in kind for kind in kinds)
    browser.go("/")
    wanted = browser.text(".row:nth-child(3) .who a")
    browser.one(".row:nth-child(3) .who a").click()
    wait_until(lambda: "space=~" in browser.chrome.current_url)
    wait_until(lambda: browser.all(".row"))
    found = browser.run(
        "return [...document.querySelectorAll('.row .who a')].map((link) => link.innerText)"
    )
    assert set(found) == {wanted}


def test_nothing_found_and_nonsense_are_said_plainly(browser: Browser) -> None:
    browser.go("/?since=2020-01-01T00:00&until=2020-01-02T00:00&status=pending")
    assert "Nothing fits" in browser.text("main")
    assert browser.chrome.get_log("browser") == []  # type: ignore[no-untyped-call]
    for path, said in (
        ("/?since=yesterday", "From: not a time"),
        ("/?after=nonsense", "This link leads nowhere"),
        ("/event?key=none", "no such event"),
    ):
        browser.go(path)
        assert said in browser.text("main")
    # The browser notes each of these answers; there is nothing else to note.
    browser.collect_errors()
    assert all("Failed to load resource" in error for error in browser.errors)
    browser.errors.clear()


def test_an_event_tells_its_story_and_keys_lead_there_and_back(browser: Browser) -> None:
    browser.go("/?status=pending&since=" + minutes(hours_ago=3))
    wait_until(lambda: browser.all(".row.waiting"))
    browser.press("j", "j", "k", Keys.ENTER)
    wait_until(lambda: browser.all(".story"))
    story = browser.text(".story")
    for said in ("Received, verified and stored", "503 Service Unavailable", "no answer in time"):
        assert said in story
    assert "10.0 s" in story
    assert "attempt 5 of 12" in story
    assert browser.text(".story li.future b") == "Next attempt"
    assert "characters" in browser.text("pre.body")
    assert "+1555000" not in browser.text("main")
    browser.press("m")
    wait_until(lambda: "+1555000" in browser.text("pre.body"))
    assert '"text": "' in browser.text("pre.body")
    browser.press("m")
    wait_until(lambda: "+1555000" not in browser.text("main"))
    browser.press("?")
    assert browser.one("dialog#keys[open]").is_displayed()
    browser.press(Keys.ESCAPE)
    browser.press(Keys.ESCAPE)
    wait_until(lambda: browser.all(".row"))


def test_events_appear_and_change_without_a_reload(browser: Browser, world: World) -> None:
    browser.run("window.same = true")
    key = world.send("live-1")
    wait_until(lambda: browser.keys()[0] == key)
    wait_until(lambda: "delivered" in browser.text(f".row[data-key='{key}']"))
    assert browser.run("return window.same")


def test_a_replay_reaches_the_consumer_and_the_story(browser: Browser, world: World) -> None:
    key = world.send("replay-1")
    wait_until(lambda: world.times_received(key) == 3)
    browser.event(key)
    wait_until(lambda: len(browser.all(".standing [data-open]")) == 3)
    browser.one(".standing [data-open]").click()
    browser.one("dialog[open] [data-close]").click()
    assert browser.all("dialog[open]") == []
    browser.confirm(browser.one(".standing [data-open]"))
    wait_until(lambda: "Replay begun" in browser.text("main"))
    wait_until(lambda: world.times_received(key) == 4)
    wait_until(lambda: "Replay 1 begun" in browser.text(".story"))
    wait_until(lambda: browser.text(".story").count("200 OK") == 4)


def test_a_destination_is_paused_and_resumed(browser: Browser, world: World) -> None:
    browser.go("/overview")
    browser.confirm(browser.one("#destination-archive footer .button"))
    wait_until(lambda: "paused" in browser.text("#destination-archive header"))
    assert _enabled(world) == {"crm": None, "archive": False, "bot": None}
    browser.confirm(browser.one("#destination-archive footer .button"))
    wait_until(lambda: "paused" not in browser.text("#destination-archive header"))
    assert _enabled(world) == {"crm": None, "archive": True, "bot": None}


def test_the_overview_counts_the_day_and_draws_it(browser: Browser) -> None:
    browser.go("/overview")
    wait_until(lambda: "By the hour" in browser.text(".title"))
    accepted = int(browser.text(".number.accepted dd").replace(",", ""))
    assert 800 < accepted < 1_300
    assert len(browser.all(".wide .bar")) == 24
    bars = browser.all("#destination-bot .chart rect.dead-lettered")
    assert bars and all(bar.size["height"] >= 1 for bar in bars)
    assert browser.all("#destination-bot .number.waiting")


def test_hostile_texts_stay_texts_in_every_field(browser: Browser, world: World) -> None:
    pages = [f"/?until={minutes(hours_ago=60)}"]
    pages += [
        f"/?until=2020-01-01T00:00&destination={quote(text)}&space={quote(text)}&kind={quote(text)}"
        for text in seeding.HOSTILE[:3]
    ]
    pages += [f"/event?key={quote(key, safe='')}" for key in world.hostile_keys]
    long_ago = "until=" + minutes(hours_ago=60)
    browser.go(f"/?{long_ago}&kind={quote(seeding.HOSTILE[0])}")
    assert seeding.HOSTILE[0] in browser.text(".row")
    for reveal in (False, True):
        for page in pages:
            browser.go(page)
            assert browser.run("return window.hacked") is None
            assert browser.all(FOREIGN) == []
            assert browser.one("main").is_displayed()
            assert "49" not in browser.text("title")
        if not reveal:
            browser.press("m")
            wait_until(lambda: browser.all("#reveal[aria-pressed=true]"))
    browser.event(world.hostile_keys[0])
    assert browser.text("pre.body").count(seeding.HOSTILE[0]) == 8
    assert browser.text("h1") == world.hostile_keys[0]
    browser.event(world.hostile_keys[6])
    shown = browser.run("return document.documentElement.innerText")
    assert not set("\u202e\u2066\u2028\x00\x1b") & set(shown)
    assert "\\u202egnp.exe" in shown


def test_the_exact_bytes_are_copied(browser: Browser, world: World) -> None:
    texts = ["\ufeff caf\u00e9 \u2028 \r\n \U0001f469\u200d\U0001f680 +15550100", "\ud83d"]
    keys = [world.send(f"bytes-{n}", text=text) for n, text in enumerate(texts)]
    granted = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    browser.command("Browser.grantPermissions", origin=browser.home, permissions=granted)
    for number, (key, text) in enumerate(zip(keys, texts, strict=True)):
        browser.event(key)
        browser.one(".tools [data-copy-from]").click()
        browser.wait_for_text(".tools", "Copied")
        copied = browser.run("return navigator.clipboard.readText()")
        assert copied.encode() == body_of(f"bytes-{number}", text=text)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_is_wider_than_a_phone(browser: Browser, world: World, dark: bool) -> None:
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    size = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    browser.command("Emulation.setDeviceMetricsOverride", **size)
    browser.command("Emulation.setEmulatedMedia", features=[scheme])
    try:
        pages = ["/", "/overview", f"/event?key={quote(world.newest_keys[0])}"]
        pages += [f"/event?key={quote(key, safe='')}" for key in world.hostile_keys[:3]]
        for page in pages:
            browser.go(page)
            assert browser.run("return document.documentElement.scrollWidth") == 360, page
        ground = browser.run("return getComputedStyle(document.body).backgroundColor")
        lightness = int(ground.removeprefix("rgb(").split(",")[0])
        assert (lightness < 60) is dark
    finally:
        browser.command("Emulation.clearDeviceMetricsOverride")
        browser.command("Emulation.setEmulatedMedia", features=[])


def minutes(*, hours_ago: float) -> str:
    """A time as the filter's fields have it."""
    return time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() - hours_ago * 3600))


def _enabled(world: World) -> dict[str, bool | None]:
    secret = world.target.client("secretsmanager").get_secret_value(
        SecretId=world.target.destinations_secret
    )
    entries = json.loads(secret["SecretString"])["destinations"]
    return {entry["name"]: entry.get("enabled") for entry in entries}
