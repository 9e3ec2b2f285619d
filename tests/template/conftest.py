"""The translated template, with names in the place of what only AWS could fill in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from spectrum_cli.local.intrinsics import Resolver
from spectrum_cli.local.template import Template

from tests.template.translated import load

TEMPLATE = Path(__file__).parents[2] / "template.yaml"

Properties = Callable[[str], Mapping[str, Any]]


@pytest.fixture(scope="session")
def template() -> Template:
    return load(TEMPLATE)


@pytest.fixture(scope="session")
def properties(template: Template) -> Properties:
    """Properties of a resource: parameters have their defaults, a Ref of a resource is its logical
    id, an attribute is `LogicalId.Attribute`."""
    return resolved_by(template)


def resolved_by(template: Template) -> Properties:
    """The same of a template with parameters of its own."""

    def reference(name: str) -> object:
        return template.parameters.get(name, name)

    def attribute(name: str, attribute: str) -> str:
        return f"{name}.{attribute}"

    resolver = Resolver(reference, attribute, template.conditions)

    def resolved(logical_id: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = resolver.resolve(
            template.resources[logical_id].properties, logical_id
        )
        return found

    return resolved
