"""The pages as a Flask application: addresses, and what is put into each template."""

from __future__ import annotations

import time
from typing import Any

from flask import Flask, Response, g, make_response, redirect, render_template, request
from spectrum_forwarder.domain.delivery import Status
from spectrum_forwarder.domain.destination import Destinations
from spectrum_forwarder.domain.errors import ForwarderError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from spectrum_cli.destinations.names import names_from
from spectrum_cli.terminal.aws_errors import explained
from spectrum_cli.terminal.errors import CommandError, WrongUse
from spectrum_cli.ui import chart, words
from spectrum_cli.ui.asked import Asked, own_path, read_asked, read_wanted
from spectrum_cli.ui.day import KeptFresh
from spectrum_cli.ui.destination_pages import DestinationPages
from spectrum_cli.ui.done import done
from spectrum_cli.ui.event_pages import EventPages
from spectrum_cli.ui.guard import Forbidden, Guard, harden
from spectrum_cli.ui.jobs import Job, Jobs
from spectrum_cli.ui.memory import View
from spectrum_cli.ui.refusals import CountedFresh
from spectrum_cli.ui.refused_pages import RefusedPages
from spectrum_cli.ui.registrations import Registrations
from spectrum_cli.ui.replay_pages import ReplayPages
from spectrum_cli.ui.search import PAGE, find, is_number
from spectrum_cli.ui.stack import Stack
from spectrum_cli.ui.waiting import Waiting

OPEN_TO_ALL = frozenset({"static", "enter"})
REVEALED = "shown"
# A word that is searched for and shorter is no id of a message.
SHORTEST_ID = 6
USED = (
    "This link was used, or is from another run. Each run's link lets one browser in: "
    "end `forwarder ui` and start it again."
)


def explain(error: BaseException) -> str:
    """A failure in words that an operator can act on."""
    known = explained(error)
    if known is not None:
        return str(known)
    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, ForwarderError):
        return f"The stack cannot be read at the moment: {error}"
    return f"This is a defect of the page: {type(error).__name__}"


def make_pages(
    stack: Stack,
    overview: KeptFresh,
    guard: Guard,
    registrations: Registrations | None = None,
    counted: CountedFresh | None = None,
) -> Flask:
    """The application for one run; without `counted` no page says how much was refused."""
    app = Flask(__name__)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(words=words, Status=Status, form_token=guard.form_token)
    app.jinja_env.globals.update(
        conversation=guard.conversation, title=stack.title, advice=stack.advice
    )
    counted, jobs = counted or CountedFresh(None, explain), Jobs(explain)
    app.jinja_env.globals.update(refused_count=counted.look)
    events, bulk = EventPages(stack), ReplayPages(stack, guard, jobs)
    refused = RefusedPages(stack.refusals, counted, jobs)
    waiting = Waiting(stack.queues, explain)
    destinations = DestinationPages(stack, waiting, jobs)
    registrations = registrations or Registrations(None, explain)
    pages = Pages(stack, overview, guard, registrations, waiting=waiting, jobs=jobs)
    app.before_request(pages.check)
    app.after_request(harden)
    app.register_error_handler(Exception, pages.failed)
    for path, name, page in (
        ("/enter", "enter", pages.enter),
        ("/", "log", pages.log),
        ("/overview", "overview", pages.overview),
        ("/event", "event", events.event),
        ("/event/body", "body", events.body),
        ("/event/curl", "curl", events.curl),
        ("/replay", "bulk", bulk.page),
        ("/refused", "refused", refused.newest),
        ("/refused/request", "refusal", refused.one),
    ):
        app.add_url_rule(path, name, page)
    for path, name, change in (
        ("/reveal", "reveal", pages.reveal),
        ("/event/replay", "replay", events.replay),
        ("/replay/look", "look", bulk.look),
        ("/replay/begin", "begin", bulk.begin),
        ("/destination/pause", "pause", destinations.pause),
        ("/destination/resume", "resume", destinations.resume),
        ("/destination/flush", "flush", destinations.flush),
        ("/refused/release", "release", refused.release),
        ("/refused/release-all", "release_all", refused.release_all),
    ):
        app.add_url_rule(path, name, change, methods=["POST"])
    return app


