"""`forwarder listen`: every event of a stack, POSTed to the developer's machine as it happens."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from spectrum_cli.destinations.options import Filter, SecretFromInput
from spectrum_cli.destinations.secrets import new_secret
from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.errors import Finding, WrongUse
from spectrum_cli.terminal.output import (
    AsJson,
    Yes,
    confirm,
    note,
    print_json,
    print_json_line,
    print_line,
)

if TYPE_CHECKING:
    from spectrum_cli.listen.listener import Leftover, Listener
    from spectrum_cli.listen.loop import Show


def register(app: typer.Typer) -> None:
    app.command("listen")(listen)


@with_target
def listen(
    *,
    to: Annotated[
        str | None, typer.Option(metavar="URL", help="Where events are POSTed, on this machine.")
    ] = None,
    expression: Filter = None,
    name: Annotated[
        str | None,
        typer.Option(help="Name of this listener; by default made of the user and the machine."),
    ] = None,
    secret_stdin: SecretFromInput = False,
    clean: Annotated[
        bool, typer.Option("--clean", help="Remove what listeners that were killed have left.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """POST every event of a stack to this machine, as it happens, without a tunnel.

    Events are signed as for any destination, with a secret that is shown at
    the start. They wait in a queue of the stack's account, up to 14 days: a
    machine that sleeps, or a consumer that is stopped, gets them afterwards.
    An event leaves the queue when the consumer has answered 2xx; until then
    it is tried again. It can come twice, with the same webhook-id.

    Press r to replay the last one, q or Ctrl-C to end: queue and destination
    are removed then. Where a run was killed, the next of the same name goes on.

    Example: forwarder listen --to http://localhost:3000/hook --local
    """
    from spectrum_cli.listen.listener import NAME, default_name  # noqa: PLC0415 (not for --help)

    if clean:
        if to is not None:
            raise WrongUse("--clean takes no --to: it removes listeners, and ends")
        _clean(target, name, yes=yes, as_json=as_json)
        return
    if to is None or urlsplit(to).scheme not in ("http", "https") or not urlsplit(to).hostname:
        raise WrongUse("say where events are to go, with --to http://localhost:3000/hook")
    name = default_name() if name is None else name
    if not NAME.fullmatch(name):
        raise WrongUse("--name takes letters, digits, '_' and '-', at most 40")
    secret = new_secret(from_input=True) if secret_stdin else None
    if hasattr(signal, "SIGHUP"):
        # A terminal that is closed ends the command like Ctrl-C does.
        signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))
    _listen(target, to, name, expression, secret, as_json=as_json)


def _listen(
    target: Target,
    to: str,
    name: str,
    expression: str | None,
    secret: str | None,
    *,
    as_json: bool,
) -> None:
    from spectrum_cli.listen import keys, listener  # noqa: PLC0415
    from spectrum_cli.listen.loop import Loop  # noqa: PLC0415
    from spectrum_cli.listen.posting import Poster  # noqa: PLC0415
    from spectrum_cli.stack.http_client import HttpClient  # noqa: PLC0415 (heavy, as are the others)

    with listener.only_one(target, name), HttpClient() as http:
        opened = listener.open_listener(target, name, expression=expression, secret=secret)
        try:
            _tell(opened, target, to, as_json=as_json)
            with _screen(f"{target.title} to {to}", as_json=as_json) as show:
                loop = Loop(
                    target.client("sqs"),
                    opened.queue_url,
                    Poster(http, to, opened.secret),
                    show,
                    _Heartbeat(target, opened),
                )
                end = {"q": lambda: os.kill(os.getpid(), signal.SIGINT)}
                with keys.pressed({"r": loop.replay_last, **end}):
                    loop.run()
        finally:
            _close(target, opened)


def _tell(opened: Listener, target: Target, to: str, *, as_json: bool) -> None:
    if as_json:
        print_json_line(
            {"listening": opened.name, "to": to, "signing_secret": opened.secret}
            | {"resumed": opened.resumed}
        )
        return
    note(f"Listening as {opened.name}: {target.title} to {to}")
    note(f"Events are signed with {opened.secret}")
    if opened.resumed:
        note("An earlier run was killed: what has come since then is delivered first.")
    elif not target.is_local:
        note("The first events come within half a minute.")


@contextlib.contextmanager
def _screen(title: str, *, as_json: bool) -> Iterator[Show]:
    from spectrum_cli.listen.screens import JsonLines, LiveTable, PlainLines  # noqa: PLC0415

    if as_json:
        yield JsonLines()
    elif sys.stdout.isatty():
        table = LiveTable(title)
        with table.shown():
            yield table
    else:
        yield PlainLines()


class _Heartbeat:
    """Says now and then on the queue that it is in use."""

    def __init__(self, target: Target, opened: Listener) -> None:
        self._target = target
        self._opened = opened
        self._said_at = time.time()

    def __call__(self) -> None:
        from spectrum_cli.listen.listener import SEEN_EVERY, say_seen  # noqa: PLC0415

        # By the clock on the wall: a sleeping laptop's own stands still.
        if time.time() - self._said_at >= SEEN_EVERY:
            say_seen(self._target, self._opened)
            self._said_at = time.time()


def _close(target: Target, opened: Listener) -> None:
    from spectrum_cli.listen.listener import close_listener  # noqa: PLC0415

    try:
        waiting = close_listener(target, opened)
    except BaseException:
        note("The queue may be left behind: remove it with `forwarder listen --clean`")
        raise
    note("Queue and destination are removed.")
    if waiting:
        note(f"{waiting} events were not delivered here: `forwarder events list` shows them all")


def _clean(target: Target, name: str | None, *, yes: bool, as_json: bool) -> None:
    from spectrum_cli.listen import listener  # noqa: PLC0415 (heavy)

    found = [left for left in listener.leftovers(target) if name in (None, left.name)]
    for left in found:
        if left.in_use:
            note(f"{left.name} on {left.host} is in use: left alone")
    dead = [left for left in found if not left.in_use]
    removed = []
    for left in dead:
        if left.is_ours or confirm(_question(left), yes=yes):
            listener.remove(target, left)
            removed.append(left)
    if as_json:
        print_json([{"name": left.name, "queue": left.queue_arn} for left in removed])
    else:
        for left in removed:
            print_line(f"removed {left.name}: {left.queue_arn}")
    if not removed and not as_json:
        note("nothing was left behind")
    if len(removed) < len(dead):
        raise Finding(f"{len(dead) - len(removed)} listeners of other machines were left alone")


def _question(left: Leftover) -> str:
    hours = (time.time() - left.seen) / 3600
    return (
        f"{left.name} on {left.host} was last seen {hours:.1f} hours ago and may be asleep. "
        "Remove it, with what waits for it?"
    )
