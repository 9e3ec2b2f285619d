"""`forwarder ui`: the delivery log in a browser, served by this machine to itself alone."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import webbrowser
from typing import Annotated

import typer

from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.errors import Unreachable
from spectrum_cli.terminal.output import note, print_line

DEFAULT_PORT = 8788


def register(app: typer.Typer) -> None:
    app.command("ui")(ui)


@with_target
def ui(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on this machine; 0 picks a free one.")
    ] = DEFAULT_PORT,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the pages in the default browser.")
    ] = False,
    plain: Annotated[
        bool,
        typer.Option("--plain", help="127.0.0.1 in the link, where *.localhost is not found."),
    ] = False,
    target: Target,
) -> None:
    """Show the delivery log in a browser: events, attempts, what was refused; replay and release.

    With the project's credentials in SPECTRUM_PROJECT_ID and SPECTRUM_PROJECT_SECRET the overview
    says as well what is wrong with a registration at Spectrum, and what ends it.

    The pages are served on this machine's loopback address only, and only to the first browser that
    opens the printed link, once; they read the stack with your own credentials. The link has a name
    under localhost that is new each time, so that nothing else that is served on this machine is
    sent its cookie; --plain is for a browser that does not find it. SIGINT or SIGTERM ends it.

    Example: forwarder ui --local --open
    """
    try:
        from spectrum_cli.ui.app import explain, make_pages  # noqa: PLC0415 (heavy)
    except ModuleNotFoundError as error:
        raise Unreachable(
            f"the pages need {error.name}: install it with pip install '.[ui]'"
        ) from error
    from spectrum_cli.ui.day import Day, KeptFresh  # noqa: PLC0415
    from spectrum_cli.ui.guard import PLAIN_HOST, Guard, random_host  # noqa: PLC0415
    from spectrum_cli.ui.memory import Memory  # noqa: PLC0415
    from spectrum_cli.ui.opening import leading_to  # noqa: PLC0415
    from spectrum_cli.ui.refusals import CountedFresh  # noqa: PLC0415
    from spectrum_cli.ui.registrations import Registrations, reader  # noqa: PLC0415
    from spectrum_cli.ui.server import open_port, serve_on  # noqa: PLC0415
    from spectrum_cli.ui.stack import Stack  # noqa: PLC0415

    # A page reads eight partitions at once: what is over the pool's size is closed, which is fine.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    with open_port(port) as listening, contextlib.ExitStack() as opened:
        stack = Stack(target)
        guard = Guard(listening.getsockname()[1], PLAIN_HOST if plain else random_host())
        overview = KeptFresh(Day(Memory(stack.log, time.time)), explain)
        registrations = Registrations(reader(target), explain)
        counted = CountedFresh(stack.refusals.count, explain)
        app = make_pages(stack, overview, guard, registrations, counted)
        server = serve_on(listening, app)
        overview.start()
        note(f"The delivery log of {target.title}. Open this link, once; Ctrl-C ends it:")
        print_line(f"READY {guard.link}")
        if open_browser:
            file = opened.enter_context(leading_to(guard.link))
            arguments = (file.as_uri(),)
            threading.Thread(target=webbrowser.open, args=arguments, daemon=True).start()
        try:
            server.serve_forever()
        finally:
            server.server_close()
            overview.stop()
