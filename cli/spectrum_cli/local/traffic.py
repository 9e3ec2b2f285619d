"""What comes to the functions of a stack by itself: records of its queues, and its schedules.

Owns how it begins, and how it ends: what is under way gets a few seconds, then it is cut off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from spectrum_cli.local.deployment import Deployment, QueueSourceSpec
from spectrum_cli.local.functions import FunctionPool
from spectrum_cli.local.poller import Poller
from spectrum_cli.local.pools import LANE_CONCURRENCY, stop_all
from spectrum_cli.local.schedule import Schedule
from spectrum_cli.local.worker import LogLine

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

GRACE_SECONDS = 3.0


class Traffic:
    """Of a deployment's sources, into `pools`. `sqs_as` gives the client of a function's role."""

    def __init__(
        self,
        deployment: Deployment,
        pools: Mapping[str, FunctionPool],
        *,
        sqs_as: Callable[[str], SQSClient],
        log: LogLine,
        time_scale: float,
    ) -> None:
        self._pools = pools
        self._log = log
        pollers = [
            Poller(
                replace(source, max_concurrency=min(source.max_concurrency, LANE_CONCURRENCY)),
                pools[source.function],
                # Lambda polls in the function's name.
                sqs_as(source.function),
                log,
            )
            for source in deployment.queue_sources
        ]
        schedules = [
            Schedule(spec, pools[spec.function], log, time_scale=time_scale)
            for spec in deployment.schedules
        ]
        self._sources: list[Poller | Schedule] = [*pollers, *schedules]

    def start(self) -> None:
        """Begin to poll, and to count the schedules' time."""
        for source in self._sources:
            source.start()

    def stop(self) -> None:
        """Take nothing more, and stop the functions if what is under way does not end in time."""
        for source in self._sources:
            source.stop()
        deadline = time.monotonic() + GRACE_SECONDS
        left = [s for s in self._sources if not s.join(max(0.0, deadline - time.monotonic()))]
        if left:
            self._log("stack", "cutting off what is still under way")
            stop_all(self._pools)
            for source in left:
                source.join(GRACE_SECONDS)


def scale_visibility(sqs: SQSClient, sources: Iterable[QueueSourceSpec], time_scale: float) -> None:
    """Let what is not deleted from the sources' queues be visible again so much sooner."""
    name: Final = "VisibilityTimeout"
    for source in sources:
        current = sqs.get_queue_attributes(QueueUrl=source.queue_url, AttributeNames=[name])
        scaled = max(1, round(int(current["Attributes"][name]) * time_scale))
        sqs.set_queue_attributes(QueueUrl=source.queue_url, Attributes={name: str(scaled)})
