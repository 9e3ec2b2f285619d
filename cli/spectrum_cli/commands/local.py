"""`forwarder local`: the whole stack on this machine, until a signal ends it."""

from __future__ import annotations

import contextlib
import re
import secrets
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spectrum_cli.local.deployment import Run
from spectrum_cli.local.state import LocalState, published, refuse_taken, running
from spectrum_cli.stack.target import local_target
from spectrum_cli.terminal.errors import Unreachable, WrongUse
from spectrum_cli.terminal.output import escaped

if TYPE_CHECKING:
    from spectrum_cli.local.registry_files import MadeUpWebhook
    from spectrum_cli.local.stack import LocalStack

DEFAULT_PORT = 8787
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
LOOK_SECONDS = 0.5

TO_SEND_ONE = """\
To send an event by hand, paste this into another terminal:

  body='{{"event":"messages","message":{{"id":"by-hand-1","content":{{"type":"text","text":"hi"}}}}}}'
  timestamp=$(date +%s)
  signature=$(printf 'v0:%s:%s' "$timestamp" "$body" |
    openssl dgst -sha256 -hmac {secret} -r | cut -d' ' -f1)
  curl -sS {url} -H 'Content-Type: application/json' -H 'X-Spectrum-Event: messages' \\
    -H 'X-Spectrum-Webhook-Id: {webhook}' \\
    -H "X-Spectrum-Timestamp: $timestamp" -H "X-Spectrum-Signature: v0=$signature" \\
    --data-binary "$body"
"""

TO_TRY_SPECTRUM = """\
A stand-in for Spectrum's API, for this run. In another terminal:

  export {exports}
  forwarder webhooks register --source main --local    # then list, rotate, enable, check, doctor
  standin="curl -sS -X POST -u $SPECTRUM_PROJECT_ID:$SPECTRUM_PROJECT_SECRET"
  $standin $SPECTRUM_API_URL/stand-in/deliver          # a signed event to all that is registered
  $standin $SPECTRUM_API_URL/stand-in/disable/WEBHOOK/delivery_failures

The stack looks at the list every {seconds:.0f} s: registration.trouble, below, raises the alarm.
"""
NO_WEBHOOKS = '{"webhooks":[]}'


def register(app: typer.Typer) -> None:
    app.command("local")(local)


def local(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the endpoint; 0 picks a free one.")
    ] = DEFAULT_PORT,
    webhooks: Annotated[
        Path | None,
        typer.Option(help='File with what the secret holds: {"webhooks": [...]}.'),
    ] = None,
    destinations: Annotated[
        Path | None,
        typer.Option(help='File with what the secret holds: {"destinations": [...]}.'),
    ] = None,
    time_scale: Annotated[
        float, typer.Option(help="Multiplies retry delays, sweeps and leases; 0.01 is quick.")
    ] = 1.0,
    run: Annotated[
        Run,
        typer.Option(
            "--from", help="Run builds, as they are deployed, or the sources as they are."
        ),
    ] = Run.BUILT,
    *,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="What other commands find it by, with several: --local --stack NAME.",
        ),
    ] = None,
    spectrum: Annotated[
        bool,
        typer.Option("--spectrum", help="Run a stand-in for Spectrum's API beside it."),
    ] = False,
) -> None:
    """Run the whole stack on this machine, without an AWS account.

    Layer and functions are built first, as for Lambda (kept in build/artifacts). Without files
    it makes a webhook and a consumer of its own. Standard output gets one line when everything
    is up: READY and the endpoint's URL. SIGINT or SIGTERM ends it. Several can run at once; its
    AWS services answer its own credentials only, which its owner's commands find (--local).

    With --spectrum nothing is registered at first: it says which variables let forwarder webhooks,
    and doctor, find a stand-in for Spectrum's API, with which all of them can be tried without an
    account. The stack's own check of registrations looks at it as well, every 10 minutes times
    --time-scale.

    Example: forwarder local --port 0 --time-scale 0.01
    """
    stopping = threading.Event()
    # From here on a signal is a request that is honoured between two steps, not an interruption.
    # Another thread passes it on: this one may be holding the lock that passing it on takes.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: threading.Thread(target=stopping.set).start())
    if not 0 < time_scale <= 1000:
        raise WrongUse("--time-scale must be more than 0, and at most 1000")
    if name is not None:
        if not NAME.fullmatch(name):
            raise WrongUse("--name takes letters, digits, _ and -, at most 64, - not first")
        refuse_taken(name)
    try:
        _run(
            port=port,
            webhooks=webhooks,
            destinations=destinations,
            time_scale=time_scale,
            run=run,
            name=name,
            spectrum=spectrum,
            stopping=stopping,
        )
    except ModuleNotFoundError as error:
        raise Unreachable(
            f"the local stack needs {error.name}: install it with pip install '.[local]'"
        ) from error


