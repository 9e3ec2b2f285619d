"""The destinations of a soak: healthy, slow, flaky, dead, and one that is changed over and over."""

import contextlib
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from spectrum_cli.local.consumer import Consumer, Received

from tests.hardening.crowd import SECRET, dead_url, entry
from tests.soak.accounts import Accounts

TIME_LIMIT, SLOW_SECONDS = 10.0, 2.0
HEALTHY, SLOW, FLAKY, DEAD, CHANGING = "healthy", "slow", "flaky", "dead", "changing"


class Place:
    """One that takes what verifies, after `seconds`; a third of the events only when they come
    again if it is `flaky`. An event taken at `/events/x` is taken at the place `x`.
    """

    def __init__(
        self, name: str, accounts: Accounts, *, seconds: float = 0.0, flaky: bool = False
    ) -> None:
        self.name = name
        self._accounts = accounts
        self._seconds = seconds
        self._flaky = flaky
        self._refused: set[int] = set()
        self._lock = threading.Lock()
        self._consumer = Consumer(SECRET, self._answer)
        self.start: Callable[[], None] = self._consumer.start
        self.stop: Callable[[], None] = self._consumer.stop

    def url(self, name: str = "") -> str:
        """Where it is, or where the place of another name is that it stands for."""
        return f"{self._consumer.url}/{name or self.name}"

    def _answer(self, received: Received) -> int:
        if not received.verified:
            self._accounts.refused_by(self.name)
            return 401
        if self._flaky and self._refuses(zlib.crc32(received.body)):
            return 503
        time.sleep(self._seconds)
        self._accounts.taken(received.path.rpartition("/")[2], received)
        return 200

    def _refuses(self, check: int) -> bool:
        with self._lock:
            first = check % 3 == 0 and check not in self._refused
            self._refused.add(check)
            return first


@dataclass(frozen=True)
class Places:
    """All of them; `changing` is added by the operator."""

    healthy: Place
    slow: Place
    flaky: Place
    changing: Place

    def entries(self) -> list[dict[str, object]]:
        """What the registry holds at first."""
        there = (self.healthy, self.slow, self.flaky)
        entries = [entry(place.name, place.url(), TIME_LIMIT) for place in there]
        return [*entries, entry(DEAD, dead_url(), TIME_LIMIT)]


@contextlib.contextmanager
def listening(accounts: Accounts) -> Iterator[Places]:
    """The places' servers, for the time of a soak."""
    places = Places(
        Place(HEALTHY, accounts),
        Place(SLOW, accounts, seconds=SLOW_SECONDS),
        Place(FLAKY, accounts, flaky=True),
        Place(CHANGING, accounts),
    )
    with contextlib.ExitStack() as cleanup:
        for place in (places.healthy, places.slow, places.flaky, places.changing):
            place.start()
            cleanup.callback(place.stop)
        yield places
