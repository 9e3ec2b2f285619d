"""What was refused for a known webhook, as the pages see it: how much, why, and its release."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice, takewhile

from spectrum_forwarder.domain.quarantine import KEPT_SECONDS, Suspect
from spectrum_forwarder.release import Outcome, Released, Verdict

from spectrum_cli.diagnosis.model import Finding
from spectrum_cli.quarantine.releasing import find, release_all, secrets_of
from spectrum_cli.quarantine.suspects import READ_AT_ONCE, Judged, Secrets, lost, releaser, shelf
from spectrum_cli.quarantine.views import Summary, not_kept
from spectrum_cli.stack.target import Target
from spectrum_cli.ui.behind import ReadBehind
from spectrum_cli.ui.jobs import Job

# Its hour, and one of the hour's slots.
ID = re.compile(r"\d{4}-\d\d-\d\dT\d\d/\d{1,6}")
PAGE = 25
# Hours before the newest that a page looks back, until it is full; one holds ten thousand at most.
WINDOWS = (0, 1, 6, 24, KEPT_SECONDS / 3600)
# Seconds that the causes on one page may take to be found, and the largest body that is tried
# there: the page of one request looks into whatever it is.
CAUSES_SECONDS, LARGEST_TRIED = 2.0, 200_000
# The count is read so often (seconds), in at most so many lists of a thousand.
EVERY, MOST_LISTS = 15.0, 10


@dataclass(frozen=True, slots=True)
class Counted:
    """How many are kept, `more` if there are more than were counted; `lost` is a sentence."""

    number: int
    more: bool
    lost: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A suspect on a page. `findings` are empty for what verifies, and None where not looked for.

    `suspect` is there on the page of its own only.
    """

    judged: Judged
    findings: Sequence[Finding] | None
    suspect: Suspect | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """Suspects of the newest hours, the newest first; `cursor` goes on, None at the end."""

    rows: Sequence[Shown]
    cursor: str | None


class Refusals:
    """The quarantine of a stack; safe to use from threads."""

    def __init__(self, target: Target, clock: Callable[[], float] = time.time) -> None:
        self._target, self._clock = target, clock

    def count(self) -> Counted:
        """How many are kept, by at most a few lists; raise PayloadsUnavailable."""
        pages = shelf(self._target).pages(since=self._clock() - KEPT_SECONDS)
        sizes = [len(page) for page in islice(pages, MOST_LISTS + 1)]
        more = len(sizes) > MOST_LISTS
        return Counted(sum(sizes[:MOST_LISTS]), more, not_kept(lost(self._target)))

    def page(self, before: str | None) -> Page:
        """The newest hours of what is kept, or those whose ids come before that one.

        Raises ValueError for an id that is none, Finding (terminal.errors) where the secrets
        cannot be used.
        """
        secrets = secrets_of(self._target)
        ids, more = self._newest(before)
        until = time.monotonic() + CAUSES_SECONDS
        with ThreadPoolExecutor(READ_AT_ONCE) as readers:
            read = readers.map(lambda one: self._look(one, secrets, until), ids)
            rows = [shown for shown in read if shown is not None]
        # Ids are in order of their hours; within one, slots say nothing of the time.
        rows.sort(key=lambda shown: shown.judged.received_at, reverse=True)
        return Page(rows, ids[-1] if more else None)

    def one(self, suspect_id: str) -> Shown | None:
        """One with its headers, body and causes; None where nothing is kept under this id."""
        if not ID.fullmatch(suspect_id):
            return None
        secrets = secrets_of(self._target)
        suspect = self._read(suspect_id)
        if suspect is None:
            return None
        judged = secrets.judged(suspect_id, suspect)
        return Shown(judged, _causes(judged, suspect, secrets), suspect)

    def release(self, suspect_id: str, *, stale: bool) -> Released:
        """Accept it as an event if it verifies; see spectrum_forwarder.release.Releaser."""
        if not ID.fullmatch(suspect_id):
            return Released(suspect_id, Outcome.GONE)
        judge = secrets_of(self._target).judge
        return releaser(self._target, judge).release(suspect_id, stale=stale)

    def release_all(self, job: Job) -> str:
        """Accept all that verify today, as `forwarder quarantine release --all`; what came of it.

        Bodies are let go of one by one: a full quarantine holds gigabytes.
        """
        secrets, summary = secrets_of(self._target), Summary()
        found = find(self._target, secrets, None, summary, told=False)
        good = [judged for judged in found if judged.verdict == Verdict.GOOD]
        job.total = len(good)
        release_all(self._target, secrets, good, summary, stale=False, advance=job.advance)
        stay = len(found) - len(good) + len(summary.kept)
        told = f"{len(summary.accepted)} released, {len(summary.duplicates)} were there already"
        return f"{told}; {stay} stay, with their causes below" if stay else told

    def _newest(self, before: str | None) -> tuple[list[str], bool]:
        """A page of ids, newest first, and whether there are more."""
        now = self._clock()
        oldest, begin = now - KEPT_SECONDS, now if before is None else _hour_of(before)
        ids: list[str] = []
        for hours in WINDOWS:
            since = max(oldest, begin - hours * 3600)
            listed = (kept.id for page in shelf(self._target).pages(since=since) for kept in page)
            # They come in order, the oldest hour first.
            ids = list(takewhile(lambda one: before is None or one < before, listed))
            if len(ids) > PAGE or since == oldest:
                break
        return sorted(ids, reverse=True)[:PAGE], len(ids) > PAGE

    def _look(self, suspect_id: str, secrets: Secrets, until: float) -> Shown | None:
        suspect = self._read(suspect_id)
        if suspect is None:
            return None
        judged = secrets.judged(suspect_id, suspect)
        tried = len(suspect.body) <= LARGEST_TRIED and time.monotonic() < until
        return Shown(judged, _causes(judged, suspect, secrets) if tried else None)

    def _read(self, suspect_id: str) -> Suspect | None:
        ((_, suspect),) = shelf(self._target).get_all([suspect_id])
        return suspect


def _causes(judged: Judged, suspect: Suspect, secrets: Secrets) -> Sequence[Finding]:
    return () if judged.verdict == Verdict.GOOD else secrets.findings(suspect)


def _hour_of(suspect_id: str) -> float:
    """When the hour of an id begins (Unix seconds); raise ValueError."""
    if not ID.fullmatch(suspect_id):
        raise ValueError("no id of the quarantine")
    hour = datetime.strptime(suspect_id.partition("/")[0], "%Y-%m-%dT%H")
    return hour.replace(tzinfo=UTC).timestamp()


class CountedFresh(ReadBehind[Counted | None]):
    """The count, for every page to show; `read` is None where there is no quarantine."""

    def __init__(
        self,
        read: Callable[[], Counted] | None,
        explain: Callable[[Exception], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(read, explain, clock, name="refusals", every=EVERY, latest=None)
