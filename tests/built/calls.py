"""Every call that a function of ours makes to AWS, once with success and once in vain.

Run by path in a Python without `site`, the layer on its path: `calls.py PART URL`. Prints a JSON
object: where the packages were loaded from, which operations were called, what came of each call.
`PART` is `services` where moto answers at URL with what `tests/built/test_calls.py` has made, or
`retries` where everything is answered with a failure first. HANDLE in the environment is that of a
message in the queue `received`.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import aws_lambda_powertools
import botocore
import jmespath
import spectrum_forwarder
import urllib3
from botocore.exceptions import BotoCoreError, ClientError
from spectrum_forwarder.adapters.aws import Clients
from spectrum_forwarder.adapters.kinds.services import TargetClients

PACKAGES = (aws_lambda_powertools, botocore, jmespath, spectrum_forwarder, urllib3)
ARN = "arn:aws:{}:us-east-1:123456789012:{}"
BODY = bytes(range(256)) * 2000
PUT = {"TableName": "events", "ConditionExpression": "attribute_not_exists(event_key)"}
ITEM = {"event_key": {"S": "one"}, "shard": {"N": "0"}}
ENTRY = {"Source": "s", "DetailType": "t", "Detail": "{}"}
MESSAGE = {"Id": "1", "MessageBody": "text", "DelaySeconds": 1}

Calls = dict[str, Callable[[], Any]]


class Made:
    """Clients as the functions make them, and the operations that were called with them."""

    def __init__(self) -> None:
        self.operations: set[str] = set()
        # What may not be plain is botocore's: by its clients, not directly (tests/contract).
        os.environ["AWS_ACCOUNT_ID_ENDPOINT_MODE"] = "disabled"
        clients, targets = Clients(connect_seconds=1, read_seconds=5, tries=2), TargetClients()
        self.own = {
            name: self._watched(clients.make(name))
            for name in ("dynamodb", "sqs", "secretsmanager", "s3")
        }
        self.targets = {
            name: self._watched(targets.get(name, ARN.format(name, ""), 5.0))
            for name in ("sqs", "events", "lambda")
        }

    def _watched(self, client: Any) -> Any:
        client.meta.events.register("before-call", self._note)
        return client

    def _note(self, model: Any, **_: object) -> None:
        self.operations.add(f"{model.service_model.service_name}.{model.name}")


def services(made: Made, url: str) -> Calls:
    """The calls against moto, in their order."""
    table, queue, secrets, bucket = made.own.values()
    target_queue, bus, functions = made.targets.values()
    absent, here = {"TableName": "absent"}, {"Bucket": "payloads"}
    key, update = {"event_key": {"S": "one"}}, {"UpdateExpression": "SET due_at = :due"}
    values = {":due": {"N": "5"}}
    overdue = {"IndexName": "due", "KeyConditionExpression": "shard = :shard"}
    shard = {"ExpressionAttributeValues": {":shard": {"N": "0"}}}

    def keep(name: str) -> Any:
        return bucket.put_object(**here, Key=name, Body=BODY, IfNoneMatch="*")["ETag"] != ""

    def send(client: Any, name: str) -> Any:
        sent = client.send_message(
            QueueUrl=f"{url}/123456789012/{name}",
            MessageBody="text",
            MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}},
        )
        return len(sent["MD5OfMessageBody"])

    def send_batch(name: str) -> Any:
        entries = [MESSAGE, MESSAGE | {"Id": "2"}]
        sent = queue.send_message_batch(QueueUrl=f"{url}/123456789012/{name}", Entries=entries)
        return [each["Id"] for each in sent["Successful"]]

    def depth(name: str) -> Any:
        names = ["ApproximateNumberOfMessages"]
        asked = {"QueueUrl": f"{url}/123456789012/{name}", "AttributeNames": names}
        return int(queue.get_queue_attributes(**asked)["Attributes"][names[0]]) > 0

    def show_again(name: str) -> Any:
        entries = [{"Id": "1", "ReceiptHandle": os.environ["HANDLE"], "VisibilityTimeout": 0}]
        asked = {"QueueUrl": f"{url}/123456789012/{name}", "Entries": entries}
        return [each["Id"] for each in queue.change_message_visibility_batch(**asked)["Successful"]]

    def events(name: str) -> Any:
        return bus.put_events(Entries=[ENTRY | {"EventBusName": name}])["FailedEntryCount"]

    return {
        "put an item": lambda: status(table.put_item(**PUT, Item=ITEM)),
        "put it again": lambda: table.put_item(
            **PUT, Item=ITEM, ReturnValuesOnConditionCheckFailure="ALL_OLD"
        ),
        "get an item": lambda: table.get_item(TableName="events", Key=key)["Item"] == ITEM,
        "get from no table": lambda: table.get_item(**absent, Key=key),
        "update an item": lambda: table.update_item(
            TableName="events",
            Key=key,
            **update,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )["Attributes"]["due_at"],
        "update in no table": lambda: table.update_item(
            **absent, Key=key, **update, ExpressionAttributeValues=values
        ),
        "delete an item": lambda: status(
            table.delete_item(
                TableName="events",
                Key={"event_key": {"S": "absent"}},
                ConditionExpression="attribute_not_exists(event_key)",
            )
        ),
        "delete from no table": lambda: table.delete_item(**absent, Key=key),
        "query an index": lambda: table.query(TableName="events", **overdue, **shard)["Count"],
        "query no table": lambda: table.query(**absent, **overdue, **shard),
        "send a message": lambda: send(queue, "main"),
        "send to no queue": lambda: send(queue, "absent"),
        "send a batch": lambda: send_batch("main"),
        "send a batch to no queue": lambda: send_batch("absent"),
        "show a message again": lambda: show_again("received"),
        "show again in no queue": lambda: show_again("absent"),
        "ask for a depth": lambda: depth("main"),
        "ask no queue": lambda: depth("absent"),
        "send to a target": lambda: send(target_queue, "main"),
        "send to no target": lambda: send(target_queue, "absent"),
        "read a secret": lambda: secrets.get_secret_value(SecretId="webhooks")["SecretString"],
        "read no secret": lambda: secrets.get_secret_value(SecretId="absent"),
        "put an object": lambda: status(bucket.put_object(**here, Key="large", Body=BODY)),
        "put into no bucket": lambda: bucket.put_object(Bucket="absent", Key="a", Body=b""),
        "keep an object": lambda: keep("kept"),
        "keep it again": lambda: keep("kept"),
        "get an object": lambda: bucket.get_object(**here, Key="large")["Body"].read() == BODY,
        "get no object": lambda: bucket.get_object(**here, Key="absent"),
        "list objects": lambda: [
            each["Key"] for each in bucket.list_objects_v2(**here)["Contents"]
        ],
        "list no bucket": lambda: bucket.list_objects_v2(Bucket="absent"),
        "put events": lambda: events("default"),
        "put wrong events": lambda: bus.put_events(Entries=[ENTRY] * 11),
        "invoke a function": lambda: functions.invoke(
            FunctionName="absent", InvocationType="Event", Payload=b"{}"
        ),
    }


def retries(made: Made, url: str) -> Calls:
    """One call to each service, where the first try fails."""
    table, queue, secrets, bucket = made.own.values()
    _, bus, functions = made.targets.values()

    def read(key: str) -> Any:
        return bucket.get_object(Bucket="b", Key=key)["Body"].read().decode()

    return {
        "dynamodb": lambda: table.get_item(TableName="t", Key={"event_key": {"S": "a"}}),
        "sqs": lambda: queue.send_message(QueueUrl=f"{url}/", MessageBody="text"),
        "secretsmanager": lambda: secrets.get_secret_value(SecretId="s"),
        "s3": lambda: read("k"),
        "s3 in doubt": lambda: read("wrong"),
        # Attempts at targets are not repeated by the client.
        "events": lambda: bus.put_events(Entries=[ENTRY]),
        "events again": lambda: bus.put_events(Entries=[ENTRY]),
        "lambda": lambda: functions.invoke(FunctionName="f", InvocationType="Event"),
        "lambda again": lambda: functions.invoke(FunctionName="f", InvocationType="Event"),
    }


def status(answer: Any) -> Any:
    """The HTTP status of an answer."""
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def outcome(call: Callable[[], Any]) -> Any:
    """What a call returns, or how it fails: a modelled exception's name, its code, and its item."""
    try:
        answer = call()
    except ClientError as error:
        response: dict[str, Any] = dict(error.response)
        found = [type(error).__name__, response["Error"]["Code"]]
        return [*found, response["Item"]] if "Item" in response else found
    except BotoCoreError as error:
        return [type(error).__name__]
    return status(answer) if isinstance(answer, dict) and "ResponseMetadata" in answer else answer


def main() -> None:
    made, part, url = Made(), {"services": services, "retries": retries}[sys.argv[1]], sys.argv[2]
    outcomes = {name: outcome(call) for name, call in part(made, url).items()}
    found = {
        "loaded": {package.__name__: package.__file__ for package in PACKAGES},
        "path": sys.path,
        "operations": sorted(made.operations),
        "outcomes": outcomes,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
