"""What botocore, moto and wires work out for each session, client and test: once a process.

A session parses a megabyte of JSON before its first client is there, and looks through four hundred
folders, and asks each of a hundred handlers what it takes; a client makes a method of each
operation, reads how its service's addresses are made, renames each event it hears of, and spells
the same user agent with each call. A wire parses a quarter of a megabyte of certificates, and moto,
when it is put on, makes thirteen hundred answers for those who ask by `requests`: nobody here does.
Tests make all of these by the thousand, and none of them is about this.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from functools import cache
from inspect import CO_VARKEYWORDS
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from botocore import hooks, regions, useragent
from botocore.client import ClientCreator
from botocore.endpoint_provider import EndpointProvider
from botocore.loaders import JSONFileLoader, Loader
from botocore.model import ServiceModel
from moto.core import loaders as of_moto
from moto.core import models as mocks
from spectrum_forwarder.adapters import wire


class RememberingLoader(JSONFileLoader):
    """Botocore's own, whose files stay in memory; one session hands them to its clients alike."""

    load_file = staticmethod(cache(JSONFileLoader().load_file))


@cache
def remember() -> None:
    """Let every session remember what others have read; further calls do nothing."""
    # moto writes more into the models that it has read: it keeps copies of its own.
    of_moto.Loader.FILE_LOADER_CLASS = JSONFileLoader
    Loader.FILE_LOADER_CLASS = RememberingLoader
    _folders()
    _methods()
    _addresses()
    _events()
    _agents()
    _bundles()
    mocks.RESPONSES_METHODS.clear()


def _folders() -> None:
    look_through = cast(Callable[[Loader, str], list[str]], Loader.list_available_services)

    @cache
    def found(folders: tuple[str, ...], type_name: str) -> list[str]:
        return look_through(Loader([*folders], include_default_search_paths=False), type_name)

    def list_available_services(self: Loader, type_name: str) -> list[str]:
        return found(tuple(self.search_paths), type_name)

    Loader.list_available_services = cast(Any, list_available_services)  # type: ignore[method-assign]


def _methods() -> None:
    creator: Any = ClientCreator
    make, made = creator._create_methods, dict[tuple[str, str], Mapping[str, object]]()

    def create_methods(self: ClientCreator, model: ServiceModel) -> dict[str, object]:
        service = (model.service_name, model.api_version)
        if service not in made:
            made[service] = make(self, model)
        return {**made[service]}  # whoever extends the class writes into it

    creator._create_methods = create_methods


def _addresses() -> None:
    made: dict[tuple[int, int], EndpointProvider] = {}

    def provider(ruleset_data: Any, partition_data: Any, **more: Any) -> EndpointProvider:
        # Both are kept by the loader for ever.
        rules = (id(ruleset_data), id(partition_data))
        if rules not in made:
            made[rules] = EndpointProvider(ruleset_data, partition_data, **more)
        return made[rules]

    cast(Any, regions).EndpointProvider = provider


def _events() -> None:
    inspected = hooks.accepts_kwargs

    def accepts_kwargs(handler: Callable[..., object]) -> bool:
        code = getattr(getattr(handler, "__func__", handler), "__code__", None)
        return bool(code.co_flags & CO_VARKEYWORDS) if code else bool(inspected(handler))

    cast(Any, hooks).accepts_kwargs = accepts_kwargs
    aliaser: Any = hooks.EventAliaser
    init, names = aliaser.__init__, dict[str, str]()

    def remembering(self: Any, event_emitter: object, event_aliases: object = None) -> None:
        init(self, event_emitter, event_aliases)
        # A client's is a copy of its session's, whose own are botocore's.
        if event_aliases in (None, hooks.EVENT_ALIASES):
            self._alias_name_cache = names

    aliaser.__init__ = remembering


def _agents() -> None:
    agents: Any = useragent
    agents.sanitize_user_agent_string_component = cache(agents.sanitize_user_agent_string_component)


def _bundles() -> None:
    """Wires only read what they make of a bundle; one that is written anew is another one."""

    @cache
    def parsed(path: str, written_at: int) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=path)

    def create_default_context(*, cafile: str) -> ssl.SSLContext:
        return parsed(cafile, Path(cafile).stat().st_mtime_ns)

    remembering = {**vars(ssl), "create_default_context": create_default_context}
    cast(Any, wire).ssl = SimpleNamespace(**remembering)
