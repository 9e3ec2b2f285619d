"""Spectrum's management API: list, register, enable, rotate and delete webhooks.

Owns its rate limit, its forms of URLs, and the difference between what was refused, what did not
arrive, and what may have been done though nobody knows.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from spectrum_forwarder.domain.registration import NORMALIZED, RECEIVED, Registration

from spectrum_cli.stack.http_client import HttpAnswer, HttpClient, NotAnswered
from spectrum_cli.terminal.errors import Unreachable, WrongUse
from spectrum_cli.vendor.answers import (
    NewRegistration,
    NewStandardSecret,
    NotTaken,
    already_registered,
    busy,
    data_of,
    lost,
    new_registration,
    new_standard_secret,
    not_understood,
    secret_lost,
    words_of,
)

# Where nobody can read along but this machine itself.
OURS = frozenset({"127.0.0.1", "localhost", "::1"})
BASE_URL = "https://spectrum.photon.codes"
# Five requests a second are allowed for a project.
SPACING_SECONDS = 0.21
# Pauses before further tries of what is safe to repeat.
PAUSES = (1.0, 2.0, 4.0)
TIMEOUT = 15.0
# How a change is answered that a webhook, or this version of the API, does not allow.
NOT_TAKEN = (400, 404, 405, 409, 422)
# How a request is answered that has done nothing: too many of them, or rolled back.
NOTHING_DONE = (429, 503)


@dataclass(slots=True)
class SpectrumApi:
    """The API of one project. `sleep` takes seconds.

    Raises WrongUse for an address where the project's secret could be read along.
    """

    client: HttpClient
    project_id: str
    project_secret: str = field(repr=False)
    base_url: str = BASE_URL
    sleep: Callable[[float], None] = time.sleep
    _last: float = float("-inf")

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in OURS):
            raise WrongUse(
                f"--api-url {self.base_url}: the project's secret would go there unencrypted; use "
                "https, or http for a stand-in on this machine alone (127.0.0.1)"
            )

    def list(self) -> list[Registration]:
        """All webhooks of the project, oldest first."""
        data = data_of(self._repeat("GET", ""))
        if not isinstance(data, list):
            raise not_understood()
        return [Registration.read(row) for row in data if isinstance(row, dict)]

    def register(self, url: str, *, failure_email: str | None = None) -> NewRegistration:
        """Register a URL for messages; raise AlreadyRegistered, AnswerLost, WrongUse, Unreachable.

        What refuses the newer fields gets the URL alone. Nothing is deleted here, ever.
        """
        asked: dict[str, object] = {"schemaVersion": NORMALIZED, "eventTypes": [RECEIVED]}
        asked["webhookUrl"] = url
        if failure_email:
            asked["failureNotificationEmail"] = failure_email
        answer = self._register(url, asked)
        if answer.status == 422:
            answer = self._register(url, {"webhookUrl": url})
        if answer.status == 409:
            raise already_registered(url)
        return new_registration(answer, url)

    def enable(self, webhook_id: str) -> None:
        """Have a disabled webhook delivered to again; raise NotTaken where that is not taken.

        What is pinned to its schema version answers 409, and older versions know no such call.
        """
        body = json.dumps({"enabled": True}).encode()
        answer = self._repeat("PATCH", quote(webhook_id, safe=""), body)
        if answer.status in NOT_TAKEN:
            raise NotTaken(f"Spectrum does not take the change ({words_of(answer)})")
        data_of(answer)

    def rotate_secret(self, webhook_id: str, *, overlap_seconds: int) -> NewStandardSecret:
        """Have the Standard secret replaced in place; raise NotTaken, AnswerLost or Unreachable."""
        body = json.dumps({"overlapSeconds": overlap_seconds}).encode()
        path = f"{quote(webhook_id, safe='')}/secret/rotate"
        answer = self._once("POST", path, body, lambda why: secret_lost(webhook_id, why))
        if answer.status in NOT_TAKEN:
            raise NotTaken(f"Spectrum does not rotate this secret ({words_of(answer)})")
        return new_standard_secret(answer, webhook_id)

    def delete(self, webhook_id: str) -> bool:
        """Delete a webhook; False where it was gone already."""
        answer = self._repeat("DELETE", quote(webhook_id, safe=""))
        if answer.status == 404:
            return False
        data_of(answer)
        return True

    def _register(self, url: str, asked: dict[str, object]) -> HttpAnswer:
        return self._once("POST", "", json.dumps(asked).encode(), lambda why: lost(url, why))

    def _once(
        self, method: str, path: str, body: bytes, lost_as: Callable[[str], Exception]
    ) -> HttpAnswer:
        """Make a request that must not be done twice; raise Unreachable, or that it may be done.

        A 503 says that all was rolled back. Who is then told that it is there already cannot know
        whether it was.
        """
        rolled_back = False
        for pause in (*PAUSES, None):
            try:
                answer = self._request(method, path, body)
            except NotAnswered as error:
                if error.sent:
                    raise lost_as(str(error)) from error
                answer = None
            if answer is not None and answer.status not in NOTHING_DONE:
                if answer.status >= 500 or (rolled_back and answer.status == 409):
                    raise lost_as(f"Spectrum answered {answer.status}")
                return answer
            rolled_back = rolled_back or (answer is not None and answer.status == 503)
            if pause is None:
                raise busy(answer)
            self.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _repeat(self, method: str, path: str, body: bytes | None = None) -> HttpAnswer:
        """Make a request that is safe to repeat until it is answered for good."""
        for pause in (*PAUSES, None):
            answer: HttpAnswer | None = None
            try:
                answer = self._request(method, path, body)
            except NotAnswered as error:
                if pause is None:
                    raise Unreachable(
                        f"Spectrum's API cannot be reached: {error}: check the network, and try "
                        "again: nothing was left half done by this call"
                    ) from error
            if answer is not None and answer.status != 429 and answer.status < 500:
                return answer
            if pause is None:
                break
            self.sleep(pause)
        raise busy(answer)

    def _request(self, method: str, path: str, body: bytes | None = None) -> HttpAnswer:
        """One request, in the form with a slash at the end, and if that is none, without it."""
        answer = self._send(method, f"{path}/" if path else "", body)
        if answer.status in (301, 302, 307, 308, 404, 405):
            # A path that is not there has done nothing: the other form can be tried.
            other = self._send(method, path or None, body)
            if other.status not in (301, 302, 307, 308, 405):
                return other
        return answer

    def _send(self, method: str, path: str | None, body: bytes | None) -> HttpAnswer:
        root = f"{self.base_url.rstrip('/')}/projects/{quote(self.project_id, safe='')}/webhooks"
        self.sleep(max(0.0, self._last + SPACING_SECONDS - time.monotonic()))
        self._last = time.monotonic()
        answer = self.client.request(
            method,
            root if path is None else f"{root}/{path}",
            headers=self._headers(),
            body=body,
            timeout=TIMEOUT,
        )
        if answer.status in (401, 403):
            raise Unreachable(
                "Spectrum does not accept the project's id and secret: set SPECTRUM_PROJECT_ID and "
                "SPECTRUM_PROJECT_SECRET as its dashboard shows them. A secret that was "
                "regenerated ends the one before; deliveries go on all the same"
            )
        return answer

    def _headers(self) -> dict[str, str]:
        pair = f"{self.project_id}:{self.project_secret}".encode()
        return {
            "Authorization": "Basic " + base64.b64encode(pair).decode(),
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "spectrum-forwarder",
        }
