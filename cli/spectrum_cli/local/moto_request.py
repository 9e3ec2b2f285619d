"""A plain call of JSON, as moto's services look at one, and as their answers go out.

moto's own requests and answers are those of a web framework: their fields are looked for among all
that the server knows, their URLs put together from parts, and forms and files looked for, each time
anew. A POST of JSON to `/` has none of that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from moto.utilities.constants import JSON_TYPES

from spectrum_cli.local.guard import Environ

# Names of fields that are remembered; clients send some dozens.
NAMES: Final = 1024
# The port that is usual is left out of a URL, which none here has.
_HOST: Final = re.compile(r"([A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:(?!80$)[0-9]+)?", re.ASCII)
_NOTHING: Final = MappingProxyType[str, Any]({})


class Fields(dict[str, str]):
    """A request's header fields, found by their names in any spelling."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(_spelt(name))

    def __contains__(self, name: object) -> bool:
        return super().__contains__(_spelt(str(name)))

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(_spelt(name), default)


class PlainCall:
    """What moto's services ask of a request that is a POST of JSON to `/`."""

    from_wsgi_server = True
    method, path, raw_path = "POST", "/", "/"
    content_encoding = None
    form = files = values = _NOTHING

    def __init__(self, environ: Environ) -> None:
        self.environ = environ
        self.headers = _fields(environ)
        self.content_type = environ["CONTENT_TYPE"]
        self.raw_url = f"http://{environ['HTTP_HOST']}/"
        self.data: bytes = environ["wsgi.input"].read()


def is_plain(environ: Environ) -> bool:
    """Whether a request can be looked at as a `PlainCall`."""
    return (
        environ["REQUEST_METHOD"] == "POST"
        and environ["RAW_URI"] == "/"
        and environ.get("CONTENT_TYPE") in JSON_TYPES
        and "HTTP_CONTENT_ENCODING" not in environ
        and _HOST.fullmatch(environ.get("HTTP_HOST", "")) is not None
    )


def answer_plainly(
    answered: tuple[Any, dict[str, Any], Any], start_response: Callable[..., Any]
) -> Iterable[bytes] | None:
    """Send what a service answered; None for what takes the framework to be sent."""
    status, headers, body = answered
    if type(status) is not int or type(body) is not str or "Content-Type" not in headers:
        return None
    fields = [(name, str(value)) for name, value in headers.items()]
    if any("\n" in value or "\r" in value for _, value in fields):
        return None
    start_response(f"{status} -", fields)
    return [body.encode()]


def _fields(environ: Environ) -> Fields:
    found = Fields()
    for key, value in environ.items():
        if name := _name(key):
            found[name] = value
    return found


@lru_cache(NAMES)
def _name(key: str) -> str:
    """What a field is called that stands in the environment under this key; empty if none does."""
    if key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        return _spelt(key.replace("_", "-"))
    return _spelt(key[5:].replace("_", "-")) if key.startswith("HTTP_") else ""


@lru_cache(NAMES)
def _spelt(name: str) -> str:
    return name.title()
