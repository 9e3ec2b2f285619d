"""Signing secrets of destinations: which may be stored, and how one takes another's place."""

from __future__ import annotations

import re
import secrets
import sys

from spectrum_forwarder.domain.signature import PREFIX, key_of

from spectrum_cli.events.selection import span
from spectrum_cli.stack.registry import Entry
from spectrum_cli.terminal.errors import Finding, WrongUse
from spectrum_cli.terminal.output import utc

SECRET, OLD = "signing_secret", "old_secrets"
# Of a text that is used as it stands, in characters: what nobody guesses.
SHORTEST = 24
# Of the key that Standard Webhooks reads out of a `whsec_…`, in bytes.
SHORTEST_KEY, LONGEST_KEY = 24, 64
STANDARD_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
LONGEST_OVERLAP = 30 * 86_400


def new_secret(*, from_input: bool) -> str:
    """A signing secret of 64 hex digits, or the one that standard input holds; raise WrongUse."""
    if not from_input:
        return secrets.token_hex(32)
    given = sys.stdin.readline().strip()
    if wrong := weakness(given):
        raise WrongUse(f"signing_secret {wrong}")
    return given


def weakness(secret: str) -> str | None:
    """Why a secret is not stored, in words that do not tell it; None where it may be."""
    if secret.startswith(PREFIX):
        return _weakness_of_key(secret.removeprefix(PREFIX))
    if len(secret) < SHORTEST:
        return f"must have {SHORTEST} characters or more; this one has {len(secret)}"
    if len(set(secret)) == 1:
        return "must not be one character over and over"
    return None


def _weakness_of_key(text: str) -> str | None:
    if not STANDARD_BASE64.fullmatch(text):
        return (
            f"must be {PREFIX!r} and base64 of the usual alphabet: its libraries take no other; "
            "write + for - and / for _"
        )
    key = key_of(text)
    if key is None or not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        length = "no base64" if key is None else f"{len(key)}"
        return (
            f"must be {PREFIX!r} and the base64 of {SHORTEST_KEY} to {LONGEST_KEY} bytes, as "
            f"Standard Webhooks wants it; this one is {length}"
        )
    return "must not be one byte over and over" if len(set(key)) == 1 else None


def remark(secret: str) -> str | None:
    """What a receiver has to know of a secret that may be stored; None where nothing is odd."""
    if key_of(secret) is None:
        return (
            "it is no base64, so there will be no webhook-signature: receivers verify "
            "X-Spectrum-Signature"
        )
    if not STANDARD_BASE64.fullmatch(secret.removeprefix(PREFIX)):
        return (
            "it has - or _, which the libraries for Standard Webhooks do not read: a receiver that "
            "uses one needs it with + for - and / for _"
        )
    return None


def overlap_of(text: str) -> int:
    """Seconds that `24h`, `30m`, `7d` or `0` stand for; raise WrongUse."""
    seconds = 0 if text == "0" else span(text)
    if seconds is None or seconds > LONGEST_OVERLAP:
        raise WrongUse(f"--overlap {text!r}: write 0, 30m, 24h or 7d, 30d at most")
    return seconds


def signs_until(entry: Entry, now: float) -> float | None:
    """Until when (Unix seconds) older secrets sign as well; None where none does."""
    written = entry.get(OLD)
    ends = [one.get("until") for one in written or () if isinstance(one, dict)]
    return max((end for end in ends if isinstance(end, int | float) and end > now), default=None)


def replace(entry: Entry, secret: str) -> None:
    """Sign with this secret from now on, and with no other."""
    entry[SECRET] = secret
    entry.pop(OLD, None)


def rotate(entry: Entry, secret: str, *, overlap: int, now: float) -> None:
    """Sign with this secret, and with the one before it for `overlap` seconds more.

    Raises Finding where an older one signs still, unless that ends hereby too.
    """
    name, before, running = entry.get("name"), entry.get(SECRET), signs_until(entry, now)
    if secret == before:
        raise WrongUse("that is the secret that it is signed with: give another one")
    if running is not None and overlap:
        raise Finding(
            f"{name} is being rotated until {utc(running)}: its secret is shown by `forwarder "
            f"destinations list --reveal`. `rotate {name} --confirm` ends that, `--overlap 0` "
            "begins anew at once"
        )
    replace(entry, secret)
    if overlap:
        entry[OLD] = [{"secret": before, "until": int(now + overlap)}]


def confirm(entry: Entry, *, now: float) -> None:
    """End a rotation: the receiver knows the new secret. Raises Finding where there is none."""
    if signs_until(entry, now) is None:
        raise Finding(f"{entry.get('name')} is not being rotated: one secret alone signs")
    entry.pop(OLD, None)
