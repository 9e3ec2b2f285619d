"""What is this stack's own, and so no destination: whatever is sent there comes back.

Another forwarder's endpoint is one like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from spectrum_forwarder.adapters.url_guard import is_loopback
from spectrum_forwarder.domain.errors import InvalidEntry


@dataclass(frozen=True, slots=True)
class Ourselves:
    """`endpoint` is the endpoint's host, with its port where it has one; `queues` are URLs."""

    endpoint: str = ""
    queues: Sequence[str] = ()

    def refuse_url(self, url: str) -> None:
        """Raise InvalidEntry for a URL of the endpoint, whatever its path and spelling.

        The URL is one that `check_url` takes: so it is ASCII, without user information, and no
        part of its host is encoded.
        """
        if self.endpoint and _is_at(url, self.endpoint):
            raise InvalidEntry(
                "url: this is the forwarder's own endpoint, and each event would come back to it; "
                "name the receiver itself, or another forwarder."
            )

    def refuse_target(self, arn: str) -> None:
        """Raise InvalidEntry for a queue of the stack's own."""
        account, name = [*arn.split(":"), "", ""][4:6]
        if any(urlsplit(queue).path.endswith(f"/{account}/{name}") for queue in self.queues):
            raise InvalidEntry("target: this queue is the forwarder's own; name another one")


def _is_at(url: str, endpoint: str) -> bool:
    there, own = urlsplit(url), urlsplit(f"//{endpoint}")
    if own.port is not None and own.port != there.port:
        return False
    host, own_host = (_plain(part.hostname) for part in (there, own))
    # On one machine an address has many names; there, the port tells.
    return host == own_host or (own.port is not None and _is_here(host) and _is_here(own_host))


def _plain(host: str | None) -> str:
    return (host or "").lower().rstrip(".")


def _is_here(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost") or is_loopback(host)


NOBODY = Ourselves()
