"""Spectrum's list beside the stored secrets: one row a webhook, and what is wrong with them."""

from __future__ import annotations

import time
from typing import Any

from spectrum_forwarder.domain.registration import Found, Registration, Trouble, look

from spectrum_cli.stack.registry import Entry
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.errors import Finding
from spectrum_cli.terminal.output import utc
from spectrum_cli.vendor.webhook_store import (
    STANDARD,
    V0,
    Webhooks,
    begun,
    is_over,
    source_of,
    stored,
)


def webhook_rows(
    listed: list[Registration] | None, webhooks: Webhooks, *, reveal: bool
) -> list[dict[str, Any]]:
    """Rows for `webhooks list`; the secrets themselves only with `reveal`."""
    rows = [_row(one, webhooks.entry(one.id)) for one in listed or []]
    known = {one.id for one in listed or []}
    where = "not asked" if listed is None else "no"
    for entry in webhooks.entries:
        if entry.get("id") not in known:
            rows.append(_row(Registration(str(entry.get("id")), where), entry))
    if reveal:
        for row in rows:
            entry = webhooks.entry(row["id"]) or {}
            row[V0] = entry.get(V0)
            row[STANDARD] = entry.get(STANDARD)
    return rows


def _row(one: Registration, entry: Entry | None) -> dict[str, Any]:
    return {
        "id": one.id,
        "url": one.url,
        "state": one.state or "-",
        "secret": _kept(entry),
        "source": source_of(entry) if entry else "-",
        "created": one.created_at,
        "enabled": one.enabled,
        "disabled_at": one.disabled_at or None,
        "disabled_reason": one.disabled_reason or None,
        "schema_version": one.schema_version or None,
        "event_types": None if one.event_types is None else list(one.event_types),
    }


def _kept(entry: Entry | None) -> str:
    if entry is None:
        return "missing"
    if is_over(entry, time.time()):
        return "expired"
    until = entry.get("accepted_until")
    return "stored" if until is None else f"until {utc(until)}"


def say_trouble(found: Found, listed: int) -> tuple[str, str]:
    """What is wrong with a registration, and what to do about it."""
    one = found.registration
    if one is None:
        return (
            f"none of the {listed} webhooks at Spectrum is this endpoint",
            "Register it: forwarder webhooks register.",
        )
    name = f"{one.id} ({one.url})"
    match found.trouble:
        case Trouble.DISABLED:
            return (
                f"{name} is DISABLED at Spectrum: nothing is delivered to it ({one.why_disabled})",
                "Mend what it was disabled for (forwarder webhooks check), then switch it on: "
                f"forwarder webhooks enable {one.id}.",
            )
        case Trouble.RETIRED:
            return (
                f"{name}: its secret was retired, and it is still registered",
                f"Delete it: forwarder webhooks delete {one.id}.",
            )
        case Trouble.SECOND:
            return (
                f"{name} is a second registration of this endpoint: each event comes through both",
                f"Keep the newest; delete this one: forwarder webhooks delete {one.id}.",
            )
    return (
        f"{name}: its secret is not stored, so it is answered 503",
        "Import it (forwarder webhooks import), or replace it (forwarder webhooks rotate).",
    )


def complain(listed: list[Registration] | None, webhooks: Webhooks, target: Target) -> None:
    """Raise Finding where a registration is unfinished, or something is wrong with one."""
    if webhooks.pending:
        what, command = begun(webhooks.pending)
        raise Finding(f"{what} was begun and not finished: run {command} again")
    for found in look(listed or [], stored(webhooks, time.time()), target.endpoint_url):
        if found.trouble in (None, Trouble.MISSING):
            continue
        said, next_step = say_trouble(found, len(listed or []))
        raise Finding(f"{said}. {next_step}".rstrip("."))
