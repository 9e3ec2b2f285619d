"""One registration of a webhook, as Spectrum keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field

from spectrum_forwarder.domain.registration import NORMALIZED, RECEIVED

OLDEST_FIELDS = ("id", "webhookUrl", "createdAt", "updatedAt")


@dataclass(frozen=True)
class StandardSecret:
    """A `whsec_` secret; one that was replaced signs until `until` (Unix seconds)."""

    text: str = field(repr=False)
    until: float | None = None


@dataclass(frozen=True)
class Registered:
    """One registration. `secret` is that of v0; times are ISO 8601."""

    id: str
    url: str
    secret: str = field(repr=False)
    created_at: str
    updated_at: str
    standard: tuple[StandardSecret, ...] = field(default=(), repr=False)
    enabled: bool = True
    disabled_at: str | None = None
    disabled_reason: str | None = None
    schema_version: str = NORMALIZED
    event_types: tuple[str, ...] = (RECEIVED,)
    failure_email: str | None = None

    def listed(self, *, newest: bool = True) -> dict[str, object]:
        """The row of the list."""
        row = {
            "id": self.id,
            "webhookUrl": self.url,
            "schemaVersion": self.schema_version,
            "eventTypes": list(self.event_types),
            "enabled": self.enabled,
            "status": "active" if self.enabled else "disabled",
            "disabledAt": self.disabled_at,
            "disabledReason": self.disabled_reason,
            "failureNotificationEmail": self.failure_email,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
        }
        return row if newest else {name: row[name] for name in OLDEST_FIELDS}

    def signing(self, now: float) -> tuple[str, ...]:
        """The Standard secrets that sign now: the current one last."""
        return tuple(one.text for one in self.standard if one.until is None or now < one.until)
