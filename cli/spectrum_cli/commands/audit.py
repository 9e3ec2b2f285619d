"""`forwarder audit`: what stands out among the events since a time, after a leak for example."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from spectrum_forwarder.domain.errors import InvalidEntry

from spectrum_cli.events.log_search import bodies_of, events_of
from spectrum_cli.events.selection import Since, times
from spectrum_cli.quarantine.suspects import kept_ids, read_all, read_webhooks_secret
from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.target import Target
from spectrum_cli.stack.wiring import event_log
from spectrum_cli.support.audit import MEANINGS, Audit, Notable
from spectrum_cli.support.wire_report import report
from spectrum_cli.terminal.errors import Finding, WrongUse
from spectrum_cli.terminal.output import (
    AsJson,
    Reveal,
    iso,
    masked,
    note,
    print_json,
    print_line,
    progress,
    utc,
)
from spectrum_cli.terminal.tables import Rows

if TYPE_CHECKING:
    from spectrum_forwarder.domain.log import EventLog, LoggedEvent

COLUMNS = ("what", "which", "times", "first", "last", "example", "meaning")
REFUSED = {"stale": "stale_refused", "mismatch": "mismatch_refused"}
MOST_REFUSED = 1000


def register(app: typer.Typer) -> None:
    app.command("audit")(audit)


@with_target
def audit(
    *,
    since: Since = None,
    limit: Annotated[
        int, typer.Option(min=1, help="Events since then, and as many before, at most.")
    ] = 10_000,
    bodies: Annotated[
        int, typer.Option(min=0, help="So many of the newest bodies are looked into.")
    ] = 500,
    wire: Annotated[
        bool, typer.Option("--wire", help="Count what comes over the wire instead.")
    ] = False,
    as_json: AsJson = False,
    reveal: Reveal = False,
    target: Target,
) -> None:
    """Say what stands out since a time, a day ago if none is given: after a secret leaked, say.

    Spaces and senders that were never seen before, events of an odd shape, unusual rates, events
    signed long before they came, and refused requests that may be forged or played back. What is
    usual is taken from the events before that time that the log still has.

    Ends with 1 if anything stands out; that is a reason to look, not a proof. Phone numbers and
    mail addresses are masked unless --reveal is given. Below stands which schemes proved how many
    events, and which stood there and proved nothing.

    --wire counts Spectrum's habits instead, and names nobody: schemes and headers, spellings of the
    platform, event and content types, directions, fields, sizes, whether retries are signed anew,
    and whether copies for two registrations are equal. Retries are read from the receiver's log.

    Example: forwarder audit --since 2d
    """
    now = time.time()
    begun, _ = times(since, None)
    begun = now - 86_400.0 if begun is None else begun
    if begun >= now:
        raise WrongUse("--since must be in the past")
    if wire:
        report(target, begun, limit=limit, bodies=bodies, as_json=as_json)
        return
    log, found = event_log(target), Audit()
    with progress("looking at what is usual") as looked_at:
        for page in events_of(log, looked_at, until=begun - 0.001, limit=limit):
            found.known(page)
    with progress("looking at what came since") as looked_at:
        pages = list(events_of(log, looked_at, since=begun, limit=limit))
    events = [event for page in pages for event in page]
    found.look(events)
    looked_into = _look_into(log, found, events[:bodies])
    refused = _look_at_refused(target, found, begun)
    notables = found.notables()
    counted = {
        "events": len(events),
        "earlier": found.earlier,
        "bodies": looked_into,
        "refused": refused,
    }
    if as_json:
        plain = [_document(notable, reveal=reveal) for notable in notables]
        complete = len(events) < limit
        schemes = [
            {"scheme": scheme, "also": also, "events": number}
            for (scheme, also), number in found.schemes.most_common()
        ]
        looked_at_all = {"since": iso(begun), "looked_at": counted, "complete": complete}
        print_json(looked_at_all | {"schemes": schemes, "findings": plain})
    else:
        if notables:
            Rows(*COLUMNS).add([_row(notable, reveal=reveal) for notable in notables])
        else:
            print_line("nothing stands out")
        _tell_schemes(found.schemes)
    note(f"looked at {', '.join(f'{number} {name}' for name, number in counted.items())}")
    if not found.earlier:
        note("the log has nothing from before, so that nobody can be told to be new")
    if len(events) == limit:
        note("there are more events since then, which were not looked at: raise --limit")
    if notables:
        names = ", ".join(dict.fromkeys(notable.rule for notable in notables))
        raise Finding(f"something stands out: {names}")


def _tell_schemes(schemes: Counter[tuple[str, str | None]]) -> None:
    """A line of what proved how many events: whoever forges in one scheme knows one secret."""
    told = [
        f"{number} by {scheme}" + (f" ({also} stood there too and proved nothing)" if also else "")
        for (scheme, also), number in schemes.most_common()
    ]
    if told:
        print_line(f"events proved: {', '.join(told)}")


def _look_into(log: EventLog, found: Audit, events: Sequence[LoggedEvent]) -> int:
    """Look into the bodies of these events; return how many there were."""
    there = 0
    for event, body in bodies_of(log, events):
        there += 1
        found.look_into(event, body)
    return there


def _look_at_refused(target: Target, found: Audit, since: float) -> int:
    """Look at requests that were refused since then; return how many there were."""
    try:
        secrets = read_webhooks_secret(target)
    except InvalidEntry as error:
        note(f"refused requests cannot be judged: the webhooks secret cannot be used, {error}")
        return 0
    there = 0
    with progress("looking at refused requests") as done:
        ids = kept_ids(target, lambda _: None)
        for batch in read_all(target, secrets, ids[:MOST_REFUSED]):
            done(len(batch))
            for judged in batch:
                at, rule = judged.received_at, REFUSED.get(judged.verdict)
                there += at >= since
                if at >= since and rule:
                    found.refused(rule, judged.webhook_id, at, judged.id)
    if len(ids) > MOST_REFUSED:
        note(f"of {len(ids)} refused requests the newest {MOST_REFUSED} were looked at")
    return there


def _subject(notable: Notable, *, reveal: bool) -> str:
    return masked(notable.subject, reveal=reveal) or "-"


def _row(notable: Notable, *, reveal: bool) -> list[str]:
    return [
        notable.rule,
        _subject(notable, reveal=reveal),
        str(notable.times),
        utc(notable.first_at),
        utc(notable.last_at),
        notable.example,
        MEANINGS[notable.rule],
    ]


def _document(notable: Notable, *, reveal: bool) -> dict[str, Any]:
    return {
        "rule": notable.rule,
        "meaning": MEANINGS[notable.rule],
        "subject": _subject(notable, reveal=reveal),
        "times": notable.times,
        "first_at": iso(notable.first_at),
        "last_at": iso(notable.last_at),
        "example": notable.example,
    }
