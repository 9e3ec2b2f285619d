"""Spectrum's management API: list, register and delete webhooks.

Owns its rate limit, its forms of URLs, and the difference between what was refused, what did not
arrive, and what may have been done though nobody knows.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from spectrum_forwarder.domain.signature import SPECTRUM_SECRET

from spectrum_cli.errors import Finding, Unreachable, WrongUse
from spectrum_cli.http_client import HttpAnswer, HttpClient, NotAnswered

BASE_URL = "https://spectrum.photon.codes"
# Five requests a second are allowed for a project.
SPACING_SECONDS = 0.21
# Pauses before further tries of what is safe to repeat.
PAUSES = (1.0, 2.0, 4.0)
TIMEOUT = 15.0


class AlreadyRegistered(Finding):
    """The URL is registered already; a secret is shown only once."""


class AnswerLost(Unreachable):
    """The registration may have been made; its secret is lost if it was."""


class NotUnderstood(Unreachable):
    """An answer that says that all is well, in words that nobody knows."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A webhook as Spectrum lists it."""

    id: str
    url: str
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class NewRegistration:
    """A webhook that was made just now, with the secret that is shown this once."""

    id: str
    url: str
    signing_secret: str = field(repr=False)


@dataclass(slots=True)
class SpectrumApi:
    """The API of one project. `sleep` takes seconds."""

    client: HttpClient
    project_id: str
    project_secret: str = field(repr=False)
    base_url: str = BASE_URL
    sleep: Callable[[float], None] = time.sleep
    _last: float = float("-inf")

    def list(self) -> list[Registration]:
        """All webhooks of the project, oldest first."""
        data = _data(self._repeat("GET", ""))
        if not isinstance(data, list):
            raise _not_understood()
        return [
            Registration(
                str(entry.get("id")), str(entry.get("webhookUrl")), str(entry.get("createdAt", ""))
            )
            for entry in data
            if isinstance(entry, dict)
        ]

    def register(self, url: str) -> NewRegistration:
        """Register a URL; raise AlreadyRegistered, AnswerLost, WrongUse or Unreachable."""
        body = json.dumps({"webhookUrl": url}).encode()
        for pause in (*PAUSES, None):
            try:
                answer = self._request("POST", "", body)
            except NotAnswered as error:
                if error.sent:
                    raise _lost(url, str(error)) from error
                answer = None
            if answer is not None and answer.status != 429:
                return self._registered(answer, url)
            if pause is None:
                raise _busy(answer)
            self.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def delete(self, webhook_id: str) -> bool:
        """Delete a webhook; False where it was gone already."""
        answer = self._repeat("DELETE", quote(webhook_id, safe=""))
        if answer.status == 404:
            return False
        _data(answer)
        return True

    def _registered(self, answer: HttpAnswer, url: str) -> NewRegistration:
        if answer.status >= 500:
            raise _lost(url, f"Spectrum answered {answer.status}")
        if answer.status == 409:
            raise AlreadyRegistered(
                f"Spectrum has {url} registered already, and shows a secret only once: import the "
                "secret if you have it (forwarder webhooks import), replace the registration "
                "(forwarder webhooks rotate ID), or delete it first (forwarder webhooks delete ID)"
            )
        try:
            data = _data(answer)
        except NotUnderstood:
            data = None
        match data:
            case {"id": str(id_), "signingSecret": str(secret)} if SPECTRUM_SECRET.fullmatch(
                secret
            ):
                return NewRegistration(id_, str(data.get("webhookUrl") or url), secret)
        raise _lost(url, "the answer holds no id and secret that can be used")

    def _repeat(self, method: str, path: str) -> HttpAnswer:
        """Make a request that is safe to repeat until it is answered for good."""
        for pause in (*PAUSES, None):
            answer: HttpAnswer | None = None
            try:
                answer = self._request(method, path)
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
        raise _busy(answer)

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
                "SPECTRUM_PROJECT_SECRET as its dashboard shows them"
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


def _data(answer: HttpAnswer) -> Any:
    """What a good answer holds; raises what a bad one means."""
    content = _content(answer)
    if 200 <= answer.status < 300:
        return content.get("data")
    said = " ".join(str(content[key]) for key in ("code", "message") if key in content)[:300]
    if answer.status in (400, 422):
        raise WrongUse(
            f"Spectrum takes no such URL ({said or answer.status}): it must be an https:// URL on "
            "a public address"
        )
    if answer.status == 404:
        raise Unreachable(
            "Spectrum knows no such project or webhook: check SPECTRUM_PROJECT_ID, and see "
            "forwarder webhooks list"
        )
    raise Unreachable(f"Spectrum answered {answer.status} {said}: try again later")


def _content(answer: HttpAnswer) -> Mapping[str, Any]:
    try:
        content = json.loads(answer.body or b"{}")
    except ValueError:
        content = None
    if not isinstance(content, dict):
        if answer.status < 300:
            raise _not_understood()
        return {}
    return content


def _not_understood() -> NotUnderstood:
    return NotUnderstood(
        "Spectrum's answer is not what its API is known to say: is there a proxy in between, or "
        "a newer version?"
    )


def _lost(url: str, reason: str) -> AnswerLost:
    return AnswerLost(
        f"the answer to registering {url} was lost ({reason}): it may be registered, with a "
        "secret that nobody has. Run the same command again: it finds out, and makes it anew"
    )


def _busy(answer: HttpAnswer | None) -> Unreachable:
    if answer is not None and answer.status == 429:
        return Unreachable(
            "Spectrum takes 5 requests a second for a project, and others are using them up: try "
            "again in a minute"
        )
    said = f"answered {answer.status}" if answer is not None else "cannot be reached"
    return Unreachable(f"Spectrum's API {said}, several times: try again later")
