"""Is the webhook registered, its secret stored, and is anybody connected to send through it?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator

from spectrum_forwarder.domain.registration import NORMALIZED, RECEIVED, Registration, look

from spectrum_cli.doctor.model import Patient
from spectrum_cli.terminal.verdicts import Result, failed, ok, skipped, warning
from spectrum_cli.vendor.webhook_list import say_trouble
from spectrum_cli.vendor.webhook_store import begun, stored

PHOTON = "photon"
PHOTON_SECONDS = 20


def credentials(patient: Patient) -> Iterator[Result]:
    """AWS let us in, or there would be no patient; does Spectrum?"""
    yield ok("credentials", f"{patient.target.title} is reached")
    if patient.api is None:
        yield warning(
            "credentials",
            "Spectrum is not asked: the project's id and secret are not known here",
            "Set SPECTRUM_PROJECT_ID and SPECTRUM_PROJECT_SECRET, and run this again.",
        )


def registered(patient: Patient) -> Iterator[Result]:
    """The endpoint is in Spectrum's list, and the secret of its registration is stored."""
    if patient.api is None:
        yield skipped("registered", "Spectrum is not asked")
        return
    listed, webhooks = patient.api.list(), patient.store.read()
    leads_here = set[str]()
    for found in look(listed, stored(webhooks, patient.clock()), patient.target.endpoint_url):
        one = found.registration
        if one is not None:
            leads_here.add(one.id)
        if one is None or found.trouble is not None:
            yield failed("registered", *say_trouble(found, len(listed)))
        else:
            yield from _well(one)
    others = [one for one in listed if one.id not in leads_here]
    if others:
        yield skipped(
            "registered",
            f"each event goes to {len(others)} other webhooks of the project as well; delete those "
            "that nobody needs any more",
        )
    if webhooks.pending:
        what, command = begun(webhooks.pending)
        yield warning(
            "registered",
            f"{what} was begun and not finished",
            f"Run {command} again: it goes on where it was.",
        )


def _well(one: Registration) -> Iterator[Result]:
    """What is to be said of a registration that is enabled and whose secret is stored."""
    if not one.receives:
        yield failed(
            "registered",
            f"{one.id} ({one.url}): {RECEIVED} is not among its event types",
            f"Replace it: forwarder webhooks rotate {one.id}.",
        )
        return
    if one.schema_version not in ("", NORMALIZED):
        yield warning(
            "registered",
            f"{one.id} ({one.url}): its schema is {one.schema_version}, not {NORMALIZED}",
            "Events are forwarded as they come. There is no way back but a new registration: "
            f"forwarder webhooks rotate {one.id}.",
        )
        return
    state = f", {one.state} at Spectrum" if one.state else ""
    yield ok("registered", f"{one.id} at {one.url}, its secret stored{state}")


def secrets(patient: Patient) -> Iterator[Result]:
    """Every stored webhook can be used."""
    from spectrum_forwarder.adapters.webhook_registry import read_webhook  # noqa: PLC0415 (heavy)
    from spectrum_forwarder.domain.errors import InvalidEntry  # noqa: PLC0415
    from spectrum_forwarder.domain.event import CANARY_SOURCE  # noqa: PLC0415

    stored = patient.store.read().entries
    entries = [entry for entry in stored if entry.get("source") != CANARY_SOURCE]
    if not entries:
        yield failed(
            "secrets",
            "no webhook's secret is stored",
            "Register the endpoint (forwarder webhooks register), or import a secret.",
        )
    for number, entry in enumerate(entries):
        name = str(entry.get("id") or f"entry {number + 1}")
        try:
            read_webhook(entry)
        except InvalidEntry as error:
            yield failed(
                "secrets",
                f"{name}: {error}",
                f"Store it again: forwarder webhooks import {entry.get('id') or ''}".rstrip() + ".",
            )
        else:
            yield ok("secrets", f"{name} is well-formed")


def platforms(_patient: Patient) -> Iterator[Result]:
    """The vendor's command, where it is installed, knows what is connected."""
    command = shutil.which(PHOTON)
    if command is None:
        yield skipped(
            "platforms",
            "photon is not installed: look at the dashboard whether a line is connected",
        )
        return
    try:
        ran = subprocess.run(
            [command, "spectrum", "platforms", "list", "--json"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=PHOTON_SECONDS,
            check=False,
            env=dict(os.environ),
        )
        content = json.loads(ran.stdout) if ran.returncode == 0 else None
    except (OSError, subprocess.SubprocessError, ValueError):
        content = None
    if content is None:
        yield warning(
            "platforms",
            "photon could not say what is connected",
            "Run photon login, then photon spectrum platforms list.",
        )
    elif not content:
        yield failed(
            "platforms",
            "no platform is connected: nothing can come in",
            "Connect one in the dashboard, or with photon spectrum platforms.",
        )
    else:
        yield ok("platforms", f"photon lists {len(content)} of them")
