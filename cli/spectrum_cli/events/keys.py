"""Which event is meant: by its key, or by the webhook-id that it went out under."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from spectrum_forwarder.domain.identity import SIGNED_ID
from spectrum_forwarder.domain.log import EventLog, LoggedEvent
from spectrum_forwarder.domain.outbound import key_of

from spectrum_cli.stack.target import Target
from spectrum_cli.vendor.webhook_store import source_of, store_of


def find(
    given: str, get: Callable[[str], LoggedEvent | None], sources: Callable[[], Iterable[str]]
) -> LoggedEvent | None:
    """The event that is meant by a key or an outgoing id; None where there is none.

    One that goes out under the vendor's own id is looked for under each webhook's source. What is
    there under its key costs one read and no look at the sources.
    """
    key = key_of(given)
    if (event := get(key)) is not None:
        return event
    under = (get(f"{source}:{SIGNED_ID}{key}") for source in sources())
    return next((event for event in under if event is not None), None)


def find_event(target: Target, log: EventLog, given: str) -> LoggedEvent | None:
    """`find` at a stack."""
    return find(given, log.get, lambda: _sources(target))


def find_message(target: Target, log: EventLog, given: str) -> LoggedEvent | None:
    """The event that is meant by its key, its outgoing id, or the id of its message alone."""
    if (event := find_event(target, log, given)) is not None:
        return event
    under = (log.get(f"{source}:{given}") for source in _sources(target))
    return next((event for event in under if event is not None), None)


def _sources(target: Target) -> list[str]:
    try:
        entries = store_of(target).read().entries
    except Exception:  # a help: keys can be looked up without the right to read the secret
        return []
    return sorted({source_of(entry) for entry in entries})
