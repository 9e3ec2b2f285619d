"""What moto works out anew for each call, and is the same each time.

Names of methods and attributes, and the syntax of conditions: they depend on texts and classes
alone, of which there are few. Backends are looked for among all that there are, and ids are drawn
letter by letter.
"""

from __future__ import annotations

import contextlib
import string
from functools import cache, lru_cache
from importlib.metadata import version
from typing import Any, Final

import moto.core.responses
import moto.core.utils
import moto.sqs.models
from moto.core.base_backend import BackendDict
from moto.dynamodb.comparisons import AttributeValue, ConditionExpressionParser
from moto.moto_api._internal import mock_random
from moto.moto_api._internal.moto_random import MotoRandom

from spectrum_cli.local.moto_json import read_and_write_straight
from spectrum_cli.local.moto_updates import walk_updates_straight

SEEN: Final = "5.2.5"
# Expressions that are remembered; an application has some dozens.
EXPRESSIONS: Final = 1024
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
    _read_conditions_once()
    walk_updates_straight(EXPRESSIONS)
    read_and_write_straight()
    _find_backends_by_account()
    _draw_at_once()


def _remember_names() -> None:
    for module, name in (
        (moto.core.responses, "camelcase_to_underscores"),
        (moto.core.responses, "method_names_from_class"),
        (moto.core.utils, "create_loader"),
        (moto.sqs.models, "camelcase_to_underscores"),
    ):
        setattr(module, name, cache(getattr(module, name)))


def _read_conditions_once() -> None:
    """Read a condition once for its text and its names; what its values are is asked each time."""
    parser: Any = ConditionExpressionParser
    parse, make_operand = parser.parse, parser._make_operand

    @lru_cache(EXPRESSIONS)
    def read(text: str, names: tuple[tuple[str, str], ...]) -> tuple[Any, list[str], list[str]]:
        reader = parser(text, dict(names), _AnyValue())
        nodes = reader._parse_paths(reader._lex_condition_expression())
        for step in (
            reader._apply_functions,
            reader._apply_comparator,
            reader._apply_in,
            reader._apply_between,
            reader._apply_parens_and_booleans,
        ):
            nodes = step(nodes)
        node = nodes[0]
        reader._assert_no_redundant_parentheses(node)
        return node, list(parser._find_literals(node)), list(parser._find_expr_attr_values(node))

    def parse_known(self: Any) -> Any:
        known = None
        if self.condition_expression:
            # Whatever is wrong, and with whichever part of it first, moto says itself.
            with contextlib.suppress(Exception):
                names = tuple((self.expression_attribute_names or {}).items())
                known = read(self.condition_expression, names)
        if known is None:
            return parse(self)
        node, names_found, values_found = known
        self.expr_attr_names_found += names_found
        self.expr_attr_values_found += values_found
        return self._make_op_condition(node)

    def make_own_operand(self: Any, node: Any) -> Any:
        if node.kind == parser.Kind.EXPRESSION_ATTRIBUTE_VALUE:
            return AttributeValue(self.expression_attribute_values[node.text])
        return make_operand(self, node)

    parser.parse, parser._make_operand = parse_known, make_own_operand


class _AnyValue(dict[str, Any]):
    """Stands for the values of a condition of which none is known yet."""

    def __missing__(self, name: str) -> dict[str, Any]:
        return {"NULL": True}


def _find_backends_by_account() -> None:
    look_up = BackendDict.__getitem__

    def getitem(self: Any, account_id: str) -> Any:
        found = self.get(account_id)
        return look_up(self, account_id) if found is None else found

    BackendDict.__getitem__ = getitem  # type: ignore[method-assign]


def _draw_at_once() -> None:
    """Make ids of a request and receipt handles by one draw, not by one for each letter."""

    def get_random_string(
        self: Any, length: int = 20, include_digits: bool = True, lower_case: bool = False
    ) -> str:
        text = _drawn(string.ascii_letters + (string.digits if include_digits else ""), length)
        return text.lower() if lower_case else text

    MotoRandom.get_random_string = get_random_string  # type: ignore[method-assign]
    models: Any = moto.sqs.models
    models.generate_receipt_handle = lambda: _drawn(string.ascii_lowercase, RECEIPT_HANDLE)


def _drawn(letters: str, length: int) -> str:
    return mock_random.randbytes(length).translate(_by_byte(letters)).decode()


@cache
def _by_byte(letters: str) -> bytes:
    """A letter for each byte that can be drawn; some letters for one byte more than others."""
    return "".join(letters[byte % len(letters)] for byte in range(256)).encode()
