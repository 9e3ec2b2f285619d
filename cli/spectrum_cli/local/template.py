"""Reads template.yaml, and what it is in plain CloudFormation.

Owns the parameters' values and checks, and the order in which resources can be applied. Code
folders are remembered under the URIs that stand for them in the translation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Final

import yaml

# The translator ships no types.
from samtranslator.yaml_helper import (  # type: ignore[import-untyped]
    intrinsics_multi_constructor,
)

from spectrum_cli.local.intrinsics import Resolver, TemplateError, references
from spectrum_cli.local.translation import translate

_LAYER: Final = "AWS::Serverless::LayerVersion"
_CODE_PROPERTIES: Final = {"AWS::Serverless::Function": "CodeUri", _LAYER: "ContentUri"}
_CODE_BUCKET: Final = "local-code"
# The translator's own way of reading takes ten times as long, by Python alone.
_READER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


@dataclass(frozen=True)
class Resource:
    """One resource of the translated template, its intrinsic functions not yet worked out."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    attributes: Mapping[str, Any]  # what stands beside Type and Properties: DeletionPolicy, …


@dataclass(frozen=True)
class Template:
    """A translated template: resources in the order in which they can be applied.

    `parameters` holds a value for every parameter (a list for a list of them), `code_dirs` the
    folder of each function's and layer's code by its logical id in template.yaml.
    """

    resources: Mapping[str, Resource]
    outputs: Mapping[str, Any]
    conditions: Mapping[str, Any]
    parameters: Mapping[str, Any]
    code_dirs: Mapping[str, Path]


@dataclass(frozen=True)
class CodeFolder:
    """Where the code of a function or a layer lies, and its logical id in template.yaml."""

    logical_id: str
    folder: Path
    is_layer: bool


class _Reader(_READER):  # type: ignore[misc]
    """Reads YAML with CloudFormation's functions in it."""


_Reader.add_multi_constructor("!", intrinsics_multi_constructor)


def read(path: Path) -> dict[str, Any]:
    """The template as it is written, its functions in their long form."""
    source: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), _Reader)
    return source


def code_folders(path: Path) -> list[CodeFolder]:
    """All code that the template names, in its order."""
    resources = read(path)["Resources"]
    return [
        CodeFolder(name, folder, resources[name]["Type"] == _LAYER)
        for name, folder in _take_code_dirs(resources, path.parent).items()
    ]


def load(
    path: Path, parameters: Mapping[str, str] | None = None, kept: Path | None = None
) -> Template:
    """Read and translate the template; `parameters` override its defaults.

    What has been translated before is taken from the folder `kept`, if there is one.
    Raises TemplateError when it is not valid, or when a parameter's value is refused.
    """
    source = read(path)
    declared = source.get("Parameters", {})
    values = _parameter_values(declared, parameters or {})
    code_dirs = _take_code_dirs(source["Resources"], path.parent)
    document = translate(source, values, kept)
    resources = {
        logical_id: Resource(
            logical_id,
            body["Type"],
            body.get("Properties", {}),
            {key: value for key, value in body.items() if key not in {"Type", "Properties"}},
        )
        for logical_id, body in document["Resources"].items()
    }
    conditions = document.get("Conditions", {})
    given = {name: _parsed(value, declared[name]) for name, value in values.items()}
    met = _without_unmet(resources, conditions, given)
    return Template(
        {name: met[name] for name in _order(met)},
        document.get("Outputs", {}),
        conditions,
        given,
        code_dirs,
    )


def translated(path: Path) -> dict[str, Any]:
    """The template as SAM translates it, whole, with its parameters' defaults; for linters."""
    source = read(path)
    values = _parameter_values(source.get("Parameters", {}), {})
    _take_code_dirs(source["Resources"], path.parent)
    return translate(source, values, None)


def _take_code_dirs(resources: dict[str, Any], root: Path) -> dict[str, Path]:
    """Replace local code folders, which the translator refuses, by URIs that stand for them."""
    code_dirs = {}
    for logical_id, body in resources.items():
        name = _CODE_PROPERTIES.get(body["Type"])
        if name is not None:
            code_dirs[logical_id] = (root / body["Properties"][name]).resolve()
            body["Properties"][name] = f"s3://{_CODE_BUCKET}/{logical_id}"
    return code_dirs


def _parameter_values(declared: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    unknown = set(given) - set(declared)
    if unknown:
        raise TemplateError(f"the template has no parameter {', '.join(sorted(unknown))}")
    values = {}
    for name, rules in declared.items():
        if name not in given and "Default" not in rules:
            raise TemplateError(f"parameter {name} has no default and needs a value")
        values[name] = str(given.get(name, rules.get("Default")))
        _check_parameter(name, values[name], rules)
    return values


def _parsed(value: str, rules: Mapping[str, Any]) -> str | list[str]:
    """What `Ref` gives for a parameter."""
    if rules["Type"] != "CommaDelimitedList":
        return value
    return [item.strip() for item in value.split(",")]


def _check_parameter(name: str, value: str, rules: Mapping[str, Any]) -> None:
    allowed = [str(choice) for choice in rules.get("AllowedValues", [])]
    if allowed and value not in allowed:
        raise TemplateError(f"parameter {name} is {value}, not one of {', '.join(allowed)}")
    if rules["Type"] != "Number":
        return
    try:
        number = float(value)
    except ValueError:
        raise TemplateError(f"parameter {name} is {value}, not a number") from None
    if not rules.get("MinValue", number) <= number <= rules.get("MaxValue", number):
        raise TemplateError(
            f"parameter {name} is {value}, not from {rules.get('MinValue', 'any')}"
            f" to {rules.get('MaxValue', 'any')}"
        )


def _without_unmet(
    resources: Mapping[str, Resource], conditions: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Resource]:
    resolver = Resolver(values.__getitem__, _no_attribute, conditions)
    return {
        name: resource
        for name, resource in resources.items()
        if "Condition" not in resource.attributes
        or resolver.condition(resource.attributes["Condition"], name)
    }


def _no_attribute(name: str, attribute: str) -> str:
    raise KeyError(name, attribute)


def _order(resources: Mapping[str, Resource]) -> list[str]:
    """Logical ids such that each comes after those that it refers to."""
    graph = {}
    for name, resource in resources.items():
        depends_on = resource.attributes.get("DependsOn", [])
        named = [depends_on] if isinstance(depends_on, str) else depends_on
        needed = {*references(resource.properties), *named} & set(resources)
        graph[name] = sorted(needed - {name})
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise TemplateError(f"resources refer to each other in a circle: {error.args[1]}") from None
