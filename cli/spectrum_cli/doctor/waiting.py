"""Who waits in lines, and whether anybody has forgotten them."""

from __future__ import annotations

from collections.abc import Iterator

from spectrum_cli.destinations.lines import queues_of
from spectrum_cli.doctor.model import Patient
from spectrum_cli.terminal.verdicts import Result, ok, warning

# For so long a line may stand without a word (seconds).
UNREMARKED = 3600.0


def lines(patient: Patient) -> Iterator[Result]:
    """Nobody stands in a line for long."""
    found = queues_of(patient.target, patient.board)
    if not found:
        yield ok("lines", "no delivery waits in line")
        return
    for identity, queue in found.items():
        name = patient.names.of(identity)
        said = f"{name}: deliveries wait in its line: {queue.in_words()}"
        if patient.clock() - queue.since < UNREMARKED * patient.target.time_scale:
            yield ok("lines", said)
        else:
            yield warning(
                "lines",
                said,
                "forwarder destinations list says why: resume it, mend its entry, or see after the "
                "consumer. Once its way is open the line drains by itself; at once by forwarder "
                f"destinations flush {name}.",
            )
