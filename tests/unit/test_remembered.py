"""What test processes remember changes nothing that anyone hears, and nobody that is believed."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

from botocore.hooks import HierarchicalEmitter
from spectrum_forwarder.adapters.wire import Wire

from tests.support.certificates import make_certificate


def listener(name: str) -> Any:
    return lambda **_: name


def heard(emitter: HierarchicalEmitter) -> list[object]:
    return [answer for _, answer in emitter.emit("before-call.sqs.SendMessage")]


def test_who_listens_to_a_client_is_not_heard_by_its_session_or_another() -> None:
    first, second, third = listener("first"), listener("second"), listener("third")
    session = HierarchicalEmitter()
    session.register("before-call.sqs", first)
    client, other = copy.copy(session), copy.copy(session)
    client.register("before-call.sqs", second)
    client.register("before-call.*.SendMessage", third)
    other.unregister("before-call.sqs", first)
    assert heard(client) == ["third", "first", "second"]
    assert heard(session) == ["first"]
    assert heard(other) == []
    session.register("before-call", second)
    assert heard(session) == ["first", "second"]
    assert heard(client) == ["third", "first", "second"]


def believed(bundle: Path) -> list[bytes]:
    wire = Wire(str(bundle), connect_seconds=1.0, read_seconds=1.0)
    return wire._context.get_ca_certs(binary_form=True)


def test_a_wire_believes_its_own_bundle_as_it_is_now(tmp_path: Path) -> None:
    bundles = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        bundles.append(make_certificate(folder)[0])
    one, other = map(believed, bundles)
    assert one != other
    bundles[0].write_bytes(bundles[1].read_bytes())
    os.utime(bundles[0], (1, 1))
    assert believed(bundles[0]) == other
