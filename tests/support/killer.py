"""Death of a command in the middle of what it does."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.client import BaseClient
from spectrum_cli.stack.http_client import HttpAnswer, HttpClient

CHANGING = ("POST", "DELETE", "PutSecretValue", "UpdateSecretVersionStage")


class Killed(BaseException):
    """The process is gone at this moment."""


class Killer:
    """Ends the command when its nth call that changes something outside is done.

    Between two such calls nothing is left anywhere: a death there is one after the first of them.
    """

    def __init__(self, patch: pytest.MonkeyPatch, step: int) -> None:
        self._left = step
        self._me = threading.current_thread()
        requested, called = HttpClient.request, BaseClient._make_api_call  # type: ignore[attr-defined]

        def request(client: HttpClient, method: str, url: str, **more: Any) -> HttpAnswer:
            answer = requested(client, method, url, **more)
            if "/projects/" in url:
                self._done(method)
            return answer

        def call(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
            answer = called(client, operation, arguments)
            self._done(operation)
            return answer

        patch.setattr(HttpClient, "request", request)
        patch.setattr(BaseClient, "_make_api_call", call)

    def _done(self, what: str) -> None:
        if what in CHANGING and threading.current_thread() is self._me:
            self._left -= 1
            if self._left == 0:
                raise Killed(what)
