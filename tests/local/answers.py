"""What a moto server answers, run as a program: `answers.py plain` or `answers.py mended`.

Prints each call of a list, of every service that the local stack asks, with its answer: the status,
the body, the headers that a client reads, and the errors of calls that are wrong. What differs from
run to run by its nature is left out.
"""

from __future__ import annotations

import contextlib
import gc
import json
import sys
from collections.abc import Iterator
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer
from spectrum_cli.local.moto_server import MotoServer

from tests.support.aws import client_of

RANDOM: Final = frozenset(
    {
        *("ARN", "CreatedDate", "CreationDateTime", "HTTPHeaders", "HostId", "LastModified"),
        *("MessageId", "NextToken", "QueueUrl", "QueueUrls", "ReceiptHandle", "RequestId"),
        *("ApproximateFirstReceiveTimestamp", "SentTimestamp", "VersionId", "TableId"),
    }
)
READ: Final = ("content-type", "content-length", "etag", "x-amz-crc32", "x-amzn-errortype")
NAMES: Final = {"#s": "shard", "#d": "deliveries"}
VALUES: Final = {
    ":one": {"N": "1"},
    ":two": {"N": "2"},
    ":text": {"S": "b"},
    ":set": {"SS": ["x", "z"]},
    ":several": {"L": [{"B": b"\x03"}, {"BS": [b"\x04"]}]},
}
ITEM: Final = {
    "event_key": {"S": "a"},
    "shard": {"N": "1"},
    "due_at": {"N": "5"},
    "bytes": {"B": b"\x00\xff"},
    "yes": {"BOOL": True},
    "no": {"BOOL": False},
    "none": {"NULL": True},
    "empty": {"S": ""},
    "texts": {"SS": ["x", "y"]},
    "numbers": {"NS": ["1", "2"]},
    "blobs": {"BS": [b"\x01"]},
    "list": {"L": [{"S": "x"}, {"L": []}, {"M": {"deep": {"B": b"\x02"}}}]},
    "past": {"L": [{"S": "x"}, {"L": []}, {"M": {"deep": {"B": b"\x02"}}}]},
    "deliveries": {"M": {"crm": {"M": {"status": {"S": "new"}, "tries": {"N": "0"}}}}},
}

INDEX: Final[dict[str, Any]] = {
    "TableName": "events",
    "IndexName": "due",
    "KeyConditionExpression": "#s = :one AND due_at >= :one",
    "ExpressionAttributeNames": {"#s": "shard"},
    "ExpressionAttributeValues": {":one": {"N": "1"}},
}


