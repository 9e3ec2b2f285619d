"""A fan-out as a competent user writes it: boto3's defaults, urllib3 and a pool of threads."""

import hashlib
import hmac
import json
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import urllib3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger(service="fanout")
metrics = Metrics(namespace="Plain", service="fanout")
dynamodb = boto3.client("dynamodb")
http = urllib3.PoolManager(maxsize=50, ca_certs=os.environ["AWS_CA_BUNDLE"], retries=False)
pool = ThreadPoolExecutor(50)
secret = json.loads(
    boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["DESTINATIONS_SECRET"])[
        "SecretString"
    ]
)

Post = tuple[dict[str, Any], bytes]


def post(pair: Post) -> int:
    """Sign and send one."""
    destination, body = pair
    timestamp = str(int(time.time()))
    signed = b"v0:" + timestamp.encode() + b":" + body
    signature = hmac.new(destination["signing_secret"].encode(), signed, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Spectrum-Timestamp": timestamp,
        "X-Spectrum-Signature": f"v0={signature}",
    }
    response = http.request("POST", destination["url"], body=body, headers=headers, timeout=10)
    return response.status


def deliver(posts: Iterable[Post]) -> list[int]:
    """All at once."""
    return list(pool.map(post, posts))


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Read each event, deliver all to all, note that it is done."""
    table = os.environ["EVENTS_TABLE"]
    keys = [json.loads(record["body"])["event_key"] for record in event["Records"]]
    items = pool.map(
        lambda key: dynamodb.get_item(TableName=table, Key={"event_key": {"S": key}})["Item"], keys
    )
    posts = [(entry, item["body"]["B"]) for item in items for entry in secret["destinations"]]
    statuses = deliver(posts)
    list(
        pool.map(
            lambda key: dynamodb.update_item(
                TableName=table,
                Key={"event_key": {"S": key}},
                UpdateExpression="SET delivered_at = :now",
                ExpressionAttributeValues={":now": {"N": str(int(time.time()))}},
            ),
            keys,
        )
    )
    logger.info("delivered", extra={"events": keys})
    metrics.add_metric(name="Delivered", unit=MetricUnit.Count, value=len(statuses))
    return {"batchItemFailures": []}
