"""The endpoint as Spectrum's sender sees it, before every attempt: https, public, no redirect.

What its guard refuses is dropped at the first try, for ever, and the list looks healthy meanwhile.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

from spectrum_cli.stack.http_client import HttpAnswer, HttpClient, NotAnswered
from spectrum_cli.stack.probes import error_code
from spectrum_cli.terminal.verdicts import Result, failed, ok, warning

TIMEOUT = 10.0
# The least time that an attempt has been given by any edition of the vendor's pages.
SENDER_WAITS = 10.0


Resolve = Callable[[str], Sequence[str]]


def resolved(host: str) -> list[str]:
    """The addresses of a name; raise OSError."""
    return sorted({str(info[4][0]) for info in socket.getaddrinfo(host, 443)})


def sights(url: str, client: HttpClient, resolve: Resolve = resolved) -> Iterator[Result]:
    """What the sender would meet at the URL, in its order; ends with the first that stops it."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        said = f"{parts.scheme or 'no scheme'}: Spectrum takes https only"
        yield failed("https", said, "Use https.")
        return
    yield ok("https", "the URL is https")
    where = address(parts.hostname or "", resolve)
    yield where
    if where.next_step:
        return
    try:
        headers = {"Content-Type": "application/json"}
        answer = client.request("POST", url, headers=headers, body=b"{}", timeout=TIMEOUT)
    except NotAnswered as error:
        yield failed("answer", f"{url}: {error}", "Check the API, its domain and its certificate.")
        return
    yield from _judged(answer)


def address(host: str, resolve: Resolve = resolved) -> Result:
    """Whether the name resolves, and to public addresses alone."""
    from spectrum_forwarder.adapters.url_guard import is_public  # noqa: PLC0415 (not for --help)

    try:
        found = list(resolve(host))
    except (OSError, UnicodeError):
        return failed("address", f"{host} does not resolve", "Check the DNS record, or the stack.")
    private = [one for one in found if not is_public(one)]
    if private or not found:
        return failed(
            "address",
            f"{host} resolves to {', '.join(private) or 'nothing'}, which is not public",
            "Point the name at the public API; Spectrum drops events for private addresses.",
        )
    return ok("address", f"{host} resolves to {len(found)} public addresses")


def _judged(answer: HttpAnswer) -> Iterator[Result]:
    status, took = answer.status, f"in {answer.seconds * 1000:.0f} ms"
    if 300 <= status < 400:
        yield failed(
            "answer",
            f"{status}: it redirects, and Spectrum follows none",
            "Register the URL that it leads to, or remove the redirect.",
        )
    elif error_code(answer.body) == "missing_headers":
        yield ok("answer", f"{status}, our own refusal of what is not signed, {took}")
    else:
        yield failed(
            "answer",
            f"{status} {took}: not the forwarder's answer to what is not signed",
            "Check that the route (POST, with everything below it) leads to the receiver.",
        )
    if answer.seconds > SENDER_WAITS / 5:
        yield warning(
            "time",
            f"{answer.seconds:.1f} s, and Spectrum gives up at {SENDER_WAITS:.0f} s or little more",
            "A cold start? Look again; if it stays, look at the receiver's duration.",
        )
