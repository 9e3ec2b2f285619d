"""The functions' log lines, as Lambda reads their levels."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from tests.deploy.site import Site
from tests.deploy.steps import Failed

GROUPS: Final = ("ReceiverLogGroup", "FanoutLogGroup", "SweeperLogGroup")
LEVELS: Final = frozenset({"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"})
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def look(site: Site) -> int:
    """Raise Failed at a line that Lambda would take for INFO; how many of more than INFO there are.

    AWS Lambda Developer Guide, "Log-level filtering": a JSON line without a valid timestamp (RFC
    3339) or level is INFO, whatever it says; the saved queries filter by level.
    """
    louder = [line for line in of(site) if line.get("level", "INFO") != "INFO"]
    for line in louder:
        if line["level"] not in LEVELS or not _TIME.fullmatch(str(line.get("timestamp"))):
            raise Failed(f"a log line without a valid timestamp counts as INFO: {str(line)[:200]}")
    if not louder:
        raise Failed("no line of more than INFO was written: nothing is proved")
    return len(louder)


def of(site: Site) -> list[dict[str, Any]]:
    """All lines of facts so far; each has its `message`."""
    logs, ids = site.emulator.client("logs"), site.resources()
    found = []
    for group in GROUPS:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=ids[group])
        for event in (event for page in pages for event in page["events"]):
            for text in event["message"].splitlines():
                if text.startswith("{"):
                    line = json.loads(text)
                    found += [line] if "message" in line else []
    return found
