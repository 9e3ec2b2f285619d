"""Many events at once: what fits a filter is looked for and shown, and only then begun."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from flask import g, redirect, render_template, request
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.replay import Change
from werkzeug.wrappers import Response

from spectrum_cli.destinations.names import names_from
from spectrum_cli.events.replaying import Planned, begin_all
from spectrum_cli.terminal.errors import Finding, WrongUse
from spectrum_cli.ui import words
from spectrum_cli.ui.asked import Asked, read_asked, read_wanted
from spectrum_cli.ui.done import done
from spectrum_cli.ui.guard import Guard
from spectrum_cli.ui.jobs import Job, Jobs
from spectrum_cli.ui.search import Wanted
from spectrum_cli.ui.stack import Stack

PORTION = 100
# Events that are looked at, and of those that fit, how many stand on the page.
MOST_READ, SHOWN = 20_000, 20
# Events a second, at most, as `forwarder replay` does.
RATE = 50.0


@dataclass(slots=True)
class Plan:
    """A dry run: `events` would be changed; `whole` is false where older ones were left out."""

    asked: Asked
    retry: bool
    change: Change
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    events: list[Planned] = field(default_factory=list)
    whole: bool = True
    ready: bool = False

    @property
    def deliveries(self) -> Mapping[str, int]:
        """How many there are for each destination, by identity."""
        return Counter(identity for event in self.events for identity in event.destinations)


class ReplayPages:
    """One method a page. The last dry run is kept, and begun at most once."""

    def __init__(self, stack: Stack, guard: Guard, jobs: Jobs) -> None:
        self._stack, self._guard, self._jobs = stack, guard, jobs
        self._plan: Plan | None = None

    def page(self) -> str:
        """The last dry run, or how far it is."""
        job, plan = self._jobs.latest, self._plan
        return render_template(
            "replay.html",
            job=job,
            plan=plan if plan and plan.ready else None,
            shown=SHOWN,
            names=names_from(self._stack.destinations()),
            done=done(request.args.get("done")),
            every=1 if job and job.running else 15,
            now=g.now,
        )

    def look(self) -> Response:
        """Begin the dry run of a filter; nothing is changed by it."""
        retry = request.form.get("retry") == "1"
        asked, names = read_asked(request.form), names_from(self._stack.destinations())
        wanted = read_wanted(asked, self._guard, names, g.now)
        name = wanted.selection.destination
        identity = None if name is None else names.identity(name)
        if name is not None and identity is None:
            raise WrongUse(f"there is no destination {name[:80]!r} any more")
        change = self._stack.change(identity, retry=retry, status=wanted.selection.status)
        plan = Plan(asked, retry, change)

        def work(job: Job) -> str:
            self._find(plan, wanted, job)
            return words.count(len(plan.events), "event") + " would be begun"

        self._jobs.begin("looking for what fits", work)
        self._plan = plan
        return redirect("/replay?done=looking", 303)

    def begin(self) -> Response:
        """Do what the dry run showed."""
        plan = self._plan
        if plan is None or not plan.ready or plan.id != request.form.get("plan"):
            raise Finding("this dry run is not the last one any more: look again first")

        def work(job: Job) -> str:
            job.total = len(plan.events)
            oldest_first = sorted(plan.events, key=lambda one: one.received_at)
            keys = [one.event_key for one in oldest_first]
            summary = begin_all(
                self._stack.reopen, keys, plan.change, rate=RATE, advance=job.advance
            )
            busy = f"; {len(summary.busy)} were in a worker's hands: look again" * bool(
                summary.busy
            )
            return words.count(summary.begun, "event") + f" begun{busy}"

        doing = "trying again what waits" if plan.retry else "replaying"
        self._jobs.begin(doing, work)
        self._plan = None
        return redirect("/replay?done=begins", 303)

    def _find(self, plan: Plan, wanted: Wanted, job: Job) -> None:
        for events in self._portions(plan, wanted, job):
            for event in events:
                if not event.readable or not wanted.takes(event):
                    continue
                if identities := list(plan.change(event, self._stack.clock())):
                    plan.events.append(Planned(event.event_key, event.received_at, identities))
        plan.ready = True

    def _portions(self, plan: Plan, wanted: Wanted, job: Job) -> Iterator[Sequence[LoggedEvent]]:
        cursor: str | None = None
        while True:
            page = self._stack.log.newest(
                limit=PORTION,
                cursor=cursor,
                since=wanted.selection.since,
                until=wanted.selection.until,
            )
            yield page.events
            job.advance(len(page.events))
            cursor = page.cursor
            if cursor is None:
                return
            if job.done >= MOST_READ:
                plan.whole = False
                return
