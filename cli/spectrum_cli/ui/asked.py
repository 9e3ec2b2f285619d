"""What the address of a page asks for, read with suspicion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from spectrum_forwarder.domain.delivery import Status

from spectrum_cli.destinations.names import Names
from spectrum_cli.events.selection import Selection, moment
from spectrum_cli.terminal.errors import WrongUse
from spectrum_cli.ui.guard import Guard
from spectrum_cli.ui.search import Wanted, matching

FIELDS = ("q", "status", "destination", "kind", "space", "within", "since", "until")
WITHIN = {"1h": 3600.0, "24h": 86_400.0, "7d": 604_800.0}
LONGEST_FIELD = 300


@dataclass(frozen=True, slots=True)
class Asked:
    """The filter's fields as they were given, those that were not left out."""

    fields: Mapping[str, str] = field(default_factory=dict)

    def link(self, path: str, **changes: str | int | None) -> str:
        """A link to the same with some fields changed; None leaves one out."""
        fields = {**self.fields, **changes}
        kept = {name: str(value) for name, value in fields.items() if value not in (None, "")}
        return f"{path}?{urlencode(kept)}" if kept else path


def read_asked(arguments: Mapping[str, str]) -> Asked:
    """The filter's fields, shortened."""
    given = {name: arguments.get(name, "").strip()[:LONGEST_FIELD] for name in FIELDS}
    return Asked({name: value for name, value in given.items() if value})


def read_wanted(asked: Asked, guard: Guard, names: Names, now: float) -> Wanted:
    """What the fields mean at that time (Unix seconds); raise WrongUse for what means nothing."""
    fields = asked.fields
    lately = None if "within" not in fields else now - _span(fields["within"])
    bounds = [at for at in (lately, _moment(fields.get("since"), "From")) if at is not None]
    selection = Selection(
        since=max(bounds, default=None),
        until=_moment(fields.get("until"), "Until", is_end=True),
        status=_status(fields.get("status")),
        destination=fields.get("destination"),
        names=names,
    )
    kind, text = fields.get("kind"), fields.get("q")
    return Wanted(
        selection, kind, _conversation(fields.get("space"), guard), matching(text) if text else None
    )


def _conversation(space: str | None, guard: Guard) -> Callable[[str], bool] | None:
    if space is None:
        return None
    if space.startswith("~"):
        return lambda space_id: guard.conversation(space_id) == space
    part = space.casefold()
    return lambda space_id: part in space_id.casefold()


def _span(text: str) -> float:
    if text not in WITHIN:
        raise WrongUse("Time: choose one of those offered")
    return WITHIN[text]


def own_path(text: str) -> str:
    """Where on these pages to go back to; the log for everything that leads elsewhere."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return "/"
    safe = text.startswith("/") and text[1:2] not in ("/", "\\") and text.isprintable()
    return text if safe and not parts.scheme and not parts.netloc else "/"


def _status(text: str | None) -> Status | None:
    try:
        return Status(text) if text else None
    except ValueError as error:
        raise WrongUse("Status: choose one of those offered") from error


def _moment(text: str | None, name: str, *, is_end: bool = False) -> float | None:
    try:
        return moment(text, name, is_end=is_end)
    except WrongUse as error:
        raise WrongUse(f"{name}: not a time; write it like 2027-01-31T08:00, in UTC") from error
