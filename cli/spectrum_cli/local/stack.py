"""The whole stack on one machine: the template's resources in moto, its functions in processes.

Owns the order in which the parts start and stop. What is deployed is template.yaml, as it stands;
only what a laptop needs differently is said here: caps, endpoints, and scaled time.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from botocore.config import Config

from spectrum_cli.local.apply import deploy
from spectrum_cli.local.aws import made_up_credentials, session
from spectrum_cli.local.builds import BuildCancelled, Builds, build_all, this_machine
from spectrum_cli.local.deployment import (
    Deployment,
    Endpoints,
    FunctionSpec,
    QueueSourceSpec,
    Run,
)
from spectrum_cli.local.front import Front
from spectrum_cli.local.functions import FunctionBroken, FunctionPool, PoolStopped
from spectrum_cli.local.iam import assume, enforce_roles
from spectrum_cli.local.moto_repairs import repair
from spectrum_cli.local.moto_server import MotoServer
from spectrum_cli.local.poller import Poller
from spectrum_cli.local.schedule import Schedule
from spectrum_cli.local.state import LocalState
from spectrum_cli.local.worker import LogLine
from spectrum_cli.terminal.errors import Unreachable

# A laptop has few cores. Deliveries mostly wait for destinations, so a lane may have more workers
# than there are cores; receivers only compute, and each cold start takes from the others.
LANE_CONCURRENCY = 4
RECEIVER_WORKERS = max(2, min(4, os.cpu_count() or 1))
GRACE_SECONDS = 3.0
# Four from here: local, spectrum_cli, cli, the checkout.
CHECKOUT = Path(__file__).resolve().parents[3]
TEMPLATE = CHECKOUT / "template.yaml"
BUILDS = CHECKOUT / "build" / "artifacts"


class StartCancelled(Exception):
    """The stack was asked to stop while it was starting; nothing of it is left."""


class LocalStack:
    """A running stack, between `start` and `stop`, or as a context manager.

    `webhooks` and `destinations` are the texts of the two secrets. `log` gets every line that a
    function or a part of the stack says, from any thread. Ports: 0 picks a free one. `run` says
    what functions are run from. `spectrum` is where Spectrum's API is and the project's login, as
    in a command's environment: with it the check of registrations runs as well. `overrides` maps a
    boto3 service name to the URL of a service that stands in for the stack's own.
    """

    def __init__(
        self,
        *,
        webhooks: str,
        destinations: str,
        log: LogLine,
        port: int = 0,
        time_scale: float = 1.0,
        parameters: Mapping[str, str] | None = None,
        run: Run = Run.BUILT,
        spectrum: Mapping[str, str] | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> None:
        self._secrets = {"WebhooksSecret": webhooks, "DestinationsSecret": destinations}
        self._log = log
        self._port = port
        self._time_scale = time_scale
        self._parameters = dict(parameters or {})
        self._run = run
        self._overrides = dict(overrides or {})
        # Made anew for each start: whoever knows them may do everything.
        self._credentials = made_up_credentials()
        self._sessions: dict[str, Any] = {}
        self._spectrum: dict[str, str] = {}
        if spectrum is not None:
            self._watch(spectrum)
        self._code_dirs: dict[str, Path] | None = None
        self._cleanup = contextlib.ExitStack()
        # Each function's credentials: its role's, and nobody else's rights.
        self._roles: dict[str, dict[str, str]] = {}
        self.pools: dict[str, FunctionPool] = {}
        self.deployment: Deployment
        self.endpoints: Endpoints
        self.api_url = ""

    @property
    def endpoint_url(self) -> str:
        """The URL that requests are sent to."""
        return f"{self.api_url}/spectrum-webhook"

    def state(self, name: str = "") -> LocalState:
        """What other commands need to find the stack, which this process runs as `name`."""
        return LocalState(
            pid=os.getpid(),
            endpoint_url=self.endpoint_url,
            aws_url=self.endpoints.default,
            overrides=dict(self.endpoints.overrides),
            physical_ids=dict(self.deployment.physical_ids),
            outputs=dict(self.deployment.outputs),
            time_scale=self._time_scale,
            credentials=dict(self._credentials),
            name=name,
        )

    def client(self, service: str, credentials: Mapping[str, str] | None = None) -> Any:
        """Return a boto3 client of the stack's own `service`; it is closed with the stack.

        `credentials` are named as in an environment; without any the client may do everything.
        """
        used = credentials or self._credentials
        key = used["AWS_ACCESS_KEY_ID"]
        if key not in self._sessions:
            self._sessions[key] = session(used)
        client = self._sessions[key].client(
            service,
            endpoint_url=self.endpoints.url(service),
            # A proxy for the outside world is not for loopback.
            config=Config(proxies={}, max_pool_connections=20),
        )
        self._cleanup.callback(client.close)
        return client

    def seconds_between(self, function: str) -> float:
        """How long it is from one run of a scheduled function to the next; once it is started."""
        schedules = self.deployment.schedules
        (every,) = (spec.every_seconds for spec in schedules if spec.function == function)
        return every * self._time_scale

    def start(self, cancelled: threading.Event | None = None) -> None:
        """Bring everything up; returns when functions have initialised and queues are polled.

        Raises Unreachable when a part cannot start, StartCancelled when `cancelled` is set
        meanwhile; nothing is left running then.
        """
        cancelled = cancelled or threading.Event()
        try:
            for step in self._steps(cancelled):
                if cancelled.is_set():
                    raise StartCancelled
                step()
            if cancelled.is_set():
                raise StartCancelled
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything: what is under way gets a few seconds, then it is cut off."""
        self._cleanup.close()
        self.pools = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _steps(self, cancelled: threading.Event) -> Iterator[Callable[[], None]]:
        yield self._open_port
        yield lambda: self._build(cancelled)
        yield self._start_moto
        yield self._deploy
        yield lambda: self._start_functions(cancelled)
        yield self._start_traffic

    def _open_port(self) -> None:
        # First, since a taken port is the likeliest mistake; it is served last.
        try:
            self._front = Front(self._log, self._port)
        except OSError as error:
            raise Unreachable(
                f"port {self._port} cannot be used ({error.strerror}): "
                "stop what listens there, or choose another with --port (0 picks a free one)"
            ) from error
        self.api_url = self._front.url
        self._cleanup.callback(self._front.stop)

    def _start_moto(self) -> None:
        repair()
        enforce_roles()
        moto = MotoServer(self._credentials["AWS_ACCESS_KEY_ID"])
        moto.start()
        self._cleanup.callback(moto.stop)
        self.endpoints = Endpoints(moto.url, self._overrides, self._credentials)
        others = "".join(f", {url}" for url in self._overrides.values())
        self._say(f"AWS services at {moto.url}{others}, for this stack's own credentials only")

    def _build(self, cancelled: threading.Event) -> None:
        if not TEMPLATE.is_file():
            raise Unreachable(
                "the local stack runs template.yaml and the functions of a repository checkout, "
                "and this command is installed apart from one: run `make demo` or "
                "`.venv/bin/forwarder` in a checkout"
            )
        if self._run is Run.BUILT:
            builds = Builds(BUILDS, this_machine(), say=self._say, cancelled=cancelled)
            try:
                self._code_dirs = build_all(TEMPLATE, builds)
            except BuildCancelled as error:
                raise StartCancelled from error

    def _deploy(self) -> None:
        self.deployment = deploy(
            TEMPLATE,
            endpoints=self.endpoints,
            parameters=self._parameters,
            code_dirs=self._code_dirs,
        )
        secrets = self.client("secretsmanager")
        for logical_id, text in self._secrets.items():
            secrets.put_secret_value(
                SecretId=self.deployment.physical_ids[logical_id], SecretString=text
            )
        sts = self.client("sts")
        for logical_id, spec in self.deployment.functions.items():
            self._roles[logical_id] = assume(sts, spec.role_name)
        if self._time_scale != 1.0:
            for source in self.deployment.queue_sources:
                self._scale_visibility(source)

    def _scale_visibility(self, source: QueueSourceSpec) -> None:
        sqs, name = self.client("sqs"), "VisibilityTimeout"
        current = sqs.get_queue_attributes(QueueUrl=source.queue_url, AttributeNames=[name])
        scaled = max(1, round(int(current["Attributes"][name]) * self._time_scale))
        sqs.set_queue_attributes(QueueUrl=source.queue_url, Attributes={name: str(scaled)})

    def _start_functions(self, cancelled: threading.Event) -> None:
        for logical_id, spec in self.deployment.functions.items():
            self.pools[logical_id] = FunctionPool(
                spec if self._run is Run.BUILT else _with_installed_packages(spec),
                max_workers=self._workers(logical_id),
                log=self._log,
                environment=self._environment() | self._roles[logical_id],
            )
        self._cleanup.callback(self._stop_functions)
        with ThreadPoolExecutor() as starters:
            starts = [starters.submit(pool.start) for pool in self.pools.values()]
            while wait(starts, timeout=0.1).not_done:
                if cancelled.is_set():
                    self._stop_functions()
        try:
            for started in starts:
                started.result()
        except PoolStopped as stopped:
            raise StartCancelled from stopped
        except FunctionBroken as broken:
            if cancelled.is_set():
                raise StartCancelled from broken
            raise Unreachable(str(broken)) from broken

    def _start_traffic(self) -> None:
        pollers = [
            Poller(
                replace(source, max_concurrency=min(source.max_concurrency, LANE_CONCURRENCY)),
                self.pools[source.function],
                # Lambda polls in the function's name.
                self.client("sqs", self._roles[source.function]),
                self._log,
            )
            for source in self.deployment.queue_sources
        ]
        schedules = [
            Schedule(spec, self.pools[spec.function], self._log, time_scale=self._time_scale)
            for spec in self.deployment.schedules
        ]
        sources: list[Poller | Schedule] = [*pollers, *schedules]
        for source in sources:
            source.start()
        self._cleanup.callback(self._stop_traffic, sources)
        self._front.start(self.deployment.routes, self.pools)

    def _stop_traffic(self, sources: list[Poller | Schedule]) -> None:
        self._front.stop()
        for source in sources:
            source.stop()
        deadline = time.monotonic() + GRACE_SECONDS
        left = [s for s in sources if not s.join(max(0.0, deadline - time.monotonic()))]
        if left:
            self._say("cutting off what is still under way")
            self._stop_functions()
            for source in left:
                source.join(GRACE_SECONDS)

    def _stop_functions(self) -> None:
        with ThreadPoolExecutor() as stoppers:
            for pool in self.pools.values():
                stoppers.submit(pool.stop)

    def _watch(self, spectrum: Mapping[str, str]) -> None:
        """Switch the check of registrations on, as `forwarder webhooks watch` does on AWS."""
        self._parameters["WatchRegistrations"] = "yes"
        self._spectrum["SPECTRUM_API_URL"] = spectrum["SPECTRUM_API_URL"]
        self._secrets["ProjectSecret"] = json.dumps(
            {
                "project_id": spectrum["SPECTRUM_PROJECT_ID"],
                "project_secret": spectrum["SPECTRUM_PROJECT_SECRET"],
            }
        )

    def _workers(self, function: str) -> int:
        """As many as its sources can keep busy at once, within the caps."""
        deployment = self.deployment
        lanes = [source for source in deployment.queue_sources if source.function == function]
        workers = sum(min(lane.max_concurrency, LANE_CONCURRENCY) for lane in lanes)
        workers += sum(schedule.function == function for schedule in deployment.schedules)
        if any(route.function == function for route in deployment.routes):
            workers += RECEIVER_WORKERS
        return max(workers, 1)

    def _environment(self) -> dict[str, str]:
        overrides = {
            f"AWS_ENDPOINT_URL_{service.upper()}": url
            for service, url in self.endpoints.overrides.items()
        }
        return {
            "AWS_ENDPOINT_URL": self.endpoints.default,
            **overrides,
            "ALLOW_LOOPBACK": "1",
            "ENDPOINT_HOST": self._front.address,
            "ENDPOINT_URL": self.endpoint_url,
            "TIME_SCALE": str(self._time_scale),
            **self._spectrum,
        }

    def _say(self, text: str) -> None:
        self._log("stack", text)


def _with_installed_packages(spec: FunctionSpec) -> FunctionSpec:
    """A function that finds its packages where those of this command are."""
    installed = (Path(entry) for entry in sys.path if entry.endswith("-packages"))
    return replace(spec, layer_dirs=(*spec.layer_dirs, *installed))
