"""The pages on what was refused: the list, one request with its causes, and their release."""

from __future__ import annotations

from flask import g, redirect, render_template, request
from spectrum_forwarder.release import Outcome, Verdict
from werkzeug.wrappers import Response

from spectrum_cli.quarantine.suspects import SENTENCES
from spectrum_cli.ui.asked import Asked
from spectrum_cli.ui.bodies import show_body
from spectrum_cli.ui.done import done
from spectrum_cli.ui.guard import Forbidden
from spectrum_cli.ui.jobs import Job, Jobs
from spectrum_cli.ui.refusals import CountedFresh, Refusals

GONE = "It is not kept (any more): it was released, or 72 hours are over."
# The CSS class of what a request is by today's secrets.
TONES = {Verdict.GOOD: "delivered", Verdict.STALE: "waiting"}


class RefusedPages:
    """One method a page."""

    def __init__(self, refusals: Refusals, counted: CountedFresh, jobs: Jobs) -> None:
        self._refusals, self._counted, self._jobs = refusals, counted, jobs

    def newest(self) -> str:
        """What is kept, newest first, each with why it was refused."""
        before = request.args.get("before")
        try:
            page = self._refusals.page(before)
        except ValueError as error:
            raise Forbidden(404, "This link leads nowhere.") from error
        older = Asked().link("/refused", before=page.cursor) if page.cursor else None
        return render_template(
            "refused.html",
            rows=page.rows,
            older=older,
            is_first=before is None,
            counted=self._counted.look(),
            uncounted=self._counted.trouble,
            job=self._jobs.latest,
            sentences=SENTENCES,
            tones=TONES,
            done=done(request.args.get("done")),
            every=2 if self._jobs.latest and self._jobs.latest.running else 15,
            now=g.now,
        )

    def one(self) -> str:
        """One request: its headers, its body, and what is wrong with it."""
        shown = self._refusals.one(request.args.get("id", ""))
        if shown is None or shown.suspect is None:
            raise Forbidden(404, GONE)
        return render_template(
            "refusal.html",
            shown=shown,
            headers=sorted(shown.suspect.headers.items()),
            body=show_body(shown.suspect.body, reveal=g.reveal),
            sentence=SENTENCES[shown.judged.verdict],
            tone=TONES.get(shown.judged.verdict, "dead-lettered"),
            can_be_released=shown.judged.verdict in TONES,
            is_stale=shown.judged.verdict is Verdict.STALE,
            done=done(request.args.get("done")),
            now=g.now,
        )

    def release(self) -> Response:
        """Accept one as an event, and lead to that."""
        suspect_id = request.form.get("id", "")
        released = self._refusals.release(suspect_id, stale=request.form.get("stale") == "1")
        self._counted.anew()
        if released.outcome is Outcome.GONE:
            raise Forbidden(404, GONE)
        if released.outcome is Outcome.REFUSED:
            return redirect(Asked().link("/refused/request", id=suspect_id, done="refused"), 303)
        word = "released" if released.outcome is Outcome.ACCEPTED else "duplicate"
        if not released.hinted:
            word = "unhinted"
        return redirect(Asked().link("/event", key=released.event_key, done=word), 303)

    def release_all(self) -> Response:
        """Begin to accept all that verify today."""

        def work(job: Job) -> str:
            try:
                return self._refusals.release_all(job)
            finally:
                self._counted.anew()

        self._jobs.begin("releasing what verifies today", work)
        return redirect("/refused?done=releasing", 303)
