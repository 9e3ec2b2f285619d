"""Settings: read from the environment, complete or not at all."""

import pytest
from spectrum_forwarder.settings import (
    FanoutSettings,
    ReceiverSettings,
    Settings,
    SettingsError,
    SweeperSettings,
)

COMMON = {"EVENTS_TABLE": "events", "EVENTS_QUEUE_URL": "main", "SLOW_QUEUE_URL": "slow"}
RECEIVER = COMMON | {"PAYLOADS_BUCKET": "bucket", "WEBHOOKS_SECRET": "webhooks"}
FANOUT = COMMON | {
    "PAYLOADS_BUCKET": "bucket",
    "DESTINATIONS_SECRET": "destinations",
    "WAITING_TABLE": "waiting",
}
SWEEPER = COMMON | {"DESTINATIONS_SECRET": "destinations"}


def test_each_function_has_its_own() -> None:
    receiver = ReceiverSettings.from_environment(RECEIVER)
    assert (receiver.webhooks_secret, receiver.timestamp_tolerance_seconds) == ("webhooks", 300)
    fanout = FanoutSettings.from_environment(FANOUT)
    assert (fanout.retention_days, fanout.allow_loopback, fanout.time_scale) == (14, False, 1.0)
    assert SweeperSettings.from_environment(SWEEPER).destinations_secret == "destinations"


@pytest.mark.parametrize(
    ("kind", "environment"),
    [(ReceiverSettings, RECEIVER), (FanoutSettings, FANOUT), (SweeperSettings, SWEEPER)],
)
def test_each_missing_variable_is_named(kind: type[Settings], environment: dict[str, str]) -> None:
    for name in environment:
        rest = {key: value for key, value in environment.items() if key != name}
        with pytest.raises(SettingsError, match=f"{name} is not set"):
            kind.from_environment(rest)


def test_numbers_and_switches_are_read() -> None:
    changes = {"RETENTION_DAYS": "30", "ALLOW_LOOPBACK": "1", "TIME_SCALE": "0.01"}
    settings = FanoutSettings.from_environment(FANOUT | changes)
    assert settings.retention_days == 30
    assert settings.allow_loopback is True
    assert settings.time_scale == 0.01


@pytest.mark.parametrize("text", ["", "0", "true", "yes", " 1"])
def test_loopback_is_let_through_by_a_1_alone(text: str) -> None:
    settings = FanoutSettings.from_environment(FANOUT | {"ALLOW_LOOPBACK": text})
    assert settings.allow_loopback is False


def test_loopback_is_let_through_by_no_function_that_was_not_told_so() -> None:
    assert FanoutSettings.from_environment(FANOUT).allow_loopback is False
    assert SweeperSettings.from_environment(SWEEPER).allow_loopback is False


@pytest.mark.parametrize(("text", "read"), [("0.001", 0.001), ("1e9", 1e9)])
def test_a_number_is_read_that_is_more_than_nothing(text: str, read: float) -> None:
    assert Settings.from_environment(COMMON | {"TIME_SCALE": text}).time_scale == read


@pytest.mark.parametrize("text", ["0", "-0.5", "-1", "inf", "nan"])
def test_a_number_is_refused_that_is_nothing_less_or_without_end(text: str) -> None:
    with pytest.raises(SettingsError, match="TIME_SCALE must be more than 0"):
        Settings.from_environment(COMMON | {"TIME_SCALE": text})


@pytest.mark.parametrize("name", ["RETENTION_DAYS", "TIME_SCALE"])
def test_a_number_that_is_none_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} must be a number"):
        FanoutSettings.from_environment(FANOUT | {name: "many"})


@pytest.mark.parametrize(
    ("name", "text"), [("EVENTS_TABLE", ""), ("TIME_SCALE", "0"), ("TIME_SCALE", "nan")]
)
def test_what_cannot_work_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        SweeperSettings.from_environment(COMMON | {name: text})
