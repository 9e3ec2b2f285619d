"""What Spectrum keeps of a project's webhooks, and the rules by which its API changes them.

No HTTP here: a call is a method, its answer a status and a content. What the vendor's sources leave
open, or disagree about, is a setting of `Rules`.
"""

from __future__ import annotations

import base64
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from spectrum_forwarder.domain.registration import NORMALIZED, RAW, RECEIVED

from spectrum_cli.local.spectrum.registered import Registered, StandardSecret

Answer = tuple[int, Mapping[str, object]]
LONGEST_OVERLAP, USUAL_OVERLAP = 604_800, 86_400
KEY_BYTES = 32
POSTED = {"webhookUrl", "schemaVersion", "eventTypes", "failureNotificationEmail"}
PATCHED = {"enabled", "eventTypes", "failureNotificationEmail", "schemaVersion"}


@dataclass(slots=True)
class Rules:
    """How this Spectrum behaves where its sources disagree.

    `newest` off: the API of the first pages, which lists four fields, knows one secret, and takes a
    URL and nothing more. `pinned`: webhooks of the normalized schema cannot be switched.
    """

    newest: bool = True
    pinned: bool = False


class Registrations:
    """Those of one project, oldest first; safe to use from threads. `clock` is Unix time."""

    def __init__(self, rules: Rules, clock: Callable[[], float] = time.time) -> None:
        self.rules = rules
        self.by_id: dict[str, Registered] = {}
        self._clock = clock
        self._lock = threading.RLock()

    def all(self) -> list[Registered]:
        with self._lock:
            return list(self.by_id.values())

    def add(self, url: str, **more: Any) -> Registered:
        """Register a URL from the side, as through the dashboard; nothing is judged."""
        now = self._now()
        standard = (StandardSecret(_standard_secret()),) if self.rules.newest else ()
        made = Registered(
            str(uuid.uuid4()), url, secrets.token_hex(32), now, now, standard=standard, **more
        )
        with self._lock:
            self.by_id[made.id] = made
        return made

    def disable(self, webhook_id: str, reason: str) -> bool:
        """Stop delivering, as the vendor does after failures; False where there is no such one."""
        with self._lock:
            if webhook_id not in self.by_id:
                return False
            self._change(webhook_id, enabled=False, disabled_at=self._now(), disabled_reason=reason)
            return True

    def list(self) -> Answer:
        return _good([one.listed(newest=self.rules.newest) for one in self.all()])

    def register(self, asked: Any) -> Answer:
        """POST: 200, 409 where the URL is registered, 422 for what is malformed."""
        problem = self._malformed(asked, POSTED if self.rules.newest else {"webhookUrl"})
        if problem or not _is_url(asked.get("webhookUrl")):
            return _bad(422, problem or "webhookUrl must be a URL")
        url = str(asked["webhookUrl"])
        with self._lock:
            if any(one.url == url for one in self.by_id.values()):
                return _bad(409, "URL already registered")
            made = self.add(
                url,
                schema_version=asked.get("schemaVersion", NORMALIZED),
                event_types=tuple(asked.get("eventTypes", (RECEIVED,))),
                failure_email=asked.get("failureNotificationEmail"),
            )
        row = made.listed(newest=self.rules.newest) | {"signingSecret": made.secret}
        if made.standard:
            row["standardSigningSecret"] = made.standard[-1].text
        return _good(row)

    def patch(self, webhook_id: str, asked: Any) -> Answer:
        """PATCH: to raw-inbound one way and alone; switching is refused of what is pinned."""
        with self._lock:
            one = self.by_id.get(webhook_id)
            if one is None or not self.rules.newest:
                return _bad(404, "Not found")
            refusal = self._refused(one, asked)
            return refusal or _good(self._patched(one, asked).listed())

    def _refused(self, one: Registered, asked: Any) -> Answer | None:
        if problem := self._malformed(asked, PATCHED):
            return _bad(422, problem)
        schema = asked.get("schemaVersion", RAW)
        if schema != RAW:
            return _bad(422, "there is no way back")
        if "schemaVersion" in asked and len(asked) > 1:
            return _bad(409, "schemaVersion is changed alone")
        switched = asked.keys() & {"enabled", "eventTypes"}
        if switched and self.rules.pinned and one.schema_version == NORMALIZED:
            return _bad(409, "pinned to its schema version")
        return None

    def delete(self, webhook_id: str) -> Answer:
        with self._lock:
            if self.by_id.pop(webhook_id, None) is None:
                return _bad(404, "Not found")
        return _good({"id": webhook_id})

    def rotate(self, webhook_id: str, asked: Any) -> Answer:
        """`secret/rotate`: a new Standard secret; the one before signs as well for a while."""
        overlap = asked.get("overlapSeconds", USUAL_OVERLAP) if isinstance(asked, dict) else None
        if type(overlap) is not int or not 0 <= overlap <= LONGEST_OVERLAP:
            return _bad(422, "overlapSeconds must be between 0 and 604800")
        with self._lock:
            one = self.by_id.get(webhook_id)
            if one is None or not self.rules.newest:
                return _bad(404, "Not found")
            until = self._clock() + overlap
            before = tuple(replace(secret, until=until) for secret in one.standard[-1:])
            fresh = StandardSecret(_standard_secret())
            self._change(webhook_id, standard=(*before, fresh))
        return _good(
            {
                "id": webhook_id,
                "standardSigningSecret": fresh.text,
                "previousValidUntil": _written(until) if before else None,
            }
        )

    def _patched(self, one: Registered, asked: Mapping[str, Any]) -> Registered:
        changes: dict[str, Any] = {}
        if "schemaVersion" in asked:
            changes["schema_version"] = asked["schemaVersion"]
        if "eventTypes" in asked:
            changes["event_types"] = tuple(asked["eventTypes"])
        if "failureNotificationEmail" in asked:
            changes["failure_email"] = asked["failureNotificationEmail"]
        if "enabled" in asked:
            on = asked["enabled"]
            changes |= {
                "enabled": on,
                "disabled_at": None if on else self._now(),
                "disabled_reason": None if on else "manual",
            }
        return self._change(one.id, **changes)

    def _change(self, webhook_id: str, **changes: Any) -> Registered:
        with self._lock:
            changed = replace(self.by_id[webhook_id], updated_at=self._now(), **changes)
            self.by_id[webhook_id] = changed
            return changed

    def _malformed(self, asked: Any, known: set[str]) -> str:
        """What is wrong with a body's fields; empty for nothing."""
        if not isinstance(asked, dict) or not asked:
            return "the body must be an object"
        if unknown := asked.keys() - known:
            return f"unknown fields: {', '.join(sorted(unknown))}"
        checks: dict[str, Callable[[Any], bool]] = {
            "schemaVersion": lambda value: value in (NORMALIZED, RAW),
            "eventTypes": lambda value: value == [RECEIVED],
            "failureNotificationEmail": lambda value: value is None or "@" in str(value),
            "enabled": lambda value: isinstance(value, bool),
        }
        wrong = [name for name, good in checks.items() if name in asked and not good(asked[name])]
        return f"invalid: {', '.join(wrong)}" if wrong else ""

    def _now(self) -> str:
        return _written(self._clock())


def _standard_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")


def _is_url(value: object) -> bool:
    return isinstance(value, str) and urlsplit(value).scheme in ("http", "https")


def _good(data: object) -> Answer:
    return 200, {"succeed": True, "data": data}


def _bad(status: int, message: str) -> Answer:
    codes = {404: "NOT_FOUND", 409: "CONFLICT", 422: "UNPROCESSABLE"}
    return status, {"succeed": False, "message": message, "code": codes[status]}
