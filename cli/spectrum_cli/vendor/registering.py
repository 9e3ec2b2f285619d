"""Registering the endpoint: what is looked at first, what is noted, what is stored.

The note comes first: so it is certain that secrets can be stored before there are any, and a run
that was killed is finished by the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from spectrum_forwarder.domain.registration import same_url

from spectrum_cli.stack.registry import Registry
from spectrum_cli.terminal.errors import CommandError, Finding
from spectrum_cli.terminal.verdicts import Result
from spectrum_cli.vendor.answers import already_registered
from spectrum_cli.vendor.api import SpectrumApi
from spectrum_cli.vendor.pending_registration import register_pending
from spectrum_cli.vendor.webhook_store import WebhookStore, unfinished


@dataclass(frozen=True, slots=True)
class Registering:
    """What registering needs. `look(url)` is what Spectrum's sender would see there."""

    api: SpectrumApi
    store: WebhookStore
    destinations: Registry
    look: Callable[[str], Iterable[Result]]
    say: Callable[[str], None]
    clock: Callable[[], float] = time.time

    def register(self, url: str, *, source: str | None, failure_email: str | None) -> str:
        """Register the URL, or finish what was begun; return the webhook's id."""
        pending = self.store.read().pending
        resumed = pending is not None and same_url(str(pending.get("url")), url)
        if pending is not None and not resumed:
            raise unfinished(pending)
        if pending is None or not resumed:
            self._look_first(url)
            pending = self._begin(url, source, failure_email)
        webhook_id = register_pending(self.api, self.store, pending, self.say, resumed=resumed)
        self.store.note(None)
        return webhook_id

    def _look_first(self, url: str) -> None:
        for sight in self.look(url):
            if sight.next_step:
                raise Finding(
                    f"Spectrum would drop every event for {url}: {sight.said}. {sight.next_step} "
                    "Nothing was registered; --unchecked registers it all the same"
                )
        if any(same_url(one.url, url) for one in self.api.list()):
            raise already_registered(url)
        try:
            ready = any(entry.get("enabled", True) for entry in self.destinations.read())
        except CommandError as error:
            self.say(f"the destinations cannot be read: {error}")
            return
        if not ready:
            self.say(
                "there is no destination yet: what comes before there is one is stored and "
                "delivered to nobody. Add it first: forwarder destinations add NAME URL"
            )

    def _begin(self, url: str, source: str | None, failure_email: str | None) -> dict[str, Any]:
        pending: dict[str, Any] = {
            "url": url,
            "source": source,
            "replaces": None,
            "began_at": int(self.clock()),
        }
        if failure_email:
            pending["failure_email"] = failure_email
        self.store.note(pending)
        return pending
