"""The stack's table and queues as the template describes them, for tests that need no more."""

from functools import cache
from typing import Any

import boto3

TABLE = "events"
WAITING = "waiting"


def client_of(service: str, url: str | None, **more: Any) -> Any:
    """A client of a service that listens at a URL of this machine; None for where all others do."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        **more,
    )


@cache
def shared_client(service: str, url: str | None = None) -> Any:
    """A client for all tests, to set up and to look with: nobody is to listen to its events.

    Without a URL, whichever moto is on answers it.
    """
    return client_of(service, url)


def create_table(client: Any) -> str:
    """Create the events table; return its name."""
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "event_key", "AttributeType": "S"},
            {"AttributeName": "shard", "AttributeType": "N"},
            {"AttributeName": "due_at", "AttributeType": "N"},
            {"AttributeName": "received_at", "AttributeType": "N"},
        ],
        KeySchema=[{"AttributeName": "event_key", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            _index("due", "due_at", "overdue_since"),
            _index("log", "received_at"),
        ],
    )
    return TABLE


def create_waiting_table(client: Any) -> str:
    """Create the table of lines; return its name."""
    client.create_table(
        TableName=WAITING,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "line", "AttributeType": "S"},
            {"AttributeName": "place", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "line", "KeyType": "HASH"},
            {"AttributeName": "place", "KeyType": "RANGE"},
        ],
    )
    return WAITING


def create_queue(client: Any, name: str) -> str:
    """Create a queue; return its URL."""
    return str(client.create_queue(QueueName=name)["QueueUrl"])


def _index(name: str, sorted_by: str, *included: str) -> dict[str, Any]:
    projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(included)}
    return {
        "IndexName": name,
        "KeySchema": [
            {"AttributeName": "shard", "KeyType": "HASH"},
            {"AttributeName": sorted_by, "KeyType": "RANGE"},
        ],
        "Projection": projection if included else {"ProjectionType": "KEYS_ONLY"},
    }
