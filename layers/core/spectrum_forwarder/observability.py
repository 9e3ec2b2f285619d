"""What the functions tell: one structured log line a fact, and the metrics counted from them.

Facts carry keys, names, codes, counts and times. Never a body, a signature, a secret or a text.

Metrics leave once, at the end of an invocation, in CloudWatch's embedded metric format; what each
accepted event has is read off its line by a metric filter. Log lines are a large part of the bill,
so the only fact of an invocation rides on the line of its metrics: an accepted event is one line in
the receiver, and often one in the fan-out. Of what a stranger can cause, an instance writes 60
lines of a kind a minute, and then how many it left out; metrics count all.
"""

import functools
import json
import os
import threading
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from spectrum_forwarder.measures import LEVELS, MEASURES, READ_OFF, SAMPLED, TIMED, Measure, said

DEFAULT_NAMESPACE = "SpectrumForwarder"
# CloudWatch's limit, over which Powertools would print by itself.
MOST_VALUES = 99
# Of each fact in SAMPLED: so many lines in so many seconds, and no more.
SAMPLED_LINES, SAMPLED_SECONDS = 60, 60.0

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
# A dimension's name and value, or nothing.
Dimension = tuple[str, str] | tuple[()]
# A metric's name and unit, and its values: a single sum where it is a count.
Values = dict[tuple[str, MetricUnit], list[float]]

# Their weight, under Python's names and Lambda's.
WEIGHTS = {"TRACE": 5, "DEBUG": 10, "INFO": 20, "WARN": 30, "WARNING": 30, "ERROR": 40}
WEIGHTS |= {"CRITICAL": 50, "FATAL": 50}
# What Lambda calls a level that Python calls otherwise.
LEVELS_OF_LAMBDA = {"WARNING": "WARN", "CRITICAL": "FATAL"}
# ASCII alone, as in the lines of metrics: some other characters break lines for some readers.
_dumps = functools.partial(json.dumps, separators=(",", ":"), default=str)


def _text(line: dict[str, Any]) -> str:
    """A line as it is printed, so that Lambda leaves its level as it is.

    A JSON line without a level that Lambda knows, or without a time as in RFC 3339, becomes INFO
    (AWS Lambda Developer Guide, "Log-level filtering"). What is INFO anyway says neither.
    """
    level = line.get("level", "INFO")
    if level == "INFO":
        return _dumps({name: value for name, value in line.items() if name != "level"})
    now = time.time()
    second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    known = {"level": LEVELS_OF_LAMBDA.get(level, level)}
    return _dumps({**known, "timestamp": f"{second}.{int(now % 1 * 1000):03}Z", **line, **known})


class InvocationFailed(Exception):
    """Stands for an exception that may not leave a handler: its text could quote an event."""


