"""Fixtures that every test of the local stack may use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from spectrum_cli.local.deployment import FunctionSpec
from spectrum_cli.local.functions import FunctionPool

FIXTURES = Path(__file__).parent / "fixtures"

PoolMaker = Callable[..., FunctionPool]


def function_spec(fixture: str, **changes: Any) -> FunctionSpec:
    """A function from tests/local/fixtures, with Lambda's smallest settings."""
    spec = FunctionSpec(
        logical_id="TestFunction",
        code_dir=FIXTURES / fixture,
        layer_dirs=(),
        handler="app.handler",
        environment={},
        timeout_seconds=10,
        memory_mb=128,
        role_name="test-role",
    )
    return replace(spec, **changes)


@pytest.fixture
def log_lines() -> list[tuple[str, str]]:
    """Every line that a function or a part of the stack has logged, with who it was."""
    return []


@pytest.fixture
def make_pool(log_lines: list[tuple[str, str]]) -> Iterator[PoolMaker]:
    """Make pools of a fixture's function; they are stopped when the test ends."""
    pools: list[FunctionPool] = []

    def make(
        fixture: str = "steady",
        *,
        max_workers: int = 2,
        environment: dict[str, str] | None = None,
        **changes: Any,
    ) -> FunctionPool:
        pool = FunctionPool(
            function_spec(fixture, **changes),
            max_workers=max_workers,
            log=lambda source, line: log_lines.append((source, line)),
            environment=environment,
        )
        pools.append(pool)
        return pool

    yield make
    for pool in pools:
        pool.stop()
