"""A destination's filter as it is written: a JMESPath expression, and how deep it may be.

The interpreter of such expressions calls itself for each level, and Python ends that at a depth of
its own. An expression that is a little too deep compiles, and then fails on every event, or only in
a worker, whose own calls stand below: so what is near that is refused when it is written.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.lexer import Lexer

from spectrum_forwarder.domain.destination import Filter
from spectrum_forwarder.domain.errors import InvalidEntry

# Calls within calls, of the 1,000 that Python allows: the rest is for whoever asks.
MOST_CALLS = 800
# For each level of the parsed expression, and as many again where a function is given one
# (`sort_by(x, &y)`); for each bracket while it is parsed. tests/unit/test_expressions.py counts.
CALLS_A_LEVEL, CALLS_A_REFERENCE, CALLS_A_BRACKET = 2, 6, 5
OPENING = frozenset({"lparen", "lbracket", "lbrace", "filter"})
CLOSING = frozenset({"rparen", "rbracket", "rbrace"})
PROJECTING = frozenset({"star", "filter"})
COMPARING = frozenset({"eq", "ne", "lt", "lte", "gt", "gte"})
_BEGIN: Mapping[str, Any] = {"type": "nothing"}
TOO_DEEP = (
    "filter has too many parts within each other, more than can be evaluated: compare one field "
    "with many values by contains(`[…]`, field), or divide it among several destinations"
)


def read_filter(expression: object) -> Filter:
    """The filter; raise InvalidEntry where there is no such expression, or it is too deep."""
    if not isinstance(expression, str):
        raise InvalidEntry("filter must be a JMESPath expression, a string")
    try:
        if _calls_to_parse(expression) > MOST_CALLS:
            raise InvalidEntry(TOO_DEEP)
        compiled = jmespath.compile(expression)
    except RecursionError as error:
        raise InvalidEntry(TOO_DEEP) from error
    except JMESPathError as error:
        # Not the error's own text: it quotes the expression, which may name a person.
        place = getattr(error, "lex_position", 0) + 1
        raise InvalidEntry(f"filter is no JMESPath expression: see character {place}") from error
    if _calls_to_evaluate(compiled.parsed) > MOST_CALLS:
        raise InvalidEntry(TOO_DEEP)
    return lambda content: is_true(compiled.search(content))


def is_true(value: object) -> bool:
    """JMESPath's own truth: false, null and whatever is empty are not true; a 0 is."""
    return type(value) in (int, float) or bool(value)


def fields_like_texts(expression: str) -> list[str]:
    """Names in double quotes that stand where a text would: compared, or given to a function.

    `"text"` is the field of that name, `'text'` the text. Raises JMESPathError.
    """
    tokens = [_BEGIN, _BEGIN, *Lexer().tokenize(expression), _BEGIN]
    found: list[str] = []
    selects: list[bool] = []  # for each open bracket, whether it chooses fields: `a.["b", "c"]`
    for place in range(2, len(tokens) - 2):
        kind = tokens[place]["type"]
        if kind in OPENING:
            selects.append(kind == "lbrace" or tokens[place - 1]["type"] == "dot")
        elif kind in CLOSING and selects:
            selects.pop()
        elif kind == "quoted_identifier" and not (selects and selects[-1]):
            near = [token["type"] for token in tokens[place - 2 : place + 3]]
            if _stands_for_a_text(near):
                found.append(str(tokens[place]["value"]))
    return found


def _stands_for_a_text(near: Sequence[str]) -> bool:
    """Whether the middle one of five tokens does."""
    left, before, _, after, right = near
    if before == "dot" or after in {"dot", "lbracket", "flatten", "filter"}:
        return False  # a part of a path
    if before in COMPARING:
        return left != "literal"
    if after in COMPARING:
        return right != "literal"
    return before in {"comma", "lparen", "lbracket"} and after in {"comma", "rparen", "rbracket"}


def _calls_to_parse(expression: str) -> int:
    """About, and rather more: for brackets within each other, and projections in a row."""
    deepest = depth = projections = 0
    for token in Lexer().tokenize(expression):
        depth += (token["type"] in OPENING) - (token["type"] in CLOSING)
        deepest = max(deepest, depth)
        projections += token["type"] in PROJECTING
    return (deepest + projections) * CALLS_A_BRACKET


def _calls_to_evaluate(parsed: Mapping[str, Any]) -> int:
    """At most, whatever the content is. Not by recursion, which is what is asked about."""
    deepest = 0
    open_parts = [(parsed, CALLS_A_LEVEL)]
    while open_parts:
        part, calls = open_parts.pop()
        deepest = max(deepest, calls)
        more = CALLS_A_REFERENCE if part["type"] == "expref" else CALLS_A_LEVEL
        open_parts += [(c, calls + more) for c in part["children"] if isinstance(c, dict)]
    return deepest
