"""What moto works out anew for each call, and is the same each time.

Names of methods and attributes, the syntax of expressions, which step has to do with which part of
one: they depend on texts and classes alone, of which there are few. A condition is read twice for
one call, and attributes are written out by asking each for every type and spelling that there is.
"""

from __future__ import annotations

import base64
import string
import threading
from collections import deque
from functools import cache, lru_cache
from importlib.metadata import version
from typing import Any, Final

import moto.core.responses
import moto.sqs.models
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.parsing import ast_nodes, expressions
from moto.dynamodb.parsing.validators import (
    ActionCountValidator,
    OverlappingPathsValidator,
    UpdateExpressionValidator,
    UpdateHashRangeKeyValidator,
)
from moto.moto_api._internal import mock_random
from moto.moto_api._internal.moto_random import MotoRandom

# moto has no types for these.
_NODES: Any = ast_nodes
_UPDATES: Any = expressions
SEEN: Final = "5.2.5"
# Expressions that are remembered; an application has some dozens.
EXPRESSIONS: Final = 1024
# Steps of an update's check that depend on its syntax, its names and the table's keys.
OF_SYNTAX: Final = (ActionCountValidator, OverlappingPathsValidator, UpdateHashRangeKeyValidator)
# Letters of a receipt handle.
RECEIPT_HANDLE: Final = 185


@cache
def is_as_seen() -> bool:
    """Whether moto is of the version that was read when it was made quicker.

    Of another one nothing is certain: it is slower then, and answers as it does by itself.
    """
    return version("moto") == SEEN


def work_out_once() -> None:
    """Remember what does not change, for the life of the process."""
    _remember_names()
    _remember_expressions()
    _read_conditions_once()
    _choose_steps_by_class()
    _copy_syntax_straight()
    _check_syntax_once()
    _draw_at_once()
    _write_attributes_straight()


def _remember_names() -> None:
    for module, name in (
        (moto.core.responses, "camelcase_to_underscores"),
        (moto.core.responses, "method_names_from_class"),
        (moto.sqs.models, "camelcase_to_underscores"),
    ):
        setattr(module, name, cache(getattr(module, name)))


def _remember_expressions() -> None:
    # What is made of a text is copied before anything is changed in it.
    parser = _UPDATES.UpdateExpressionParser
    parser.make = staticmethod(lru_cache(EXPRESSIONS)(parser.make))
    lex = ConditionExpressionParser._lex_condition_expression

    @lru_cache(EXPRESSIONS)
    def lexed(text: str) -> tuple[Any, ...]:
        return tuple(lex(ConditionExpressionParser(text, None, None)))

    def lex_condition_expression(self: ConditionExpressionParser) -> deque[Any]:
        return deque(lexed(self.condition_expression or ""))

    ConditionExpressionParser._lex_condition_expression = lex_condition_expression  # type: ignore[method-assign]


def _read_conditions_once() -> None:
    parse, last = ConditionExpressionParser.parse, threading.local()

    def parse_once(self: ConditionExpressionParser) -> Any:
        given = (
            self.condition_expression,
            self.expression_attribute_names,
            self.expression_attribute_values,
        )
        before = getattr(last, "given", (None, None, None))
        # The same objects, not equal ones: those of the call that is being answered.
        if given[0] and all(mine is other for mine, other in zip(given, before, strict=True)):
            self.expr_attr_names_found += last.names
            self.expr_attr_values_found += last.values
            return last.condition
        condition = parse(self)
        last.given, last.condition = given, condition
        last.names, last.values = list(self.expr_attr_names_found), self.expr_attr_values_found[:]
        return condition

    ConditionExpressionParser.parse = parse_once  # type: ignore[method-assign]


def _choose_steps_by_class() -> None:
    """Have each step of an update's check find what concerns it without asking every class."""

    def step(self: Any, kind: type) -> Any:
        chosen = self.__dict__.setdefault("chosen_steps", {})
        if kind not in chosen:
            steps = self._processing_map().items()
            chosen[kind] = next((step for each, step in steps if issubclass(kind, each)), None)
        return chosen[kind]

    def traverse_node_recursively(self: Any, node: Any, child_id: int = -1) -> Any:
        if not _is_node(node):
            return node
        parent = node.parent
        for number, child in enumerate(node.children or ()):
            self.pre_processing_of_child(node, number)
            kind: Any = type(child)
            # Most have neither children nor a step.
            if _is_node_class(kind) and (child.children or step(self, kind)):
                self.traverse_node_recursively(child, number)
        if process := step(self, type(node)):
            node = process(node)
            node.parent = parent
            if parent:
                parent.children[child_id] = node
        return node

    _NODES.DepthFirstTraverser.traverse_node_recursively = traverse_node_recursively


@cache
def _is_node_class(kind: Any) -> bool:
    return issubclass(kind, _NODES.Node)


def _is_node(value: Any) -> bool:
    kind: Any = type(value)
    return _is_node_class(kind)


def _copy_syntax_straight() -> None:
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


def _check_syntax_once() -> None:
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
        if len(passed) >= EXPRESSIONS:
            passed.clear()
        passed.add(self.about)
        return found

    validator.__init__, validator.validate = init, validate_and_note


def _draw_at_once() -> None:
    """Make ids of a request and receipt handles by one draw, not by one for each letter."""

    def get_random_string(
        self: Any, length: int = 20, include_digits: bool = True, lower_case: bool = False
    ) -> str:
        letters = string.ascii_letters + (string.digits if include_digits else "")
        text = "".join(self.choices(letters, k=length))
        return text.lower() if lower_case else text

    MotoRandom.get_random_string = get_random_string  # type: ignore[method-assign]
    models: Any = moto.sqs.models
    models.generate_receipt_handle = lambda: "".join(
        mock_random.choices(string.ascii_lowercase, k=RECEIPT_HANDLE)
    )


def _write_attributes_straight() -> None:
    serializer: Any = BaseJSONSerializer
    write = serializer._serialize_type_structure

    def serialize_type_structure(self: Any, written: Any, value: Any, shape: Any, key: str) -> None:
        of_dynamodb = self.service_model.service_name == "dynamodb"
        if of_dynamodb and shape.name == "AttributeValue" and type(value) is dict:
            written[key] = attribute(value)
        else:
            write(self, written, value, shape, key)

    serializer._serialize_type_structure = serialize_type_structure


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
