"""Direct calls to AWS: those of JSON alone, signed and read here, without the whole of botocore.

What every event asks of the table, the queues and the registries is JSON that is POSTed, and JSON
that comes back. botocore takes half of a cold start to be loaded for it, and most of a call to work
out from descriptions what is the same each time (docs/decisions/045). Whatever is not as plain,
another operation, a service elsewhere (`places`), an unusual answer, is botocore's.
Errors are botocore's own, so nobody who calls can tell the difference.
"""

import base64
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from botocore.exceptions import ChecksumError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from spectrum_forwarder.adapters.budget import Budget
from spectrum_forwarder.adapters.failures import FAILURES, UnreadableAnswer, check_sum
from spectrum_forwarder.adapters.places import Place
from spectrum_forwarder.adapters.plain_http import Answer
from spectrum_forwarder.adapters.wire import Wire, host_of

USER_AGENT = "spectrum-forwarder"
# What is worth asking again, as botocore's standard mode has it.
RETRIED_STATUSES = frozenset({500, 502, 503, 504})
RETRIED_CODES = frozenset(
    {
        *("RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"),
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled"),
        *("RequestThrottledException", "TooManyRequestsException", "RequestLimitExceeded"),
        *("ProvisionedThroughputExceededException", "TransactionInProgressException"),
        *("BandwidthLimitExceeded", "LimitExceededException", "SlowDown"),
        "EC2ThrottledException",
    }
)
# Of a client: who fails all the time is not asked twice each time.
MOST_RETRIES = 50
# What of a trace stays as it is in a header.
TRACE_SAFE = "-=;:+&[]{}\"',"
# What reading bytes comes to that are no answer.
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


class Service(NamedTuple):
    """How a service is spoken to.

    `id` is botocore's name for it among events, `target` stands before an operation's name;
    `reads` are those parts of an answer that are looked at, and how they are read.
    """

    id: str
    target: str
    headers: Mapping[str, str]
    operations: frozenset[str]
    reads: Mapping[str, Callable[[Any], Any]]


def read_value(value: Any) -> Any:
    """A value of DynamoDB's: what is binary comes as text, and is wanted as bytes."""
    ((kind, content),) = value.items()
    if kind == "B":
        return {kind: base64.b64decode(content)}
    if kind == "BS":
        return {kind: [base64.b64decode(each) for each in content]}
    if kind == "M":
        return {kind: read_item(content)}
    if kind == "L":
        return {kind: [read_value(each) for each in content]}
    return value


def read_item(item: Any) -> dict[str, Any]:
    """An item of DynamoDB's, or a part of one."""
    return {name: read_value(value) for name, value in item.items()}


