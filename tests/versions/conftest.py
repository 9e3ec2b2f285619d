"""A stage on which both versions' functions run: moto on loopback, and a destination."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import earlier
from tests.deploy.steps import Failed
from tests.versions.stage import CHECKOUT, Stage


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """0.1.0's sources; a clone without the history has none."""
    try:
        return earlier.released_sources(CHECKOUT, tmp_path_factory.mktemp("released") / "sources")
    except Failed as reason:
        pytest.skip(str(reason))


@pytest.fixture
def stage(released: Path) -> Iterator[Stage]:
    with Stage(released) as stage:
        yield stage