def tables() -> Iterator[tuple[str, dict[str, Any]]]:
    """Calls to DynamoDB, in their order."""
    keys = [("event_key", "S"), ("shard", "N"), ("due_at", "N")]
    schema = [{"AttributeName": "event_key", "KeyType": "HASH"}]
    index = [("shard", "HASH"), ("due_at", "RANGE")]
    yield (
        "create_table",
        {
            "TableName": "events",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": n, "AttributeType": t} for n, t in keys],
            "KeySchema": schema,
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": "due",
                    "KeySchema": [{"AttributeName": n, "KeyType": k} for n, k in index],
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["list"]},
                }
            ],
        },
    )
    one: dict[str, Any] = {"TableName": "events", "Key": {"event_key": {"S": "a"}}}
    yield "put_item", {"TableName": "events", "Item": ITEM, "ReturnValues": "ALL_OLD"}
    yield "get_item", one
    yield "get_item", one | {"ProjectionExpression": "shard1, deliveries.crm.tries"}
    yield "get_item", {"TableName": "events", "Key": {"event_key": {"S": "none"}}}
    yield "get_item", {"TableName": "events", "Key": {"wrong": {"S": "none"}}}
    yield "get_item", {"TableName": "nowhere", "Key": {"event_key": {"S": "none"}}}
    for condition in (
        "attribute_not_exists(event_key)",
        "attribute_not_exists(event_key) OR due_at < :one",
        "#s = :one AND (due_at BETWEEN :one AND :two OR size(empty) > :one)",
        "NOT contains(texts, :text) AND begins_with(empty, :text)",
        "due_at IN (:one, :two)",
        "#d.crm.tries >= :one",
        "shard = :one",
        "due_at = :unknown",
        "due_at == :one",
        "((due_at = :one))",
        "",
    ):
        asked = {"ConditionExpression": condition} | attributes_in(condition)
        old = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        yield "put_item", {"TableName": "events", "Item": ITEM, **asked, **old}
        yield "delete_item", one | asked | old
        yield "put_item", {"TableName": "events", "Item": ITEM}
        yield "update_item", one | asked | old | {"UpdateExpression": "REMOVE none"}
    for update in (
        "SET due_at = :two, #d.crm.tries = #d.crm.tries + :one",
        "SET #d.crm.gone = if_not_exists(#d.crm.gone, :text) REMOVE yes, list[0]",
        "ADD due_at :one REMOVE no",
        "SET list[5] = :one",
        "SET event_key = :text",
        "SET due_at = :one, due_at = :two",
        "SET #d.none.tries = :one",
        "SET due_at = :one ADD empty :one",
        "SET due_at",
        "SET shard = :one",
        "REMOVE due_at SET texts = :text",
        "SET past = list_append(past, :several), #d.crm.more = list_append(:several, past)",
        "SET due_at = if_not_exists(gone, due_at) + :one, fresh = if_not_exists(gone, :text)",
        "SET fresh = if_not_exists(gone, never)",
        "SET fresh = gone",
        "SET fresh = gone, due_at = :unknown",
        "SET fresh = past[2].deep, past[1] = #d.crm",
        "ADD texts :set, due_at :one, fresh :set",
        "DELETE numbers :set",
        "DELETE texts :set REMOVE past[0], past[2]",
        "SET due_at = :one SET due_at = :two",
        "SET #d.crm.tries = :one - :two, size = :one",
        "SET #d.crm.tries = #d.crm.tries + :text",
    ):
        asked = {"UpdateExpression": update} | attributes_in(update)
        for wanted in ("ALL_NEW", "UPDATED_OLD"):
            yield "update_item", one | asked | {"ReturnValues": wanted}
        yield "get_item", one
        yield "put_item", {"TableName": "events", "Item": ITEM}
    yield from renamed(one)
    yield from odd_values()
    yield from queries()
    write: dict[str, Any] = {"Update": one | {"UpdateExpression": "REMOVE yes"}}
    check: dict[str, Any] = {
        "ConditionCheck": one | {"ConditionExpression": "attribute_exists(nothing)"}
    }
    put: dict[str, Any] = {"Put": {"TableName": "events", "Item": {"event_key": {"S": "z"}}}}
    other: dict[str, Any] = {"Key": {"event_key": {"S": "k1"}}}
    check["ConditionCheck"] |= other
    yield "transact_write_items", {"TransactItems": [write, put]}
    yield "transact_write_items", {"TransactItems": [write, check]}
    yield "query", INDEX
    yield "batch_get_item", {"RequestItems": {"events": {"Keys": [ITEM_KEY, other["Key"]]}}}
    yield "delete_item", one | {"ReturnValues": "ALL_OLD"}
    yield "describe_table", {"TableName": "events"}


def attributes_in(expression: str) -> dict[str, Any]:
    """The arguments that say what this expression's names and values stand for."""
    named = {name: path for name, path in NAMES.items() if name in expression}
    values = {name: value for name, value in VALUES.items() if name in expression}
    given = {"ExpressionAttributeNames": named, "ExpressionAttributeValues": values}
    return {argument: used for argument, used in given.items() if used}


