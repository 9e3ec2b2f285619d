"""Can events get to where they are bound?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from spectrum_cli.destinations.entries import ourselves
from spectrum_cli.destinations.mending import mending
from spectrum_cli.destinations.secrets import weakness
from spectrum_cli.doctor.filters import filters
from spectrum_cli.doctor.model import Patient
from spectrum_cli.stack.http_client import HttpClient, NotAnswered
from spectrum_cli.terminal.verdicts import Result, failed, ok, skipped, warning

if TYPE_CHECKING:
    from spectrum_forwarder.domain.destination import Destination

CHECK = "destinations"
TIMEOUT = 5.0
MEND_BY_HAND = (
    "Mend it in the destinations secret. Until then new events are not bound for it (replay them), "
    "and nothing settles as removed."
)
AT_ONCE = 8


def destinations(patient: Patient) -> Iterator[Result]:
    """Every destination can be used, and takes connections from here."""
    from spectrum_forwarder.adapters.destination_registry import read_destinations  # noqa: PLC0415 (heavy)

    target = patient.target
    answer = target.client("secretsmanager").get_secret_value(SecretId=target.destinations_secret)
    refused: list[tuple[str, str]] = []
    read = read_destinations(
        answer["SecretString"],
        lambda name, error: refused.append((name, str(error))),
        allow_loopback=target.is_local,
        own=ourselves(target),
    )
    for name, reason in refused:
        said = f"{name}: {reason}"
        if said in read.nameless:
            yield failed(CHECK, f"whose entry this is cannot be told: {said}", MEND_BY_HAND)
        else:
            yield failed(CHECK, said, f"Mend it: {mending(name, reason)}.")
    if not read.usable:
        yield warning(CHECK, "there is none that can be used", "forwarder destinations add.")
    for destination in read.usable.values():
        if wrong := weakness(destination.signing_secret):
            mend = f"forwarder destinations rotate {destination.name}."
            yield warning(CHECK, f"{destination.name}: its signing secret {wrong}", mend)
    yield from filters(patient, read.usable, _expressions(answer["SecretString"]))
    with ThreadPoolExecutor(AT_ONCE) as callers:
        yield from callers.map(_reached, read.usable.values())


def _expressions(text: str) -> dict[str, str]:
    """The filters of a registry's entries, by identity."""
    from spectrum_forwarder.adapters.registry_entries import entries_of  # noqa: PLC0415 (heavy)
    from spectrum_forwarder.domain.destination import identity_of  # noqa: PLC0415

    entries = entries_of(text, "destinations")
    return {
        identity_of(entry) or "": str(entry["filter"]) for entry in entries if entry.get("filter")
    }


def _reached(destination: Destination) -> Result:
    name = destination.name
    if not destination.enabled:
        return warning(CHECK, f"{name} is paused", f"forwarder destinations resume {name}.")
    if not destination.url.startswith(("https://", "http://")):
        return skipped(CHECK, f"{name} is no URL: forwarder destinations test {name}")
    from spectrum_forwarder.adapters.kinds.http.trust import store  # noqa: PLC0415 (not for --help)

    try:
        # Any answer will do; HEAD changes nothing there. Whom this machine trusts says nothing.
        with HttpClient(trusting=store(destination.options.get("ca_bundle"))) as http:
            answer = http.request("HEAD", destination.url, timeout=TIMEOUT)
    except NotAnswered as error:
        return failed(
            CHECK,
            f"{name} cannot be reached from here: {error}",
            f"Check it there; then forwarder destinations test {name}.",
        )
    return ok(CHECK, f"{name} takes connections ({answer.seconds * 1000:.0f} ms)")
