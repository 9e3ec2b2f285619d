"""The registries in Secrets Manager, changed without losing what somebody else changes meanwhile.

A change is written as a new version of the secret that nobody reads yet; then the label AWSCURRENT
is moved to it, from the very version that was read. Secrets Manager refuses that where the label
is somewhere else by now, and the change is made anew on what stands there.

Secrets Manager keeps every version for a day, and refuses more than about a hundred. So a change
that brings back what was there before goes back to that version: to and fro costs none.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from spectrum_forwarder.adapters.registry_entries import content_of
from spectrum_forwarder.domain.errors import InvalidEntry

from spectrum_cli.terminal.errors import Finding, Unreachable

if TYPE_CHECKING:
    from spectrum_cli.stack.target import Target

Entry = dict[str, Any]
Result = TypeVar("Result")

CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "FORWARDER_PENDING"
TRIES = 5


class Registry:
    """One of the two secrets: a JSON object whose member `top` is the list of entries."""

    def __init__(self, client: Any, secret_id: str, top: str) -> None:
        self._client = client
        self._secret_id = secret_id
        self._top = top

    def read(self) -> list[Entry]:
        """The entries, `{}` for one that is none; raise Finding where the secret is no registry."""
        entries: list[Entry] = self.read_whole()[self._top]
        return entries

    def read_whole(self) -> dict[str, Any]:
        """The whole JSON object: the entries as `read` has them, and what stands beside them."""
        content = self._read()[1]
        return content | {self._top: _entries(content[self._top])}

    def previous(self) -> list[Entry]:
        """The entries before the last change; none where there was no change, or no registry."""
        _, content = self._before()
        return _entries(content[self._top]) if content else []

    def change(self, edit: Callable[[list[Entry]], Result]) -> Result:
        """Let `edit` change the list in place, write it if it did, and return what `edit` did.

        `edit` may be called again, on a newer list; what it raises leaves the secret as it was.
        Raises Finding where the secret is no registry, Unreachable where others keep changing it.
        """
        return self.change_whole(lambda content: edit(content[self._top]))

    def change_whole(self, edit: Callable[[dict[str, Any]], Result]) -> Result:
        """As `change`, for the whole JSON object."""
        for _ in range(TRIES):
            version, content = self._read()
            self._require_objects(content[self._top])
            before = json.dumps(content)
            result = edit(content)
            if json.dumps(content) == before or self._write(content, seen=version):
                return result
        raise Unreachable(
            f"others keep changing the {self._top} at this moment: nothing was written, try again"
        )

    def _read(self) -> tuple[str, dict[str, Any]]:
        found = self._client.get_secret_value(SecretId=self._secret_id, VersionStage=CURRENT)
        try:
            content = content_of(found.get("SecretString", ""), self._top)
        except InvalidEntry as error:
            raise self._no_registry(str(error)) from error
        return str(found["VersionId"]), content

    def _before(self) -> tuple[str, dict[str, Any] | None]:
        """The version before the current one, and what it holds, if that is a registry."""
        try:
            found = self._client.get_secret_value(SecretId=self._secret_id, VersionStage=PREVIOUS)
        except self._client.exceptions.ResourceNotFoundException:
            return "", None
        try:
            content = content_of(found.get("SecretString", ""), self._top)
        except InvalidEntry:
            content = None
        return str(found["VersionId"]), content

    def _require_objects(self, entries: list[Any]) -> None:
        """What is no entry is not ours to change or to remove: whoever wrote it mends it."""
        for number, entry in enumerate(entries):
            if not isinstance(entry, dict):
                raise self._no_registry(f"its entry {number + 1} is no object")

    def _write(self, content: dict[str, Any], *, seen: str) -> bool:
        version, before = self._before()
        if before != content:
            version = self._put(content)
        try:
            self._client.update_secret_version_stage(
                SecretId=self._secret_id,
                VersionStage=CURRENT,
                RemoveFromVersionId=seen,
                MoveToVersionId=version,
            )
        except self._client.exceptions.InvalidParameterException:
            return self._is_current(version)
        return True

    def _put(self, content: dict[str, Any]) -> str:
        """Write a version that nobody reads yet; return its name."""
        version = str(uuid.uuid4())
        self._client.put_secret_value(
            SecretId=self._secret_id,
            ClientRequestToken=version,
            SecretString=json.dumps(content),
            VersionStages=[PENDING],
        )
        return version

    def _is_current(self, version: str) -> bool:
        # The client library repeats a call whose answer was lost, and meets its own success.
        found = self._client.get_secret_value(SecretId=self._secret_id, VersionStage=CURRENT)
        return bool(found["VersionId"] == version)

    def _no_registry(self, why: str) -> Finding:
        return Finding(
            f'the secret {self._secret_id} does not hold {{"{self._top}": [{{...}}, ...]}}, {why}: '
            "mend it with `aws secretsmanager put-secret-value`; the last good copy serves until "
            "then"
        )


def _entries(listed: list[Any]) -> list[Entry]:
    """As the functions read them: one that is no object is one that cannot be used."""
    return [entry if isinstance(entry, dict) else {} for entry in listed]


def destinations_of(target: Target) -> Registry:
    """The registry of destinations of a stack."""
    return Registry(target.client("secretsmanager"), target.destinations_secret, "destinations")


def webhooks_of(target: Target) -> Registry:
    """The registry of webhooks of a stack."""
    return Registry(target.client("secretsmanager"), target.webhooks_secret, "webhooks")
