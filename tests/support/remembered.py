"""What botocore reads of its own files: once a process, and not once a session.

A session parses a megabyte of JSON before its first client is there, and looks through four hundred
folders. Tests make sessions by the thousand, and none of them is about these files.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, cast

from botocore.loaders import JSONFileLoader, Loader
from moto.core import loaders as of_moto


class RememberingLoader(JSONFileLoader):
    """Botocore's own, whose files stay in memory; one session hands them to its clients alike."""

    load_file = staticmethod(cache(JSONFileLoader().load_file))


@cache
def remember() -> None:
    """Let every session remember what others have read; further calls do nothing."""
    # moto writes more into the models that it has read: it keeps copies of its own.
    of_moto.Loader.FILE_LOADER_CLASS = JSONFileLoader
    Loader.FILE_LOADER_CLASS = RememberingLoader
    look_through = cast(Callable[[Loader, str], list[str]], Loader.list_available_services)

    @cache
    def found(folders: tuple[str, ...], type_name: str) -> list[str]:
        return look_through(Loader([*folders], include_default_search_paths=False), type_name)

    def list_available_services(self: Loader, type_name: str) -> list[str]:
        return found(tuple(self.search_paths), type_name)

    Loader.list_available_services = cast(Any, list_available_services)  # type: ignore[method-assign]
