"""A table that refuses everybody, by rights: what was queued whole is delivered soon after."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Final

from tests.deploy import lines
from tests.deploy.consumers import Taking
from tests.deploy.site import Site, new_body
from tests.deploy.steps import Failed, wait_until

ROLES: Final = ("ReceiverRole", "FanoutRole")
# So long after it the last one may come (seconds): nobody waits for the queue's six minutes.
SOON: Final = 60.0
_POLICY: Final = "no-table"
_EVENTS: Final = 3


def go_through(site: Site, consumer: Taking) -> tuple[int, float]:
    """Send meanwhile; how many were taken, and how long after it the last one was delivered."""
    url = site.outputs()["EndpointUrl"]
    with refused(site):
        keys = {site.accepted(url, new_body(text="queued whole")) for _ in range(_EVENTS)}
        wait_until("the fan-out's meeting it too", lambda: _was_met(site), SOON)
        if early := keys & consumer.keys:
            raise Failed(f"{early} came although the table refuses: nothing is proved")
    began = time.monotonic()
    wait_until(
        "what was queued whole while the table refused is back within seconds",
        lambda: keys <= consumer.keys,
        SOON,
    )
    return len(keys), time.monotonic() - began


def _was_met(site: Site) -> bool:
    """Whether the fan-out has kept a record, or a whole batch of them."""
    return any(line["message"] in ("record.kept", "batch.kept") for line in lines.of(site))


@contextlib.contextmanager
def refused(site: Site) -> Iterator[None]:
    """The functions' roles may not touch any table."""
    iam, names = site.emulator.client("iam"), [site.resources()[role] for role in ROLES]
    statement = {"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for name in names:
        iam.put_role_policy(RoleName=name, PolicyName=_POLICY, PolicyDocument=document)
    try:
        yield
    finally:
        for name in names:
            iam.delete_role_policy(RoleName=name, PolicyName=_POLICY)
