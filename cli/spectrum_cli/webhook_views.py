"""Spectrum's list beside the stored secrets: one row a webhook, and what is wrong with them."""

from __future__ import annotations

import time
from typing import Any

from spectrum_cli.errors import Finding
from spectrum_cli.output import utc
from spectrum_cli.registry import Entry
from spectrum_cli.spectrum_api import Registration
from spectrum_cli.target import Target
from spectrum_cli.webhook_store import Webhooks, is_over, source_of


def webhook_rows(
    listed: list[Registration] | None, webhooks: Webhooks, *, reveal: bool
) -> list[dict[str, Any]]:
    """Rows for `webhooks list`; the secrets themselves only with `reveal`."""
    rows = []
    for one in listed or []:
        entry = webhooks.entry(one.id)
        rows.append(_row(one.id, one.url, entry, one.created_at))
    known = {one.id for one in listed or []}
    for entry in webhooks.entries:
        if entry.get("id") not in known:
            where = "not asked" if listed is None else "no"
            rows.append(_row(str(entry.get("id")), where, entry, ""))
    if reveal:
        for row in rows:
            entry = webhooks.entry(row["id"])
            row["signing_secret"] = entry.get("signing_secret") if entry else None
    return rows


def _row(webhook_id: str, url: str, entry: Entry | None, created: str) -> dict[str, Any]:
    state = "missing"
    if entry is not None:
        until = entry.get("accepted_until")
        state = "stored" if until is None else f"until {utc(until)}"
        state = "expired" if is_over(entry, time.time()) else state
    source = source_of(entry) if entry else "-"
    return {"id": webhook_id, "url": url, "secret": state, "source": source, "created": created}


def complain(rows: list[dict[str, Any]], webhooks: Webhooks, target: Target) -> None:
    """Raise Finding where a registration is unfinished, or its secret is not stored."""
    if webhooks.pending:
        verb = "rotate" if webhooks.pending.get("replaces") else "register"
        raise Finding(
            f"a registration of {webhooks.pending.get('url')} was begun and not finished: run "
            f"forwarder webhooks {verb} again"
        )
    ours = [r for r in rows if str(r["url"]).startswith(target.endpoint_url)]
    missing = [str(row["id"]) for row in ours if row["secret"] == "missing"]
    if missing:
        raise Finding(
            f"the secret of {', '.join(missing)} is not stored: its deliveries are answered 503; "
            "import it (forwarder webhooks import), or rotate it"
        )
