"""Moments of a run that further runs begin at, so that what they have in common is run once.

A moment is a copy of a world between two of its steps, when no worker is under way. Whatever holds
state is copied: stores, settings as each instance has read them, and what is put off, with all that
it closes over. What cannot change is shared: values of the domain, classes and plain functions.
"""

import io
import pickle
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

from tests.prove.faults import Script
from tests.prove.watched_table import Rows
from tests.prove.world import World

DOMAIN = "spectrum_forwarder.domain."


@dataclass(frozen=True)
class Moment:
    """A world as it was once `calls` had been made, and what its copies share with it."""

    calls: int
    copy: bytes
    shared: list[object]

    def again(self, script: Script) -> World:
        """A world that goes on from there, and whose further calls meet these faults."""
        reader = pickle.Unpickler(io.BytesIO(self.copy))
        # Asked for some 250 objects of each copy, which a method of ours would answer slowly.
        reader.persistent_load = self.shared.__getitem__  # type: ignore[method-assign]
        world: World = reader.load()
        world.fates.script = script
        return world


def moment_of(world: World) -> Moment:
    """The world as it is now."""
    copy = io.BytesIO()
    writer = _Writer(copy)
    writer.dump(world)
    return Moment(len(world.fates.writes), copy.getvalue(), writer.shared)


@dataclass(frozen=True)
class _Shared:
    """What is shared though it is of a type that is copied elsewhere."""

    value: Any


@dataclass(frozen=True)
class _Lambda:
    """Functions made by one `def` or `lambda`, which differ in what they close over."""

    code: CodeType
    scope: dict[str, Any]
    name: str
    defaults: tuple[object, ...] | None


class _Writer(pickle.Pickler):
    def __init__(self, into: io.BytesIO) -> None:
        super().__init__(into, protocol=5)
        self.shared: list[object] = []
        self._places: dict[int, int] = {}

    def persistent_id(self, obj: Any) -> int | None:
        """Where what cannot change stands among `shared`."""
        kind = type(obj)
        # A function of its own for this would be called a thousand times a copy.
        is_shared = obj.__closure__ is None if kind is FunctionType else _is_shared(kind)  # type: ignore[arg-type]
        if not is_shared:
            return None
        place = self._places.setdefault(id(obj), len(self.shared))
        if place == len(self.shared):
            self.shared.append(obj)
        return place

    def reducer_override(self, obj: Any) -> Any:
        """How to copy what pickle refuses, or would get wrong."""
        way = WAYS.get(type(obj))
        return NotImplemented if way is None else way(obj)


@cache
def _is_shared(kind: type) -> bool:
    if issubclass(kind, type | Enum | _Shared | _Lambda):
        return True
    frozen = getattr(getattr(kind, "__dataclass_params__", None), "frozen", False)
    return kind.__module__.startswith(DOMAIN) and (frozen or issubclass(kind, tuple))


def _function(obj: FunctionType) -> Any:
    made_by = _Lambda(obj.__code__, obj.__globals__, obj.__name__, obj.__defaults__)
    return _closing_over, (made_by, obj.__closure__)


def _closing_over(made_by: _Lambda, closure: tuple[CellType, ...]) -> FunctionType:
    return FunctionType(made_by.code, made_by.scope, made_by.name, made_by.defaults, closure)


def _method(obj: MethodType) -> Any:
    return _bound, (_Shared(obj.__func__), obj.__self__)


def _bound(function: _Shared, to: object) -> MethodType:
    return MethodType(function.value, to)


def _cell(obj: CellType) -> Any:
    return CellType, (), obj.cell_contents, None, None, _fill


def _fill(cell: CellType, contents: object) -> None:
    cell.cell_contents = contents


def _rows(obj: Rows) -> Any:
    return Rows.__new__, (Rows,), (dict(obj), vars(obj)), None, None, _fill_rows


def _fill_rows(rows: Rows, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    dict.update(rows, state[0])  # without telling anybody of it
    vars(rows).update(state[1])


def _rng(obj: random.Random) -> Any:
    return _rng_at, (_Shared(obj.getstate()),)


def _rng_at(state: _Shared) -> random.Random:
    # Not seeded first: that was a fifth of what a copy takes.
    rng: random.Random = random.Random.__new__(random.Random, 0)  # type: ignore[call-arg]
    rng.setstate(state.value)
    return rng


WAYS: Mapping[type, Callable[[Any], Any]] = {
    FunctionType: _function,
    MethodType: _method,
    CellType: _cell,
    Rows: _rows,
    random.Random: _rng,
}
