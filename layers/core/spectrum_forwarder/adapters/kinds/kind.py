"""What a kind of destinations is made of, and what those at AWS's services have in common.

Loads no library: the command reads its options off the kinds before it knows what it is to do.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from spectrum_forwarder.adapters.ourselves import NOBODY, Ourselves
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.outbound import Attempt

# The fields that say where a destination is; a kind has one of them.
PLACES = ("url", "target")


class TooLarge(Exception):
    """The attempt does not fit into a call, and never will."""


class Refused(Exception):
    """The service took the call and refused what was in it; the text is its error code."""


class Clients(Protocol):
    """Where couriers get their clients."""

    def get(self, service: str, arn: str, timeout_seconds: float) -> Any:
        """A client for the ARN's region whose calls end within about the time limit."""


class Courier(Protocol):
    """Makes the call for one kind of target."""

    def carry(self, attempt: Attempt, clients: Clients) -> int:
        """Return the HTTP status; raise TooLarge, Refused, or one of botocore's errors."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field that entries of one kind have of their own, or all of them alike.

    `read` takes a value that is there and returns it as it is used; raise InvalidEntry.
    `metavar` and `help` are those of the command's option, `--name`; what stands in an entry is
    what `typed` makes of its text, and with `from_file` that names a file whose text it is.
    """

    name: str
    read: Callable[[object], Any]
    default: Any
    metavar: str
    help: str
    from_file: bool = False
    typed: Callable[[str], object] = str

    @property
    def option(self) -> str:
        """What the command calls it."""
        return "--" + self.name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Grant:
    """A right that the fan-out needs: the template's parameter lists what it is granted on."""

    parameter: str
    action: str


@dataclass(frozen=True, slots=True)
class Kind:
    """How a destination takes events. `place` is the field that says where, `where` what it holds.

    `claims` tells a place of this kind from those of others, before it is checked; `check` raises
    InvalidEntry. What has no courier goes over HTTP.
    """

    name: str
    place: str
    where: str
    claims: Callable[[str], bool]
    check: Callable[[object, bool, Ourselves], None]
    fields: Sequence[Field] = ()
    courier: Courier | None = None
    grant: Grant | None = None

    def read_place(
        self, entry: Mapping[str, Any], *, allow_loopback: bool = False, own: Ourselves = NOBODY
    ) -> str:
        """Where the entry says that the destination is; raise InvalidEntry."""
        for other in PLACES:
            if other != self.place and entry.get(other) is not None:
                raise InvalidEntry(
                    f"{other}: a destination of the kind {self.name} has a {self.place}, no {other}"
                )
        place = entry.get(self.place)
        self.check(place, allow_loopback, own)
        return str(place)

    def read_fields(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """The kind's own fields, as attempts get them; raise InvalidEntry."""
        return read_fields(self.fields, entry)


def read_fields(fields: Sequence[Field], entry: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry says in these fields, or their defaults; raise InvalidEntry."""
    return {
        field.name: field.default
        if entry.get(field.name) is None
        else field.read(entry[field.name])
        for field in fields
    }


def at_service(
    name: str,
    *,
    service: str,
    resource: str,
    example: str,
    where: str,
    courier: Courier,
    grant: Grant,
    fields: Sequence[Field] = (),
    refuse: Callable[[str], None] = lambda _arn: None,
) -> Kind:
    """A kind whose targets are ARNs of an AWS service; `resource` is the pattern of their end.

    `refuse` raises InvalidEntry for what has no right form for a reason that is worth a sentence.
    """
    shape = re.compile(
        rf"arn:aws[a-z-]*:{service}:[a-z]{{2}}(-[a-z]+)+-[0-9]{{1,2}}:[0-9]{{12}}:{resource}"
    )
    form = f"arn:aws:{service}:us-east-1:123456789012:{example}"

    def check(target: object, _allow_loopback: bool, own: Ourselves) -> None:
        refuse(str(target))
        if not isinstance(target, str) or not shape.fullmatch(target):
            raise InvalidEntry(f"target must be an ARN of this form: {form}")
        own.refuse_target(target)

    return Kind(
        name=name,
        place="target",
        where=where,
        claims=lambda where: where.startswith("arn:") and where.split(":")[2:3] == [service],
        check=check,
        fields=fields,
        courier=courier,
        grant=grant,
    )
