"""A tap before a port: calls are noted, fail or lose their answers as a test says."""

from typing import Any

from spectrum_forwarder.domain.errors import (
    TableSilent,
    TableUnavailable,
    Unavailable,
)

ALWAYS = 10**9


class Tap:
    """Stands before a port: notes its calls, and fails those that a test has put down.

    Those that it loses have their effect, and then nobody hears of it.
    """

    def __init__(self, port: object, error: type[Unavailable]) -> None:
        self.calls: list[str] = []
        self.down: dict[str, int] = {}
        self.lost: dict[str, int] = {}
        self._port = port
        self._error = error

    def fail(self, *methods: str, times: int = ALWAYS) -> None:
        """Let the next calls of these methods fail."""
        self.down |= dict.fromkeys(methods, times)

    def lose(self, *methods: str, times: int = ALWAYS) -> None:
        """Let the answers to the next calls of these methods be lost."""
        self.lost |= dict.fromkeys(methods, times)

    @property
    def is_failing(self) -> bool:
        """Whether a call may come to nothing, or seem to."""
        return any(self.down.values()) or any(self.lost.values())

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            self.calls.append(name)
            if self.down.get(name, 0) > 0:
                self.down[name] -= 1
                raise self._error("down")
            answer = getattr(self._port, name)(*arguments, **named)
            if self.lost.get(name, 0) > 0:
                self.lost[name] -= 1
                raise (TableSilent if self._error is TableUnavailable else self._error)("lost")
            return answer

        # Asked for here once, and found at once from then on.
        setattr(self, name, call)
        return call
