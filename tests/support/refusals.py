"""Every way to refuse a request, whatever is added to them."""

from collections.abc import Iterator

from spectrum_forwarder import receive
from spectrum_forwarder.domain.errors import Refused


def refusals(kind: type[Refused] = Refused) -> Iterator[type[Refused]]:
    """The kinds that have a code of their own."""
    assert receive, "what it imports defines them"
    for further in kind.__subclasses__():
        if hasattr(further, "code"):
            yield further
        yield from refusals(further)
