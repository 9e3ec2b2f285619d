"""Settings: each function's environment variables, read once at cold start.

A field's name in upper case is its variable. `allow_loopback` and `time_scale` are set by the local
stack alone and never stand in the template. Every cold start makes these classes, all but one for
nothing: they are plain ones, which take a tenth of a data class's time.
"""

import os
from collections.abc import Mapping
from typing import Self, get_type_hints


class SettingsError(Exception):
    """A variable is missing or cannot be read; the text says which, and where to set it."""


class Settings:
    """What every function needs: where the table and the queues are.

    `time_scale` multiplies retry delays, sweeps and claims.
    """

    events_table: str
    events_queue_url: str
    slow_queue_url: str
    time_scale: float = 1.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings; raise SettingsError."""
        settings = cls()
        for field, kind in get_type_hints(cls).items():
            name = field.upper()
            if name in environment:
                setattr(settings, field, _parse(name, environment[name], kind))
            elif not hasattr(cls, field):
                raise SettingsError(f"{name} is not set: template.yaml sets it for this function")
        return settings


class ReceiverSettings(Settings):
    """`timestamp_tolerance_seconds` is Spectrum's window, both ways; 300 outside of tests."""

    payloads_bucket: str
    webhooks_secret: str
    timestamp_tolerance_seconds: int = 300


class FanoutSettings(Settings):
    """`retention_days` is how long a settled event is kept, for the log and for replays.

    `endpoint_host` is the receiver's, with its port if it has one: no destination.
    """

    waiting_table: str

    payloads_bucket: str
    destinations_secret: str
    endpoint_host: str = ""
    retention_days: int = 14
    allow_loopback: bool = False


class SweeperSettings(Settings):
    """The destinations are looked at only while a breaker is open."""

    destinations_secret: str
    allow_loopback: bool = False


class RegistrationsSettings(Settings):
    """`project_secret` holds the project's credentials at Spectrum."""

    webhooks_secret: str
    project_secret: str
    endpoint_url: str
    spectrum_api_url: str = "https://spectrum.photon.codes"


def _parse(name: str, text: str, kind: object) -> str | int | float | bool:
    if kind is bool:
        return text == "1"
    if kind is str:
        if not text:
            raise SettingsError(f"{name} is empty: template.yaml sets it for this function")
        return text
    try:
        value = int(text) if kind is int else float(text)
    except ValueError as error:
        raise SettingsError(f"{name} must be a number, not {text!r}") from error
    if not 0 < value < float("inf"):
        raise SettingsError(f"{name} must be more than 0, not {text}")
    return value
