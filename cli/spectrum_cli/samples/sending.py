"""Sends samples: one, or a burst at a rate; owns what was answered and what should have been."""

from __future__ import annotations

import json
import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from spectrum_cli.samples.requests import SampleRequest
from spectrum_cli.stack.http_client import HttpClient, NotAnswered

TIMEOUT = 15.0
MOST_AT_ONCE = 32
SHOWN = 500


@dataclass(frozen=True, slots=True)
class SampleAnswer:
    """How one sample was answered; no `status` means that no answer came, and `text` says why."""

    status: int | None
    text: str
    seconds: float

    def as_expected(self, *, good: bool) -> bool:
        """Whether a good sample was accepted, or a bad one refused."""
        if self.status is None:
            return False
        return 200 <= self.status < 300 if good else self.status >= 400


def send_all(
    url: str, make: Callable[[], SampleRequest], *, count: int, rate: float | None
) -> Iterator[SampleAnswer]:
    """Send `count` requests, at most `rate` a second; yield the answers in order of sending.

    Each request is made, and so signed, when its turn comes.
    """
    began = time.monotonic()
    with HttpClient() as client, ThreadPoolExecutor(min(count, MOST_AT_ONCE)) as senders:

        def send(number: int) -> SampleAnswer:
            if rate:
                time.sleep(max(0.0, began + number / rate - time.monotonic()))
            return _send(client, url, make())

        yield from senders.map(send, range(count))


def _send(client: HttpClient, url: str, request: SampleRequest) -> SampleAnswer:
    try:
        answer = client.request(
            "POST", url, headers=request.headers, body=request.body, timeout=TIMEOUT
        )
    except NotAnswered as error:
        return SampleAnswer(None, str(error), 0.0)
    return SampleAnswer(answer.status, answer.body.decode("utf-8", "replace"), answer.seconds)


def summary(answers: Sequence[SampleAnswer], *, good: bool) -> dict[str, object]:
    """What a program wants to know of a burst; milliseconds of those that were answered."""
    times = sorted(answer.seconds * 1000 for answer in answers if answer.status is not None)

    def percentile(share: float) -> float | None:
        return round(times[min(len(times) - 1, int(len(times) * share))], 1) if times else None

    return {
        "sent": len(answers),
        "as_expected": sum(answer.as_expected(good=good) for answer in answers),
        "answered": dict(Counter(str(answer.status or answer.text) for answer in answers)),
        "ms": {"p50": percentile(0.5), "p99": percentile(0.99), "max": percentile(1.0)},
        "first": _content(answers[0].text) if answers else None,
    }


def _content(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text[:SHOWN]


def curl(url: str, request: SampleRequest) -> str:
    """The request as a command for a shell, on several lines."""
    headers = [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in request.headers.items()]
    try:
        text = request.body.decode()
    except UnicodeDecodeError:
        text = ""
    # curl takes an @ for a file's name; a shell or a terminal would change control characters.
    if text.startswith("@") or not text or not text.isprintable():
        octal = "".join(f"\\{byte:03o}" for byte in request.body)
        start, data = f"printf '{octal}' | curl", "--data-binary @-"
    else:
        start, data = "curl", f"--data-binary {shlex.quote(text)}"
    return " \\\n  ".join([f"{start} -sS -i -X POST {shlex.quote(url)}", *headers, data])
