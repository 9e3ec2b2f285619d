"""What stands before the emulated AWS: nobody else's page or process gets an answer.

Whatever runs on this machine can connect to loopback, and a browser does it for any page. So: no
request that a page sends from elsewhere (`Origin`), none under a name that was rebound to loopback
(`Host`), none without credentials that this stack has given out; and no answer says that a page of
another origin may read it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from spectrum_cli.local.loopback import DRAIN_LIMIT

OUR_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
# What an error has to be called so that clients of AWS take it for what it is.
UNKNOWN_CALLER: Final = "UnrecognizedClientException"

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
MayAsk = Callable[[str], bool]
"""Takes an access key's id; whether its bearer may ask for anything at all."""


def refusal_for_pages(*, host: str, origin: str | None) -> str:
    """Why a request with these headers comes from a web page; empty if it may be a program's."""
    if origin is not None:
        return "web pages get no answer here"
    if (host if host.endswith("]") else host.rpartition(":")[0] or host) not in OUR_HOSTS:
        return "this is no name of this server: ask it as 127.0.0.1"
    return ""


def access_key_of(authorization: str) -> str:
    """The id of the access key that signed a request; empty if none did."""
    return authorization.partition("Credential=")[2].partition("/")[0]


class Guard:
    """A WSGI application before another one. `may_ask` None: no credentials are asked for."""

    def __init__(self, application: Application, may_ask: MayAsk | None) -> None:
        self._application = application
        self._may_ask = may_ask

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if cause := self._refusal(environ):
            return _refuse(environ, start_response, cause)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            own = [
                (name, value)
                for name, value in headers
                if not name.lower().startswith("access-control-")
            ]
            return start_response(status, own, *more)

        return self._application(environ, start)

    def _refusal(self, environ: Environ) -> str:
        host, origin = environ.get("HTTP_HOST", ""), environ.get("HTTP_ORIGIN")
        if cause := refusal_for_pages(host=host, origin=origin):
            return cause
        key = access_key_of(environ.get("HTTP_AUTHORIZATION", ""))
        if self._may_ask is not None and not self._may_ask(key):
            return "this local stack knows its own credentials only: use `forwarder … --local`"
        return ""


def _refuse(environ: Environ, start_response: Callable[..., Any], cause: str) -> Iterable[bytes]:
    # An answer before the body was read is lost when the connection closes.
    length = environ.get("CONTENT_LENGTH") or "0"
    if length.isascii() and length.isdigit():
        environ["wsgi.input"].read(min(int(length), DRAIN_LIMIT))
    body = json.dumps({"__type": UNKNOWN_CALLER, "message": cause}).encode()
    headers = [
        ("Content-Type", "application/x-amz-json-1.1"),
        ("Content-Length", str(len(body))),
        ("x-amzn-ErrorType", UNKNOWN_CALLER),
    ]
    start_response("403 Forbidden", headers)
    return [body]
