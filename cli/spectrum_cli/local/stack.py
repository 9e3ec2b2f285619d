"""The whole stack on one machine: the template's resources in moto, its functions in processes.

Owns the order in which the parts start and stop. What is deployed is template.yaml, as it stands;
only what a laptop needs differently is said here: endpoints, credentials, and scaled time.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from spectrum_cli.local.apply import deploy
from spectrum_cli.local.aws import Sessions, made_up_credentials
from spectrum_cli.local.builds import BuildCancelled
from spectrum_cli.local.checkout import TEMPLATE, TRANSLATIONS, prepare
from spectrum_cli.local.deployment import Deployment, Endpoints, Run
from spectrum_cli.local.front import Front
from spectrum_cli.local.functions import FunctionBroken, FunctionPool, PoolStopped
from spectrum_cli.local.iam import assume, enforce_roles
from spectrum_cli.local.moto_server import MotoServer
from spectrum_cli.local.pools import pools_of, start_all, stop_all
from spectrum_cli.local.queue_calls import polling_clients
from spectrum_cli.local.state import LocalState
from spectrum_cli.local.traffic import Traffic, scale_visibility
from spectrum_cli.local.worker import LogLine
from spectrum_cli.terminal.errors import Unreachable
from spectrum_cli.vendor.project_login import secret_text


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
        self._sessions = Sessions()
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
            endpoints=self.endpoints,
            outputs=self.deployment.outputs,
            time_scale=self._time_scale,
            name=name,
        )

    def client(self, service: str, credentials: Mapping[str, str] | None = None) -> Any:
        """Return a boto3 client of the stack's own `service`; it is closed with the stack.

        `credentials` are named as in an environment; without any the client may do everything.
        """
        url = self.endpoints.url(service)
        client = self._sessions.client(service, url, credentials or self._credentials)
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
        enforce_roles()
        moto = MotoServer(self._credentials["AWS_ACCESS_KEY_ID"])
        moto.start()
        self._cleanup.callback(moto.stop)
        self.endpoints = Endpoints(moto.url, self._overrides, self._credentials)
        others = "".join(f", {url}" for url in self._overrides.values())
        self._say(f"AWS services at {moto.url}{others}, for this stack's own credentials only")

    def _build(self, cancelled: threading.Event) -> None:
        try:
            self._code_dirs = prepare(self._run, self._say, cancelled)
        except BuildCancelled as error:
            raise StartCancelled from error

    def _deploy(self) -> None:
        self.deployment = deploy(
            TEMPLATE,
            endpoints=self.endpoints,
            parameters=self._parameters,
            code_dirs=self._code_dirs,
            kept=TRANSLATIONS,
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
            scale_visibility(self.client("sqs"), self.deployment.queue_sources, self._time_scale)

    def _start_functions(self, cancelled: threading.Event) -> None:
        everyone = self._environment()
        environments = {function: everyone | role for function, role in self._roles.items()}
        self.pools = pools_of(self.deployment, self._run, environments, self._log)
        self._cleanup.callback(stop_all, self.pools)
        try:
            start_all(self.pools, cancelled)
        except PoolStopped as stopped:
            raise StartCancelled from stopped
        except FunctionBroken as broken:
            if cancelled.is_set():
                raise StartCancelled from broken
            raise Unreachable(str(broken)) from broken

    def _start_traffic(self) -> None:
        traffic = Traffic(
            self.deployment,
            self.pools,
            sqs_as=polling_clients(self.endpoints.url("sqs"), self._roles, usual=self.client),
            log=self._log,
            time_scale=self._time_scale,
        )
        traffic.start()
        self._cleanup.callback(traffic.stop)
        # What comes from outside ends first.
        self._cleanup.callback(self._front.stop)
        self._front.start(self.deployment.routes, self.pools)

    def _watch(self, spectrum: Mapping[str, str]) -> None:
        """Switch the check of registrations on, as `forwarder webhooks watch` does on AWS."""
        self._parameters["WatchRegistrations"] = "yes"
        self._spectrum["SPECTRUM_API_URL"] = spectrum["SPECTRUM_API_URL"]
        self._secrets["ProjectSecret"] = secret_text(
            spectrum["SPECTRUM_PROJECT_ID"], spectrum["SPECTRUM_PROJECT_SECRET"]
        )

    def _environment(self) -> dict[str, str]:
        return {
            **self.endpoints.environment(),
            "ALLOW_LOOPBACK": "1",
            "ENDPOINT_HOST": self._front.address,
            "ENDPOINT_URL": self.endpoint_url,
            "TIME_SCALE": str(self._time_scale),
            **self._spectrum,
        }

    def _say(self, text: str) -> None:
        self._log("stack", text)
