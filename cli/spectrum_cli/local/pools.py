"""The functions of a stack: a pool of workers each, as large as its sources can keep busy.

Owns how many workers each gets, and that all start, and all end, side by side.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

from spectrum_cli.local.deployment import Deployment, FunctionSpec, Run
from spectrum_cli.local.functions import FunctionPool
from spectrum_cli.local.worker import LogLine

# A laptop has few cores. Deliveries mostly wait for destinations, so a lane may have more workers
# than there are cores; receivers only compute, and each cold start takes from the others.
LANE_CONCURRENCY = 4
RECEIVER_WORKERS = max(2, min(4, os.cpu_count() or 1))


def pools_of(
    deployment: Deployment,
    run: Run,
    environments: Mapping[str, Mapping[str, str]],
    log: LogLine,
) -> dict[str, FunctionPool]:
    """A pool for each function, not started; `environments` come on top of the template's."""
    return {
        logical_id: FunctionPool(
            spec if run is Run.BUILT else _with_installed_packages(spec),
            max_workers=_workers_for(logical_id, deployment),
            log=log,
            environment=environments[logical_id],
        )
        for logical_id, spec in deployment.functions.items()
    }


def start_all(pools: Mapping[str, FunctionPool], cancelled: threading.Event) -> None:
    """Have one worker of each ready.

    Raises FunctionBroken for one that does not initialise, PoolStopped when `cancelled` is set
    meanwhile: all are stopped then.
    """
    with ThreadPoolExecutor() as starters:
        starts = [starters.submit(pool.start) for pool in pools.values()]
        while wait(starts, timeout=0.1).not_done:
            if cancelled.is_set():
                stop_all(pools)
    for started in starts:
        started.result()


def stop_all(pools: Mapping[str, FunctionPool]) -> None:
    """End all workers at once; what is under way fails."""
    with ThreadPoolExecutor() as stoppers:
        for pool in pools.values():
            stoppers.submit(pool.stop)


def _workers_for(function: str, deployment: Deployment) -> int:
    """As many as its sources can keep busy at once, within the caps."""
    lanes = [source for source in deployment.queue_sources if source.function == function]
    workers = sum(min(lane.max_concurrency, LANE_CONCURRENCY) for lane in lanes)
    workers += sum(schedule.function == function for schedule in deployment.schedules)
    if any(route.function == function for route in deployment.routes):
        workers += RECEIVER_WORKERS
    return max(workers, 1)


def _with_installed_packages(spec: FunctionSpec) -> FunctionSpec:
    """A function that finds its packages where those of this command are."""
    installed = (Path(entry) for entry in sys.path if entry.endswith("-packages"))
    return replace(spec, layer_dirs=(*spec.layer_dirs, *installed))
