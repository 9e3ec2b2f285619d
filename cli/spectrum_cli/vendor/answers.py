"""What Spectrum's management API answers, and what each answer means to whoever asked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from spectrum_forwarder.domain.signature import SPECTRUM_SECRET

from spectrum_cli.stack.http_client import HttpAnswer
from spectrum_cli.terminal.errors import Finding, Unreachable, WrongUse

# `whsec_` and the base64 of 24 to 64 bytes.
STANDARD_SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{32,88}={0,2}")
# Numbers above this are milliseconds.
LATEST_SECONDS = 10**11


class AlreadyRegistered(Finding):
    """The URL is registered already; a secret is shown only once."""


class AnswerLost(Unreachable):
    """The registration may have been made; its secret is lost if it was."""


class NotTaken(Finding):
    """A change that Spectrum does not make to this webhook; another way has to be found."""


class NotUnderstood(Unreachable):
    """An answer that says that all is well, in words that nobody knows."""


@dataclass(frozen=True, slots=True)
class NewRegistration:
    """A webhook that was made just now, with the secrets that are shown this once.

    At least one of them is there: older registrations have none of Standard Webhooks.
    """

    id: str
    url: str
    signing_secret: str | None = field(repr=False)
    standard_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NewStandardSecret:
    """A secret in the place of another; `previous_until` (Unix seconds) is when that one ends."""

    secret: str = field(repr=False)
    previous_until: float | None


def data_of(answer: HttpAnswer) -> Any:
    """What a good answer holds; raises what a bad one means."""
    content = _content(answer)
    good = 200 <= answer.status < 300
    if good and content.get("succeed") is not False:
        return content.get("data")
    said = words_of(answer)
    if answer.status in (400, 422):
        raise WrongUse(
            f"Spectrum takes no such URL ({said}): it must be an https:// URL on a public address"
        )
    if answer.status == 404:
        raise Unreachable(
            "Spectrum knows no such project or webhook: check SPECTRUM_PROJECT_ID, and see "
            "forwarder webhooks list"
        )
    raise Unreachable(f"Spectrum answered {said}: try again later")


def words_of(answer: HttpAnswer) -> str:
    """The status, and Spectrum's own words of why not."""
    content = _content(answer)
    said = " ".join(str(content[key]) for key in ("code", "message") if key in content)[:300]
    return f"{answer.status} {said}".strip()


def new_registration(answer: HttpAnswer, url: str) -> NewRegistration:
    """The webhook that was made; raise AnswerLost where its secrets cannot be read."""
    try:
        data = data_of(answer)
    except NotUnderstood:
        data = None
    if isinstance(data, dict) and isinstance(data.get("id"), str):
        made = NewRegistration(
            data["id"],
            str(data.get("webhookUrl") or url),
            _secret(data, "signingSecret", SPECTRUM_SECRET),
            _secret(data, "standardSigningSecret", STANDARD_SECRET),
        )
        if made.signing_secret or made.standard_secret:
            return made
    raise lost(url, "the answer holds no id and secret that can be used")


def new_standard_secret(answer: HttpAnswer, webhook_id: str) -> NewStandardSecret:
    """What `secret/rotate` answered; raise AnswerLost where the secret cannot be read."""
    try:
        data = data_of(answer)
    except NotUnderstood:
        data = None
    if isinstance(data, dict):
        secret = _secret(data, "standardSigningSecret", STANDARD_SECRET)
        if secret is not None:
            return NewStandardSecret(secret, moment(data.get("previousValidUntil")))
    raise secret_lost(webhook_id, "it holds no secret that can be used")


def moment(value: object) -> float | None:
    """A time as an API may write it (ISO 8601, seconds, milliseconds) in Unix seconds, or None."""
    if isinstance(value, str):
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            return None
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) / 1000 if value > LATEST_SECONDS else float(value)
    return None


def already_registered(url: str) -> AlreadyRegistered:
    return AlreadyRegistered(
        f"Spectrum has {url} registered already, and shows a secret only once: import the secret "
        "if you have it (forwarder webhooks import), replace the registration (forwarder webhooks "
        "rotate ID), or delete it first (forwarder webhooks delete ID)"
    )


def not_understood() -> NotUnderstood:
    return NotUnderstood(
        "Spectrum's answer is not what its API is known to say: is there a proxy in between, or "
        "a newer version?"
    )


def lost(url: str, reason: str) -> AnswerLost:
    return AnswerLost(
        f"the answer to registering {url} was lost ({reason}): it may be registered, with a "
        "secret that nobody has. Run the same command again: it finds out, and makes it anew"
    )


def secret_lost(webhook_id: str, reason: str) -> AnswerLost:
    return AnswerLost(
        f"the answer to rotating the secret of {webhook_id} was lost ({reason}): Spectrum may sign "
        "with one that nobody has. Run the same command again: it makes another"
    )


def busy(answer: HttpAnswer | None) -> Unreachable:
    if answer is not None and answer.status == 429:
        return Unreachable(
            "Spectrum takes 5 requests a second for a project, and others are using them up: try "
            "again in a minute"
        )
    said = f"answered {answer.status}" if answer is not None else "cannot be reached"
    return Unreachable(f"Spectrum's API {said}, several times: try again later")


def _content(answer: HttpAnswer) -> Mapping[str, Any]:
    try:
        content = json.loads(answer.body or b"{}")
    except ValueError:
        content = None
    if not isinstance(content, dict):
        if answer.status < 300:
            raise not_understood()
        return {}
    return content


def _secret(data: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str | None:
    value = data.get(name)
    return value if isinstance(value, str) and form.fullmatch(value) else None
