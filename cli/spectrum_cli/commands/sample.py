"""`forwarder sample`: make a signed request; print it, or send it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from spectrum_cli.diagnosis.capture import read_bytes
from spectrum_cli.samples.requests import (
    CONTENT_KINDS,
    CONTENT_TYPES,
    FLAWS,
    KINDS,
    PLATFORMS,
    USUAL,
    SampleRequest,
    make_body,
    signed,
)
from spectrum_cli.samples.sending import SampleAnswer, curl, send_all, summary
from spectrum_cli.samples.signing import check_scheme, signer, spoilt
from spectrum_cli.stack.options import Named, with_named
from spectrum_cli.stack.probes import error_code
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.errors import Finding, Unreachable, WrongUse
from spectrum_cli.terminal.output import (
    AsJson,
    as_text_or_base64,
    note,
    print_json,
    print_line,
    progress,
)
from spectrum_cli.terminal.shell import SECRET_VARIABLE, secret_of_the_shell

ENDPOINT = "endpoint"
PLACEHOLDER_URL = "http://127.0.0.1:8787/spectrum-webhook"
TOLERANCE = 300
LONGEST_SHOWN = 2000


def register(app: typer.Typer) -> None:
    app.command("sample")(sample)


@with_named
def sample(
    *,
    kind: Annotated[
        str, typer.Option(metavar="KIND", help="What it holds: " + ", ".join(KINDS) + ".")
    ] = "text",
    platform: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Where it was written, for a content type: {', '.join(PLATFORMS)}.",
        ),
    ] = USUAL,
    as_curl: Annotated[
        bool, typer.Option("--curl", help="Print the curl command: what is done without --send.")
    ] = False,
    send: Annotated[
        str | None,
        typer.Option(metavar="URL", help=f"Send it there; '{ENDPOINT}' is the stack's own."),
    ] = None,
    scheme: Annotated[
        str,
        typer.Option(
            metavar="SCHEME",
            help="How it is signed: v0, standard, both, or rotated: standard, by two secrets.",
        ),
    ] = "v0",
    webhook_id: Annotated[str | None, typer.Option(help="The webhook that it is for.")] = None,
    secret: Annotated[
        str | None,
        typer.Option(help=f"The signing secret; better set {SECRET_VARIABLE}.", show_default=False),
    ] = None,
    body: Annotated[Path | None, typer.Option(help="File whose bytes are the body.")] = None,
    message_id: Annotated[
        str | None, typer.Option(help="The message's id; without it each sample has its own.")
    ] = None,
    age: Annotated[
        int, typer.Option(help="Seconds since it was signed; less than 0 is the future.")
    ] = 0,
    corrupt: Annotated[
        str | None, typer.Option(metavar="FLAW", help="Spoil it: " + ", ".join(FLAWS) + ".")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=100_000, help="How many to send.")] = 1,
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="How many a second, at most.")
    ] = None,
    named: Named,
    as_json: AsJson = False,
) -> None:
    """Make a signed request as Spectrum sends it; print the curl command, or send it.

    With --local or --stack the endpoint and a webhook with its secret are those of the stack;
    else they are options, and without these a webhook that only `events/webhooks.json` knows. Ends
    with 1 if a good sample was not accepted, or a spoilt one was.

    Example: forwarder sample --kind reaction --send endpoint --local
    """
    if as_curl and send:
        raise WrongUse("--curl prints and --send sends: choose one")
    if count > 1 and not send:
        raise WrongUse("--count is for --send")
    _check_names(kind, platform, corrupt)
    check_scheme(scheme)
    target = named.target()
    url = _url(send, target)
    keys = signer(scheme, webhook_id, secret or secret_of_the_shell(target), target)
    content = read_bytes(body) if body else None

    def make() -> SampleRequest:
        now = int(time.time())
        made = (
            content
            if content is not None
            else make_body(kind, message_id=message_id, sent_at=now - age, platform=platform)
        )
        if corrupt:
            return spoilt(corrupt, made, keys, now - age)
        return signed(
            made,
            webhook_id=keys.webhook_id,
            secret=keys.secret,
            standard_secrets=keys.standard_secrets,
            timestamp=now - age,
            content_type=CONTENT_TYPES.get(kind) if content is None else None,
        )

    if not send:
        _print(url, make(), as_json=as_json)
        return
    good = corrupt is None and abs(age) <= TOLERANCE
    # Whoever else is sent to has no codes, or others; another scheme has further ones.
    code = FLAWS[corrupt].code if corrupt and scheme == "v0" and target is not None else None
    _send(url, make, count, rate, good=good, code=code, as_json=as_json)


def _check_names(kind: str, platform: str, corrupt: str | None) -> None:
    if kind not in KINDS:
        raise WrongUse(f"there is no kind {kind!r}: choose one of {', '.join(KINDS)}")
    if platform not in PLATFORMS:
        raise WrongUse(f"there is no platform {platform!r}: choose one of {', '.join(PLATFORMS)}")
    if platform != USUAL and kind not in CONTENT_KINDS:
        raise WrongUse(f"--platform is for content types, and {kind!r} has a platform of its own")
    if corrupt is not None and corrupt not in FLAWS:
        raise WrongUse(f"there is no flaw {corrupt!r}: choose one of {', '.join(FLAWS)}")


def _url(send: str | None, target: Target | None) -> str:
    if send is not None and send != ENDPOINT:
        if not send.startswith(("http://", "https://")):
            raise WrongUse(f"--send takes a URL, or '{ENDPOINT}' for the stack's own")
        return send
    if target is not None:
        return target.endpoint_url
    if send == ENDPOINT:
        raise WrongUse(f"--send {ENDPOINT} needs a stack: add --local, or --stack NAME")
    return PLACEHOLDER_URL


def _print(url: str, request: SampleRequest, *, as_json: bool) -> None:
    if as_json:
        body = as_text_or_base64(request.body)
        print_json({"url": url, "headers": dict(request.headers), **body})
        return
    print_line(curl(url, request))
    note(f"Send it within {TOLERANCE} s: then its timestamp is too old.")


def _send(
    url: str,
    make: Callable[[], SampleRequest],
    count: int,
    rate: float | None,
    *,
    good: bool,
    code: str | None,
    as_json: bool,
) -> None:
    answers: list[SampleAnswer] = []
    with progress("sending", count) as advance:
        for answer in send_all(url, make, count=count, rate=rate):
            answers.append(answer)
            advance(1)
    if as_json:
        print_json(
            {"url": url, "expected": "2xx" if good else "refusal"} | summary(answers, good=good)
        )
    else:
        _tell(answers, good=good)
    if all(answer.status is None for answer in answers):
        raise Unreachable(f"{url} did not answer: {answers[0].text}")
    wrong = [answer for answer in answers if not answer.as_expected(good=good)]
    if wrong:
        what = "a good sample was not accepted" if good else "a spoilt sample was accepted"
        raise Finding(f"{what}: {len(wrong)} of {count}, the first with {_shown(wrong[0])}")
    said = {error_code(answer.text.encode()) for answer in answers} - {code, None, ""}
    if code is not None and said:
        raise Finding(f"it was refused for another reason than {code}: {', '.join(sorted(said))}")


def _shown(answer: SampleAnswer) -> str:
    return str(answer.status) if answer.status is not None else answer.text


def _tell(answers: list[SampleAnswer], *, good: bool) -> None:
    if len(answers) == 1:
        answer = answers[0]
        if answer.status is not None:
            print_line(f"{answer.status} in {answer.seconds * 1000:.0f} ms")
            print_line(
                ascii(answer.text[:1000])[1:-1] if not answer.text.isprintable() else answer.text
            )
        return
    for name, value in summary(answers, good=good).items():
        print_line(f"{name:<12} {value if isinstance(value, str) else json.dumps(value)}")
