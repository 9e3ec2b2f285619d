"""What a sample is signed with and spoilt by: the options, the stack, or what all know."""

from __future__ import annotations

from spectrum_cli.samples.keys import PREFIX, SCHEMES, TEST_KEYS, TEST_WEBHOOK_ID, Keys
from spectrum_cli.samples.requests import (
    V0_ALONE,
    SampleRequest,
    flawed,
)
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.errors import WrongUse
from spectrum_cli.terminal.shell import SECRET_VARIABLE


def check_scheme(scheme: str) -> None:
    if scheme not in SCHEMES:
        raise WrongUse(f"there is no scheme {scheme!r}: choose one of {', '.join(SCHEMES)}")


def signer(scheme: str, webhook_id: str | None, secret: str | None, target: Target | None) -> Keys:
    """What to sign with in the scheme: from the options, the stack, or what everybody knows."""
    keys = _keys(webhook_id, secret, target)
    if keys.secret is None and scheme == "v0":
        scheme = "standard"  # it has no other secret
    found = keys.by(scheme)
    if found is None:
        lacking = "v0" if keys.secret is None else "Standard Webhooks (whsec_…)"
        raise WrongUse(
            f"--scheme {scheme} needs a secret of {lacking}, and none is there: see forwarder "
            "webhooks list"
        )
    return found


def _keys(webhook_id: str | None, secret: str | None, target: Target | None) -> Keys:
    if secret is not None:
        webhook_id = webhook_id or TEST_WEBHOOK_ID
        if secret.startswith(PREFIX):
            return Keys(webhook_id, None, (secret,))
        return Keys(webhook_id, secret)
    if target is None:
        if webhook_id is not None:
            raise WrongUse(f"--webhook-id needs its secret: set {SECRET_VARIABLE}, or add --local")
        return TEST_KEYS
    from spectrum_forwarder.adapters.webhook_registry import read_webhooks  # noqa: PLC0415 (heavy)

    text = target.client("secretsmanager").get_secret_value(SecretId=target.webhooks_secret)
    known = read_webhooks(text["SecretString"], lambda _name, _error: None)
    if webhook_id is None:
        webhook_id = next(iter(known), None)
    if webhook_id is None or webhook_id.lower() not in known:
        raise WrongUse(
            f"{target.title} knows no webhook {webhook_id or 'yet'}: see forwarder webhooks list, "
            "or add one with forwarder webhooks import"
        )
    return Keys.of(known[webhook_id.lower()][-1])


def spoilt(flaw: str, body: bytes, keys: Keys, timestamp: int) -> SampleRequest:
    if keys.standard_secrets and flaw in V0_ALONE:
        raise WrongUse(f"--corrupt {flaw} is for --scheme v0: {V0_ALONE[flaw]}")
    try:
        return flawed(
            flaw,
            body,
            webhook_id=keys.webhook_id,
            secret=keys.secret,
            standard_secrets=keys.standard_secrets,
            timestamp=timestamp,
        )
    except ValueError as error:
        raise WrongUse(f"--corrupt {flaw} needs a body that is JSON") from error