def _each(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda values: [read(value) for value in values]


SERVICES = {
    "dynamodb": Service(
        "dynamodb",
        "DynamoDB_20120810",
        {"content-type": "application/x-amz-json-1.0"},
        frozenset({"delete_item", "get_item", "put_item", "query", "update_item"}),
        {
            **dict.fromkeys(("Attributes", "Item", "LastEvaluatedKey"), read_item),
            "Items": _each(read_item),
        },
    ),
    "secretsmanager": Service(
        "secrets-manager",
        "secretsmanager",
        {"content-type": "application/x-amz-json-1.1"},
        frozenset({"get_secret_value"}),
        {},
    ),
    "sqs": Service(
        "sqs",
        "AmazonSQS",
        {"content-type": "application/x-amz-json-1.0", "x-amzn-query-mode": "true"},
        frozenset(
            {
                "change_message_visibility_batch",
                "get_queue_attributes",
                "send_message",
                "send_message_batch",
            }
        ),
        {"Attributes": dict, "Failed": _each(dict)},
    ),
}


class DirectClient:
    """A client of one service, whose methods are those of botocore's: `put_item(TableName=…)`.

    `tries` counts the first one. `usual` makes botocore's client, for whatever is not done here.
    Safe to use from threads.
    """

    def __init__(
        self,
        service: Service,
        place: Place,
        wire: Wire,
        *,
        tries: int,
        usual: Callable[[], Any],
        budget: Budget | None = None,
    ) -> None:
        self._service = service
        self._place = place
        self._wire = wire
        self._tries = tries
        self._usual = usual
        self._budget = budget
        self._retries_left = MOST_RETRIES
        self._event = f"before-send.{service.id}"

    def __getattr__(self, name: str) -> Any:
        if name not in self._service.operations:
            return getattr(self._usual(), name)

        def operation(**arguments: Any) -> Any:
            return self._call(name, arguments)

        operation.__name__ = name
        self.__dict__[name] = operation
        return operation

    def _call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Call until it succeeds, as often as it may; raise what botocore would raise."""
        attempt = 1
        while not self._wire.leaves_alone(self._place.url):
            try:
                answered = self._once(name, arguments)
            except FAILURES as error:
                if attempt == self._tries or not self._is_retried(error):
                    raise
                self._retries_left -= 1
                time.sleep(_random() * 2 ** (attempt - 1))
                attempt += 1
            else:
                self._retries_left = min(self._retries_left + 1, MOST_RETRIES)
                return answered
        return getattr(self._usual(), name)(**arguments)

    def _once(self, name: str, arguments: Mapping[str, Any]) -> Any:
        operation = "".join(part.title() for part in name.split("_"))
        body = json.dumps(arguments, default=_base64).encode()
        headers = {
            "host": host_of(self._place.url),
            "x-amz-target": f"{self._service.target}.{operation}",
            "user-agent": USER_AGENT,
            **self._service.headers,
        }
        trace = os.environ.get("_X_AMZN_TRACE_ID")
        if trace and "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
            # Lambda's detection of loops goes by it, and traces are put together by it.
            headers["x-amzn-trace-id"] = quote(trace, safe=TRACE_SAFE)
        headers = self._place.signer.sign(headers, body, now=time.time())
        headers["content-length"] = str(len(body))
        answer = self._wire.ask("POST", self._place.url, headers.items(), body, event=self._event)
        return self._read(operation, answer)

    def _read(self, operation: str, answer: Answer) -> Any:
        """What an answer says; raise ClientError for a refusal."""
        check_sum(answer.headers, answer.body)
        if answer.status >= 300:
            raise ClientError(self._refusal(answer), operation)
        try:
            content = self._parts(json.loads(answer.body or b"{}"))
            return {**content, "ResponseMetadata": _metadata(answer)}
        except UNREADABLE as error:
            raise UnreadableAnswer from error

    def _parts(self, content: Any) -> dict[str, Any]:
        reads = self._service.reads
        return {
            name: reads[name](part) if name in reads else part
            for name, part in content.items()
            if part is not None
        }

    def _refusal(self, answer: Answer) -> Any:
        """A refusal as botocore has it; what is no JSON has its status as its code."""
        try:
            content = self._parts(json.loads(answer.body))
        except UNREADABLE:
            content = {}
        code = str(content.pop("__type", answer.status)).partition(":")[0].rpartition("#")[2]
        # SQS says there what it was called before it spoke JSON.
        told, *type_of = answer.headers.get("x-amzn-query-error", "").split(";")
        message = content.pop("message", None) or content.pop("Message", "")
        error = {"Code": told if told and len(type_of) == 1 else code, "Message": message}
        return {**content, "Error": error, "ResponseMetadata": _metadata(answer)}

    def _is_retried(self, error: Exception) -> bool:
        if self._retries_left <= 0:
            return False
        if self._budget is not None and self._budget.stops(self._event) is False:
            return False
        if not isinstance(error, ClientError):
            return isinstance(error, (NotConnected, HTTPClientError, ChecksumError))
        response: Any = error.response
        status = response["ResponseMetadata"]["HTTPStatusCode"]
        return status in RETRIED_STATUSES or response["Error"]["Code"] in RETRIED_CODES


def _metadata(answer: Answer) -> dict[str, Any]:
    known = {"HTTPStatusCode": answer.status, "HTTPHeaders": answer.headers}
    request_id = answer.headers.get("x-amzn-requestid")
    return known | ({"RequestId": request_id} if request_id else {})


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _random() -> float:
    """From 0 to 1; the module of this name is not worth loading for it."""
    return int.from_bytes(os.urandom(4), "big") / 2**32
