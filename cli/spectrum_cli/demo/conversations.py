"""The demo's two ordered destinations, and what is said to them: four talks and a dozen at once."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from spectrum_cli.demo import order
from spectrum_cli.demo.consumer import verify_standard
from spectrum_cli.demo.order import DOZEN, Heard, in_one, in_order
from spectrum_cli.demo.outcome import Promise
from spectrum_cli.destinations.lines import drain
from spectrum_cli.local.consumer import Consumer, Received
from spectrum_cli.stack.registry import Entry, destinations_of
from spectrum_cli.stack.target import Target

AGENT, BUNDLER = "agent", "bundler"
LATE = "x-spectrum-forwarder-late"
# How many events it all is.
SAID = len(order.TALKS) * order.EACH + order.AT_ONCE


class Conversations:
    """Two consumers, and the bodies that are to be sent to them: `talks`, and a `dozen` at once.

    Both are paused until `resume`, so that all of it can stand in line before the first one goes
    out: what comes together does not depend on how busy this machine is.
    """

    names = (AGENT, BUNDLER)

    def __init__(self) -> None:
        # The youngest first.
        self.talks, self.dozen = order.talks()[::-1], order.dozen()
        self._lock = threading.Lock()
        self._heard: dict[str, list[Heard]] = {name: [] for name in self.names}
        self._refused = Counter[bytes]()
        self._secrets = {name: secrets.token_hex(32) for name in self.names}
        self._consumers = dict[str, Consumer]()

    def __enter__(self) -> Conversations:
        for name, answer in ((AGENT, self._agent), (BUNDLER, self._bundler)):
            self._consumers[name] = Consumer(self._secrets[name], answer)
            self._consumers[name].start()
        return self

    def __exit__(self, *_: object) -> None:
        for consumer in self._consumers.values():
            consumer.stop()

    def entries(self) -> list[Entry]:
        """How they are registered."""
        kinds: Mapping[str, Mapping[str, Any]] = {
            AGENT: {"filter": " || ".join(f"space.id == '{space}'" for space in order.TALKS)},
            BUNDLER: {
                "filter": f"space.id == '{DOZEN}'",
                "batch": {"window": 10, "max": 2 * order.AT_ONCE, "wait": 60},
            },
        }
        return [
            {
                "name": name,
                "url": self._consumers[name].url,
                "signing_secret": self._secrets[name],
                "enabled": False,
                "order": "conversation",
                # What is no JSON belongs to no conversation.
                "on_filter_error": "skip",
                **more,
            }
            for name, more in kinds.items()
        ]

    def resume(self, target: Target) -> None:
        """Let what stands in line go out, as `forwarder destinations resume` does."""

        def enable(entries: list[Entry]) -> None:
            for entry in entries:
                if entry["name"] in self.names:
                    entry["enabled"] = True

        destinations_of(target).change(enable)
        drain(target, self.names)

    def promises(self) -> list[Promise]:
        """What is promised of both."""
        with self._lock:
            return [
                in_order(self._heard[AGENT], self.talks),
                in_one(self._heard[BUNDLER], self.dozen),
            ]

    def count(self) -> int:
        """How many POSTs have come to both."""
        with self._lock:
            return sum(map(len, self._heard.values()))

    def _agent(self, received: Received) -> int:
        """Each third POST is refused; the next one where that has the same event a third time."""
        with self._lock:
            posts = len(self._heard[AGENT]) + 1
            is_due = self._refused.total() < posts // order.THIRD
            refuses = is_due and self._refused[received.body] < order.MOST_REFUSALS
            self._refused[received.body] += refuses
            return self._hear(AGENT, received, 503 if refuses else 200)

    def _bundler(self, received: Received) -> int:
        with self._lock:
            return self._hear(BUNDLER, received, 200)

    def _hear(self, name: str, received: Received, status: int) -> int:
        standard = verify_standard(self._secrets[name], received.headers, received.body)
        late = LATE in received.headers
        self._heard[name].append(Heard(received.body, received.verified and standard, late, status))
        return status
