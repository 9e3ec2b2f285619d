"""What holds for all tests."""

import sys
import time
from typing import Any
from urllib.parse import SplitResult

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from spectrum_forwarder import observability
from spectrum_forwarder.adapters.plain_http import Answer
from spectrum_forwarder.adapters.wire import Headers, Wire

from tests.support.remembered import remember

remember()


@pytest.fixture(autouse=True)
def moto_goes_before_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where moto answers, nothing may go out: of botocore's calls, and of those made directly."""
    send, ask = Wire.send, Wire.ask

    def unless_mocked(self: Wire, request: object, **more: object) -> object:
        return None if _moto() else send(self, request, **more)  # type: ignore[arg-type]

    def ask_moto(
        self: Wire, method: str, url: SplitResult, headers: Headers, body: bytes, *, event: str
    ) -> Answer:
        moto = _moto()
        if moto is None:
            return ask(self, method, url, headers, body, event=event)
        named = HTTPHeaders.from_dict(dict(headers))
        request = AWSPreparedRequest(method, url._replace(path="/").geturl(), named, body, False)
        operation = named["x-amz-target"].rpartition(".")[2]
        answered = moto(f"{event}.{operation}", request)
        told = {name.lower(): str(value) for name, value in answered.headers.items()}
        return Answer(answered.status_code, told, answered.content, is_last=False)

    monkeypatch.setattr(Wire, "send", unless_mocked)
    monkeypatch.setattr(Wire, "ask", ask_moto)


def _moto() -> Any:
    """What answers botocore's calls in moto's place of AWS, if it does."""
    models = sys.modules.get("moto.core.models")
    return models.botocore_stubber if models and models.botocore_stubber.enabled else None


@pytest.fixture(autouse=True)
def every_line_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process tests more refusals than an instance has lines for in a minute."""
    monkeypatch.setattr(observability.teller, "_sample", observability.Sample(time.monotonic))
