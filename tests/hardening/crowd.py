"""Four destinations as they are met in life, and the load that a stack is put under.

Owns what each destination got and answered, and the sender that retries as Spectrum does.
"""

import contextlib
import http.client
import json
import socket
import threading
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from spectrum_cli.demo.sender import PAUSES, RETRIED, TIMEOUT
from spectrum_cli.local.consumer import Consumer, Received
from spectrum_cli.local.registry_files import MadeUpWebhook
from spectrum_cli.samples.requests import make_body, signed

SECRET = "9a" * 32


class Destination:
    """One that answers after `seconds`; each event's first answers are 503 if it is `flaky`."""

    def __init__(self, name: str, *, seconds: float = 0.0, flaky: bool = False) -> None:
        self.name = name
        self.delivered: Counter[str] = Counter()
        self.first_at: dict[str, float] = {}
        self._seconds = seconds
        self._flaky = flaky
        self._attempts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.consumer = Consumer(SECRET, self._answer)

    def entry(self, timeout_seconds: float) -> dict[str, Any]:
        return entry(self.name, self.consumer.url, timeout_seconds)

    def copies(self) -> Counter[str]:
        """How often each event was taken beyond the first time, where it was."""
        with self._lock:
            return Counter({key: count - 1 for key, count in self.delivered.items() if count > 1})

    def _answer(self, received: Received) -> int:
        key = received.event_key
        if not received.verified:
            return 401
        with self._lock:
            self._attempts[key] += 1
            refusals = zlib.crc32(key.encode()) % 3 if self._flaky else 0
            if self._attempts[key] <= refusals:
                return 503
        time.sleep(self._seconds)
        with self._lock:
            self.delivered[key] += 1
            self.first_at.setdefault(key, received.at)
        return 200


def entry(name: str, url: str, timeout_seconds: float) -> dict[str, Any]:
    """A destination's entry in the registry."""
    return {
        "name": name,
        "url": url,
        "signing_secret": SECRET,
        "timeout_seconds": timeout_seconds,
    }


def dead_url() -> str:
    """A URL at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"


@contextlib.contextmanager
def listening(*destinations: Destination) -> Iterator[None]:
    """The destinations' servers, for the time of a test."""
    with contextlib.ExitStack() as stack:
        for destination in destinations:
            destination.consumer.start()
            stack.callback(destination.consumer.stop)
        yield


@dataclass(frozen=True)
class Sent:
    """One event and its last answer; no `status` where there was none at all."""

    status: int | None
    event_key: str | None
    tries: int

    @property
    def acknowledged(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Upstream:
    """Spectrum, for one burst: sends at a steady rate and retries what was not taken."""

    def __init__(self, url: str, webhook: MadeUpWebhook, *, threads: int) -> None:
        self._url = urlsplit(url)
        self._webhook = webhook
        self._threads = ThreadPoolExecutor(threads)
        self.sent_at: dict[str, float] = {}
        self.progress = 0

    def burst(self, name: str, count: int, *, every: float) -> list[Sent]:
        """Send `count` events, one `every` seconds; return when each has had its last answer."""
        began = time.monotonic()
        pending = []
        for number in range(count):
            time.sleep(max(0.0, began + number * every - time.monotonic()))
            pending.append(self._threads.submit(self._send, f"{name}-{number}"))
            self.progress = number + 1
        return [one.result() for one in pending]

    def stop(self) -> None:
        self._threads.shutdown()

    def _send(self, message_id: str) -> Sent:
        """Send, and again after each answer that Spectrum would not take, signed anew."""
        body = make_body("text", message_id=message_id, sent_at=int(time.time()))
        self.sent_at[f"local:{message_id}"] = time.time()
        tries = 0
        for pause in (0.0, *PAUSES):
            time.sleep(pause)
            tries += 1
            status, event_key = self._post(body)
            if status is not None and status not in RETRIED:
                break
        return Sent(status, event_key, tries)

    def _post(self, body: bytes) -> tuple[int | None, str | None]:
        webhook, now = self._webhook, int(time.time())
        secret = webhook.signing_secret
        request = signed(body, webhook_id=webhook.id, secret=secret, timestamp=now)
        connection = http.client.HTTPConnection(self._url.netloc, timeout=TIMEOUT)
        try:
            connection.request("POST", self._url.path, body, dict(request.headers))
            answer = connection.getresponse()
            content = json.loads(answer.read())
            return answer.status, content.get("event_key")
        except (OSError, http.client.HTTPException):
            return None, None
        finally:
            connection.close()


class LogBook:
    """Takes the stack's lines; counts facts by name, and keeps what looks like a mistake."""

    def __init__(self) -> None:
        self.facts: Counter[str] = Counter()
        self.mistakes: list[str] = []
        self.lines: defaultdict[str, list[str]] = defaultdict(list)

    def __call__(self, source: str, line: str) -> None:
        self.lines[source].append(line)
        try:
            content = json.loads(line)
        except ValueError:
            content = None
        if isinstance(content, dict):
            name = str(content.get("message", ""))
            self.facts[name] += 1
            if name in ("invocation.failed", "receive.failed"):
                self.mistakes.append(line)
        elif "Traceback" in line:
            self.mistakes.append(line)
