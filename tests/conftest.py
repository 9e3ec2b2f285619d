"""What holds for all tests."""

import sys
import time

import pytest
from spectrum_forwarder import observability
from spectrum_forwarder.adapters.wire import Wire

from tests.support.remembered import remember

remember()


@pytest.fixture(autouse=True)
def moto_goes_before_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both answer at the same event of botocore's: where moto does, nothing may go out."""
    send = Wire.send

    def unless_mocked(self: Wire, request: object, **more: object) -> object:
        moto = sys.modules.get("moto.core.models")
        mocked = moto is not None and moto.botocore_stubber.enabled
        return None if mocked else send(self, request, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Wire, "send", unless_mocked)


@pytest.fixture(autouse=True)
def every_line_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process tests more refusals than an instance has lines for in a minute."""
    monkeypatch.setattr(observability.teller, "_sample", observability.Sample(time.monotonic))
