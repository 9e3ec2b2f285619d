"""How a queue is polled in a function's name: by two calls, made as the functions make theirs.

botocore's client takes more of the processor for a call than the emulator that answers it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from spectrum_forwarder.adapters.direct import SERVICES, DirectClient
from spectrum_forwarder.adapters.places import Place
from spectrum_forwarder.adapters.sigv4 import Signer
from spectrum_forwarder.adapters.wire import Wire

from spectrum_cli.local.intrinsics import REGION

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# An answer comes when a long poll is over; twenty seconds is the longest there is.
CONNECT_SECONDS, READ_SECONDS = 5.0, 60.0
TRIES: Final = 3


def polling_clients(
    url: str,
    roles: Mapping[str, Mapping[str, str]],
    *,
    usual: Callable[[str, Mapping[str, str]], Any],
) -> Callable[[str], SQSClient]:
    """What makes a client in a function's name, which receives and deletes by itself.

    `roles` are the functions' credentials, named as in an environment; `usual` makes a client of a
    service with some of them, for whatever else. Clients are safe to use from threads; their
    connections are closed when nobody holds them any more.
    """
    # Nothing here is asked over TLS: these roots vouch for nobody.
    wire = Wire("", connect_seconds=CONNECT_SECONDS, read_seconds=READ_SECONDS)

    def client_of(function: str) -> SQSClient:
        role = roles[function]
        place = Place(urlsplit(url), _signer(role))
        instead = cache(partial(usual, "sqs", role))
        # Its methods are made when they are asked for.
        return cast("SQSClient", DirectClient(_POLLED, place, wire, tries=TRIES, usual=instead))

    return client_of


def _signer(role: Mapping[str, str]) -> Signer:
    key_id, secret = role["AWS_ACCESS_KEY_ID"], role["AWS_SECRET_ACCESS_KEY"]
    return Signer(key_id, secret, role.get("AWS_SESSION_TOKEN"), region=REGION, service="sqs")


def _message(received: Mapping[str, Any]) -> dict[str, Any]:
    """A record as botocore returns it: with the bytes of its attributes, not their base64."""
    attributes = received.get("MessageAttributes")
    if not attributes:
        return dict(received)
    return {**received, "MessageAttributes": {n: _attribute(a) for n, a in attributes.items()}}


def _attribute(attribute: Mapping[str, Any]) -> dict[str, Any]:
    if "BinaryValue" not in attribute:
        return dict(attribute)
    return {**attribute, "BinaryValue": base64.b64decode(attribute["BinaryValue"])}


def _messages(received: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [_message(each) for each in received]


_POLLED: Final = SERVICES["sqs"]._replace(
    operations=frozenset({"receive_message", "delete_message_batch"}),
    reads={"Messages": _messages, "Successful": list, "Failed": list},
)
