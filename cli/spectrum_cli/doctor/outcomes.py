"""What became of the events of the last hours, destination by destination."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from spectrum_forwarder.domain.delivery import Delivery, Status

from spectrum_cli.doctor.model import LATELY, LATELY_SAID, Patient, ago
from spectrum_cli.events.log_search import events_of
from spectrum_cli.terminal.verdicts import Result, failed, ok, warning

CHECK = "deliveries"
# The newest events that are looked at; the alarms count them all.
MOST_READ = 500


@dataclass(slots=True)
class Ended:
    """A destination's deliveries that ended lately, the newest events first."""

    delivered: int = 0
    # When the events came in (Unix seconds) that were given up.
    given_up: list[float] = field(default_factory=list)
    reason: str = ""
    delivered_since: int = 0


def deliveries(patient: Patient) -> Iterator[Result]:
    """Nothing was given up lately, or what came after it was delivered."""
    from spectrum_forwarder.domain.event import is_canary  # noqa: PLC0415 (not for --help)

    since = patient.clock() - LATELY
    pages = events_of(patient.log, lambda _: None, since=since, limit=MOST_READ)
    events = [event for page in pages for event in page if not is_canary(event.event_key)]
    names, number = patient.names, 0
    found: dict[str, Ended] = {}
    for event in events:
        for identity, delivery in (event.deliveries or {}).items():
            number += delivery.settled
            _count(found.setdefault(names.of(identity), Ended()), event.received_at, delivery)
    given_up = {name: ended for name, ended in found.items() if ended.given_up}
    for name, ended in given_up.items():
        yield _told(name, ended, patient.clock())
    if not given_up:
        yield ok(CHECK, f"of {number} that ended {LATELY_SAID} none was given up")


def _count(ended: Ended, received_at: float, delivery: Delivery) -> None:
    if delivery.status is Status.DELIVERED:
        ended.delivered += 1
        ended.delivered_since += not ended.given_up
    elif delivery.status is Status.DEAD_LETTERED:
        ended.reason = ended.reason or delivery.reason or "no reason is known"
        ended.given_up.append(received_at)


def _told(name: str, ended: Ended, now: float) -> Result:
    number, whole = len(ended.given_up), ended.delivered + len(ended.given_up)
    share = "all" if number == whole else f"{number} of the"
    said = (
        f"{name}: {share} {whole} deliveries that ended {LATELY_SAID} were given up, the last "
        f"of an event that came {ago(now - max(ended.given_up))} ago: {ended.reason}"
    )
    replay = f"forwarder replay --since 6h --status dead_lettered --destination {name}"
    if ended.delivered_since:
        since = f"{said}. {ended.delivered_since} have been delivered since"
        return warning(CHECK, since, f"Deliver what was given up: {replay}.")
    return failed(CHECK, said, f"Mend it there: forwarder destinations test {name}; then {replay}.")


def waiting(patient: Patient) -> Iterator[Result]:
    """No destination lets its deliveries wait because it keeps failing."""
    names = patient.names
    failing: Sequence[str] = [
        f"{names.of(identity)} (for {ago(patient.clock() - health.failing_since)}, "
        f"{health.failures} attempts)"
        for identity, health in patient.board.load().items()
        if health.broken and identity in names.by_identity
    ]
    if failing:
        yield failed(
            "breakers",
            f"without one success, so that deliveries wait and use up no attempts: "
            f"{', '.join(failing)}",
            "Mend it there: forwarder destinations test NAME. It is probed by itself meanwhile.",
        )
    else:
        yield ok("breakers", "no destination keeps failing")
