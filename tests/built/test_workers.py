"""Where a function's modules come from when the local stack runs what was built."""

from __future__ import annotations

import json
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from spectrum_cli.local.bootstrap import RUNTIME
from spectrum_cli.local.deployment import FunctionSpec
from spectrum_cli.local.functions import FunctionPool
from spectrum_cli.local.worker import BOOTSTRAP

from tests.support.built import for_this_machine

ORIGINS = Path(__file__).parent / "fixtures" / "origins"
SETTINGS = {
    "EVENTS_TABLE": "events",
    "EVENTS_QUEUE_URL": "http://127.0.0.1:9/1/main",
    "SLOW_QUEUE_URL": "http://127.0.0.1:9/1/slow",
    "WAITING_TABLE": "waiting",
    "PAYLOADS_BUCKET": "payloads",
    "WEBHOOKS_SECRET": "webhooks",
    "DESTINATIONS_SECRET": "destinations",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}
# Installed where this command is, and not brought along by any function.
FOREIGN = ["boto3", "moto", "pytest", "rich", "spectrum_cli"]

Ask = Callable[[str, list[str]], Any]


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Let a worker of a function import names; returns what the fixture's handler does."""
    pools: list[FunctionPool] = []

    def asked(function: str, names: list[str]) -> Any:
        built = for_this_machine()
        spec = FunctionSpec(
            logical_id=function,
            code_dir=built[function],
            layer_dirs=(built["CoreLayer"], ORIGINS),
            handler="origins.handler",
            environment=SETTINGS,
            timeout_seconds=30,
            memory_mb=512,
            role_name="test-role",
        )
        pools.append(FunctionPool(spec, max_workers=1, log=lambda source, line: None))
        result = pools[-1].invoke(json.dumps({"names": names}).encode())
        assert not result.failed, result.payload
        return json.loads(result.payload)

    yield asked
    for pool in pools:
        pool.stop()


@pytest.mark.parametrize("function", ["ReceiverFunction", "FanoutFunction", "SweeperFunction"])
def test_all_that_a_worker_imports_was_built_for_it(function: str, ask: Ask) -> None:
    built = for_this_machine()
    own = ["pycurl"] if function == "FanoutFunction" else []

    seen = ask(function, [*own, "botocore.session", "jmespath", "aws_lambda_powertools"])

    files = {name: Path(file) for name, file in seen["files"].items()}
    assert seen["missing"] == []
    assert files["app"] == built[function] / "app.py"
    for name in ("botocore", "jmespath", "aws_lambda_powertools", "spectrum_forwarder", "urllib3"):
        assert files[name].is_relative_to(built["CoreLayer"]), name
    for name in own:
        assert files[name].is_relative_to(built[function]), name
    homes = [built[function], built["CoreLayer"], ORIGINS, BOOTSTRAP, *standard_library()]
    assert {
        name: str(file)
        for name, file in files.items()
        if name.split(".")[0] not in RUNTIME and not any(file.is_relative_to(h) for h in homes)
    } == {}


def test_what_is_installed_for_the_command_is_not_there_for_a_function(ask: Ask) -> None:
    assert ask("FanoutFunction", FOREIGN)["missing"] == FOREIGN


def standard_library() -> list[Path]:
    """What the standard library's folder holds, but for packages that are installed there."""
    library = Path(sysconfig.get_path("stdlib"))
    return [path for path in library.iterdir() if not path.name.endswith("-packages")]
