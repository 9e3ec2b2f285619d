"""A fan-out of Powertools' parts: batch processor, tracer, one POST after another with requests."""

import hashlib
import hmac
import json
import os
import time
from typing import Any

import boto3
import requests
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = Logger(service="fanout")
metrics = Metrics(namespace="Naive", service="fanout")
tracer = Tracer(service="fanout")
processor = BatchProcessor(event_type=EventType.SQS)
table = boto3.resource("dynamodb").Table(os.environ["EVENTS_TABLE"])
secret = json.loads(
    boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["DESTINATIONS_SECRET"])[
        "SecretString"
    ]
)


def post(destination: dict[str, Any], body: bytes) -> int:
    """Sign and send one."""
    timestamp = str(int(time.time()))
    signed = b"v0:" + timestamp.encode() + b":" + body
    signature = hmac.new(destination["signing_secret"].encode(), signed, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Spectrum-Timestamp": timestamp,
        "X-Spectrum-Signature": f"v0={signature}",
    }
    bundle = os.environ["AWS_CA_BUNDLE"]
    return requests.post(
        destination["url"], data=body, headers=headers, timeout=10, verify=bundle
    ).status_code


@tracer.capture_method
def deliver_record(record: SQSRecord) -> None:
    """Read the event, deliver it to one destination after the other, note that it is done."""
    key = {"event_key": json.loads(record.body)["event_key"]}
    body = bytes(table.get_item(Key=key)["Item"]["body"])  # type: ignore[arg-type]
    for destination in secret["destinations"]:
        post(destination, body)
        metrics.add_metric(name="Delivered", unit=MetricUnit.Count, value=1)
    table.update_item(
        Key=key,
        UpdateExpression="SET delivered_at = :now",
        ExpressionAttributeValues={":now": int(time.time())},
    )
    logger.info("delivered", extra=key)


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: Any) -> Any:
    """Lambda's entry point."""
    if not event["Records"]:
        return {"batchItemFailures": []}
    return process_partial_response(
        event=event, record_handler=deliver_record, processor=processor, context=context
    )
