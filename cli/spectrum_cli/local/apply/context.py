"""What every applier needs: clients, names, the values of resources applied so far.

An applier takes one resource and either creates it behind an endpoint or notes a description of
it for the local runtime. It returns what `Ref` and `Fn::GetAtt` of that resource give.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from spectrum_cli.local.aws import USER_AGENT, session
from spectrum_cli.local.deployment import (
    Endpoints,
    FunctionSpec,
    QueueSourceSpec,
    RouteSpec,
    ScheduleSpec,
)
from spectrum_cli.local.intrinsics import STACK_NAME, Resolver, TemplateError
from spectrum_cli.local.template import Resource, Template

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Applied:
    """`reference` is what Ref gives; `name` is the physical id, where that is another thing."""

    reference: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    name: str = ""

    @property
    def physical_id(self) -> str:
        return self.name or self.reference


@dataclass(frozen=True)
class Kind:
    """How resources of one type are applied.

    `left_out` names properties that are deliberately not applied, each with the reason; a property
    that stands in neither is an error.
    """

    apply: Callable[[Context, Resource, Mapping[str, Any]], Applied]
    applied: frozenset[str]
    left_out: Mapping[str, str] = field(default_factory=dict)


class Context:
    """State of one deployment. Appliers read `applied` and add to the lists of specs."""

    def __init__(self, template: Template, endpoints: Endpoints) -> None:
        self.template = template
        self.endpoints = endpoints
        self.applied: dict[str, Applied] = {}
        self.functions: dict[str, FunctionSpec] = {}
        # Functions by the aliases that stand for them, both by logical id.
        self.aliases: dict[str, str] = {}
        self.routes: list[RouteSpec] = []
        self.queue_sources: list[QueueSourceSpec] = []
        self.schedules: list[ScheduleSpec] = []
        self.resolver = Resolver(self._reference, self._attribute, template.conditions)
        self.client = cache(self._make_client)
        self._session = session(endpoints.credentials)

    def name_of(self, resource: Resource) -> str:
        """The physical name that CloudFormation would make up, without its random end."""
        return f"{STACK_NAME}-{resource.logical_id}"

    def named(self, value: str, place: str) -> str:
        """The logical id of the applied resource whose Ref or ARN is `value`."""
        for logical_id, applied in self.applied.items():
            if value in {applied.reference, applied.attributes.get("Arn")}:
                return logical_id
        raise TemplateError(f"{place}: no applied resource is {value}")

    def function_named(self, value: str, place: str) -> str:
        """The logical id of the function whose Ref or ARN, or whose alias's, is `value`."""
        logical_id = self.named(value, place)
        return self.aliases.get(logical_id, logical_id)

    @contextmanager
    def may_be_missing(self, service: str, what: str) -> Iterator[None]:
        """Let a call fail, and log it, if another service stands in for `service`.

        A stand-in may lack what the local stack can do without; moto has all of it, so there a
        failure is a failure.
        """
        try:
            yield
        except ClientError as error:
            if not self.endpoints.is_overridden(service):
                raise
            log.warning("%s at %s: no %s (%s)", service, self.endpoints.url(service), what, error)

    def _make_client(self, service: str) -> Any:
        # Typed loosely: the service is a value, and appliers pass the template's own structures.
        return self._session.client(
            service,
            endpoint_url=self.endpoints.url(service),
            config=Config(
                retries={"mode": "standard", "total_max_attempts": 3},
                proxies={},
                user_agent=USER_AGENT,
            ),
        )

    def _reference(self, name: str) -> object:
        if name in self.template.parameters:
            return self.template.parameters[name]
        return self.applied[name].reference

    def _attribute(self, name: str, attribute: str) -> str:
        return self.applied[name].attributes[attribute]
