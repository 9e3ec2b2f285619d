"""The stand-in for Spectrum with all that may go wrong on the way to it and back."""

from __future__ import annotations

from collections import deque
from typing import Any, Literal

from spectrum_cli.local.spectrum.registered import Registered
from spectrum_cli.local.spectrum.sender import Delivered
from spectrum_cli.local.spectrum.server import ApiHandler, Spectrum

# An HTTP status, an answer that is lost before or after the work is done, or an answer that is
# no JSON.
Fault = int | Literal["lost_before", "lost_after", "garbage"]

__all__ = ["Delivered", "FakeSpectrum", "Fault", "Registered"]


class FakeSpectrum(Spectrum):
    """Keeps what was called, and makes the next calls of a method fail by `faults`."""

    def __init__(self, **more: Any) -> None:
        self.calls: list[tuple[str, str]] = []
        methods = ("GET", "POST", "PATCH", "DELETE")
        self.faults: dict[str, deque[Fault]] = {method: deque() for method in methods}
        super().__init__(**more)

    @staticmethod
    def handler() -> type[ApiHandler]:
        return _Faulty


class _Faulty(ApiHandler):
    def respond(self, body: bytes) -> None:
        self.spectrum.calls.append((self.command, self.path))
        faults = self.spectrum.faults[self.command]
        fault = faults.popleft() if faults else None
        if fault == "lost_before":
            self._leave()
            return
        if isinstance(fault, int):
            self.answer_json(fault, {"message": "made to fail", "code": f"E{fault}"})
            return
        status, content = self.worked_out(body)
        if fault == "lost_after":
            self._leave()
        elif fault == "garbage":
            self.answer(200, b"<html>hello</html>", [("Content-Type", "text/html")])
        else:
            self.answer_json(status, content)

    def _leave(self) -> None:
        self.close_connection = True
        self.connection.close()