class Sample:
    """Lets a limited number of lines of each fact through in a minute, and counts the others.

    Of what a stranger can cause at will, a line each would be paid by us.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = float("inf")
        self._lines: Counter[str] = Counter()

    def takes(self, name: str) -> bool:
        """Whether this one gets a line."""
        if name not in SAMPLED:
            return True
        if not self._lines:
            self._until = self._clock() + SAMPLED_SECONDS
        self._lines[name] += 1
        return self._lines[name] <= SAMPLED_LINES

    def left_out(self) -> dict[str, int]:
        """How many lines of each fact were left out, once their minute is over; then none."""
        if self._clock() < self._until:
            return {}
        lines, self._lines, self._until = self._lines, Counter(), float("inf")
        return {
            name: number - SAMPLED_LINES for name, number in lines.items() if number > SAMPLED_LINES
        }


class Teller:
    """The facts and metrics of the invocation that is under way; safe from several threads.

    `clock` (seconds) says when a minute of sampled lines is over.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._sample = Sample(clock)
        self.begin(None)

    def begin(self, request_id: str | None) -> None:
        """A new invocation; its id goes with whatever is trouble."""
        self._request_id = request_id
        self._began = time.perf_counter()
        self._values: defaultdict[Dimension, Values] = defaultdict(dict)
        self._timed: set[str] = set()
        self._held: dict[str, Any] | None = None
        self._several = False

    def fact(self, name: str, /, **fields: object) -> None:
        """The `Facts` port."""
        told = {key: value for key, value in fields.items() if value is not None}
        with self._lock:
            if name in TIMED:
                self._timed.add(TIMED[name])
            for measure in MEASURES.get(name, ()):
                if measure.takes(told):
                    self._measure(measure, told)
            level = LEVELS.get(name, "INFO")
            if level != "INFO" and self._request_id:
                told["request_id"] = self._request_id
            self._tell_left_out()
            if level != "DEBUG" and self._sample.takes(name):
                self._tell({"level": level, "message": name, **said(name, told)})

    def end(self) -> None:
        """Print what is left, metrics last."""
        with self._lock:
            self._tell_left_out()
            seconds = round(time.perf_counter() - self._began, 3)
            for metric in self._timed:
                self._add((), metric, MetricUnit.Seconds, seconds)
            carrier = self._carrier()
            if self._held is not None and carrier is None:
                _log(self._held)
            for dimension, values in self._values.items():
                _print(dimension, values, self._held if dimension == carrier else None)
            self.begin(None)

    def _tell_left_out(self) -> None:
        for name, lines in self._sample.left_out().items():
            told = {"message": "lines.left_out", "fact": name, "lines": lines}
            self._tell({"level": "WARNING", **told})

    def _tell(self, line: dict[str, Any]) -> None:
        """Hold the first line back; at the second one it is clear that neither is the only one."""
        if not self._several and self._held is None:
            self._held = line
            return
        if self._held is not None:
            _log(self._held)
        self._held, self._several = None, True
        _log(line)

    def _measure(self, measure: Measure, told: dict[str, Any]) -> None:
        value = measure.value(told)
        dimensions: list[Dimension] = [()] if measure.summed else []
        if measure.by:
            dimensions.append((measure.by, str(told[measure.by])))
        for dimension in dimensions:
            if measure.metric not in READ_OFF:
                self._add(dimension, measure.metric, measure.unit, value)
        if measure.replaces and measure.field is not None:
            del told[measure.field]
            told[measure.metric] = value

    def _add(self, dimension: Dimension, metric: str, unit: MetricUnit, value: float) -> None:
        values = self._values[dimension].setdefault((metric, unit), [])
        if unit is MetricUnit.Count and values:
            values[0] += value
        elif len(values) < MOST_VALUES:
            values.append(value)

    def _carrier(self) -> Dimension | None:
        """The dimension of the metrics' line that the only fact rides on, if there is one."""
        if self._held is None:
            return None
        for dimension in self._values:
            if dimension and self._held.get(dimension[0]) == dimension[1]:
                return dimension
        return () if () in self._values else None


teller = Teller()
facts = teller.fact


def observed(handler: Handler) -> Handler:
    """Wrap a Lambda handler: its metrics are printed when it ends, and its exceptions named only.

    Lambda prints the text of an exception that leaves a handler, and that text may quote an event.
    """

    @functools.wraps(handler)
    def invoke(event: dict[str, Any], context: Any) -> dict[str, Any]:
        teller.begin(getattr(context, "aws_request_id", None))
        try:
            return handler(event, context)
        except Exception as error:
            facts("invocation.failed", cause=type(error).__name__, places=_places(error))
            raise InvocationFailed(type(error).__name__) from None
        finally:
            teller.end()

    return invoke


def _places(error: Exception) -> list[str]:
    """The innermost functions and lines, without the text of either code or error."""
    return [f"{at.name}:{at.lineno}" for at in traceback.extract_tb(error.__traceback__)[-5:]]


def _log(line: dict[str, Any]) -> None:
    """Print a line, unless its level is too low; as Powertools' Logger does, but for what is usual.

    That one, and Python's logging below it, took a quarter of what a batch computes.
    """
    least = os.environ.get("AWS_LAMBDA_LOG_LEVEL") or os.environ.get("POWERTOOLS_LOG_LEVEL", "INFO")
    if WEIGHTS[line["level"]] < WEIGHTS.get(least.upper(), 0):
        return
    root, *traced = os.environ.get("_X_AMZN_TRACE_ID", "").split(";")
    # An id of what was not traced leads nowhere; the template has nothing traced.
    trace = {"xray_trace_id": root.removeprefix("Root=")} if "Sampled=1" in traced else {}
    print(_text(line | trace), flush=True)


def _print(dimension: Dimension, values: Values, fact: dict[str, Any] | None) -> None:
    """Print one line of metrics, on which a fact may ride."""
    declared = {name: measured for name, measured in values.items() if name[0] not in READ_OFF}
    line = (fact or {}) | (_declared(dimension, declared) if declared else {})
    # One value alone needs no list; so the fact reads the same here and on a line of its own.
    line |= {metric: measured[0] for (metric, _), measured in values.items() if len(measured) == 1}
    print(_text(line), flush=True)


def _declared(dimension: Dimension, values: Values) -> dict[str, Any]:
    namespace = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", DEFAULT_NAMESPACE)
    metrics = EphemeralMetrics(namespace=namespace, service="")
    for (metric, unit), measured in values.items():
        for value in measured:
            metrics.add_metric(metric, unit, value)
    if dimension:
        metrics.add_dimension(*dimension)
    return dict(metrics.serialize_metric_set())
