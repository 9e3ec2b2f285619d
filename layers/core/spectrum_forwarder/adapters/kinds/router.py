"""The router: one Sender in front of all kinds, whose attempts are under way at the same time."""

from collections.abc import Iterable, Iterator

from spectrum_forwarder.adapters.kinds import KINDS, sending
from spectrum_forwarder.adapters.kinds.http.sender import HttpSender
from spectrum_forwarder.adapters.kinds.http.trust import public_ca_bundle
from spectrum_forwarder.adapters.kinds.sending import Carrier, Outcome
from spectrum_forwarder.adapters.kinds.services import ServiceSender, TargetClients
from spectrum_forwarder.domain.outbound import Attempt


def make_sender(*, allow_loopback: bool = False) -> "RoutingSender":
    """The sender of every kind; `allow_loopback` is for a stack on one machine."""
    couriers = {kind.name: kind.courier for kind in KINDS.values() if kind.courier}
    return RoutingSender(
        http=HttpSender(public_ca_bundle(), allow_loopback=allow_loopback),
        services=ServiceSender(couriers, TargetClients()),
    )


class RoutingSender:
    """Gives each attempt to the sender of its kind; a Sender."""

    def __init__(self, *, http: Carrier, services: Carrier) -> None:
        self._http = http
        self._services = services

    def send(self, attempts: Iterable[Attempt]) -> Iterator[Outcome]:
        """See the port."""
        return sending.send(attempts, self._of)

    def _of(self, attempt: Attempt) -> Carrier:
        return self._http if KINDS[attempt.kind].courier is None else self._services
