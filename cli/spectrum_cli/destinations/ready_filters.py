"""Ready filters: names for what most receivers want, and the JMESPath expression of each.

The expression is what is written into the entry, so that it can be read there and changed; the
name is not kept, and a later version's idea of it changes nothing that stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spectrum_cli.terminal.errors import WrongUse


@dataclass(frozen=True, slots=True)
class ReadyFilter:
    """A filter, and what it takes, in words."""

    takes: str
    expression: str


# Where `direction` is absent, as it is on typing, nobody has said that it is an own send.
OTHERS = "message.direction != 'outbound'"
MESSAGES = "event == 'messages' && message.id && message.space.id && message.content.type"

READY: Mapping[str, ReadyFilter] = {
    "messages": ReadyFilter(
        "messages that a bot may answer: no own sends, no receipts, no typing",
        f"{MESSAGES} && {OTHERS} && "
        '!contains(`["read","delivered","typing"]`, message.content.type)',
    ),
    "inbound": ReadyFilter("everything but own sends", OTHERS),
    "sdk": ReadyFilter("what Spectrum's SDK can parse", MESSAGES),
}
NAMES = ", ".join(READY)


def ready(names: Sequence[str]) -> str:
    """The expression for what all of these take; raise WrongUse."""
    unknown = [name for name in names if name not in READY]
    if unknown:
        raise WrongUse(f"there is no ready filter {unknown[0]!r}: choose one of {NAMES}")
    expressions = [READY[name].expression for name in dict.fromkeys(names)]
    return expressions[0] if len(expressions) == 1 else " && ".join(f"({e})" for e in expressions)


def one_of(expression: str | None, only: Sequence[str] | None) -> str | None:
    """The filter by `--filter` or by `--only`; raise WrongUse for both."""
    if not only:
        return expression
    if expression is not None:
        raise WrongUse("--only is a ready --filter: give one of them, or write both into --filter")
    return ready(only)
