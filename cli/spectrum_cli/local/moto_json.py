"""Calls of moto's that are read, and answers that are written, without asking at each value.

To read a value of a table moto looks for each type that there is, and to write one for each type
and each spelling. A value says itself what it is; and how a member of an answer may be spelt in a
plain dictionary depends on the service's description alone.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Final

from moto.core.parse import BaseJSONParser
from moto.core.serialize import (
    AttributePickerContext,
    BaseJSONSerializer,
    ResponseSerializer,
    XFormedAttributePicker,
)


def read_and_write_straight() -> None:
    """Take values for what they say that they are, for the life of the process."""
    _read_values_straight()
    _write_values_straight()
    _remember_spellings()


def _read_values_straight() -> None:
    parser: Any = BaseJSONParser
    read = parser._parse_structure

    def parse_structure(self: Any, shape: Any, value: Any) -> Any:
        if shape.name == "AttributeValue" and (found := read_value(value)) is not None:
            return found
        return read(self, shape, value)

    parser._parse_structure = parse_structure


def read_value(value: Any) -> dict[str, Any] | None:
    """A value as moto keeps it, its bytes decoded; None for what is not plainly one of DynamoDB's.

    Raises what `b64decode` does for what is no base64.
    """
    if type(value) is not dict or len(value) != 1:
        return None
    ((kind, content),) = value.items()
    read = _READ.get((kind, type(content)))
    found = None if read is None else read(content)
    return None if found is None else {kind: found}


def _read_map(content: dict[str, Any]) -> dict[str, Any] | None:
    found = {name: read_value(each) for name, each in content.items()}
    return None if None in found.values() else found


def _read_list(content: list[Any]) -> list[Any] | None:
    found = [read_value(each) for each in content]
    return None if None in found else found


def _itself(content: Any) -> Any:
    return content


_READ: Final[dict[tuple[str, type], Callable[[Any], Any]]] = {
    **{(kind, str): _itself for kind in ("S", "N")},
    **{(kind, bool): _itself for kind in ("BOOL", "NULL")},
    **{(kind, list): _itself for kind in ("SS", "NS")},
    ("B", str): base64.b64decode,
    ("M", dict): _read_map,
    ("L", list): _read_list,
}


def _write_values_straight() -> None:
    serializer: Any = BaseJSONSerializer
    write = serializer._serialize_type_structure

    def serialize_type_structure(self: Any, written: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and type(value) is dict and _of_dynamodb(self):
            written[key] = attribute(value)
        else:
            write(self, written, value, shape, key)

    serializer._serialize_type_structure = serialize_type_structure


def _of_dynamodb(serializer: Any) -> bool:
    return bool(serializer.service_model.service_name == "dynamodb")


def attribute(value: dict[str, Any]) -> dict[str, Any]:
    """One attribute as it stands in an answer of DynamoDB, with base64 where `value` has bytes."""
    return {kind: _written(kind, content) for kind, content in value.items() if content is not None}


def _written(kind: str, content: Any) -> Any:
    match kind:
        case "M":
            return {name: attribute(each) for name, each in content.items()}
        case "L":
            return [attribute(each) for each in content]
        case "B":
            return _base64(content)
        case "BS":
            return [_base64(each) for each in content]
        case "S" | "N":
            return str(content)
    return content


def _base64(content: bytes | str) -> str:
    return base64.b64encode(content.encode() if isinstance(content, str) else content).decode()


def _remember_spellings() -> None:
    """Find the members of an answer that is a plain dictionary by the spellings moto would try."""
    serializer: Any = ResponseSerializer
    pick = serializer.get_value

    def get_value(self: Any, value: Any, key: str, shape: Any) -> Any:
        picker = self._value_picker
        usual = type(picker) is XFormedAttributePicker and not picker.response_transformers
        if type(value) is not dict or not usual:
            return pick(self, value, key, shape)
        # A member's description belongs to one structure, under one name.
        if (spellings := shape.__dict__.get("spellings")) is None:
            asked = AttributePickerContext({}, key, shape)
            spellings = shape.spellings = tuple(dict.fromkeys(picker.get_possible_keys(asked)))
        return next((value[each] for each in spellings if each in value), None)

    serializer.get_value = get_value
