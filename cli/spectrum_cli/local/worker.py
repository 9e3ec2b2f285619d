"""One worker: an operating system process that runs one function, one invocation at a time.

Owns the process, its environment (Lambda's variables and nothing of ours), its output and its end.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from spectrum_cli.local import lineage
from spectrum_cli.local.deployment import FunctionSpec
from spectrum_cli.local.runtime_api import (
    Answered,
    Exited,
    Failed,
    Invocation,
    RuntimeApi,
    error_payload,
)

REGION = "us-east-1"
ACCOUNT = "123456789012"
BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
# Lambda gives 10 s and then starts over; a busy laptop may need longer and gains nothing by that.
INIT_SECONDS = 60.0

LogLine = Callable[[str, str], None]
"""Takes who speaks (a function's logical id, or a part of the stack) and one line of text."""


@dataclass(frozen=True)
class InvocationResult:
    """What an invocation came to. `payload` is JSON: the handler's answer, or the error."""

    payload: bytes
    failed: bool = False


class WorkerGone(Exception):
    """The worker ended before it had seen the event: another one can take it safely."""


class Worker:
    """A started process. `on_exit` is called once, from another thread, when it has ended."""

    def __init__(
        self,
        spec: FunctionSpec,
        environment: Mapping[str, str],
        log: LogLine,
        on_exit: Callable[[Worker], None],
    ) -> None:
        self._spec = spec
        self._log = log
        self._on_exit = on_exit
        self._api = RuntimeApi()
        self.alive = True
        # The other end of the worker's lifeline: it closes with this process, even by `kill -9`.
        reading, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(
                # Without `site`: what is installed for this command is not there for a function.
                [sys.executable, "-S", str(BOOTSTRAP), str(reading), spec.handler, _client()],
                cwd=spec.code_dir,
                env={**_lambda_environment(spec, self._api.address), **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(reading,),
                # Ctrl-C in the terminal is for the stack, which then ends its workers itself.
                start_new_session=True,
            )
        except OSError:
            self._api.close()
            os.close(self._lifeline)
            raise
        finally:
            os.close(reading)
        self._watcher = threading.Thread(
            target=self._watch, name=f"watch-{spec.logical_id}-{self.pid}", daemon=True
        )
        self._watcher.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_initialised(self) -> InvocationResult | None:
        """Wait for the first call for work; the failure if there is none, and then it is killed."""
        deadline = time.monotonic() + INIT_SECONDS
        while not self._api.initialised.wait(0.02):
            with contextlib.suppress(queue.Empty):
                outcome = self._api.outcomes.get_nowait()
                self.kill()
                return self._failure(outcome)
            if time.monotonic() > deadline:
                self.kill()
                return InvocationResult(
                    error_payload("Sandbox.Timedout", f"no start within {INIT_SECONDS:.0f} s"), True
                )
        return None

    def run(self, payload: bytes, trace: str | None = None) -> InvocationResult:
        """Run one event to its end, which is at the latest the function's timeout.

        `trace` is the header of the chain of calls that the event came in, if it came in one.
        Raises WorkerGone when the process had ended before it fetched the event.
        """
        timeout = self._spec.timeout_seconds
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self._spec.logical_id}"
        invocation = Invocation(
            request_id=str(uuid.uuid4()),
            payload=payload,
            deadline_ms=int((time.time() + timeout) * 1000),
            function_arn=arn,
            trace=lineage.entered(trace, self._spec.logical_id),
        )
        self._api.hand_over(invocation)
        try:
            outcome = self._api.outcomes.get(timeout=timeout)
        except queue.Empty:
            self.kill()
            text = f"{invocation.request_id} Task timed out after {timeout:.2f} seconds"
            self._log(self._spec.logical_id, text)
            return InvocationResult(error_payload("Sandbox.Timedout", text), failed=True)
        if isinstance(outcome, Exited) and not self._api.has_fetched(invocation):
            raise WorkerGone
        if isinstance(outcome, Answered):
            return InvocationResult(outcome.payload)
        return self._failure(outcome)

    def kill(self) -> None:
        """End the process at once, as Lambda does; `join` waits until all of it is gone."""
        self.alive = False
        self._process.kill()

    def join(self) -> None:
        self._watcher.join()

    def _failure(self, outcome: Answered | Failed | Exited) -> InvocationResult:
        if isinstance(outcome, Exited):
            cause = (
                f"signal {-outcome.status}" if outcome.status < 0 else f"status {outcome.status}"
            )
            text = f"the function's process ended: {cause}"
            self._log(self._spec.logical_id, text)
            return InvocationResult(error_payload("Runtime.ExitError", text), failed=True)
        return InvocationResult(outcome.payload, failed=True)

    def _watch(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                # The runtime client joins a traceback's lines with carriage returns.
                for part in line.decode("utf-8", "replace").replace("\r", "\n").splitlines():
                    if part.strip():
                        self._log(self._spec.logical_id, part)
        status = self._process.wait()
        self.alive = False
        self._api.outcomes.put(Exited(status))
        self._on_exit(self)
        os.close(self._lifeline)
        self._api.close()


def _client() -> str:
    """The folder that holds Lambda's runtime client; raise ModuleNotFoundError without one."""
    found = importlib.util.find_spec("awslambdaric")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("there is no awslambdaric", name="awslambdaric")
    return str(Path(found.origin).parents[1])


def _lambda_environment(spec: FunctionSpec, runtime_api: str) -> dict[str, str]:
    version = ".".join(platform.python_version_tuple()[:2])
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": os.pathsep.join(str(layer) for layer in spec.layer_dirs),
        # Whatever this machine's user has set up for AWS is none of the function's business.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
        "AWS_LAMBDA_FUNCTION_NAME": spec.logical_id,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.logical_id}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"local/[$LATEST]{uuid.uuid4().hex}",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "LAMBDA_TASK_ROOT": str(spec.code_dir),
        "_HANDLER": spec.handler,
        **spec.environment,
    }
