"""What lies in the bucket, in memory: bodies, and what was refused and kept."""

from spectrum_forwarder.domain.errors import (
    PayloadMissing,
)
from spectrum_forwarder.domain.quarantine import Suspect


class MemoryPayloads:
    """The `Payloads` port."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, packed: bytes) -> str:
        name = f"payloads/{hash(packed)}"
        self.objects[name] = packed
        return name

    def get(self, name: str) -> bytes:
        if name not in self.objects:
            raise PayloadMissing(name)
        return self.objects[name]


class MemoryQuarantine:
    """The `Quarantine` and `QuarantineShelf` ports, without any bounds."""

    def __init__(self) -> None:
        self.suspects: dict[str, Suspect] = {}

    def keep(self, suspect: Suspect) -> str | None:
        if suspect in self.suspects.values():
            return None
        suspect_id = f"suspect-{len(self.suspects) + 1}"
        self.suspects[suspect_id] = suspect
        return suspect_id

    def get(self, suspect_id: str) -> Suspect | None:
        return self.suspects.get(suspect_id)

    def remove(self, suspect_id: str, suspect: Suspect) -> None:
        if self.suspects.get(suspect_id) == suspect:
            del self.suspects[suspect_id]
