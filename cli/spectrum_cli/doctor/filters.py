"""Do filters say what they are meant to say, and could they be evaluated on what came?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from spectrum_cli.destinations.filter_trials import try_filter
from spectrum_cli.doctor.model import Patient
from spectrum_cli.terminal.aws_errors import explained
from spectrum_cli.terminal.verdicts import Result, ok, skipped, warning

if TYPE_CHECKING:
    from spectrum_forwarder.domain.destination import Destination

CHECK = "filters"
METRIC, DAY = "FiltersFailed", 86_400


def filters(
    patient: Patient, destinations: Mapping[str, Destination], expressions: Mapping[str, str]
) -> Iterator[Result]:
    """Each filter works on every sample, and has on every event of the last day.

    Both by identity. What was counted is asked for where CloudWatch has it: of a deployed stack.
    """
    for identity, expression in expressions.items():
        destination = destinations.get(identity)
        if destination is None:
            continue  # a broken entry, which is said
        look = f"Look at it: forwarder destinations filter {destination.name} --try."
        found = list(try_filter(destination, expression).faults)
        number, unasked = _failed_lately(patient, destination.name)
        if unasked:
            yield skipped(CHECK, f"how often the filter of {destination.name} failed: {unasked}")
        if number:
            lately = f"it could not be evaluated on {number} events since yesterday"
            found.insert(0, f"{lately}: {_then(destination)}")
        for fault in found:
            yield warning(CHECK, f"the filter of {destination.name}: {fault}", look)
        if not found:
            yield ok(CHECK, f"the filter of {destination.name} can be evaluated on every sample")


def _then(destination: Destination) -> str:
    from spectrum_forwarder.domain.destination import OnFilterError  # noqa: PLC0415 (not for --help)

    if destination.on_filter_error is OnFilterError.SKIP:
        return "they were left out (on_filter_error: skip)"
    return "they were delivered all the same (on_filter_error: deliver)"


def _failed_lately(patient: Patient, name: str) -> tuple[int, str]:
    """How many events of the last day, as the fan-out counted them; or why nobody can tell."""
    if patient.target.is_local:
        return 0, ""
    now = datetime.fromtimestamp(patient.clock(), UTC)
    try:
        found = patient.target.client("cloudwatch").get_metric_statistics(
            Namespace=patient.target.name,
            MetricName=METRIC,
            Dimensions=[{"Name": "destination", "Value": name}],
            StartTime=now - timedelta(seconds=DAY),
            EndTime=now + timedelta(seconds=60),
            Period=DAY,
            Statistics=["Sum"],
        )
    except Exception as error:
        known = explained(error)
        if known is None:
            raise
        return 0, str(known)
    return round(sum(float(point["Sum"]) for point in found["Datapoints"])), ""