def renamed(one: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """One text whose name stands for this and that."""
    yield "update_item", one | {"UpdateExpression": "REMOVE yes", "ExpressionAttributeNames": NAMES}
    values = {name: VALUES[name] for name in (":one", ":two")}
    moved: dict[str, Any] = {
        "UpdateExpression": "SET #n = :one, past = :two",
        "ReturnValues": "UPDATED_NEW",
    }
    for name in ("yes", "event_key", "past", "yes"):
        named = {"ExpressionAttributeNames": {"#n": name}, "ExpressionAttributeValues": values}
        yield "update_item", {**one, **moved, **named}

    booleans: dict[str, Any] = {":v": {"BOOL": True}}
    for name, values in (
        ("yes", booleans),
        ("due_at", {":v": VALUES[":one"]}),
        ("none", {":other": VALUES[":one"]}),
    ):
        named = {"ExpressionAttributeNames": {"#n": name}, "ExpressionAttributeValues": values}
        for condition in ("#n = :v OR #n > :v", "#n = :v AND (", "#none = :v", "#n <> :v"):
            yield (
                "update_item",
                {
                    **one,
                    **named,
                    "UpdateExpression": "REMOVE nothing",
                    "ConditionExpression": condition,
                },
            )


def odd_values() -> Iterator[tuple[str, dict[str, Any]]]:
    """Items with values that say no one type, or none that there is, or that are not of it."""
    values: tuple[dict[str, Any], ...] = (
        {"BS": [b"\x01", b"\x02"]},
        {"M": {"deep": {"BS": [b"\x01"]}, "plain": {"S": "x"}}},
        {"L": [{"NS": ["1"]}, {"M": {}}, {"NULL": True}]},
        {"S": "x", "N": "1"},
        {"S": None},
        {"NULL": False},
        {"SS": []},
        {"N": 7},
        {"SS": "abc"},
        {},
    )
    for value in values:
        item: dict[str, Any] = {"event_key": {"S": "odd"}, "odd": value}
        yield "put_item", {"TableName": "events", "Item": item, "ReturnValues": "ALL_OLD"}
        yield "get_item", {"TableName": "events", "Key": {"event_key": {"S": "odd"}}}
    yield "delete_item", {"TableName": "events", "Key": {"event_key": {"S": "odd"}}}


def queries() -> Iterator[tuple[str, dict[str, Any]]]:
    """Some items, and questions about them."""
    for number in range(7):
        item = {"event_key": {"S": f"k{number}"}, "shard": {"N": str(number % 2)}}
        moment = {"due_at": {"N": str(number)}, "body": {"S": "long"}}
        yield "put_item", {"TableName": "events", "Item": item | moment}
    for more in (
        dict[str, Any](),
        {"Limit": 2},
        {"Limit": 3, "ScanIndexForward": False},
        {"Select": "COUNT"},
        {"FilterExpression": "due_at = :one"},
        {"ProjectionExpression": "event_key"},
        {"ConsistentRead": True},
        {"IndexName": "none"},
        {"ReturnConsumedCapacity": "TOTAL"},
    ):
        yield "query", INDEX | more
    keyed = {"KeyConditionExpression": "event_key = :key", "TableName": "events"}
    yield "query", keyed | {"ExpressionAttributeValues": {":key": {"S": "a"}}}
    yield "scan", {"TableName": "events", "FilterExpression": "attribute_exists(body)"}


ITEM_KEY: Final = {"event_key": ITEM["event_key"]}


def queues(url: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Calls to SQS, in their order; `HANDLE` is the receipt handle that came last."""
    here = {"QueueUrl": f"{url}/123456789012/events"}
    yield "create_queue", {"QueueName": "events", "Attributes": {"VisibilityTimeout": "60"}}
    text = {"Name": {"DataType": "String", "StringValue": "text"}}
    yield "send_message", here | {"MessageBody": "é", "MessageAttributes": text}
    received = {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"]}
    yield "receive_message", here | received
    yield "receive_message", here | received
    yield "change_message_visibility", here | {"ReceiptHandle": "HANDLE", "VisibilityTimeout": 0}
    yield "receive_message", here | received
    yield "delete_message_batch", here | {"Entries": [{"Id": "0", "ReceiptHandle": "HANDLE"}]}
    yield "delete_message", here | {"ReceiptHandle": "wrong"}
    entries = [{"Id": str(number), "MessageBody": "x" * number} for number in range(3)]
    yield "send_message_batch", here | {"Entries": entries}
    yield "get_queue_attributes", here | {"AttributeNames": ["ApproximateNumberOfMessages"]}
    yield "purge_queue", here
    yield "send_message", {"QueueUrl": f"{url}/123456789012/none", "MessageBody": "x"}
    yield "get_queue_url", {"QueueName": "none"}


def files() -> Iterator[tuple[str, dict[str, Any]]]:
    """Calls to S3, in their order."""
    here = {"Bucket": "payloads", "Key": "a b/é"}
    yield "create_bucket", {"Bucket": "payloads"}
    yield "put_object", here | {"Body": b"bytes \x00", "Metadata": {"with_line": "1"}}
    yield "head_object", here
    yield "get_object", here
    yield "get_object", here | {"Range": "bytes=0-2"}
    yield "put_object", here | {"Body": b"", "IfNoneMatch": "*"}
    yield "list_objects_v2", {"Bucket": "payloads", "Prefix": "a"}
    yield "get_object", here | {"Key": "none"}
    yield "head_object", here | {"Key": "none"}
    yield "delete_object", here


def secrets() -> Iterator[tuple[str, dict[str, Any]]]:
    """Calls to Secrets Manager, in their order."""
    yield "create_secret", {"Name": "webhooks", "SecretString": "{}"}
    yield "put_secret_value", {"SecretId": "webhooks", "SecretString": "é"}
    yield "get_secret_value", {"SecretId": "webhooks"}
    yield "get_secret_value", {"SecretId": "none"}


def known(value: Any) -> Any:
    """An answer without what is different in each run."""
    if isinstance(value, dict):
        return {name: known(each) for name, each in value.items() if name not in RANDOM}
    if isinstance(value, list):
        return [known(each) for each in value]
    if hasattr(value, "read"):
        return repr(value.read())
    return value if isinstance(value, str | int | float | None) else repr(value)


def told(service: str, call: str, answer: dict[str, Any]) -> list[Any]:
    """What a client reads of an answer: its content, and headers."""
    about = answer.get("ResponseMetadata", {})
    if about.get("HTTPStatusCode") == 500:
        return ["moto fails"]  # and says so in words of its server's
    headers = {name: about.get("HTTPHeaders", {}).get(name) for name in READ}
    if service != "dynamodb" or call in ("create_table", "describe_table"):
        headers |= {"x-amz-crc32": None, "content-length": None}  # of a body with a time in it
    return [known(answer), headers]


def main() -> None:
    """Ask everything, and print every answer."""
    server: Any
    if sys.argv[1] == "plain":
        server = ThreadedMotoServer(port=0, verbose=False)
        server.start()
        url = "http://{}:{}".format(*server.get_host_and_port())
    else:
        server = MotoServer()
        server.start()
        url = server.url
    handle = ""
    calls = {"dynamodb": tables(), "sqs": queues(url), "s3": files(), "secretsmanager": secrets()}
    for service, asked in calls.items():
        plainly = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
        client = client_of(service, url, config=plainly)
        for call, given in asked:
            text = json.dumps(given, default=repr).replace(url, "URL")
            if "ReceiptHandle" in given:
                given["ReceiptHandle"] = given["ReceiptHandle"].replace("HANDLE", handle)
            for entry in given.get("Entries", []):
                if entry.get("ReceiptHandle") == "HANDLE":
                    entry["ReceiptHandle"] = handle
            try:
                answer = getattr(client, call)(**given)
            except ClientError as error:
                answer = error.response
            for message in answer.get("Messages", []):
                handle = message["ReceiptHandle"]
            print(json.dumps([service, call, text, *told(service, call, answer)], sort_keys=True))
        client.close()
    with contextlib.suppress(Exception):
        server.stop()


if __name__ == "__main__":
    gc.disable()  # all that it makes is needed until it ends
    main()
    gc.freeze()
