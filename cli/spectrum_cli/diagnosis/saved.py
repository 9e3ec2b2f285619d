"""Requests as other tools save them in JSON: the event of a function, HAR, webhook.site, ngrok.

Owns what each of these looks like; whatever cannot be read is WrongUse.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from spectrum_cli.diagnosis.header_reading import read_date
from spectrum_cli.diagnosis.model import Capture
from spectrum_cli.terminal.errors import WrongUse

Fields = Mapping[str, Any]
# Reads a whole request as it travelled.
ReadHttp = Callable[[bytes], Capture]
# Headers of which a request of Spectrum's has one at least.
SIGNED = ("x-spectrum-signature", "webhook-signature", "x-spectrum-timestamp")


def read_saved(raw: bytes, read_http: ReadHttp) -> Capture:
    """The one request that the JSON holds; of several the one that is signed. Raises WrongUse."""
    try:
        content = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise WrongUse(f"the saved request is not JSON: {error}") from error
    found = list(_requests(content, read_http))
    if not found:
        raise WrongUse(
            'the saved request has no "headers": save the event that the function got, a HAR file, '
            "or what webhook.site or ngrok's inspector has of it"
        )
    signed = [one for one in found if any(one.header(name) for name in SIGNED)] or found
    if len(signed) > 1:
        raise WrongUse(
            f"{len(signed)} requests were saved there: leave the one that is asked about"
        )
    return signed[0]


def pairs(content: object) -> tuple[tuple[str, str], ...]:
    """Headers of `{"Name": "value"}`, `{"Name": ["value"]}` or a list of pairs; raise WrongUse."""
    headers: list[tuple[str, str]] = []
    try:
        listed = content.items() if isinstance(content, dict) else [tuple(p) for p in content]  # type: ignore[attr-defined]
        for name, value in listed:
            values = value if isinstance(value, list) else [value]
            headers += [(str(name), str(one)) for one in values]
    except (ValueError, TypeError) as error:
        raise WrongUse(
            'the headers are no JSON of the form {"Name": "value"} or [["Name", "value"]]'
        ) from error
    return tuple(headers)


def _requests(content: object, read_http: ReadHttp) -> Iterator[Capture]:
    """Every request that is in there, whoever saved it."""
    if isinstance(content, list):
        for one in content:
            yield from _requests(one, read_http)
    if not isinstance(content, dict):
        return
    for several in ("requests", "data", "entries"):
        if isinstance(content.get(several), list):
            yield from _requests(content[several], read_http)
            return
    request, headers = content.get("request"), content.get("headers")
    if isinstance(content.get("log"), dict):
        yield from _requests(content["log"], read_http)
    elif isinstance(request, dict) and "raw" in request:
        yield _of_ngrok(content, request, read_http)
    elif isinstance(request, dict) and isinstance(request.get("headers"), list):
        yield _of_har(content, request)
    elif isinstance(headers, dict) and "uuid" in content:
        yield _of_webhook_site(content)
    elif isinstance(headers, dict):
        yield _of_function(content)


def _of_ngrok(content: Fields, request: Fields, read_http: ReadHttp) -> Capture:
    capture = read_http(_decoded(str(request["raw"]), "request.raw"))
    return Capture(capture.headers, capture.body, _date(content.get("start")))


def _of_har(content: Fields, request: Fields) -> Capture:
    headers = [(str(one["name"]), str(one["value"])) for one in request["headers"]]
    posted = request.get("postData")
    if not isinstance(posted, dict) or "text" not in posted:
        raise WrongUse("the HAR file has the request without its body (postData.text)")
    text = str(posted["text"])
    body = _decoded(text, "postData.text") if posted.get("encoding") == "base64" else _utf8(text)
    return Capture(tuple(headers), body, _date(content.get("startedDateTime")))


def _of_webhook_site(content: Fields) -> Capture:
    body = _utf8(str(content.get("content") or ""))
    return Capture(pairs(content["headers"]), body, _date(content.get("created_at")))


def _of_function(event: Fields) -> Capture:
    headers = pairs(event.get("multiValueHeaders") or event["headers"])
    text = str(event.get("body") or "")
    body = _decoded(text, "body") if event.get("isBase64Encoded") else _utf8(text)
    return Capture(headers, body, _received_at(event))


def _received_at(event: Fields) -> float | None:
    context = event.get("requestContext")
    context = context if isinstance(context, dict) else {}
    milliseconds = context.get("timeEpoch") or context.get("requestTimeEpoch")
    return milliseconds / 1000 if isinstance(milliseconds, int | float) else None


def _date(text: object) -> float | None:
    return read_date(text) if isinstance(text, str) else None


def _decoded(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise WrongUse(f"the saved request says that {where} is base64, and it is not") from error


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
