"""The pages on one event: its story, its body, and what can be done with it."""

from __future__ import annotations

from flask import Response, g, redirect, render_template, request
from spectrum_forwarder.domain.errors import LaterFormat, PayloadMissing
from spectrum_forwarder.replay import Outcome
from werkzeug.wrappers import Response as AnyResponse

from spectrum_cli.destinations.names import names_from
from spectrum_cli.ui.asked import Asked
from spectrum_cli.ui.bodies import show_body
from spectrum_cli.ui.curl import as_curl
from spectrum_cli.ui.done import done
from spectrum_cli.ui.guard import Forbidden
from spectrum_cli.ui.stack import Stack
from spectrum_cli.ui.story import tell


class EventPages:
    """One method a page."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def event(self) -> str:
        """One event: its story and its body."""
        event = self._stack.event(request.args.get("key", ""))
        if event is None:
            raise Forbidden(404, "There is no such event; settled ones are kept for some days.")
        destinations = self._stack.destinations()
        content, missing = None, ""
        try:
            content = self._stack.log.body(event.event_key)
        except PayloadMissing:
            missing = "The body is no longer in the bucket."
        except LaterFormat:
            missing = "A later version of the forwarder stored it, in a form of its own."
        return render_template(
            "event.html",
            event=event,
            story=tell(event, destinations, g.now),
            configured=destinations,
            names=names_from(destinations),
            body=show_body(content, reveal=g.reveal) if content is not None else None,
            missing=missing,
            done=done(request.args.get("done")),
            every=3 if not event.settled else 10,
            now=g.now,
        )

    def body(self) -> Response:
        """An event's body, byte for byte, as a file."""
        content = self._stack.log.body(request.args.get("key", ""))
        if content is None:
            raise Forbidden(404, "There is no such event.")
        response = Response(content, mimetype="application/octet-stream")
        response.headers["Content-Disposition"] = 'attachment; filename="event-body"'
        return response

    def curl(self) -> Response:
        """A command that sends a destination what an attempt now would send it, to be copied."""
        event = self._stack.event(request.args.get("key", ""))
        identity = request.args.get("destination", "")
        destination = self._stack.destinations().usable.get(identity)
        content = self._stack.log.body(event.event_key) if event else None
        if event is None or content is None or destination is None:
            raise Forbidden(404, "There is no such event, or no such destination any more.")
        delivery = (event.deliveries or {}).get(identity)
        replays = delivery.replays if delivery else 0
        text = as_curl(event, content, destination, now=g.now, replays=replays)
        return Response(text, mimetype="text/plain")

    def replay(self) -> AnyResponse:
        """Begin deliveries of an event anew, or try now what waits for its next attempt."""
        key, retry = request.form.get("key", ""), request.form.get("retry") == "1"
        identity = request.form.get("destination")
        change = self._stack.change(identity, retry=retry, status=None)
        result = self._stack.reopen(key, change)
        done = str(result.outcome)
        if result.outcome is Outcome.UNKNOWN:
            raise Forbidden(404, "There is no such event any more.")
        if result.outcome is Outcome.BEGUN:
            done = "unhinted" if not result.hinted else "retried" if retry else "begun"
        roused = self._stack.rouse(key, identity) if retry else 0
        if result.outcome is Outcome.NOTHING and retry:
            done = "retried" if roused else "nothing_waits"
        return redirect(Asked().link("/event", key=key, done=done), 303)
