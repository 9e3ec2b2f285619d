"""What destinations are called: people type and read names, the stack keeps identities.

A destination is called as its entry says today; one that was removed, as it was when it was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spectrum_forwarder.domain.destination import Destinations, born_as, identity_of

from spectrum_cli.stack.registry import Entry, destinations_of

if TYPE_CHECKING:
    from spectrum_cli.stack.target import Target


@dataclass(frozen=True, slots=True)
class Names:
    """The names of configured destinations, by identity."""

    by_identity: Mapping[str, str] = field(default_factory=dict)

    def of(self, identity: str) -> str:
        """What the destination is called; `NAME (removed)` where another has its name by now."""
        if identity in self.by_identity:
            return self.by_identity[identity]
        name = born_as(identity)
        return f"{name} (removed)" if name in self.by_identity.values() else name

    def identity(self, name: str) -> str | None:
        """The identity of the configured destination of this name, or of this very identity."""
        for identity, called in self.by_identity.items():
            if called == name:
                return identity
        return name if name in self.by_identity else None


def names_in(entries: Iterable[Entry]) -> Names:
    """The names that entries have; of two with one name the first counts, as for the fan-out."""
    found: dict[str, str] = {}
    for entry in entries:
        identity = identity_of(entry)
        if identity is not None:
            found.setdefault(identity, str(entry.get("name") or born_as(identity)))
    return Names(found)


def names_from(destinations: Destinations) -> Names:
    """The names of destinations as they were read."""
    return Names({identity: destinations.name_of(identity) for identity in destinations.ids()})


def names_of(target: Target) -> Names:
    """The names at a stack; those at birth for whoever may not read its registry."""
    try:
        return names_in(destinations_of(target).read())
    except Exception:  # names are a help: the log can be read without the registry
        return Names()
