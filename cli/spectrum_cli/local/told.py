"""What `forwarder local` says of the files that it was given, before anybody waits for events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spectrum_cli.terminal.output import note

if TYPE_CHECKING:
    from spectrum_cli.stack.target import Target


# The file of a registry and its text; None where there is none.
Given = tuple[Path | None, str | None]


def tell_of_files(given: Mapping[str, Given], target: Target) -> None:
    """Say which entries of the files cannot be used, and that the files are not read again."""
    (webhooks, webhooks_text), (destinations, text) = given["webhooks"], given["destinations"]
    told = list(told_of_webhooks(webhooks, webhooks_text)) if webhooks and webhooks_text else []
    if destinations and text:
        told += told_of_destinations(destinations, text, target)
    for sentence in told:
        note(sentence)


def told_of_destinations(path: Path, text: str, target: Target) -> Iterator[str]:
    """A sentence on each entry that cannot be used, and that the file is not read again."""
    from spectrum_forwarder.adapters.destination_registry import read_destinations  # noqa: PLC0415

    from spectrum_cli.destinations.entries import ourselves  # noqa: PLC0415

    refused: list[str] = []
    read_destinations(
        text,
        lambda name, error: refused.append(f"{path}: {name} cannot be used: {error}"),
        allow_loopback=True,
        own=ourselves(target),
    )
    yield from refused
    yield (
        f"{path} is not watched: change destinations with `forwarder destinations … --local`, "
        "or start this again"
    )


def told_of_webhooks(path: Path, text: str) -> Iterator[str]:
    """As `told_of_destinations`, of the file of webhooks."""
    from spectrum_forwarder.adapters.webhook_registry import read_webhooks  # noqa: PLC0415

    refused: list[str] = []
    read_webhooks(
        text, lambda name, error: refused.append(f"{path}: {name} cannot be used: {error}")
    )
    yield from refused
    yield f"{path} is not watched: use `forwarder webhooks … --local`, or start this again"
