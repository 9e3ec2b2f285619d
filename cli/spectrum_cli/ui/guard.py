"""Who may ask, and what browsers are told to refuse.

The pages are served on loopback, where every page of the web and every user of this machine can
send requests. So: the Host must be our own (else a name that was rebound to loopback reads along),
the one link that is printed sets a cookie without which nothing is answered, and what changes
something must come from our own pages. Policy headers keep what came with an event from ever
becoming more than text.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from flask import Request, Response

HOSTS = ("127.0.0.1", "localhost")
POLICY = "; ".join(
    [
        "default-src 'none'",
        *("script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"),
        *("form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"),
        *("require-trusted-types-for 'script'", "trusted-types 'none'"),
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Other sites learn nothing; `no-referrer` would take the Origin from our own forms as well.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class Forbidden(Exception):
    """A request that is not answered; `status` is HTTP's, the text is for whoever sent it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Guard:
    """One run's secrets. `token` opens the pages; it is in the link that is printed."""

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(32)
        self.cookie = f"forwarder_ui_{port}"
        self._session = secrets.token_urlsafe(32)
        self._origins = {f"http://{host}:{port}" for host in HOSTS}
        self._hosts = {f"{host}:{port}" for host in HOSTS}

    @property
    def form_token(self) -> str:
        """What every form of ours carries, and no other page can know."""
        return self._derived("form")

    def check_host(self, request: Request) -> None:
        """Raise Forbidden unless the browser means us by a name that is ours."""
        if request.headers.get("Host") not in self._hosts:
            raise Forbidden(421, "These pages answer only to the address that was printed.")

    def check_session(self, request: Request) -> None:
        """Raise Forbidden without the cookie of this run."""
        if not _same(request.cookies.get(self.cookie, ""), self._session):
            raise Forbidden(
                403, "Open the link that `forwarder ui` has printed: it lets this browser in."
            )

    def check_change(self, request: Request) -> None:
        """Raise Forbidden unless one of our own pages asks for a change."""
        ours = (
            request.headers.get("Origin") in self._origins
            and request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
            and _same(request.form.get("form_token", ""), self.form_token)
        )
        if not ours:
            raise Forbidden(403, "This did not come from a page of this run: reload and try again.")

    def admits(self, token: str) -> bool:
        """Whether it is the token of the printed link."""
        return _same(token, self.token)

    def let_in(self, response: Response) -> None:
        """Give the browser the cookie, for as long as it runs."""
        response.set_cookie(self.cookie, self._session, httponly=True, samesite="Strict")

    def conversation(self, space_id: str) -> str:
        """A name for a conversation that can stand in a link: the id may be a phone number."""
        return "~" + self._derived(f"space {space_id}")[:16]

    def _derived(self, use: str) -> str:
        text = use.encode("utf-8", "replace")
        return hmac.new(self._session.encode(), text, hashlib.sha256).hexdigest()


def harden(response: Response) -> Response:
    """Put the policy on an answer, whatever it is."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
