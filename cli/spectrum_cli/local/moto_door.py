"""The server before moto: connections that stay open, and a short way to what is asked most.

moto's own server answers each call in a thread and over a connection of its own, and takes it
through a web framework to one function. Over a kept connection, and straight to that function, a
call costs a third. What is asked seldom still goes through the framework.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from flask import Response
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    Request,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.core.responses import BaseResponse
from moto.dynamodb.responses import DynamoHandler
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.sqs.responses import SQSResponse
from werkzeug.exceptions import HTTPException

from spectrum_cli.local.guard import Application, Environ
from spectrum_cli.local.http_event import WITHOUT_BODY
from spectrum_cli.local.loopback import LoopbackHandler, LoopbackServer
from spectrum_cli.local.moto_request import NAMES, PlainCall, answer_plainly, is_plain

LARGEST_BODY: Final = 64 * 1024 * 1024
# Services whose calls are all of one form, by what their credentials are for.
STRAIGHT: Final[dict[str, tuple[str, type[BaseResponse]]]] = {
    "dynamodb": ("DynamoDB_20120810", DynamoHandler),
    "sqs": ("AmazonSQS", SQSResponse),
    "secretsmanager": ("secretsmanager", SecretsManagerResponse),
}
# Headers that this server writes itself.
OURS: Final = frozenset({"connection", "content-length", "date", "transfer-encoding"})
_LOG = logging.getLogger(__name__)
_key = lru_cache(NAMES)(environ_key_for_header)


class StraightRequest(Request):
    """A request that came in over a socket, whose answers the server dates."""

    from_wsgi_server = True


def straight(application: Application) -> Application:
    """A WSGI application that asks moto's services themselves, where it can, else `application`."""

    def answer(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        service = _service(environ)
        if service is None:
            return application(environ, start_response)
        request: Any = PlainCall(environ) if is_plain(environ) else StraightRequest(environ)
        try:
            answered = service.dispatch(request, request.raw_url, dict(request.headers))
        except HTTPException as error:
            return error(environ, start_response)
        sent = answer_plainly(answered, start_response)
        if sent is None:
            status, headers, body = answered
            return Response(body, status, headers)(environ, start_response)
        return sent

    return answer


def _service(environ: Environ) -> type[BaseResponse] | None:
    signed = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split("/", 4)
    target, service = STRAIGHT.get(signed[3], ("", None)) if len(signed) > 4 else ("", None)
    asked = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")[0]
    return service if service and asked == target else None


class Door:
    """Serves a WSGI application on a free port of the loopback address."""

    def __init__(self, application: Application) -> None:
        class Handler(_DoorHandler):
            behind = staticmethod(application)

        self._server = LoopbackServer(Handler)
        Handler.port = str(self._server.port)

    @property
    def url(self) -> str:
        return f"http://{self._server.address}"

    def start(self) -> None:
        self._server.start("moto")

    def stop(self) -> None:
        """Close the port, and every connection."""
        self._server.stop()


class _DoorHandler(LoopbackHandler):
    behind: Application
    port: str

    def handle_request(self) -> None:
        body = self.read_or_refuse(LARGEST_BODY)
        if body is None:
            return
        started: list[tuple[int, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            started.append((int(status.partition(" ")[0]), headers))

        try:
            content = b"".join(self.behind(self._environ(body), start_response))
        except Exception:
            _LOG.exception("moto failed at %s %s", self.command, self.headers.get("x-amz-target"))
            self.answer_json(500, {"__type": "InternalFailure", "message": "moto failed"})
            return
        self._write(*started[-1], content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_request

    def _environ(self, body: bytes) -> Environ:
        path, _, query = self.path.partition("?")
        environ: Environ = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "RAW_URI": self.path,
            "REQUEST_URI": self.path,
            "REMOTE_ADDR": self.client_address[0],
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": self.port,
            "SERVER_PROTOCOL": self.request_version,
        }
        spelt: dict[str, str] = {}
        for name, value in self.headers.items():
            key = _key(name)
            if "_" in name:  # else `X_Foo` would pass for `X-Foo`; moto wants some as they are
                if not should_preserve_original_header_name(name):
                    continue
                spelt[key] = name
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)  # the body has been put together
        environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = spelt
        return environ

    def _write(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        kept = [(name, value) for name, value in headers if name.lower() not in OURS]
        length = [(name, value) for name, value in headers if name.lower() == "content-length"]
        if self.command == "HEAD" and length:  # it is that of a body that is not sent
            self.answer(status, b"", [*kept, *length], length=False)
        else:
            self.answer(status, content, kept, length=status not in WITHOUT_BODY)
