"""Registry files: what the two secrets hold, read from a file or made up for one run."""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path

from spectrum_forwarder.adapters.registry_entries import content_of
from spectrum_forwarder.domain.errors import InvalidEntry

from spectrum_cli.terminal.errors import WrongUse


@dataclass(frozen=True)
class MadeUpWebhook:
    """A webhook for one run of the local stack; nobody else knows its secrets."""

    id: str
    signing_secret: str
    standard_secret: str

    @property
    def registry(self) -> str:
        entry = {
            "id": self.id,
            "signing_secret": self.signing_secret,
            "standard_secrets": [self.standard_secret],
            "source": "local",
        }
        return json.dumps({"webhooks": [entry]})


def make_up_webhook() -> MadeUpWebhook:
    standard_secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    return MadeUpWebhook(str(uuid.uuid4()), secrets.token_hex(32), standard_secret)


def destination_registry(name: str, url: str, signing_secret: str) -> str:
    """Return a destinations registry with this one destination."""
    entry = {"name": name, "url": url, "signing_secret": signing_secret}
    return json.dumps({"destinations": [entry]})


def read_registry(path: Path, key: str) -> str:
    """Return the file's text once it is known to be a registry: `{key: [{...}, ...]}`.

    Entries are not judged here: a bad one is the running stack's to report. Raises WrongUse.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise WrongUse(f"{path} cannot be read: {reason}") from error
    try:
        entries = content_of(text, key)[key]
    except InvalidEntry as error:
        raise WrongUse(f"{path} is not what the secret holds: {error}") from error
    if not all(isinstance(entry, dict) for entry in entries):
        raise WrongUse(
            f'{path} is not what the secret holds: it must be {{"{key}": [{{...}}, ...]}}'
        )
    return text
