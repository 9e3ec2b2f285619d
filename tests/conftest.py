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
# through all that botocore, moto and pytest keep took a fifth of a run. Looked for ten times as
# seldom, what is left is cold when it is met, and proofs take a sixth longer.
gc.set_threshold(5_000, 20, 100)
# How long an example takes is the machine's business.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
TESTS = Path(__file__).parent


# Begun first, in this order: files that take long, for one that is begun last is waited for by all,
# and those that compute among those that wait, so that there is always something to do. The workers
# take them as they stand, for `make tests-alone` asks xdist not to put many tests first.
LONGEST = (
    "prove/test_isolation.py",
    "prove/test_mutants.py",
    "cli/test_doctor.py",
    "cli/test_listen.py",
    "cli/test_order_on_local_stack.py",
    "cli/test_watch_on_local_stack.py",
    "local/test_poller.py",
    "functional/test_event_files.py",
    "versions/test_upgrade.py",
    "prove/test_exhaustive.py",
    "cli/test_quarantine_on_local_stack.py",
    "local/test_functions.py",
    "cli/test_doctor_on_broken_stacks.py",
    "cli/test_demo.py",
    "local/test_local_command.py",
    "cli/test_on_local_stack.py",
    "cli/test_operators_clock.py",
    "local/test_builds.py",
    "template/test_roles.py",
    "ui/test_browser.py",
    "local/test_front.py",
    "consumers/test_python_consumers.py",
    "built/test_calls.py",
    "contract/test_wire.py",
    "hardening/test_process_faults.py",
    "contract/test_senders.py",
    "observability/test_local_run.py",
    "prove/test_sweep_scale.py",
    "functional/test_receiver_quarantine.py",
    "contract/test_http_sender.py",
    "cli/test_rotate.py",
    "cli/test_webhooks.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what takes longest; otherwise the order stays."""
    places = {TESTS / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def pytest_collection_finish() -> None:
    """Let the collector pass by what has been imported: it stays."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup() -> None:
    """Write every line: one process tests more refusals than an instance tells a minute."""
    observability.teller._sample = observability.Sample(time.monotonic)


def _moto() -> Any:
    """What answers botocore's calls in moto's place of AWS, if it does."""
    models = sys.modules.get("moto.core.models")
    return models.botocore_stubber if models and models.botocore_stubber.enabled else None


def _put_moto_before_the_wire() -> None:
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

    Wire.send = unless_mocked  # type: ignore[assignment, method-assign]
    Wire.ask = ask_moto  # type: ignore[method-assign]


# Once, not for each test: what is put there asks whether moto is on.
_put_moto_before_the_wire()
