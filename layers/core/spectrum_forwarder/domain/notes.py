"""What a stack notes down for all its functions, beside its events.

One item, read seldom: never for an event that comes in good order.
"""

import hashlib
from typing import NamedTuple, Protocol


class Notes(NamedTuple):
    """`loop_key` proves to this stack, and to nobody else, what it has forwarded itself.

    `revoked` are the digests of signing secrets that have leaked.
    """

    loop_key: bytes
    revoked: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Notes({len(self.revoked)} revoked)"


class Notebook(Protocol):
    """Where the notes stand; raises TableUnavailable."""

    def read(self) -> Notes:
        """The notes as they are at this moment; the first reader makes the key."""


def digest_of(secret: str) -> str:
    """What stands for a secret among the notes: hex, from which it cannot be guessed."""
    return hashlib.sha256(b"revoked " + secret.encode()).hexdigest()
