"""What commands ask the endpoint and the event log: whether a webhook is known, and is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spectrum_forwarder.domain.quarantine import UNSIGNED

from spectrum_cli.samples.requests import LONG_AGO, SIGNATURE, TIMESTAMP, WEBHOOK_ID
from spectrum_cli.stack.http_client import HttpClient, NotAnswered
from spectrum_cli.vendor.rotation import Seen

if TYPE_CHECKING:
    from spectrum_forwarder.domain.log import EventLog

# Events read at once, and seconds by which the log's index may lag behind the table.
READ_AT_ONCE, LAG = 1000, 15.0
TIMEOUT = 10.0
# How a known webhook's unsigned request is answered, by what is stored for it.
KNOWN = {(401, "stale_timestamp"), (503, "scheme_without_secret")}


def knows(client: HttpClient) -> Callable[[str, str], bool]:
    """Make a probe: does the endpoint at a URL have a secret for this webhook?

    Where it does not answer at all, it is not known to.
    """

    def probe(url: str, webhook_id: str) -> bool:
        try:
            return has_secret(client, url, webhook_id)
        except NotAnswered:
            return False

    return probe


def has_secret(client: HttpClient, url: str, webhook_id: str) -> bool:
    """Whether the endpoint at a URL has a secret for this webhook; raise NotAnswered.

    It is sent a request that is far too old and not signed: a known webhook is told so, or that it
    has no secret of v0; an unknown one that it is unknown. Nothing can be accepted or stored by it.
    """
    headers = {
        "Content-Type": "application/json",
        WEBHOOK_ID: webhook_id,
        TIMESTAMP: str(LONG_AGO),
        SIGNATURE: UNSIGNED,
    }
    answer = client.request("POST", url, headers=headers, body=b"{}", timeout=TIMEOUT)
    return (answer.status, error_code(answer.body)) in KNOWN


def error_code(body: bytes) -> str:
    """The code of one of the forwarder's own refusals; empty for any other answer."""
    try:
        content: Any = json.loads(body)
        return str(content["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""


def seen(log: EventLog) -> Callable[[str, float], Seen]:
    """Make a question to the log: did an event come through this webhook since (Unix seconds)?

    All that came since is looked at, however much a forger may have sent; what was looked at once
    is not looked at again, but for the last of it, in which the index may lag.
    """
    from spectrum_forwarder.domain.event import is_canary  # noqa: PLC0415 (not for --help)

    answered = Seen.NOTHING
    looked_until = 0.0

    def ask(webhook_id: str, since: float) -> Seen:
        nonlocal answered, looked_until
        newest, cursor = looked_until, None
        while True:
            page = log.newest(limit=READ_AT_ONCE, since=max(since, looked_until), cursor=cursor)
            events = [event for event in page.events if not is_canary(event.event_key)]
            if any(event.webhook_id == webhook_id for event in events):
                return Seen.VERIFIED
            if events:
                answered = Seen.OTHERS
                newest = max(newest, events[0].received_at - LAG)
            cursor = page.cursor
            if cursor is None:
                break
        looked_until = newest
        return answered

    return ask
