"""What several checks of `forwarder doctor` want to know is read once a run, and handed on."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
from spectrum_cli.doctor import outcomes, waiting
from spectrum_cli.doctor.model import Patient
from spectrum_cli.stack.target import Target, find_target
from spectrum_cli.stack.wiring import event_log, health_board, waiting_lines
from spectrum_forwarder.adapters import health_board as health_boards
from spectrum_forwarder.domain.line import Place, position_of

from tests.cli.test_destinations import Secret, secret
from tests.support.stacks import Deployed

__all__ = ["secret"]
CRM = {
    "name": "crm",
    "id": "crm.aaaaaa",
    "url": "https://crm.example.com/",
    "signing_secret": "s" * 40,
}


@pytest.fixture
def target(stack: Deployed, secret: Secret) -> Target:
    """A stack at which a delivery to `crm` stands in line."""
    secret.write({"destinations": [CRM]})
    target = find_target()
    places = waiting_lines(target)
    assert places is not None
    health_board(target).stand(CRM["id"], now=time.time())
    places.put(CRM["id"], Place(position_of(b"{}", time.time(), "main:m1"), "main:m1", time.time()))
    return target


def test_the_board_and_the_names_are_read_once_a_run(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However long a check takes, what was read for the first one is good for the next.
    monkeypatch.setattr(health_boards, "CACHED_SECONDS", 0.0)
    calls: Counter[str] = Counter()

    def count(model: Any, **_more: Any) -> None:
        calls[model.name] += 1

    watched = [target.client(service).meta.events for service in ("dynamodb", "secretsmanager")]
    nothing: Any = None
    log = event_log(target)
    patient = Patient(target, nothing, None, nothing, log, time.time, nothing)
    for events in watched:
        events.register("before-call", count, unique_id="count")
    try:
        checks = (outcomes.deliveries, outcomes.waiting, waiting.lines, outcomes.waiting)
        said = [one.said for check in checks for one in check(patient)]
    finally:
        for events in watched:
            events.unregister("before-call", count, unique_id="count")
    assert any(one.startswith("crm: deliveries wait in its line") for one in said)
    assert (calls["GetItem"], calls["GetSecretValue"]) == (1, 1)
