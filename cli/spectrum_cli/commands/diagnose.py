"""`forwarder diagnose`: say why a request does not verify."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectrum_cli.diagnosis import capture as captured
from spectrum_cli.diagnosis import log_line as logged
from spectrum_cli.diagnosis.diagnose import diagnose as find_causes
from spectrum_cli.diagnosis.header_reading import read_date
from spectrum_cli.diagnosis.model import Capture, Diagnosis, KnownSecret
from spectrum_cli.stack.options import Named, with_named
from spectrum_cli.terminal.errors import Finding as SomethingFound
from spectrum_cli.terminal.errors import WrongUse
from spectrum_cli.terminal.output import AsJson, note, print_json
from spectrum_cli.terminal.shell import SECRET_VARIABLE, secret_of_the_shell
from spectrum_cli.terminal.tables import stdout_console

if TYPE_CHECKING:
    from spectrum_cli.diagnosis.model import Finding


def register(app: typer.Typer) -> None:
    app.command("diagnose")(diagnose)


@with_named
def diagnose(
    *,
    body: Annotated[
        Path | None, typer.Option(help="File with the body's bytes as they arrived; - for stdin.")
    ] = None,
    headers: Annotated[
        Path | None,
        typer.Option(help="File with the headers: Name: value lines, curl -v's, or JSON."),
    ] = None,
    request: Annotated[
        Path | None,
        typer.Option(
            help="File with the whole request: as it travelled, the event that a function got, or "
            "what a HAR file, webhook.site or ngrok has of it."
        ),
    ] = None,
    log_line: Annotated[
        Path | None, typer.Option(help="File with a request.refused line of the receiver's log.")
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[ID=]SECRET",
            help=f"A signing secret, better given in {SECRET_VARIABLE} or a file. Repeatable.",
        ),
    ] = None,
    secret_file: Annotated[
        list[Path] | None,
        typer.Option(help="File with a secret, or with what the webhooks secret holds."),
    ] = None,
    received_at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When it came in: Unix seconds or an ISO 8601 date."),
    ] = None,
    named: Named,
    as_json: AsJson = False,
) -> None:
    """Say why a request does not verify, with the evidence and what to do.

    It tries what usually happens to bodies, secrets and timestamps until the signature is right:
    what made it right is the cause. Secrets come from the options, or from a stack's webhooks.
    Nothing is sent, and nothing is made acceptable. Ends with 0 if the request verifies, with 1
    if something is wrong with it.

    Example: forwarder diagnose --body body.bin --headers headers.txt --local
    """
    given = [option for option in (request, log_line, body or headers) if option]
    if len(given) != 1:
        raise WrongUse("give --body and --headers, or --request, or --log-line")
    if log_line:
        text = captured.read_bytes(log_line).decode("utf-8", "replace")
        found = logged.explain(logged.read(text))
        _show(Diagnosis(tuple(found), checked=False), {}, as_json=as_json)
        return
    capture = _capture(request, headers, body, received_at)
    secrets, target = _secrets(secret, secret_file), named.target()
    if target is not None:
        text = target.client("secretsmanager").get_secret_value(SecretId=target.webhooks_secret)
        secrets += captured.read_secrets(text["SecretString"].encode())
    if not secrets and (of_the_shell := secret_of_the_shell(target)):
        secrets.append(KnownSecret(of_the_shell.encode()))
    diagnosis = find_causes(capture, secrets, now=time.time())
    _show(diagnosis, _facts(capture, secrets), as_json=as_json)


def _capture(
    request: Path | None, headers: Path | None, body: Path | None, received_at: str | None
) -> Capture:
    if request:
        capture = captured.read_request(captured.read_bytes(request))
    elif headers and body:
        if headers == body:
            raise WrongUse("--headers and --body cannot both be read from one place: use --request")
        read = captured.read_headers(captured.read_bytes(headers).decode("latin-1"))
        capture = Capture(read, captured.read_bytes(body))
    else:
        raise WrongUse("give both --body and --headers: the signature is over both")
    if received_at is None:
        return capture
    moment = float(received_at) if received_at.isdecimal() else read_date(received_at)
    if moment is None:
        raise WrongUse("--received-at takes Unix seconds or a date like 2026-01-31T12:00:00Z")
    return replace(capture, received_at=moment)


def _secrets(options: list[str] | None, files: list[Path] | None) -> list[KnownSecret]:
    secrets = [captured.secret_option(text) for text in options or []]
    for path in files or []:
        secrets += captured.read_secrets(captured.read_bytes(path))
    return secrets


def _facts(capture: Capture, secrets: list[KnownSecret]) -> dict[str, object]:
    return {
        "body_bytes": len(capture.body),
        "signature_length": len(capture.header("x-spectrum-signature")),
        "timestamp": capture.header("x-spectrum-timestamp")[:40],
        "webhook_id": capture.header("x-spectrum-webhook-id")[:100],
        "secrets": len(secrets),
    }


def _show(diagnosis: Diagnosis, facts: Mapping[str, object], *, as_json: bool) -> None:
    found = diagnosis.findings
    if as_json:
        document: dict[str, Any] = {"verifies": diagnosis.verifies if facts else False}
        print_json(document | {"findings": [_plain(one) for one in found], **facts})
    else:
        _draw(diagnosis, facts)
    if found:
        causes = ", ".join(one.cause for one in found)
        raise SomethingFound(f"the request does not verify: {causes}")
    if not diagnosis.checked:
        raise WrongUse(
            "its shape is right; whether it verifies takes a secret: give --secret-file, "
            f"{SECRET_VARIABLE}, --stack or --local"
        )


def _plain(found: Finding) -> dict[str, object]:
    return {
        "cause": found.cause,
        "title": found.title,
        "evidence": found.evidence,
        "fix": found.fix,
        "proved": found.proved,
    }


def _draw(diagnosis: Diagnosis, facts: Mapping[str, object]) -> None:
    from rich.text import Text  # noqa: PLC0415 (help needs none of it)

    console = stdout_console()
    for one in diagnosis.findings:
        sure = "" if one.proved else " (likely, not proved)"
        console.print(
            Text.assemble(("✗ ", "bold red"), (one.title, "bold"), f"{sure}  [{one.cause}]")
        )
        console.print(Text(f"  evidence: {one.evidence}"))
        console.print(Text(f"  fix:      {one.fix}"))
    if diagnosis.verifies:
        console.print(Text.assemble(("✓ ", "bold green"), ("it verifies", "bold")))
    if facts:
        note(", ".join(f"{name} {value}" for name, value in facts.items()))
