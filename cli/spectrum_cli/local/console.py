"""Makes the local stack's lines readable: functions write JSON for CloudWatch, people read this."""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any, TextIO

# What Powertools and Lambda add to every line, and a person at a terminal knows anyway.
KNOWN_ANYWAY = frozenset(
    {
        "_aws",
        "level",
        "location",
        "message",
        "timestamp",
        "service",
        "cold_start",
        "function_name",
        "function_memory_size",
        "function_arn",
        "function_request_id",
        "xray_trace_id",
        "stack_trace",
    }
)


class Console:
    """A log sink that writes one line for each, with the time and who says it."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, source: str, line: str) -> None:
        text = printable(summary(line).strip())
        if not text:
            return
        with self._lock:
            print(f"{time.strftime('%H:%M:%S')} {source:<16} {text}", file=self._stream, flush=True)


def summary(line: str) -> str:
    """Return a function's log line as a person would want it; other lines as they are.

    Empty for what nobody wants: botocore's notes on where it found its configuration.
    """
    try:
        content = json.loads(line)
    except ValueError:
        return line
    if not isinstance(content, dict):
        return line
    if str(content.get("logger", "")).startswith("botocore") and content.get("level") == "INFO":
        return ""
    rest = {name: value for name, value in content.items() if name not in KNOWN_ANYWAY}
    if "_aws" in content and "message" not in content:
        return "metrics " + _pairs(rest)
    if "message" in content:
        # A fact whose level is the usual one leaves it off.
        content = {"level": "INFO", **content}
    said = content.get("message", content.get("errorMessage", ""))
    said = said if isinstance(said, str) else json.dumps(said)
    return " ".join(part for part in (str(content.get("level", "")), said, _pairs(rest)) if part)


def printable(text: str) -> str:
    """Return the text with everything escaped that would move the cursor or begin a new line."""
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in text
    )


def _pairs(content: dict[str, Any]) -> str:
    return " ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in content.items()
    )
