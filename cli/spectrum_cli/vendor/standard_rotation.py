"""Rotation of the Standard secret in place: the same registration, and both secrets for a while.

The story: note what is begun; have Spectrum make the new secret; store it, and accept those before
it until the end of the overlap that Spectrum named. A run that was killed in between is made good
by the next one, which makes another secret. Until it is stored, requests are proved by v0.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spectrum_cli.terminal.errors import Finding
from spectrum_cli.terminal.output import utc
from spectrum_cli.vendor.answers import NotTaken
from spectrum_cli.vendor.api import SpectrumApi
from spectrum_cli.vendor.rotation import choose
from spectrum_cli.vendor.webhook_store import Webhooks, WebhookStore, begun, unfinished

USUAL_OVERLAP, LONGEST_OVERLAP = 86_400, 604_800


@dataclass(frozen=True, slots=True)
class StandardRotated:
    """Whose secret was replaced, and until when (Unix seconds) the one before it counts."""

    webhook_id: str
    previous_until: float

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {"id": self.webhook_id, "previous_until": self.previous_until}

    def in_words(self) -> str:
        """For people."""
        return (
            f"{self.webhook_id} has a new whsec_ secret; the one before it counts until "
            f"{utc(self.previous_until)}"
        )


def rotate_standard(
    api: SpectrumApi,
    store: WebhookStore,
    webhook_id: str | None,
    *,
    overlap: int,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.time,
) -> StandardRotated:
    """Replace the secret, or finish what was begun; raises CommandErrors.

    `overlap` (seconds) is how long Spectrum signs with both.
    """
    webhooks = store.read()
    pending = webhooks.pending
    if pending is not None and not pending.get("rotates"):
        raise unfinished(pending)
    if pending is not None:
        say(f"going on with what was begun: {begun(pending)[0]}")
        wanted = str(pending["rotates"])
        if webhook_id not in (None, wanted):
            raise Finding(f"{begun(pending)[0]} was begun and not finished: run it first")
    else:
        wanted = choose(api.list(), webhooks, webhook_id).id
        store.note_rotation({"rotates": wanted, "began_at": int(clock())})
    try:
        made = api.rotate_secret(wanted, overlap_seconds=overlap)
    except NotTaken as refused:
        # For good: nothing else may wait for it. What an earlier run had made, another path ends.
        store.note(None)
        raise NotTaken(
            f"{refused}: replace the registration and its secrets instead, forwarder webhooks "
            f"rotate {wanted}"
        ) from refused
    until = made.previous_until if made.previous_until is not None else clock() + overlap

    def finish(webhooks: Webhooks) -> None:
        entry = webhooks.entry(wanted)
        webhooks.rotate_standard(wanted, made.secret, until=until, now=clock())
        if entry is None:
            say(f"{wanted} had no secret stored here: its v0 secret is still missing")
        webhooks.pending = None

    store.update(finish)
    return StandardRotated(wanted, until)
