"""Short and long runs of the same tests, and a bench on which handlers run in this process.

`make prove` sets PROVE and gets the long runs (minutes); without it each takes seconds.
"""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from moto import mock_aws

from tests.hardening.bench import Bench
from tests.support.prove import LONG


def examples(short: int) -> settings:
    """How often Hypothesis tries; fixtures are made once a test, on purpose."""
    return settings(
        max_examples=short * 20 if LONG else short,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        # The same examples in each short run: it is to find what broke, not what nobody saw.
        derandomize=not LONG,
        database=None,
        # What fails in a short run is told at once; the long one looks for its smallest form.
        phases=[Phase.generate, Phase.shrink] if LONG else [Phase.generate],
    )


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """The three handlers over moto, in this process."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield Bench(monkeypatch)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that passed tests have recorded."""
    lines = [
        f"{name}: {value}"
        for report in terminalreporter.getreports("passed")
        if report.nodeid.startswith("tests/hardening/")
        for name, value in report.user_properties
    ]
    if lines:
        terminalreporter.section("figures of hardening, " + ("long" if LONG else "short") + " run")
        for line in lines:
            terminalreporter.write_line(line)
