"""Which facts are counted or measured, under which metric, and which of them are trouble.

Metrics have at most one dimension. `Accepted` and `Delivered` are times, in seconds; how many there
were is their sample count, so that no second metric has to say it. The log is paid by the byte.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from aws_lambda_powertools.metrics import MetricUnit

from spectrum_forwarder.domain.errors import (
    NoSecretForScheme,
    UnknownWebhook,
    UnnamedWebhook,
    refusals,
)

# Levels of facts other than INFO. Those of DEBUG are only counted: nobody needs a line of each.
LEVELS = {
    "request.refused": "WARNING",
    "request.looped": "WARNING",
    "registry.entry_refused": "ERROR",
    "registry.unread": "ERROR",
    "registry.read": "DEBUG",
    "record.unreadable": "ERROR",
    "record.kept": "WARNING",
    "event.later_format": "ERROR",
    "outcome.noted": "WARNING",
    "outcome.unwritten": "ERROR",
    "batch.kept": "WARNING",
    "hint.failed": "WARNING",
    "event.queued_whole": "WARNING",
    "quarantine.failed": "WARNING",
    "delivery.dead_lettered": "ERROR",
    "delivery.filtered": "DEBUG",
    "filter.failed": "WARNING",
    "breaker.opened": "WARNING",
    "breaker.open": "DEBUG",
    "line.stands": "DEBUG",
    "line.unreached": "WARNING",
    "registration.trouble": "ERROR",
    "registrations.unread": "WARNING",
    "registrations.read": "DEBUG",
    "breakers.unread": "WARNING",
    "claim.unreleased": "WARNING",
    "sweep.cut_short": "ERROR",
    "hints.refused": "WARNING",
    "depth.unread": "WARNING",
    "receive.failed": "ERROR",
    "invocation.failed": "ERROR",
}


class Measure(NamedTuple):
    """A metric of a fact: the value of `field`, or without one a count of the fact.

    `by` is the field that becomes the dimension; with `summed` the metric is published without it
    as well, for an alarm to look at. `when` restricts the measure to some facts. `replaces` says
    that the metric stands in the field's place in the log line.
    """

    metric: str
    unit: MetricUnit = MetricUnit.Count
    field: str | None = None
    by: str | None = None
    summed: bool = True
    when: Callable[[Mapping[str, Any]], bool] | None = None
    replaces: bool = False

    def takes(self, fields: Mapping[str, Any]) -> bool:
        """Whether the fact with these fields is measured."""
        there = self.field is None or self.field in fields
        return there and (self.when is None or self.when(fields))

    def value(self, fields: Mapping[str, Any]) -> float:
        """What is measured."""
        return 1.0 if self.field is None else float(fields[self.field])


# How each code is answered.
STATUSES = {kind.code: kind.status for kind in refusals()}


def _unproved(fields: Mapping[str, Any]) -> bool:
    return STATUSES.get(fields["code"]) == 401


def _malformed(fields: Mapping[str, Any]) -> bool:
    # What is signed and names no webhook is a doubt of ours, and as easily caused as a 400.
    return STATUSES.get(fields["code"]) == 400 or fields["code"] == UnnamedWebhook.code


def _our_fault(fields: Mapping[str, Any]) -> bool:
    # Anybody can name no webhook, or one that nobody knows: counted, but not among our faults.
    code = fields["code"]
    if code == NoSecretForScheme.code and fields.get("probe"):
        return False  # the command line asked whether the webhook is known, and it is
    return STATUSES.get(code, 503) >= 500 and code not in (UnknownWebhook.code, UnnamedWebhook.code)


def _delivered(fields: Mapping[str, Any]) -> bool:
    return bool(fields["status"] == "delivered")


def _failed(fields: Mapping[str, Any]) -> bool:
    return not _delivered(fields)


def _repeated(fields: Mapping[str, Any]) -> bool:
    return bool(fields["attempt"] > 1)


def _verified(fields: Mapping[str, Any]) -> bool:
    return bool(fields.get("verified"))


SKEW = Measure("ClockSkew", MetricUnit.Seconds, field="skew_seconds")
# Of what is refused, a stranger chooses the time: only a right signature makes it a clock's.
SKEW_REFUSED = Measure("ClockSkew", MetricUnit.Seconds, field="skew_seconds", when=_verified)
DELIVERED = Measure(
    "Delivered",
    MetricUnit.Seconds,
    field="age_seconds",
    by="destination",
    summed=False,
    when=_delivered,
    replaces=True,
)

MEASURES: Mapping[str, tuple[Measure, ...]] = {
    # The receiver. `Accepted` is measured when the invocation ends.
    "event.accepted": (SKEW, Measure("PayloadsStored", field="in_bucket")),
    "event.duplicate": (Measure("Duplicates"),),
    "event.same_id": (Measure("SameIds"),),
    "event.queued_whole": (Measure("Unrecorded"),),
    # Parted by what they mean, so that what a stranger can cause hides nothing.
    "request.refused": (
        Measure("Refused", by="code"),
        Measure("Unproved", by="code", summed=False, when=_unproved),
        Measure("Malformed", by="code", summed=False, when=_malformed),
        Measure("OwnFaults", by="code", summed=False, when=_our_fault),
        SKEW_REFUSED,
    ),
    "request.looped": (Measure("Looped"),),
    "request.quarantined": (Measure("Quarantined"),),
    "quarantine.failed": (Measure("QuarantineFailed"),),
    "receive.failed": (Measure("ReceivesFailed"), Measure("OwnFaults", by="code", summed=False)),
    # The receiver and the fan-out.
    "hint.failed": (Measure("HintsFailed"),),
    "registry.read": (Measure("SecretReads"),),
    "registry.unread": (Measure("SecretsUnread"),),
    "registry.entry_refused": (Measure("EntriesRefused"),),
    # The fan-out.
    "delivery.attempted": (
        DELIVERED,
        Measure("AttemptsFailed", by="destination", summed=False, when=_failed),
        Measure("Retries", by="destination", summed=False, when=_repeated),
    ),
    "delivery.dead_lettered": (Measure("DeadLettered", by="destination"),),
    "delivery.removed": (Measure("Removed", by="destination"),),
    # Without a dimension: a line of metrics for each destination that wants no event would cost
    # more than those that get it.
    "delivery.filtered": (Measure("Filtered"),),
    "filter.failed": (Measure("FiltersFailed", by="destination", summed=False),),
    "record.kept": (Measure("RecordsKept"),),
    "record.unreadable": (Measure("RecordsKept"),),
    "outcome.noted": (Measure("RecordsKept"),),
    "outcome.unwritten": (Measure("RecordsKept"),),
    "batch.kept": (Measure("RecordsKept", field="records"),),
    "event.later_format": (Measure("LaterFormats"),),
    # The sweeper.
    "sweep.done": (
        Measure("Swept", field="hints"),
        Measure("OldestOverdue", MetricUnit.Seconds, field="oldest_seconds"),
    ),
    "sweep.cut_short": (Measure("SweepsCutShort"),),
    "hints.refused": (Measure("HintsFailed", field="hints"),),
    "breaker.open": (
        Measure("BreakerOpen", MetricUnit.Seconds, field="seconds", by="destination", summed=False),
    ),
    "line.stands": (
        Measure("LineStands", MetricUnit.Seconds, field="seconds", by="destination", summed=False),
    ),
    # The check of registrations.
    "registration.trouble": (Measure("RegistrationTrouble", by="trouble", summed=False),),
    "registrations.read": (Measure("RegistrationsRead"),),
    "registrations.unread": (Measure("RegistrationsUnread"),),
    # All.
    "invocation.failed": (Measure("InvocationsFailed"),),
}

# Facts that a stranger can cause at will: a limited number of lines of each, and no more.
SAMPLED = frozenset(
    {
        *("request.refused", "request.looped", "request.quarantined", "quarantine.failed"),
        "filter.failed",  # by whoever writes a message that an operator's filter did not expect
    }
)

# How long the invocation took in which such a fact was told: the sender waited for it.
TIMED = {"event.accepted": "Accepted", "event.queued_whole": "Accepted"}

# Metrics that metric filters of the template read off the lines: one line has one value, and none
# has to declare it. That would be two thirds of the line of an accepted event, or of a delivery.
READ_OFF = frozenset({"Accepted", "Delivered"})

# Fields whose usual value is left off the line.
UNSAID: Mapping[str, Mapping[str, object]] = {
    "event.accepted": {"kind": "messages"},
    "delivery.attempted": {"status": "delivered", "attempt": 1, "answer": "200"},
}

# Shorter words for the line, so that an event of any scheme stays within the bytes it may cost.
SHORT_SCHEMES: Mapping[str, str] = {"standard": "sw"}


def said(fact: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a fact as its line says them: what is usual is left off, schemes are short.

    Schemes that an event carried and that did not prove it stand behind those that did: `v0-sw`.
    """
    unsaid = UNSAID.get(fact, {}).items()
    told = {name: value for name, value in fields.items() if (name, value) not in unsaid}
    also = told.pop("also", None)
    if "scheme" in told:
        proved = _in_short(told["scheme"])
        told["scheme"] = f"{proved}-{_in_short(also)}" if also else proved
    return told


def _in_short(schemes: str) -> str:
    return "+".join(SHORT_SCHEMES.get(scheme, scheme) for scheme in schemes.split("+"))
