"""Strategies for what hostile or careless senders write: texts, JSON, bodies, gateway events."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

NASTY = (
    "\r\nX-Injected: 1",
    "a\nb",
    "\x00",
    "\x1b[2K\x1b[31m",
    "\u2028\u2029\x85\x0b\x0c",
    '"}\n{"level":"ERROR","message":"event.accepted"}',
    "\ud83d",
    "\udc80\ud800",
    "\ufeff",
    "#health",
    "sha256:" + "0" * 64,
    "../../etc/passwd",
    "%0d%0aX-Injected:%201",
    "é" * 300,
    "a" * 5000,
    "0",
    " ",
    "\u0661\u0662",
    "\u202e",
)
texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(), max_size=30),
    st.tuples(st.sampled_from(NASTY), st.sampled_from(NASTY)).map("".join),
)

scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts, st.just(10**400))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)

# Bodies that have broken parsers before.
HOSTILE_BODIES = (
    b"",
    b"null",
    b"[]",
    b'"messages"',
    b"NaN",
    b"-Infinity",
    b'{"event":NaN}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"[" * 400 + b"]" * 400,
    b'{"event":"messages","message":{"id":' + b"[" * 5_000 + b"]" * 5_000 + b"}}",
    b'{"event":"messages","message":{"id":"a","n":' + b"9" * 10_000 + b"}}",
    b'{"event":"messages","message":{"id":"a","n":1e400}}',
    b'\xef\xbb\xbf{"event":"messages","message":{"id":"a"}}',
    '{"event":"messages","message":{"id":"a"}}'.encode("utf-16"),
    '{"event":"messages","message":{"id":"a"}}'.encode("utf-32-le"),
    b'{"event":"messages","message":{"id":"a"},"message":{"id":"b"}}',
    b'{"event":"x","event":"messages","message":{"id":"\\ud83d"}}',
    b'{"event":"messages","message":{"id":"\\u0000"}}',
    b'{"event":"messages","message":{"id":"a\\r\\nX-Injected: 1"}}',
    b'{"event":"messages\\r\\nX-Injected: 1","message":{"id":"a"}}',
    b'{"event":"messages","message":{"id":"a"}}\x00',
    b'{"event":"messages","message":{"id":"' + b"a" * 100_000 + b'"}}',
    b"\xff\xfe\xfd",
    b"\xed\xa0\x80",
    b"\r\n",
)


def as_json(value: Any, *, ascii_only: bool) -> bytes:
    return json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


messages = st.builds(
    as_json,
    st.fixed_dictionaries(
        {"event": st.just("messages") | values},
        optional={
            "message": st.fixed_dictionaries({}, optional={"id": values, "sender": values})
            | values,
            "space": st.fixed_dictionaries({}, optional={"id": values}) | values,
        },
    ),
    ascii_only=st.booleans(),
)
bodies = st.one_of(
    st.sampled_from(HOSTILE_BODIES),
    st.binary(max_size=300),
    messages,
    st.tuples(messages, st.binary(max_size=3)).map(b"".join),
)


@st.composite
def gateway_events(
    draw: st.DrawFn, headers: Mapping[str, str | list[str]], body: bytes
) -> dict[str, Any]:
    """The event that a gateway makes of a request: of either payload format, in any case.

    A header with several values is a list.
    """
    cased = {draw(_cased(name)): value for name, value in headers.items()}
    event: dict[str, Any] = {"body": None, "isBase64Encoded": False}
    text = _as_text(body)
    if text is None or draw(st.booleans()):
        event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    elif body or draw(st.booleans()):
        event["body"] = text
    if draw(st.booleans()):
        several = {n: v if isinstance(v, list) else [v] for n, v in cased.items()}
        last = {name: values[-1] for name, values in several.items()}
        return event | {"version": "1.0", "headers": last, "multiValueHeaders": several}
    joined = {n: ",".join(v) if isinstance(v, list) else v for n, v in cased.items()}
    return event | {"version": "2.0", "headers": joined}


def _cased(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name, name.upper(), name.title()])


def _as_text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
