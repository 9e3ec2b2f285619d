"""Serves the pages on the loopback address, and on no other."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from spectrum_cli.errors import Unreachable

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

LOOPBACK = "127.0.0.1"


class _QuietHandler(WSGIRequestHandler):
    """Writes no request to the terminal: links hold the token, and ids of conversations."""

    protocol_version = "HTTP/1.1"
    # A connection that a browser keeps without using it is let go of.
    timeout = 30

    def log(self, type: str, message: str, *args: object) -> None:
        pass

    def version_string(self) -> str:
        return "forwarder"


def open_port(port: int) -> socket.socket:
    """Listen on the port, 0 for any free one; raise Unreachable."""
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise Unreachable(
            f"port {port} cannot be used ({error.strerror}): "
            "stop what listens there, or choose another with --port (0 picks a free one)"
        ) from error


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
