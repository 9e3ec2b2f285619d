"""Settings, the template and docs/configuration.md name the same variables and parameters."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from spectrum_cli.local.template import read
from spectrum_forwarder.settings import (
    FanoutSettings,
    ReceiverSettings,
    RegistrationsSettings,
    Settings,
    SweeperSettings,
)

ROOT = Path(__file__).parents[1]
TEMPLATE: dict[str, Any] = read(ROOT / "template.yaml")
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
FUNCTIONS: dict[str, type[Settings]] = {
    "ReceiverFunction": ReceiverSettings,
    "FanoutFunction": FanoutSettings,
    "SweeperFunction": SweeperSettings,
    "RegistrationsFunction": RegistrationsSettings,
}
LOCAL_ONLY = {"ALLOW_LOOPBACK", "SPECTRUM_API_URL", "TIME_SCALE"}
POWERTOOLS = {
    "POWERTOOLS_METRICS_NAMESPACE",
    "POWERTOOLS_LOG_LEVEL",
}


def variables(function: str) -> dict[str, Any]:
    """What the template sets for a function, the globals included."""
    environment = TEMPLATE["Resources"][function]["Properties"].get("Environment", {})
    own = environment.get("Variables", {})
    common = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    return dict(common) | dict(own)


def fields(settings: type[Settings]) -> set[str]:
    return {name.upper() for name in get_type_hints(settings)}


def every_field() -> set[str]:
    return set().union(*(fields(settings) for settings in FUNCTIONS.values()))


def documented() -> set[str]:
    """The names in the first column of the tables of the page on configuration."""
    return set(re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.M))


def test_every_function_of_the_template_has_settings() -> None:
    resources = TEMPLATE["Resources"].items()
    functions = {name for name, r in resources if r["Type"] == "AWS::Serverless::Function"}
    assert functions == set(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_template_sets_what_the_settings_read(function: str) -> None:
    expected = fields(FUNCTIONS[function]) - LOCAL_ONLY | POWERTOOLS
    assert set(variables(function)) == expected


@pytest.mark.parametrize("function", FUNCTIONS)
def test_plain_values_of_the_template_can_be_read(function: str) -> None:
    plain = {name: str(v) for name, v in variables(function).items() if isinstance(v, str | int)}
    filled = dict.fromkeys(fields(FUNCTIONS[function]) - LOCAL_ONLY, "14") | plain
    assert FUNCTIONS[function].from_environment(filled)


def test_the_window_is_that_of_the_contract() -> None:
    assert variables("ReceiverFunction")["TIMESTAMP_TOLERANCE_SECONDS"] == "300"


def test_the_page_names_every_setting_and_parameter_and_no_other() -> None:
    assert documented() == every_field() | POWERTOOLS | set(TEMPLATE["Parameters"])
