"""Applies the translated template, resource by resource, to AWS services on this machine.

Owns the rule that nothing is dropped in silence: an unknown type of resource is an error, and so
is a property that its applier neither applies nor names as left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from spectrum_cli.local.apply import runtime, storage, watching
from spectrum_cli.local.apply.context import Context, Kind
from spectrum_cli.local.deployment import Deployment, Endpoints
from spectrum_cli.local.intrinsics import TemplateError
from spectrum_cli.local.template import Resource, load

_KINDS: Final[Mapping[str, Kind]] = {**storage.KINDS, **runtime.KINDS, **watching.KINDS}


def deploy(
    template_path: Path,
    *,
    endpoints: Endpoints,
    parameters: Mapping[str, str],
    code_dirs: Mapping[str, Path] | None = None,
    kept: Path | None = None,
) -> Deployment:
    """Create everything that the template describes, and return what is left to be run.

    `parameters` override the template's defaults. `code_dirs` are the folders for Python's path of
    what has been built, by logical id; without them the sources are what is to be run. `kept` is
    the folder of earlier translations, if they are kept. Raises TemplateError, before anything is
    created, when the template holds what cannot be applied here; botocore's errors when a service
    refuses or cannot be reached.
    """
    template = load(template_path, parameters, kept)
    if code_dirs is not None:
        template = replace(template, code_dirs=code_dirs)
    for resource in template.resources.values():
        check(resource)
    context = Context(template, endpoints)
    for resource in template.resources.values():
        properties = context.resolver.resolve(resource.properties, resource.logical_id)
        kind = _KINDS[resource.type]
        context.applied[resource.logical_id] = kind.apply(context, resource, properties)
    outputs = {
        name: context.resolver.resolve(body["Value"], f"Outputs.{name}")
        for name, body in template.outputs.items()
        if "Condition" not in body or context.resolver.condition(body["Condition"], name)
    }
    return Deployment(
        context.functions,
        tuple(context.routes),
        tuple(context.queue_sources),
        tuple(context.schedules),
        {name: applied.physical_id for name, applied in context.applied.items()},
        outputs,
    )


def check(resource: Resource) -> None:
    """Raise TemplateError if the resource, or one of its properties, would be dropped."""
    kind = _KINDS.get(resource.type)
    if kind is None:
        raise TemplateError(
            f"{resource.logical_id}: resources of type {resource.type} are not known here"
        )
    unknown = set(resource.properties) - kind.applied - set(kind.left_out)
    if unknown:
        raise TemplateError(
            f"{resource.logical_id} ({resource.type}): not known here: {', '.join(sorted(unknown))}"
        )
