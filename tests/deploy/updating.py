"""Requests that go on while a stack changes under them: none may be answered 5xx, none lost."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from tests.deploy.site import Site, new_body, understood
from tests.deploy.steps import Failed, wait_until

REQUESTS = 1_000
THREADS = 2
# The emulator does on one core what AWS does on many: its being slow is not what is measured.
PATIENCE = 60.0
# The emulator translates a template while all else waits, for seconds on a busy machine. Then the
# receiver itself says so, within its 5 s; what is answered by a gateway without it never counts.
STOOD_STILL, STILL_AT_MOST = "503 not_durable", 5
# So many answers come before anything is changed, and so long a sender pauses (seconds).
FIRST, PAUSE = 30, 0.02
# Of so many requests one is a new event, and the others are that event again.
NEW = 5


class Stream:
    """Sends to one URL until it is told to stop, and at least so many requests."""

    def __init__(self, site: Site, url: str) -> None:
        self._site, self._parts = site, urlsplit(url)
        self._enough = threading.Event()
        self._lock = threading.Lock()
        self._answers: Counter[str] = Counter()
        self.keys: set[str] = set()
        self._threads = [threading.Thread(target=self._run) for _ in range(THREADS)]

    @property
    def requests(self) -> int:
        return self._answers.total()

    @property
    def answers(self) -> str:
        """What was answered how often, in short."""
        return ", ".join(f"{count} × {answer}" for answer, count in self._answers.most_common())

    @property
    def failures(self) -> int:
        """What was not taken; of STOOD_STILL, what is more than the emulator may cause."""
        good = ("200 accepted", "200 duplicate")
        still = min(self._answers[STOOD_STILL], STILL_AT_MOST)
        return self.requests - still - sum(self._answers[answer] for answer in good)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop once there were enough."""
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        trust = ssl.create_default_context(cafile=str(self._site.emulator.certificate))
        line = http.client.HTTPSConnection(self._parts.netloc, timeout=PATIENCE, context=trust)
        body = new_body(text="on and on")
        while not (self._enough.is_set() and self.requests >= REQUESTS):
            if self.requests % NEW == 0:
                body = new_body(text="on and on")
            self._send(line, body)
            time.sleep(PAUSE)
        line.close()

    def _send(self, line: http.client.HTTPSConnection, body: bytes) -> None:
        request = self._site.sign(body)
        try:
            line.request("POST", self._parts.path, request.body, dict(request.headers))
            response = line.getresponse()
            answer = understood(response.status, response.read())
            said, key = f"{answer.status} {answer.code}", answer.event_key
        except (OSError, http.client.HTTPException) as error:
            line.close()
            said, key = f"{type(error).__name__}", None
            time.sleep(0.1)
        with self._lock:
            self._answers[said] += 1
            if key is not None:
                self.keys.add(key)


@contextlib.contextmanager
def steady_requests(site: Site, url: str, during: str) -> Iterator[Stream]:
    """Requests for as long as this lasts; afterwards raise Failed where one was not taken.

    What was taken need not be delivered yet: the emulator kills workers that AWS would let finish,
    and what they held is delivered when its claim has ended.
    """
    stream = Stream(site, url)
    stream.start()
    try:
        wait_until("the first answers", lambda: stream.requests >= FIRST, PATIENCE)
        yield stream
    finally:
        stream.stop()
    if stream.failures:
        raise Failed(
            f"an update is not one step: of {stream.requests} requests during {during}, "
            f"{stream.failures} were not taken: {stream.answers}"
        )
