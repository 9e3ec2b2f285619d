"""What holds for all tests."""

import gc
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from hypothesis import settings
from spectrum_forwarder import observability
from spectrum_forwarder.adapters.plain_http import Answer
from spectrum_forwarder.adapters.wire import Headers, Wire

from tests.support.remembered import remember

remember()
# What a test leaves goes at once, but for the few things that hold each other; to look for those
# through all that botocore, moto and pytest keep took a fifth of a run.
gc.set_threshold(50_000, 50, 100)
# How long an example takes is the machine's business.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
TESTS = Path(__file__).parent


# Those that take longest, the longest first: a file that is begun last is waited for by all. The
# workers take them in this order, for `make tests-alone` asks xdist not to put many tests first.
LONGEST = (
    "prove/test_mutants.py",
    "local/test_local_command.py",
    "prove/test_machine.py",
    "versions/test_upgrade.py",
    "cli/test_order_on_local_stack.py",
    "prove/test_exhaustive.py",
    "cli/test_webhooks.py",
    "cli/test_on_local_stack.py",
    "ui/test_browser.py",
    "cli/test_operators_clock.py",
    "ui/test_screenshots.py",
    "cli/test_kinds_of_fault.py",
    "cli/test_watch_on_local_stack.py",
    "observability/test_local_run.py",
    "hardening/test_process_faults.py",
    "cli/test_rotate.py",
    "hardening/test_bad_requests.py",
    "hardening/test_races.py",
    "template/test_roles.py",
    "template/test_mutants.py",
    "functional/test_event_files.py",
    "local/test_poller.py",
    "cli/test_listen.py",
    "cli/test_doctor.py",
    "cli/test_destinations.py",
    "built/test_calls.py",
    "cli/test_quarantine.py",
    "contract/test_event_table.py",
    "functional/test_fanout_retries.py",
    "contract/test_senders.py",
    "cli/test_mending.py",
    "cli/test_doctor_on_broken_stacks.py",
    "cli/test_toy_kind.py",
    "cli/test_replay.py",
    "cli/test_demo.py",
    "cli/test_flush.py",
    "hardening/test_bad_records.py",
    "local/test_builds.py",
    "cli/test_events.py",
    "local/test_repairs.py",
    "cli/test_quarantine_on_local_stack.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what takes longest; otherwise the order stays."""
    places = {TESTS / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def pytest_collection_finish() -> None:
    """Let the collector pass by what has been imported: it stays."""
    gc.collect()
    gc.freeze()


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
