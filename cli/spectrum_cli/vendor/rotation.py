"""Rotation: replace a webhook's registration, and so its secret, while deliveries go on.

The story: note what is begun; register another path of the same endpoint; store its secret, under
the same source, so that the second copies are duplicates; see that it is used; delete the old
registration; accept the old secret for an hour more. What was done is read from Spectrum's list
and the webhooks secret, so that a run that was killed anywhere is finished by the next one.

Of a leaked secret nothing is waited for: once the new one is stored, the old one is refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from spectrum_forwarder.domain.registration import ENDPOINT, Registration, same_url

from spectrum_cli.terminal.errors import CommandError, Finding, WrongUse
from spectrum_cli.vendor.api import SpectrumApi
from spectrum_cli.vendor.pending_registration import register_pending
from spectrum_cli.vendor.webhook_store import (
    GRACE_SECONDS,
    Webhooks,
    WebhookStore,
    source_of,
    unfinished,
)

SLOTS = ("", *(f"/{number}" for number in range(2, 10)))
# Seconds that a receiver takes to read the secret anew, with room to spare.
KNOWN_WITHIN, LONGEST_PAUSE = 45.0, 1.0


class Seen(StrEnum):
    """What the event log says of deliveries since the new registration."""

    VERIFIED = "verified"
    OTHERS = "only through others"
    NOTHING = "nothing came"


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation came to. `proof` says how it is known that the new registration works."""

    webhook_id: str
    url: str
    replaced: str
    proof: Seen | None

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "id": self.webhook_id,
            "url": self.url,
            "replaced": self.replaced,
            "proof": self.proof.value if self.proof else None,
        }

    def in_words(self) -> str:
        """For people."""
        return f"{self.webhook_id} at {self.url} has replaced {self.replaced}"


