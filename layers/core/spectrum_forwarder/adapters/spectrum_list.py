"""Spectrum's list of a project's webhooks, and what is stored of ours: two secrets and one request.

No redirect is followed, and all of it ends in `SECONDS`: nobody waits for it.
"""

import base64
import http.client
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from spectrum_forwarder.adapters.failures import FAILURES, failure_code
from spectrum_forwarder.domain.errors import RegistryUnavailable
from spectrum_forwarder.domain.registration import (
    ProjectRefused,
    Registration,
    SpectrumUnavailable,
    Stored,
)

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

SECONDS = 15.0
LARGEST_ANSWER = 1024 * 1024
# Of five requests a second this takes two at most, for the two forms of the path.
FORMS = ("/", "")
NOT_THERE = (301, 302, 307, 308, 404, 405)


def list_registrations(
    client: "SecretsManagerClient", secret_id: str, api_url: str
) -> list[Registration]:
    """The project's webhooks, oldest first; raise ProjectRefused or SpectrumUnavailable."""
    project = _read(client, secret_id)
    project_id, secret = project.get("project_id"), project.get("project_secret")
    if not project_id or not secret:
        raise ProjectRefused("no credentials are stored: forwarder webhooks watch")
    pair = base64.b64encode(f"{project_id}:{secret}".encode()).decode()
    deadline = time.monotonic() + SECONDS
    for form in FORMS:
        path = f"/projects/{quote(str(project_id), safe='')}/webhooks{form}"
        status, body = _get(api_url, path, f"Basic {pair}", deadline)
        if status not in NOT_THERE:
            break
    if status in (401, 403):
        raise ProjectRefused(f"Spectrum answered {status}: the secret was regenerated, or is wrong")
    try:
        rows = json.loads(body)["data"] if status == 200 else None
    except (ValueError, KeyError, TypeError):
        rows = None
    if not isinstance(rows, list):
        raise SpectrumUnavailable(f"Spectrum answered {status}")
    return [Registration.read(row) for row in rows if isinstance(row, dict)]


def stored_webhooks(client: "SecretsManagerClient", secret_id: str, *, now: float) -> Stored:
    """What the webhooks secret knows; raise RegistryUnavailable."""
    content = _read(client, secret_id)
    entries = content.get("webhooks")
    ends = {
        str(entry.get("id")): entry.get("accepted_until")
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
    }
    retired = {id_ for id_, end in ends.items() if isinstance(end, int | float) and end <= now}
    pending = content.get("pending")
    replacing = isinstance(pending, dict) and bool(pending.get("replaces"))
    return Stored(ends.keys() - retired, retired, replacing=replacing)


def _read(client: "SecretsManagerClient", secret_id: str) -> dict[str, Any]:
    try:
        content = json.loads(client.get_secret_value(SecretId=secret_id)["SecretString"])
    except FAILURES as error:
        raise RegistryUnavailable(f"get_secret_value: {failure_code(error)}") from error
    except (ValueError, KeyError) as error:
        raise RegistryUnavailable("a secret is not JSON") from error
    return content if isinstance(content, dict) else {}


def _get(api_url: str, path: str, login: str, deadline: float) -> tuple[int, bytes]:
    parts = urlsplit(api_url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    left = max(0.1, deadline - time.monotonic())
    connection = kind(parts.netloc, timeout=left)
    try:
        headers = {"Authorization": login, "Accept": "application/json"}
        connection.request("GET", parts.path.rstrip("/") + path, headers=headers)
        answer = connection.getresponse()
        pieces: list[bytes] = []
        while piece := answer.read1(65_536):
            pieces.append(piece)
            if time.monotonic() > deadline or sum(map(len, pieces)) > LARGEST_ANSWER:
                raise SpectrumUnavailable("the answer is too long, or too slow")
        return answer.status, b"".join(pieces)
    except (OSError, http.client.HTTPException) as error:
        raise SpectrumUnavailable(f"no answer: {type(error).__name__}") from error
    finally:
        connection.close()
