"""The webhooks secret as commands change it: entries by id, and a registration under way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spectrum_forwarder.domain.event import CANARY_SOURCE
from spectrum_forwarder.domain.registration import Stored

from spectrum_cli.stack.registry import Entry, Registry, webhooks_of
from spectrum_cli.terminal.errors import Finding

if TYPE_CHECKING:
    from spectrum_cli.stack.target import Target

# A replaced secret is accepted for so long, in seconds: for deliveries that are under way.
GRACE_SECONDS = 3600
ENTRIES, PENDING = "webhooks", "pending"
# The fields of an entry's secrets, of both schemes.
V0, STANDARD = "signing_secret", "standard_secrets"
FIRST = "first_id"


@dataclass(slots=True)
class Webhooks:
    """What the secret holds. `pending` is a registration that was begun and is not finished."""

    entries: list[Entry] = field(repr=False)
    pending: dict[str, Any] | None = None

    def entry(self, webhook_id: str) -> Entry | None:
        """The entry of this id."""
        return next((entry for entry in self.entries if _is_of(entry, webhook_id)), None)

    def put(
        self,
        webhook_id: str,
        signing_secret: str | None,
        source: str | None,
        *,
        standard_secret: str | None = None,
        path: str | None = None,
    ) -> None:
        """Add the entry, or replace the one of this id but for what is not given."""
        kept = self.entry(webhook_id) or {}
        entry: Entry = {"id": kept.get("id") or webhook_id}
        if signing_secret := signing_secret or kept.get(V0):
            entry[V0] = signing_secret
        if standard := [{"secret": standard_secret}] if standard_secret else kept.get(STANDARD):
            entry[STANDARD] = standard
        if source := source or kept.get("source"):
            entry["source"] = source
        if path := path or kept.get("path"):
            entry["path"] = path
        self.entries = [e for e in self.entries if not _is_of(e, webhook_id)]
        self.entries.append(entry)

    def rotate_standard(self, webhook_id: str, secret: str, *, until: float, now: float) -> None:
        """Add a Standard secret; those before it count until `until` (Unix seconds) at most."""
        entry = self.entry(webhook_id)
        if entry is None:
            self.put(webhook_id, None, None, standard_secret=secret)
            return
        before = [_until(one, until) for one in entry.get(STANDARD) or []]
        entry[STANDARD] = [one for one in before if not is_over(one, now)] + [{"secret": secret}]

    def retire(self, webhook_id: str, *, until: float) -> None:
        """Accept this webhook's secret no longer than `until` (Unix seconds)."""
        entry = self.entry(webhook_id)
        if entry is not None:
            entry["accepted_until"] = int(until)

    def remove(self, webhook_id: str) -> None:
        """Forget this webhook's secret."""
        self.entries = [entry for entry in self.entries if not _is_of(entry, webhook_id)]

    def prune(self, now: float) -> None:
        """Forget what is not accepted any more."""
        self.entries = [e for e in self.entries if not is_over(e, now)]


def _is_of(entry: Entry, webhook_id: str) -> bool:
    """Whether it is this webhook's; ids are equal in upper and lower case."""
    return str(entry.get("id")).lower() == webhook_id.lower()


def _until(secret: object, until: float) -> dict[str, Any]:
    """A Standard secret as it is stored (a text, or an object), with an end."""
    fields = dict(secret) if isinstance(secret, dict) else {"secret": secret}
    ends = fields.get("accepted_until")
    kept = isinstance(ends, int | float) and ends < until
    return fields if kept else fields | {"accepted_until": until}


def begun(pending: Mapping[str, Any]) -> tuple[str, str]:
    """What was begun and not finished, and the command that goes on with it."""
    if pending.get("rotates"):
        command = f"forwarder webhooks rotate {pending['rotates']} --standard"
        return f"rotating the Standard secret of {pending['rotates']}", command
    if pending.get("replaces"):
        return f"rotating {pending['replaces']}", f"forwarder webhooks rotate {pending['replaces']}"
    return f"registering {pending.get('url')}", f"forwarder webhooks register {pending.get('url')}"


def unfinished(pending: Mapping[str, Any]) -> Finding:
    """What to say where something else was begun and not finished."""
    what, command = begun(pending)
    return Finding(f"{what} was begun and not finished: run {command} first")


def is_over(entry: Mapping[str, Any], now: float) -> bool:
    """Whether the entry was replaced, and its time has passed."""
    until = entry.get("accepted_until")
    return isinstance(until, int | float) and until <= now


def stored(webhooks: Webhooks, now: float) -> Stored:
    """What Spectrum's list is judged by."""
    current = {str(e.get("id")) for e in webhooks.entries if not is_over(e, now)}
    retired = {str(e.get("id")) for e in webhooks.entries} - current
    return Stored(current, retired, replacing=bool((webhooks.pending or {}).get("replaces")))


def _known_as_before(before: list[Entry], after: list[Entry]) -> list[Entry]:
    """The entries, each with the first id of its source, if that is another one.

    Destinations are told it as the webhook's id, whichever registration an event came through, and
    it outlives its own entry.
    """
    first: dict[str, str] = {}
    for entry in [*before, *after]:
        first.setdefault(source_of(entry), str(entry.get(FIRST) or entry.get("id")))
    for entry in after:
        if first[source_of(entry)] != entry.get("id") and source_of(entry) != CANARY_SOURCE:
            entry.setdefault(FIRST, first[source_of(entry)])
    return after


def source_of(entry: Mapping[str, Any]) -> str:
    """The alias that the webhook's events are deduplicated under."""
    return str(entry.get("source") or entry.get("id"))


class WebhookStore:
    """The webhooks secret of a stack. Raises what its Registry does, and botocore's errors."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def read(self) -> Webhooks:
        """What the secret holds now."""
        return _read(self._registry.read_whole())

    def update(self, change: Callable[[Webhooks], None]) -> None:
        """Change what it holds; `change` may be called again, on a newer state."""

        def edit(content: dict[str, Any]) -> None:
            webhooks = _read(content)
            change(webhooks)
            content[ENTRIES] = _known_as_before(content[ENTRIES], webhooks.entries)
            content.pop(PENDING, None)
            if webhooks.pending:
                content[PENDING] = webhooks.pending

        self._registry.change_whole(edit)

    def note(self, pending: dict[str, Any] | None) -> None:
        """Note what is begun, or that nothing is any more."""

        def noted(webhooks: Webhooks) -> None:
            webhooks.pending = pending

        self.update(noted)

    def note_rotation(self, pending: dict[str, Any]) -> None:
        """Note a rotation that is begun; raise Finding where another one has just been."""

        def noted(webhooks: Webhooks) -> None:
            if webhooks.pending not in (None, pending):
                raise Finding("another rotation has just begun: let it finish")
            webhooks.pending = pending

        self.update(noted)


def store_of(target: Target) -> WebhookStore:
    """The webhooks secret of a stack."""
    return WebhookStore(webhooks_of(target))


def _read(content: Mapping[str, Any]) -> Webhooks:
    pending = content.get(PENDING)
    return Webhooks(list(content[ENTRIES]), pending if isinstance(pending, dict) else None)
