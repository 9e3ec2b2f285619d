"""Functions under Lambda's own runtime client: what a caller sees, whatever the function does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from spectrum_cli.local.functions import (
    FunctionBroken,
    FunctionPool,
    PoolStopped,
    Throttled,
)
from spectrum_cli.local.lineage import runs
from spectrum_cli.local.worker import InvocationResult

from tests.local.conftest import FIXTURES, PoolMaker
from tests.support.waiting import PATIENCE, wait_until


def ask(pool: FunctionPool, **event: Any) -> InvocationResult:
    return pool.invoke(json.dumps(event).encode())


def hold(pool: FunctionPool, folder: Path) -> InvocationResult:
    """An invocation that says that it is `here`, and ends with the `gate`."""
    return ask(pool, do="hold", here=str(folder / "here"), gate=str(folder / "gate"))


def answer_of(result: InvocationResult) -> Any:
    assert not result.failed, result.payload
    return json.loads(result.payload)


def error_type_of(result: InvocationResult) -> str:
    assert result.failed
    return str(json.loads(result.payload)["errorType"])


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(pid: int) -> None:
    wait_until(lambda: not is_running(pid))


def test_answer_is_what_the_handler_returned(make_pool: PoolMaker) -> None:
    event = {"do": "echo", "text": "é\u2028\U0001f600", "number": 2**60}
    assert answer_of(make_pool().invoke(json.dumps(event).encode())) == event


def test_worker_stays_warm_between_invocations(make_pool: PoolMaker) -> None:
    pool = make_pool()
    pool.start()
    pids = {answer_of(ask(pool, do="describe"))["pid"] for _ in range(5)}
    assert pids == set(pool.pids)
    assert len(pids) == 1


def test_handler_sees_lambda_surroundings_and_nothing_of_this_machine(
    make_pool: PoolMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "someone")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    pool = make_pool(
        environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
        layer_dirs=(FIXTURES / "broken_init",),
    )
    seen = answer_of(ask(pool, do="describe"))
    environment = seen["environment"]
    assert "AWS_PROFILE" not in environment
    assert "HTTPS_PROXY" not in environment
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    assert environment["AWS_REGION"] == "us-east-1"
    assert environment["_HANDLER"] == "app.handler"
    assert (seen["name"], int(seen["memory"])) == ("TestFunction", 128)
    assert seen["directory"] == str(FIXTURES / "steady")
    assert seen["path"][:2] == [str(FIXTURES / "steady"), str(FIXTURES / "broken_init")]
    assert not [entry for entry in seen["path"] if Path(entry).name == "local"]


def test_invocation_has_a_trace_header_that_begins_its_chain(make_pool: PoolMaker) -> None:
    pool = make_pool(max_workers=1)
    traces = [
        answer_of(ask(pool, do="describe"))["environment"]["_X_AMZN_TRACE_ID"] for _ in range(2)
    ]
    assert [runs(trace, "TestFunction") for trace in traces] == [1, 1]
    assert len({trace.partition(";")[0] for trace in traces}) == 2


def test_deadline_is_the_timeout_ahead(make_pool: PoolMaker) -> None:
    pool = make_pool(timeout_seconds=7)
    pool.start()
    assert 5_000 < answer_of(ask(pool, do="describe"))["remaining_ms"] <= 7_000


def test_raised_error_is_a_failure_and_the_worker_lives_on(make_pool: PoolMaker) -> None:
    pool = make_pool()
    assert error_type_of(ask(pool, do="raise")) == "ValueError"
    before = pool.pids
    assert answer_of(ask(pool, do="describe"))["pid"] in before


def test_error_at_import_fails_the_start_and_every_invocation(make_pool: PoolMaker) -> None:
    pool = make_pool("broken_init")
    with pytest.raises(FunctionBroken, match="no settings"):
        pool.start()
    assert error_type_of(ask(pool, do="echo")) == "RuntimeError"


def test_missing_code_directory_is_a_failure_too(make_pool: PoolMaker, tmp_path: Path) -> None:
    pool = make_pool(code_dir=tmp_path / "nowhere")
    assert error_type_of(ask(pool, do="echo")) == "Runtime.InvalidEntrypoint"


def test_exiting_handler_fails_its_invocation_and_is_replaced(make_pool: PoolMaker) -> None:
    pool = make_pool(max_workers=1)
    assert error_type_of(ask(pool, do="exit")) == "Runtime.ExitError"
    assert answer_of(ask(pool, do="echo"))["do"] == "echo"


def test_killed_busy_worker_fails_its_invocation_and_is_replaced(
    make_pool: PoolMaker, tmp_path: Path
) -> None:
    pool = make_pool(max_workers=1)
    pool.start()
    (pid,) = pool.pids
    with ThreadPoolExecutor(1) as caller:
        running = caller.submit(hold, pool, tmp_path)
        wait_until((tmp_path / "here").exists)
        os.kill(pid, signal.SIGKILL)
        assert error_type_of(running.result(PATIENCE)) == "Runtime.ExitError"
    assert answer_of(ask(pool, do="describe"))["pid"] != pid


def test_killed_idle_worker_costs_no_invocation(make_pool: PoolMaker) -> None:
    pool = make_pool(max_workers=1)
    for _ in range(3):
        pool.start()
        (pid,) = pool.pids
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not pool.pids)
        assert answer_of(ask(pool, do="echo"))["do"] == "echo"


def test_timeout_kills_the_worker_and_fails_the_invocation(
    make_pool: PoolMaker, tmp_path: Path
) -> None:
    pool = make_pool(timeout_seconds=0.3, max_workers=1)
    pool.start()
    (pid,) = pool.pids
    assert error_type_of(hold(pool, tmp_path)) == "Sandbox.Timedout"
    wait_until_gone(pid)
    assert answer_of(ask(pool, do="echo"))["do"] == "echo"


def test_busy_workers_are_joined_by_others_up_to_the_limit(
    make_pool: PoolMaker, tmp_path: Path
) -> None:
    pool = make_pool(max_workers=2)
    meeting = {"do": "meet", "folder": str(tmp_path), "number": 2}
    with ThreadPoolExecutor(6) as callers:
        results = list(callers.map(lambda _: ask(pool, **meeting), range(6)))
    assert len({answer_of(result)["pid"] for result in results}) == 2
    assert len(pool.pids) == 2


def test_caller_that_will_not_wait_is_throttled(make_pool: PoolMaker, tmp_path: Path) -> None:
    pool = make_pool(max_workers=1)
    pool.start()
    with ThreadPoolExecutor(1) as caller:
        running = caller.submit(hold, pool, tmp_path)
        wait_until((tmp_path / "here").exists)
        with pytest.raises(Throttled):
            pool.invoke(b"{}", wait_seconds=0.1)
        (tmp_path / "gate").touch()
        assert not running.result().failed


def test_printed_lines_reach_the_log_under_the_function_name(
    make_pool: PoolMaker, log_lines: list[tuple[str, str]]
) -> None:
    ask(make_pool(), do="print", text="first\nsecond")
    wait_until(lambda: ("TestFunction", "second") in log_lines)
    assert [line for line in log_lines if line[1] in ("first", "second")] == [
        ("TestFunction", "first"),
        ("TestFunction", "second"),
    ]


def test_stopped_pool_leaves_no_process_and_refuses_work(make_pool: PoolMaker) -> None:
    pool = make_pool()
    pool.start()
    (pid,) = pool.pids
    pool.stop()
    assert not is_running(pid)
    with pytest.raises(PoolStopped):
        ask(pool, do="echo")


OWNER = """
import sys, time
from spectrum_cli.local.functions import FunctionPool
from spectrum_cli.local.worker import InvocationResult
from tests.local.conftest import function_spec
pool = FunctionPool(function_spec("steady"), max_workers=1, log=lambda *line: None)
pool.start()
print(pool.pids[0], flush=True)
if sys.argv[1] == "busy":
    pool.invoke(b'{"do": "hold", "here": "/dev/null", "gate": "/nowhere"}')
time.sleep(60)
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_workers_end_with_their_owner_even_when_it_is_killed(state: str) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
    }
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, state], stdout=subprocess.PIPE, env=environment
    )
    with owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        time.sleep(0.2)
        owner.kill()
    wait_until_gone(pid)
