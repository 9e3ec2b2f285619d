"""CloudFormation's intrinsic functions: what they refer to, and what they come to.

Owns the functions that the template uses, and no others: one that is not known here is an error
that names it and the place where it stands, because a function that is silently left alone would
end up as a literal in some resource.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
STACK_NAME: Final = "spectrum-forwarder"

PSEUDO_PARAMETERS: Final[Mapping[str, str]] = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK_NAME}/"
    "00000000-0000-4000-8000-000000000000",
    "AWS::StackName": STACK_NAME,
    "AWS::URLSuffix": "amazonaws.com",
}

_PLACEHOLDER = re.compile(r"\$\{(!?)([^{}]+)\}")
_NO_VALUE = object()


class TemplateError(Exception):
    """The template says something that cannot be applied here. The text names the place."""


class Resolver:
    """Works out intrinsic functions of a template whose conditions are `conditions`.

    `reference(name)` gives what `Ref` gives for a parameter or an applied resource, and
    `attribute(name, attribute)` what `Fn::GetAtt` gives; both raise KeyError for what is unknown.
    """

    def __init__(
        self,
        reference: Callable[[str], object],
        attribute: Callable[[str, str], str],
        conditions: Mapping[str, object],
    ) -> None:
        self._reference = reference
        self._attribute = attribute
        self._conditions = conditions

    def resolve(self, value: object, place: str) -> Any:
        """The value with every function in it worked out. `place` is what errors name."""
        resolved = self._resolve(value, place)
        return None if resolved is _NO_VALUE else resolved

    def condition(self, name: str, place: str) -> bool:
        if name not in self._conditions:
            raise TemplateError(f"{place}: there is no condition {name}")
        return self._truth(self._conditions[name], f"Conditions.{name}")

    def _resolve(self, value: object, place: str) -> Any:
        if isinstance(value, list):
            items = [self._resolve(item, f"{place}[{index}]") for index, item in enumerate(value)]
            return [item for item in items if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        name = function_name(value)
        if name is not None:
            return self._call(name, value[name], f"{place}.{name}")
        entries = {key: self._resolve(item, f"{place}.{key}") for key, item in value.items()}
        return {key: item for key, item in entries.items() if item is not _NO_VALUE}

    def _call(self, name: str, argument: Any, place: str) -> Any:
        match name:
            case "Ref":
                result = _NO_VALUE if argument == "AWS::NoValue" else self._ref(argument, place)
            case "Fn::GetAtt":
                result = self._get_att(*_attribute_path(argument, place), place)
            case "Fn::Sub":
                result = self._sub(argument, place)
            case "Fn::Join":
                separator, parts = _arguments(argument, 2, place)
                result = str(separator).join(map(str, self._resolve(parts, place)))
            case "Fn::Split":
                separator, text = _arguments(argument, 2, place)
                result = str(self._resolve(text, place)).split(str(separator))
            case "Fn::Select":
                index, items = _arguments(argument, 2, place)
                result = self._resolve(items, place)[int(index)]
            case "Fn::If":
                condition, if_true, if_false = _arguments(argument, 3, place)
                holds = self.condition(condition, place)
                result = self._resolve(if_true if holds else if_false, place)
            case _:
                raise TemplateError(f"{place}: the function {name} is not known here")
        return result

    def _truth(self, value: Any, place: str) -> bool:
        match value:
            case {"Condition": str(name)}:
                return self.condition(name, place)
            case {"Fn::Equals": [left, right]}:
                return str(self._resolve(left, place)) == str(self._resolve(right, place))
            case {"Fn::Not": [inner]}:
                return not self._truth(inner, place)
            case {"Fn::And": [*inner]}:
                return all([self._truth(item, place) for item in inner])
            case {"Fn::Or": [*inner]}:
                return any([self._truth(item, place) for item in inner])
        raise TemplateError(f"{place}: not a condition: {value}")

    def _ref(self, name: str, place: str) -> Any:
        if name in PSEUDO_PARAMETERS:
            return PSEUDO_PARAMETERS[name]
        try:
            return self._reference(name)
        except KeyError:
            raise TemplateError(f"{place}: nothing is called {name}") from None

    def _get_att(self, name: str, attribute: str, place: str) -> str:
        try:
            return self._attribute(name, attribute)
        except KeyError:
            raise TemplateError(f"{place}: {name} has no attribute {attribute} here") from None

    def _sub(self, argument: Any, place: str) -> str:
        text, names = (
            (argument, {}) if isinstance(argument, str) else _arguments(argument, 2, place)
        )
        own = {key: str(self._resolve(value, place)) for key, value in names.items()}

        def replace(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return "${" + name + "}"
            if name in own:
                return own[name]
            if "." in name:
                return self._get_att(*_attribute_path(name, place), place)
            return str(self._ref(name, place))

        return _PLACEHOLDER.sub(replace, text)


def function_name(value: Mapping[str, object]) -> str | None:
    """The name of the intrinsic function that a mapping stands for, or None for a plain one."""
    if len(value) != 1:
        return None
    name = next(iter(value))
    return name if name == "Ref" or name.startswith("Fn::") else None


def references(value: object) -> Iterator[str]:
    """The names of parameters and resources that a value depends on, repeated as they come."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        match value:
            case {"Ref": str(name)} if len(value) == 1:
                yield name
            case {"Fn::GetAtt": path} if len(value) == 1:
                yield _attribute_path(path, "Fn::GetAtt")[0]
            case {"Fn::Sub": text} if len(value) == 1:
                yield from _sub_references(text)
            case _:
                for item in value.values():
                    yield from references(item)


def _sub_references(argument: Any) -> Iterator[str]:
    text, own = _sub_arguments(argument, "Fn::Sub")
    for literal, name in _PLACEHOLDER.findall(text):
        if not literal and name not in own:
            yield name.split(".")[0]
    yield from references(list(own.values()))


def _sub_arguments(argument: Any, place: str) -> tuple[str, dict[str, Any]]:
    text, own = (argument, {}) if isinstance(argument, str) else _arguments(argument, 2, place)
    return text, own


def _attribute_path(argument: Any, place: str) -> tuple[str, str]:
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    name, attribute = _arguments(parts, 2, place)
    return name, attribute


def _arguments(argument: Any, count: int, place: str) -> list[Any]:
    if not isinstance(argument, list) or len(argument) != count:
        raise TemplateError(f"{place}: takes a list of {count}, got {argument}")
    return argument
