"""Spectrum's part in the demo: sends signed requests, and sends again what was not answered.

Owns what was sent and how it was answered.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from spectrum_cli.samples.requests import SampleRequest

# Seconds between attempts; Spectrum makes six, and gives each one 10 s.
PAUSES = (0.2, 1.0, 5.0, 10.0, 10.0)
TIMEOUT = 10.0
# Answers after which Spectrum tries again.
RETRIED = frozenset({408, 429}) | frozenset(range(500, 600))


@dataclass(frozen=True, slots=True)
class Sent:
    """One request and its last answer; `word` is the answer's `status` or error code.

    `group` is what the request was sent for. No `status` means that there was no answer at all.
    """

    group: str
    body: bytes = field(repr=False)
    status: int | None
    word: str
    event_key: str | None
    tries: int

    @property
    def acknowledged(self) -> bool:
        return self.status == 200


class Sender:
    """Posts to one URL, over one connection for each thread."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address, self._path = parts.netloc, parts.path
        self._mine = threading.local()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Send nothing again from now on."""
        self._stopped.set()

    def send(self, group: str, make: Callable[[], SampleRequest]) -> Sent:
        """Send what `make` returns, and anew after each answer that Spectrum would not take."""
        tries = 0
        for pause in (*PAUSES, None):
            tries += 1
            request = make()
            status, word, event_key = self._post(request)
            if (status is not None and status not in RETRIED) or pause is None:
                break
            if self._stopped.wait(pause):
                break
        return Sent(group, request.body, status, word, event_key, tries)

    def _post(self, request: SampleRequest) -> tuple[int | None, str, str | None]:
        connection = self._connection()
        try:
            connection.request("POST", self._path, request.body, dict(request.headers))
            answer = connection.getresponse()
            return answer.status, *_understood(answer.read())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return None, type(error).__name__, None

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._mine, "connection"):
            self._mine.connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT)
        connection: http.client.HTTPConnection = self._mine.connection
        return connection


def _understood(body: bytes) -> tuple[str, str | None]:
    """The word and the event key of an answer's body; nothing where it is not one of ours."""
    try:
        content = json.loads(body)
        word = content["status"] if "status" in content else content["error"]["code"]
        return str(word), content.get("event_key")
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", None
