"""Serves the pages on the loopback address, and on no other."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from spectrum_cli.terminal.errors import Unreachable

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

LOOPBACK, LOOPBACK_6 = "127.0.0.1", "::1"
# Free ports that are tried, where the one found is taken at ::1.
TRIES = 20


class _QuietHandler(WSGIRequestHandler):
    """Writes no request to the terminal: links hold the token, and ids of conversations."""

    protocol_version = "HTTP/1.1"
    # A connection that a browser keeps without using it is let go of.
    timeout = 30

    def log(self, type: str, message: str, *args: object) -> None:
        pass

    def version_string(self) -> str:
        return "forwarder"


@contextlib.contextmanager
def open_port(port: int) -> Iterator[socket.socket]:
    """Listen on the port, 0 for any free one; raise Unreachable.

    A browser may look for a name under `localhost` at ::1 first. Nobody else may answer there: the
    port is held there as well, without listening, so that a browser is refused and comes to us.
    """
    for left in reversed(range(TRIES if port == 0 else 1)):
        listening = _listen(port)
        number = int(listening.getsockname()[1])
        try:
            held = _hold(number)
        except OSError as error:
            listening.close()
            if not left:
                raise _unusable(number, f"something listens there at {LOOPBACK_6}") from error
        else:
            with listening, held:
                yield listening
            return


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise _unusable(port, error.strerror) from error


def _hold(port: int) -> contextlib.AbstractContextManager[object]:
    """Bind the port at ::1 where this machine has that; raise OSError where it is taken."""
    try:
        held = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    except OSError:  # no IPv6: no browser looks there
        return contextlib.nullcontext()
    try:
        held.bind((LOOPBACK_6, port))
    except OSError as error:
        held.close()
        if error.errno == errno.EADDRINUSE:
            raise
        return contextlib.nullcontext()
    return held


def _unusable(port: int, why: str | None) -> Unreachable:
    return Unreachable(
        f"port {port} cannot be used ({why}): "
        "stop what listens there, or choose another with --port (0 picks a free one)"
    )


def serve_on(listening: socket.socket, app: WSGIApplication) -> BaseWSGIServer:
    """A server for the app; it answers once its `serve_forever` is called."""
    port = int(listening.getsockname()[1])
    return make_server(
        LOOPBACK,
        port,
        app,
        threaded=True,
        request_handler=_QuietHandler,
        fd=listening.fileno(),
    )
