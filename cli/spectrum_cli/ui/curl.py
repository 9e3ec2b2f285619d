"""An attempt as a command for a terminal: what a destination would be sent now, signed anew.

The secret does not stand in it, only what was signed with it, and that is good for five minutes.
Headers that the destination's entry adds often hold a key, so their values are left to whoever
runs it.
"""

from __future__ import annotations

import base64
import re
import shlex
from dataclasses import replace

from spectrum_forwarder.domain.destination import HTTP, Destination
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.outbound import outbound_headers, outgoing_id

from spectrum_cli.terminal.errors import Finding

# Bytes: a terminal takes no longer line at ease.
LARGEST_BODY = 256_000


def as_curl(
    event: LoggedEvent, body: bytes, destination: Destination, *, now: float, replays: int
) -> str:
    """The command, its body in base64 so that every byte stays; raise Finding where there is none.

    The destination's own headers stand as variables: `Authorization: ${HEADER_AUTHORIZATION}`.
    """
    if destination.kind != HTTP:
        raise Finding(f"curl cannot send to {destination.name}: it is no URL")
    if len(body) > LARGEST_BODY:
        raise Finding("this body is too large for a command line: download it instead")
    headers = outbound_headers(
        replace(destination, headers={}),
        outgoing_id=outgoing_id(event.event_key, event.format),
        kind=event.kind,
        webhook_id=event.webhook_id,
        content_type=event.content_type,
        body=body,
        now=now,
        replays=replays,
    )
    taken = {name.lower() for name in headers}
    own = [name for name in destination.headers if name.lower() not in taken]
    said = [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
    said += [_variable(name) for name in own]
    coded = base64.b64encode(body).decode()
    send = ["curl -g -sS -i -X POST --data-binary @-", *said, shlex.quote(destination.url)]
    return f"printf %s '{coded}' | base64 -d | " + " \\\n  ".join(send) + "\n"


def _variable(name: str) -> str:
    variable = re.sub("[^A-Z0-9]", "_", name.upper())
    return f'-H {shlex.quote(f"{name}: ")}"${{HEADER_{variable}}}"'
