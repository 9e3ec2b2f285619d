"""The syntax of updates in moto's DynamoDB: walked, copied and checked no more than it takes.

moto takes an update's syntax through ten steps, each of which walks all of it, asks each node for
each class that the step has to do with, and changes a copy that was made by looking at everything.
Which classes stand where is known once the text was parsed, and what depends on the text and the
names alone is found out once.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, Final

from moto.dynamodb.parsing import ast_nodes, expressions
from moto.dynamodb.parsing.executors import UpdateExpressionExecutor
from moto.dynamodb.parsing.validators import (
    ActionCountValidator,
    NoneExistingPathChecker,
    OverlappingPathsValidator,
    UpdateExpressionValidator,
    UpdateHashRangeKeyValidator,
)

# moto has no types for these.
_NODES: Any = ast_nodes
_UPDATES: Any = expressions
# Steps of an update's check that depend on its syntax, its names and the table's keys.
OF_SYNTAX: Final = (ActionCountValidator, OverlappingPathsValidator, UpdateHashRangeKeyValidator)


def walk_updates_straight(remembered: int) -> None:
    """Handle updates by what their texts are made of, for the life of the process.

    So many texts, and so many checks that one has passed, are remembered.
    """
    _parse_once(remembered)
    _walk_to_what_concerns()
    _copy_straight()
    _check_once(remembered)
    _choose_executors_by_class()


def _parse_once(remembered: int) -> None:
    # What is made of a text is copied before anything is changed in it.
    parser = _UPDATES.UpdateExpressionParser
    parse = parser.make

    @lru_cache(remembered)
    def make(text: str) -> Any:
        syntax = parse(text)
        _note_kinds(syntax)
        return syntax

    parser.make = staticmethod(make)
    # The classes of a node and all that is below it; None where that is not known.
    _NODES.Node.kinds = None


def _note_kinds(node: Any) -> frozenset[type]:
    below = (_note_kinds(child) for child in node.children or () if _is_node(child))
    node.kinds = frozenset({type(node)}.union(*below))
    kinds: frozenset[type] = node.kinds
    return kinds


def _walk_to_what_concerns() -> None:
    """Have each step of an update's check, and each search, go where it has something to do.

    What a step puts in the place of something concerns no other one, except for paths that lead
    nowhere: whoever looks for these goes everywhere.
    """
    find, nothing = (
        _NODES.Node.find_clauses,
        _NODES.DepthFirstTraverser.pre_processing_of_child,
    )

    def traverse_node_recursively(self: Any, node: Any, child_id: int = -1) -> Any:
        steps, everywhere = _steps(self), type(self) is NoneExistingPathChecker
        prepares = type(self).pre_processing_of_child is not nothing

        def walk(node: Any, child_id: int) -> Any:
            if not everywhere and node.kinds is not None and not _concern(steps, node.kinds):
                return node
            parent = node.parent
            for number, child in enumerate(node.children or ()):
                if prepares:
                    self.pre_processing_of_child(node, number)
                if _is_node(child):
                    walk(child, number)
            if (step := _step(steps, node.__class__)) is not None:
                node = self._processing_map()[step](node)
                node.parent = parent
                if parent:
                    parent.children[child_id] = node
            return node

        return walk(node, child_id) if _is_node(node) else node

    def find_clauses(self: Any, clause_types: list[type]) -> list[Any]:
        if self.kinds is not None and self.kinds.isdisjoint(clause_types):
            return []
        found: list[Any] = find(self, clause_types)
        return found

    _NODES.DepthFirstTraverser.traverse_node_recursively = traverse_node_recursively
    _NODES.Node.find_clauses = find_clauses


_STEPS: dict[type, tuple[type, ...]] = {}


def _steps(step: Any) -> tuple[type, ...]:
    """The classes that a step has to do with, in the order in which it asks for them."""
    kind = type(step)
    if kind not in _STEPS:
        _STEPS[kind] = tuple(step._processing_map())
    return _STEPS[kind]


@lru_cache(4096)
def _concern(steps: tuple[type, ...], kinds: frozenset[type]) -> bool:
    return any(_step(steps, kind) is not None for kind in kinds)


@cache
def _step(steps: tuple[type, ...], kind: Any) -> type | None:
    return next((each for each in steps if issubclass(kind, each)), None)


@cache
def _is_node_class(kind: Any) -> bool:
    return issubclass(kind, _NODES.Node)


def _is_node(value: Any) -> bool:
    return _is_node_class(value.__class__)


def _copy_straight() -> None:
    """Copy an update's syntax, before its names are filled in, by its nodes and nothing else."""

    def copied(self: Any, memo: dict[int, Any]) -> Any:
        node = object.__new__(type(self))
        node.__dict__.update(self.__dict__)
        if self.children is not None:
            node.children = [
                copied(child, memo) if _is_node(child) else child for child in self.children
            ]
            for child in node.children:
                if _is_node(child):
                    child.parent = node
        return node

    _NODES.Node.__deepcopy__ = copied


def _check_once(remembered: int) -> None:
    """Leave out the steps that look at an update's syntax alone, where it has passed them."""
    validator: Any = UpdateExpressionValidator
    make, validate, passed = validator.__init__, validator.validate, set[Any]()

    def init(self: Any, syntax: Any, *, table: Any, **named: Any) -> None:
        make(self, syntax, table=table, **named)
        names = named["expression_attribute_names"] or {}
        self.about = (syntax, *names.items(), *table.table_key_attrs)
        if self.about in passed:
            self.processors = [step for step in self.processors if type(step) not in OF_SYNTAX]

    def validate_and_note(self: Any) -> Any:
        found = validate(self)
        if len(passed) >= remembered:
            passed.clear()
        passed.add(self.about)
        return found

    validator.__init__, validator.validate = init, validate_and_note


def _choose_executors_by_class() -> None:
    executors = UpdateExpressionExecutor.execution_map
    kinds = tuple(executors)

    def get_specific_execution(self: UpdateExpressionExecutor, node: Any) -> Any:
        found: Any = _step(kinds, node.__class__)
        return executors.get(found)

    UpdateExpressionExecutor.get_specific_execution = get_specific_execution  # type: ignore[method-assign]
