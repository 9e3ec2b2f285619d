"""A secret that is read seldom, parsed once a reading, and served stale when the store is down."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from spectrum_forwarder.adapters.failures import FAILURES, failure_code
from spectrum_forwarder.domain.errors import InvalidEntry, RegistryUnavailable
from spectrum_forwarder.domain.ports import Clock, Facts

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

Parsed = TypeVar("Parsed")

# After a failed reading the stale copy serves at least so long, lest every request wait for it.
PAUSE_AFTER_FAILURE = 10.0


class CachedSecret(Generic[Parsed]):
    """One secret of Secrets Manager; `parse` raises InvalidEntry for a text it cannot use.

    `read_at` (Unix seconds) is when the reading began that the copy came from.
    """

    def __init__(
        self,
        client: "SecretsManagerClient",
        secret_id: str,
        parse: Callable[[str], Parsed],
        *,
        clock: Clock,
        facts: Facts,
    ) -> None:
        self._client = client
        self._secret_id = secret_id
        self._parse = parse
        self._clock = clock
        self._facts = facts
        self._value: Parsed | None = None
        self.read_at = float("-inf")
        self._failed_at = float("-inf")

    def get(self, max_age: float, *, pause: float | None = None) -> Parsed:
        """The parsed secret, at most `max_age` seconds old unless the store is down.

        After a failed reading it is not asked again for `pause` seconds, by default for as long as
        a copy may be old. Raises RegistryUnavailable where nothing was ever read.
        """
        now = self._clock()
        fresh = now - self.read_at < max_age
        pausing = now - self._failed_at < min(
            max_age if pause is None else pause, PAUSE_AFTER_FAILURE
        )
        if self._value is not None and (fresh or pausing):
            return self._value
        try:
            self._value = self._read()
            self.read_at = now
            self._facts("registry.read")
        except RegistryUnavailable as error:
            self._failed_at = now
            self._facts("registry.unread", cause=str(error), stale=self._value is not None)
            if self._value is None:
                raise
        return self._value

    def _read(self) -> Parsed:
        try:
            text = self._client.get_secret_value(SecretId=self._secret_id)["SecretString"]
            return self._parse(text)
        except FAILURES as error:
            raise RegistryUnavailable(f"get_secret_value: {failure_code(error)}") from error
        except (InvalidEntry, KeyError) as error:
            raise RegistryUnavailable(f"the secret cannot be used: {error}") from error
