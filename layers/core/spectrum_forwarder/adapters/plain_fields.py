"""Fields of an entry that are a number or a flag, and what they are where nothing is said."""

from spectrum_forwarder.adapters.registry_entries import Entry
from spectrum_forwarder.domain.errors import InvalidEntry


def a_number(entry: Entry, field: str, default: float, least: float, most: float) -> float:
    """The entry's number in `field`; raise InvalidEntry beyond `least` and `most`, both allowed."""
    value = entry.get(field)
    if value is None:
        return default
    if type(value) not in (int, float) or not least <= value <= most:
        raise InvalidEntry(f"{field} must be a number from {least:g} to {most:g}")
    return float(value)


def whole_number(entry: Entry, field: str, default: int, least: int, most: int) -> int:
    """As `a_number`, and a whole one."""
    value = a_number(entry, field, default, least, most)
    if value != int(value):
        raise InvalidEntry(f"{field} must be a whole number")
    return int(value)


def flag(entry: Entry, field: str, default: bool) -> bool:
    """The entry's flag in `field`; raise InvalidEntry for anything but true and false."""
    value = entry.get(field)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise InvalidEntry(f"{field} must be true or false")
    return value