@dataclass(frozen=True, slots=True)
class Rotation:
    """What rotating needs.

    `knows(url, webhook_id)` asks the endpoint whether it has the webhook's secret, `seen(id,
    since)` what was stored, `revoke(id)` ends a webhook's secret at once. `wait` is how many
    seconds to wait for a delivery; 0 for not at all.
    """

    api: SpectrumApi
    store: WebhookStore
    knows: Callable[[str, str], bool]
    seen: Callable[[str, float], Seen]
    revoke: Callable[[str], None]
    say: Callable[[str], None]
    wait: float
    poll: float = 2.0
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def rotate(self, webhook_id: str | None, *, leaked: bool = False) -> Rotated:
        """Replace the webhook, or finish what was begun; raises CommandErrors."""
        listed, webhooks = self.api.list(), self.store.read()
        earlier = self._begun(webhooks, webhook_id)
        pending = earlier or self._begin(listed, webhooks, webhook_id)
        # A rotation that began before anybody knew of the leak ends like any other of a leak.
        leaked = leaked or bool(pending.get("leaked"))
        if leaked:
            pending = self._note_leak(pending)
        old, url = str(pending["replaces"]), str(pending["url"])
        new = self._register(pending, old, leaked=leaked, resumed=earlier is not None)
        proof = None
        if leaked:
            self.say(f"refusing the leaked secret of {old} from now on")
            self.revoke(old)
        else:
            self._await_knowledge(url, new)
            proof = self._await_delivery(new, float(pending["began_at"]))
        self.say(f"deleting the old registration {old}")
        self.api.delete(old)
        self.store.update(self._finish(old))
        return Rotated(new, url, old, proof)

    def _register(self, pending: dict[str, Any], old: str, *, leaked: bool, resumed: bool) -> str:
        try:
            return register_pending(self.api, self.store, pending, self.say, resumed=resumed)
        except CommandError:
            if leaked:
                self.say(
                    f"the leaked secret is still accepted: forwarder webhooks delete {old} "
                    "--leaked ends it now, at the price of what comes until a new one is registered"
                )
            raise

    def _note_leak(self, pending: dict[str, Any]) -> dict[str, Any]:
        """A run that is killed must not be finished as if nothing had leaked."""
        noted = pending | {"leaked": True}
        if pending != noted:
            self.store.note(noted)
        return noted

    def _begun(self, webhooks: Webhooks, webhook_id: str | None) -> dict[str, Any] | None:
        pending = webhooks.pending
        if pending is None:
            return None
        if webhook_id not in (None, pending.get("replaces")) or not pending.get("replaces"):
            raise unfinished(pending)
        self.say(f"going on with what was begun: replacing {pending['replaces']}")
        return pending

    def _begin(
        self, listed: Sequence[Registration], webhooks: Webhooks, webhook_id: str | None
    ) -> dict[str, Any]:
        old = choose(listed, webhooks, webhook_id)
        entry = webhooks.entry(old.id)
        pending = {
            "replaces": old.id,
            "url": other_slot(old.url, [registration.url for registration in listed]),
            "source": source_of(entry) if entry else old.id,
            "began_at": int(self.clock()),
        }
        self.store.note_rotation(pending)
        return pending

    def _await_knowledge(self, url: str, webhook_id: str) -> None:
        deadline = self.clock() + KNOWN_WITHIN
        while not self.knows(url, webhook_id):
            if self.clock() > deadline:
                raise Finding(
                    f"{url} does not know the new webhook yet. Both registrations stay, nothing is "
                    "lost by it: see forwarder doctor, then run this again"
                )
            self.sleep(min(self.poll, LONGEST_PAUSE))

    def _await_delivery(self, webhook_id: str, since: float) -> Seen | None:
        """Wait for an event that came through the new registration; None if not asked to."""
        if self.wait <= 0:
            return None
        self.say(f"waiting up to {self.wait:.0f} s for a delivery through {webhook_id}")
        deadline = self.clock() + self.wait
        while (seen := self.seen(webhook_id, since)) is not Seen.VERIFIED:
            if self.clock() >= deadline:
                break
            self.sleep(self.poll)
        if seen is Seen.OTHERS:
            raise Finding(
                "events came through the old registration, none first through the new one. Both "
                "registrations stay, nothing is lost by it: run this again to wait on, or with "
                "--wait 0 to go on without"
            )
        return seen

    def _finish(self, old: str) -> Callable[[Webhooks], None]:
        def finish(webhooks: Webhooks) -> None:
            webhooks.retire(old, until=self.clock() + GRACE_SECONDS)
            webhooks.pending = None
            webhooks.prune(self.clock())

        return finish


def choose(
    listed: Sequence[Registration], webhooks: Webhooks, webhook_id: str | None
) -> Registration:
    """The registration to be replaced: the one that is named, or the only one that is ours."""
    if webhook_id is not None:
        found = [registration for registration in listed if registration.id == webhook_id]
        if not found:
            raise WrongUse(f"Spectrum lists no webhook {webhook_id}: see forwarder webhooks list")
        return found[0]
    ours = [registration for registration in listed if webhooks.entry(registration.id)]
    if len(ours) == 1:
        return ours[0]
    if not ours:
        raise WrongUse(
            "none of the webhooks that Spectrum lists has its secret stored: name the one to be "
            "replaced, or register the endpoint with forwarder webhooks register"
        )
    ids = ", ".join(registration.id for registration in ours)
    raise WrongUse(f"there are several webhooks: name the one to be replaced: {ids}")


def other_slot(url: str, taken: Sequence[str]) -> str:
    """Another path of the same endpoint that is not registered; raises WrongUse."""
    found = ENDPOINT.fullmatch(url)
    if found is None:
        raise WrongUse(
            f"{url} is not an endpoint of the forwarder (…/spectrum-webhook): it cannot be rotated"
        )
    for slot in SLOTS:
        candidate = found[1] + slot
        if not any(same_url(candidate, one) for one in taken):
            return candidate
    raise WrongUse("every path of the endpoint is registered: delete some of them first")
