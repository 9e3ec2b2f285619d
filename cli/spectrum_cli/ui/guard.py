"""Who may ask, and what browsers are told to refuse.

The pages are served on loopback, where every page of the web and every user of this machine can
send requests. So: the Host must be our own (else a name that was rebound to loopback reads along),
the one link that is printed sets a cookie, once, without which nothing is answered, and what
changes something must come from our own pages. The name is a random one under `localhost`: a
cookie knows no ports, so that under 127.0.0.1 whatever else is served there would be sent it.
Policy headers keep what came with an event from ever becoming more than text.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading

from flask import Request, Response

# For browsers that do not look for names under `localhost` on this machine.
PLAIN_HOST = "127.0.0.1"
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


def random_host() -> str:
    """A name that browsers look for on this machine alone, and that nobody else serves under."""
    return f"forwarder-{secrets.token_hex(8)}.localhost"


class Guard:
    """One run's secrets. `token` opens the pages once; it is in the link that is printed."""

    def __init__(self, port: int, host: str) -> None:
        self.token = secrets.token_urlsafe(32)
        self._used = False
        self._lock = threading.Lock()
        self.home = f"http://{host}:{port}"
        self.cookie = f"forwarder_ui_{port}"
        self._session = secrets.token_urlsafe(32)
        self._host = f"{host}:{port}"

    @property
    def link(self) -> str:
        """What is printed: it lets one browser in."""
        return f"{self.home}/enter?token={self.token}"

    @property
    def form_token(self) -> str:
        """What every form of ours carries, and no other page can know."""
        return self._derived("form")

    def check_host(self, request: Request) -> None:
        """Raise Forbidden unless the browser means us by a name that is ours."""
        if request.headers.get("Host") != self._host:
            raise Forbidden(421, "These pages answer only to the address that was printed.")

    def check_session(self, request: Request) -> None:
        """Raise Forbidden without the cookie of this run."""
        if not self.knows(request):
            raise Forbidden(
                403, "Open the link that `forwarder ui` has printed: it lets this browser in."
            )

    def knows(self, request: Request) -> bool:
        """Whether the browser was let in before."""
        return _same(request.cookies.get(self.cookie, ""), self._session)

    def check_change(self, request: Request) -> None:
        """Raise Forbidden unless one of our own pages asks for a change."""
        ours = (
            request.headers.get("Origin") == self.home
            and request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
            and _same(request.form.get("form_token", ""), self.form_token)
        )
        if not ours:
            raise Forbidden(403, "This did not come from a page of this run: reload and try again.")

    def admits(self, token: str) -> bool:
        """Whether it is the token of the printed link, which this uses up."""
        with self._lock:
            admitted = not self._used and _same(token, self.token)
            self._used = self._used or admitted
        return admitted

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
