"""How a destination is shown: what is configured, how it stands, and no secret unless asked for."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spectrum_forwarder.domain.destination import HTTP, identity_of

from spectrum_cli.destinations import answer_times
from spectrum_cli.destinations import entries as entries_of
from spectrum_cli.destinations.secrets import signs_until
from spectrum_cli.stack.registry import Entry
from spectrum_cli.stack.target import Target
from spectrum_cli.stack.urls import without_query
from spectrum_cli.stack.wiring import event_log, health_board
from spectrum_cli.terminal.output import iso, note

if TYPE_CHECKING:
    from spectrum_forwarder.domain.health import Health

    from spectrum_cli.destinations.answer_times import Answers


def answers_of(target: Target) -> dict[str, Answers]:
    """How destinations have answered lately, by identity; said where the log cannot be read."""
    from spectrum_forwarder.domain.errors import TableUnavailable  # noqa: PLC0415

    try:
        return answer_times.answers_in(event_log(target).newest(limit=answer_times.EVENTS).events)
    except TableUnavailable as error:
        note(f"how they answered cannot be told: {error}")
        return {}


def forget_health(target: Target, entry: Entry) -> None:
    """Let go of what was known of a destination that has been removed."""
    from spectrum_forwarder.domain.errors import TableUnavailable  # noqa: PLC0415

    with contextlib.suppress(TableUnavailable):  # it is removed all the same
        health_board(target).forget(identity_of(entry) or "")


def documents(
    entries: Sequence[Entry], health: Mapping[str, Health], target: Target, *, reveal: bool
) -> list[dict[str, Any]]:
    """All destinations for programs, each judged beside the others."""
    problems = entries_of.problems(entries, target)
    return [
        _document(entry, problem, health, reveal=reveal)
        for entry, problem in zip(entries, problems, strict=True)
    ]


def document(
    entry: Entry, health: Mapping[str, Health], target: Target, *, reveal: bool
) -> dict[str, Any]:
    """One destination for programs; its signing secret stands there with `reveal` alone."""
    return _document(entry, entries_of.problem(entry, target), health, reveal=reveal)


def _document(
    entry: Entry, problem: str | None, health: Mapping[str, Health], *, reveal: bool
) -> dict[str, Any]:
    known = health.get(identity_of(entry) or "")
    state = "paused" if entry.get("enabled") is False else "ok"
    if known is not None and known.broken:
        state = "failing (breaker open)"
    shown = {
        "name": entry.get("name"),
        "id": identity_of(entry),
        "state": "broken" if problem else state,
        "problem": problem,
        "kind": entry.get("kind") or HTTP,
        "url": _url(entry, reveal=reveal),
        "filter": entry.get("filter"),
        "on_filter_error": entry.get("on_filter_error"),
        "webhook_id": entry.get("webhook_id"),
        "old_secret_signs_until": iso(signs_until(entry, time.time())),
        "timeout_seconds": entry.get("timeout_seconds"),
        "max_attempts": entry.get("max_attempts"),
        "keep_answers": entry.get("keep_answers"),
        "headers": _headers(entry, reveal=reveal),
        **{field.name: entry.get(field.name) for field in entries_of.fields_of(entry)},
    }
    return shown | ({"signing_secret": entry.get("signing_secret")} if reveal else {})


def _url(entry: Entry, *, reveal: bool) -> str:
    """Where it is: the URL, whose query may hold a token, or the target's ARN."""
    url = str(entry.get("url") or entry.get("target") or "")
    return url if reveal else without_query(url)


def _headers(entry: Entry, *, reveal: bool) -> dict[str, str]:
    headers = entry.get("headers")
    if not isinstance(headers, dict):
        return {}
    return {str(name): str(value) if reveal else "…" for name, value in headers.items()}
