"""Filters as they are written: how deep one may be, and which names look like texts."""

import bisect
import json
import sys
import threading
from collections.abc import Callable, Mapping

import pytest
from jmespath.parser import Parser
from spectrum_forwarder.adapters.expressions import (
    MOST_CALLS,
    _calls_to_evaluate,
    _calls_to_parse,
    fields_like_texts,
    read_filter,
)
from spectrum_forwarder.domain.destination import Filter
from spectrum_forwarder.domain.errors import InvalidEntry

# Each takes the number of levels.
FORMS: Mapping[str, Callable[[int], str]] = {
    "or": lambda n: " || ".join(["a"] * n),
    "and": lambda n: " && ".join(["!b"] * n),
    "or in brackets": lambda n: "b || (" * n + "a" + ")" * n,
    "not": lambda n: "!" * n + "a",
    "brackets": lambda n: "(" * n + "a" + ")" * n,
    "pipe": lambda n: " | ".join(["@"] * n),
    "functions": lambda n: "to_array(" * n + "a" + ")" * n,
    "lists": lambda n: "[" * n + "a" + "]" * n,
    "objects": lambda n: "{x: " * n + "a" + "}" * n,
    "flattened": lambda n: "a" + "[]" * n,
    "projections": lambda n: "a" + "[*].a" * n,
    "filters": lambda n: "a[?" * n + "a" + "]" * n,
    "references": lambda n: "sort_by(a, &to_string(" * n + "a" + "))" * n,
    "comparisons": lambda n: "a == (" * n + "a" + ")" * n,
}
# As deep as a worker's own calls may be, where it asks a filter.
CALLS_OF_A_WORKER = 150


def deepest(form: Callable[[int], str]) -> int:
    """So many levels are taken, and one more is not."""
    return bisect.bisect_left(range(1, 1000), x=True, key=lambda n: not is_taken(form(n)))


def is_taken(expression: str) -> bool:
    try:
        read_filter(expression)
    except InvalidEntry:
        return False
    return True


def at_depth(calls: int, do: Callable[[], object]) -> object:
    """Do it below so many calls, in a thread that has none of its own."""
    result: list[object] = []

    def below(left: int) -> object:
        return below(left - 1) if left else do()

    thread = threading.Thread(target=lambda: result.append(below(calls)))
    thread.start()
    thread.join()
    assert result, "it raised"
    return result[0]


def nested(levels: int) -> object:
    """Content for `a` at every level, in lists and objects."""
    content: object = {"a": [{"a": 1}]}
    for _ in range(levels):
        content = {"a": [content]}
    return content


def test_496_terms_that_compile_and_fail_on_every_event_are_refused() -> None:
    with pytest.raises(InvalidEntry, match="contains"):
        read_filter(FORMS["or"](496))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_what_is_taken_can_be_read_and_evaluated_in_a_worker(form: Callable[[int], str]) -> None:
    levels = deepest(form)
    assert levels >= 60
    expression = form(levels)
    Parser.purge()  # it was read before, and would be remembered
    filter_ = at_depth(CALLS_OF_A_WORKER, lambda: read_filter(expression))
    for content in ({}, {"a": [1]}, nested(3), [nested(2)]):
        assert at_depth(CALLS_OF_A_WORKER, lambda content=content: ended(filter_, content))  # type: ignore[misc]


def ended(filter_: object, content: object) -> bool:
    """Whether it came to an end, be it that what it found was of the wrong type."""
    assert callable(filter_)
    try:
        filter_(content)
    except RecursionError:
        return False
    except Exception:
        return True
    return True


def test_an_allow_list_of_a_few_hundred_terms_goes_on() -> None:
    names = [f"space.id == 'any;-;+1555{number:04}'" for number in range(380)]
    filter_: Filter = read_filter(" || ".join(names))
    assert filter_({"space": {"id": "any;-;+15550000"}})
    assert not filter_({"space": {"id": "any;-;+15559999"}})


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_calls_are_reckoned_at_no_less_than_they_are(form: Callable[[int], str]) -> None:
    few, many = form(10), form(30)
    Parser.purge()
    parsed = {text: Parser().parse(text) for text in (few, many)}
    Parser.purge()
    parsing = calls(lambda: Parser().parse(many)) - calls(lambda: Parser().parse(few))
    reckoned = max(
        _calls_to_parse(many) - _calls_to_parse(few),
        _calls_to_evaluate(parsed[many].parsed) - _calls_to_evaluate(parsed[few].parsed),
    )
    assert parsing <= reckoned
    content = nested(2)
    evaluating = calls(lambda: parsed[many].search(content)) - calls(
        lambda: parsed[few].search(content)
    )
    assert evaluating <= reckoned + 2
    assert sys.getrecursionlimit() - CALLS_OF_A_WORKER > MOST_CALLS


def calls(do: Callable[[], object]) -> int:
    """How many calls stand within each other at the most."""
    most = depth = 0

    def look(_frame: object, event: str, _: object) -> None:
        nonlocal most, depth
        depth += (event == "call") - (event == "return")
        most = max(most, depth)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        do()
    except Exception:
        pass
    finally:
        sys.setprofile(before)
    return most


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('message.content.type == "text"', ["text"]),
        ('"text" != message.content.type', ["text"]),
        ('contains(message.content.text, "order")', ["order"]),
        ('contains(["a", "b"], message.content.type)', ["a", "b"]),
        ('event == "messages" && space.platform == "slack"', ["messages", "slack"]),
        ("message.content.type == 'text'", []),
        ("\"event\" == 'messages'", []),
        ("message.\"content\".type == 'text'", []),
        ('message."content" == space."content"', []),
        ('message.["id", "direction"]', []),
        ('contains(message.["id", "direction"], \'a\')', []),
        ("message.[contains(\"id\", 'a')]", ["id"]),
        ('{"id": message.id}', []),
        ('"event"', []),
        ("contains(message.content.text, '\"order\"')", []),
        ("message.content.items[?\"id\" == '7']", []),
        ('sort_by(items, &"id")', []),
    ],
)
def test_a_field_where_a_text_is_meant_is_named(expression: str, names: list[str]) -> None:
    assert fields_like_texts(expression) == names


@pytest.mark.parametrize(
    ("expression", "place"), [("", 1), ("a ==", 5), ("a.b.", 5), ("a b", 3), ("a['x'", 3)]
)
def test_it_is_told_where_an_expression_is_none(expression: str, place: int) -> None:
    with pytest.raises(InvalidEntry, match=f"see character {place}$"):
        read_filter(expression)


@pytest.mark.parametrize("expression", [7, ["a"], "a ==", '"a', "a.b.", json.dumps({"a": 1})[:-1]])
def test_what_is_no_expression_is_refused_without_being_quoted(expression: object) -> None:
    with pytest.raises(InvalidEntry) as refused:
        read_filter(expression)
    assert "a ==" not in str(refused.value)
