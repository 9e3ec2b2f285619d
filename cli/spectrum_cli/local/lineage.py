"""Lambda's recursive-loop detection: how often a chain of calls has come back to one function.

Lambda notes it in the trace header of each invocation, as `Lineage=037bed70:3`: a function, and how
often it has been come back to. The AWS SDKs send the header on with every call by themselves, SQS
keeps it with the message (`AWSTraceHeader`), and whoever takes that message hands it to the next
invocation. A function that may not loop is not invoked once more than 16 times in one chain.
"""

from __future__ import annotations

import secrets
import time
import zlib
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

# AWS says "approximately 16 times", and then refuses.
LONGEST_CHAIN: Final = 16


def runs(trace: str | None, function: str) -> int:
    """How often the function has been invoked in the chain that this trace header ends."""
    return _lineage(trace).get(_name(function), -1) + 1


def entered(trace: str | None, function: str) -> str:
    """The trace header of the invocation that follows, in the same chain or in a new one."""
    lineage = _lineage(trace)
    lineage[_name(function)] = runs(trace, function)
    root = _fields(trace).get("Root") or f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    chain = "|".join(f"{name}:{times}" for name, times in lineage.items())
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0;Lineage={chain}"


def furthest(traces: Iterable[str | None], function: str) -> str | None:
    """Of several records' trace headers the one that their common invocation goes on with."""
    return max(traces, key=lambda trace: runs(trace, function), default=None)


def _fields(trace: str | None) -> dict[str, str]:
    # botocore quotes the bars between the functions of a lineage.
    parts = (part.partition("=") for part in unquote(trace or "").split(";"))
    return {name.strip(): value for name, _, value in parts if value}


def _lineage(trace: str | None) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in _fields(trace).get("Lineage", "").split("|"):
        name, _, times = entry.rpartition(":")
        if name and times.isascii() and times.isdigit():
            found[name] = int(times)
    return found


def _name(function: str) -> str:
    return f"{zlib.crc32(function.encode()):08x}"