class Pages:
    """One method a page."""

    def __init__(
        self,
        stack: Stack,
        overview: KeptFresh,
        guard: Guard,
        registrations: Registrations,
        *,
        waiting: Waiting,
        jobs: Jobs,
    ) -> None:
        self._stack = stack
        self._overview = overview
        self._guard = guard
        self._registrations = registrations
        self._waiting, self._jobs = waiting, jobs

    def check(self) -> None:
        """Before everything else; raise Forbidden."""
        g.reveal, g.now = False, time.time()
        self._guard.check_host(request)
        if request.endpoint in OPEN_TO_ALL:
            return
        self._guard.check_session(request)
        g.reveal = request.cookies.get(f"{self._guard.cookie}_{REVEALED}") == "1"
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            self._guard.check_change(request)

    def enter(self) -> Response:
        """The printed link. A page that leads on, since a redirect would not carry the cookie."""
        looks_ahead = request.method == "HEAD" or "Sec-Purpose" in request.headers
        if self._guard.knows(request):
            return make_response(render_template("enter.html"))
        if looks_ahead or not self._guard.admits(request.args.get("token", "")):
            raise Forbidden(403, USED)
        response = make_response(render_template("enter.html"))
        self._guard.let_in(response)
        return response

    def log(self) -> AnyResponse | str:
        """Events, newest first."""
        asked, names = read_asked(request.args), names_from(_safely(self._stack))
        offered = sorted(names.by_identity.values())
        context: dict[str, Any] = {"asked": asked, "destinations": offered, "names": names}
        if "after" not in request.args and (key := self._named(asked.fields.get("q", ""))):
            return redirect(Asked().link("/event", key=key), 303)
        try:
            wanted = read_wanted(asked, self._guard, names, g.now)
            view = View() if wanted.takes_all else self._overview.view()
            found = find(self._stack.log, view, wanted, request.args.get("after"))
        except (WrongUse, ValueError) as error:
            problem = str(error) if isinstance(error, WrongUse) else "This link leads nowhere."
            return make_response(render_template("log.html", problem=problem, **context), 400)
        number = request.args.get("from", "1")
        first = int(number) if number.isascii() and number.isdigit() and len(number) < 9 else 1
        older = asked.link("/", after=found.cursor, **{"from": first + len(found.events)})
        return render_template(
            "log.html",
            found=found,
            first=first,
            is_first="after" not in request.args,
            older=older if found.cursor else None,
            # To be continued without being asked: a page that came out short.
            goes_on=bool(found.cursor) and len(found.events) < PAGE,
            takes_all=wanted.takes_all,
            every=3 if wanted.takes_all else 15,
            now=g.now,
            **context,
        )

    def _named(self, text: str) -> str | None:
        """The key of the one event that a search names, by its key or its message's id."""
        if len(text) < SHORTEST_ID or " " in text or is_number(text):
            return None
        event = self._stack.message(text)
        return event.event_key if event else None

    def overview(self) -> str:
        """The last day, and the destinations."""
        summary = self._overview.look()
        destinations, health = self._stack.destinations(), self._stack.health()
        gone = set(summary.destinations if summary else ()) - set(destinations.ids())
        return render_template(
            "overview.html",
            summary=summary,
            trouble=self._overview.trouble,
            registrations=self._registrations.look(),
            unasked=self._registrations.quiet,
            accepted=chart.accepted_chart(summary) if summary else None,
            draw=lambda identity: chart.destination_chart(summary, identity) if summary else None,
            configured=destinations,
            names=names_from(destinations),
            health=health,
            queues=self._waiting.look(),
            uncounted=self._waiting.trouble,
            job=self._job(),
            gone=sorted(gone),
            done=done(request.args.get("done")),
            every=2 if summary is None or summary.reading else 5,
            now=g.now,
        )

    def _job(self) -> Job | None:
        """What is under way, or, where this page leads back from what has begun it, has ended."""
        job = self._jobs.latest
        return job if job and (job.running or request.args.get("done") == "begins") else None

    def reveal(self) -> AnyResponse:
        """Show or mask texts and numbers from now on, in this browser."""
        response = redirect(own_path(request.form.get("back", "/")), 303)
        shown = "1" if request.form.get("show") == "1" else "0"
        name = f"{self._guard.cookie}_{REVEALED}"
        response.set_cookie(name, shown, httponly=True, samesite="Strict")
        return response

    def failed(self, error: Exception) -> Response:
        """Whatever went wrong, as a page that says what to do."""
        status, text = 503, ""
        if isinstance(error, Forbidden):
            status, text = error.status, str(error)
        elif isinstance(error, HTTPException):
            status, text = error.code or 500, error.description or ""
        page = render_template(
            "trouble.html", status=status, text=text or explain(error), outside=status in (403, 421)
        )
        return make_response(page, status)


def _safely(stack: Stack) -> Destinations:
    try:
        return stack.destinations()
    except Exception:  # the log can be read without the registry
        return Destinations({})
