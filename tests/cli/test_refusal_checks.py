"""`forwarder doctor` on what was refused: what is kept, what is lost, and what nobody can count."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest
from spectrum_cli.doctor import refusals
from spectrum_cli.doctor.model import Patient
from spectrum_cli.doctor.walk import CHECKS
from spectrum_cli.stack.target import find_target
from spectrum_cli.terminal.verdicts import Result
from spectrum_forwarder.adapters import quarantine as module
from spectrum_forwarder.adapters.quarantine import S3Quarantine
from spectrum_forwarder.domain.errors import QuarantineFull
from spectrum_forwarder.domain.quarantine import Suspect

from tests.support.make import body_of, signed_headers
from tests.support.stacks import Deployed


def looked_at() -> list[Result]:
    nothing = cast(Any, None)
    patient = Patient(find_target(), nothing, None, nothing, nothing, time.time, nothing)
    return list(refusals.quarantine(patient))


def keep(stack: Deployed, message_id: str) -> None:
    body = body_of(message_id)
    instance = S3Quarantine(
        stack.client("s3"),
        stack.outputs["PayloadsBucketName"],
        clock=time.time,
        elapsed=lambda: 0.0,
    )
    instance.keep(Suspect(time.time(), "signature_mismatch", signed_headers(body), body))


def test_what_is_kept_and_what_is_lost_are_said(
    stack: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    (calm,) = looked_at()
    assert calm.verdict == "ok"
    monkeypatch.setattr(module, "SLOTS", 1)
    keep(stack, "m-1")
    (kept,) = looked_at()
    assert (kept.verdict, "1 requests" in kept.said) == ("failed", True)
    with pytest.raises(QuarantineFull):
        keep(stack, "m-2")
    kept, lost = looked_at()
    assert (lost.verdict, "1 refused requests were not kept" in lost.said) == ("warning", True)


def test_the_size_that_the_gateway_refuses_is_named() -> None:
    (named,) = refusals.limits(cast(Any, None))
    assert "6,291,456" in named.said
    assert "413" in named.said


def test_both_are_part_of_the_walk() -> None:
    assert {refusals.limits, refusals.quarantine} <= set(CHECKS)


def test_contract_9_11_one_time_codes_are_said_to_be_withheld() -> None:
    nothing: Any = None
    (result,) = refusals.withheld(nothing)
    assert "one-time code" in result.said
    assert refusals.withheld in CHECKS