def _run(
    *,
    port: int,
    webhooks: Path | None,
    destinations: Path | None,
    time_scale: float,
    run: Run,
    name: str | None,
    spectrum: bool,
    stopping: threading.Event,
) -> None:
    from spectrum_cli.local.registry_files import (  # noqa: PLC0415
        destination_registry,
        make_up_webhook,
        read_registry,
    )

    # What is wrong with a file is said at once.
    webhooks_text = read_registry(webhooks, "webhooks") if webhooks else None
    destinations_text = read_registry(destinations, "destinations") if destinations else None

    # These bring moto and boto3 along: seconds that no other command should wait.
    from spectrum_cli.local.aws import forget_the_shell  # noqa: PLC0415
    from spectrum_cli.local.console import Console  # noqa: PLC0415
    from spectrum_cli.local.consumer import Consumer, Received, accept_verified  # noqa: PLC0415
    from spectrum_cli.local.stack import LocalStack, StartCancelled  # noqa: PLC0415
    from spectrum_cli.local.told import tell_of_files  # noqa: PLC0415

    forget_the_shell()
    log = Console()
    webhook = None if webhooks or spectrum else make_up_webhook()
    given = {
        "webhooks": (webhooks, webhooks_text),
        "destinations": (destinations, destinations_text),
    }

    def take(received: Received) -> int:
        verdict = "verified" if received.verified else "NOT VERIFIED"
        body = escaped(received.body[:200]) + ("…" if len(received.body) > 200 else "")
        log("consumer", f"{received.event_key} {verdict}, {len(received.body)} bytes: {body}")
        return accept_verified(received)

    with contextlib.ExitStack() as cleanup:
        if destinations_text is None:
            consumer = Consumer(secrets.token_hex(32), take)
            consumer.start()
            cleanup.callback(consumer.stop)
            destinations_text = destination_registry("consumer", consumer.url, consumer.secret)
        stand_in = _stand_in(cleanup) if spectrum else None
        stack = LocalStack(
            webhooks=webhooks_text or (webhook.registry if webhook else NO_WEBHOOKS),
            destinations=destinations_text,
            log=log,
            port=port,
            time_scale=time_scale,
            run=run,
            spectrum=stand_in,
        )
        try:
            stack.start(stopping)
        except StartCancelled:
            return
        cleanup.callback(stack.stop)
        _publish(stack.state(name or ""), cleanup)
        tell_of_files(given, local_target(stack.state(name or "")))
        if webhook is not None:
            _explain(stack.endpoint_url, webhook)
        if stand_in is not None:
            _explain_spectrum(stand_in, stack)
        print(f"READY {stack.endpoint_url}", flush=True)
        # With a time limit: a signal that comes to another thread does not wake this one.
        while not stopping.wait(LOOK_SECONDS):
            pass
        log("stack", "stopping")


def _stand_in(cleanup: contextlib.ExitStack) -> Mapping[str, str]:
    """Start a stand-in for Spectrum; the variables that tell where it is."""
    from spectrum_cli.local.spectrum.server import Spectrum  # noqa: PLC0415

    stand_in = Spectrum()
    stand_in.start()
    cleanup.callback(stand_in.stop)
    return stand_in.environment


def _explain_spectrum(environment: Mapping[str, str], stack: LocalStack) -> None:
    seconds = stack.seconds_between("RegistrationsFunction")
    exports = " ".join(f"{name}={value}" for name, value in environment.items())
    text = TO_TRY_SPECTRUM.format(exports=exports, seconds=seconds)
    print(text, file=sys.stderr, flush=True)


def _publish(state: LocalState, cleanup: contextlib.ExitStack) -> None:
    """Let other commands find the stack; say how, where it is not the only one."""
    others = running()
    try:
        named = cleanup.enter_context(published(state))
    except OSError as error:
        print(f"Other commands will not find this stack: {error}", file=sys.stderr)
        return
    if others:
        print(f"Other stacks run here: this one is --local --stack {named.name}", file=sys.stderr)


def _explain(url: str, webhook: MadeUpWebhook) -> None:
    text = TO_SEND_ONE.format(url=url, secret=webhook.signing_secret, webhook=webhook.id)
    print(
        f"Made up for this run: webhook {webhook.id}, secret {webhook.signing_secret}\n{text}",
        file=sys.stderr,
        flush=True,
    )
