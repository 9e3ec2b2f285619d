"""A receiver as a competent user writes it: boto3's defaults, put and send, Logger and Metrics."""

import hashlib
import hmac
import json
import os
import time
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError

logger = Logger(service="receiver")
metrics = Metrics(namespace="Plain", service="receiver")
dynamodb = boto3.client("dynamodb")
sqs = boto3.client("sqs")
secretsmanager = boto3.client("secretsmanager")
_secrets: dict[str, str] = {}


def _secret(webhook_id: str) -> str:
    if webhook_id not in _secrets:
        text = secretsmanager.get_secret_value(SecretId=os.environ["WEBHOOKS_SECRET"])[
            "SecretString"
        ]
        for webhook in json.loads(text)["webhooks"]:
            _secrets[webhook["id"]] = webhook["signing_secret"]
    return _secrets[webhook_id]


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Verify, put, send, answer."""
    headers = event["headers"]
    body = event["body"].encode()
    timestamp = headers["x-spectrum-timestamp"]
    secret = _secret(headers["x-spectrum-webhook-id"])
    signed = b"v0:" + timestamp.encode() + b":" + body
    expected = "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, headers["x-spectrum-signature"]):
        return {"statusCode": 401}
    if abs(time.time() - int(timestamp)) > 300:
        return {"statusCode": 401}
    key = headers["x-spectrum-webhook-id"] + ":" + json.loads(body)["message"]["id"]
    try:
        dynamodb.put_item(
            TableName=os.environ["EVENTS_TABLE"],
            Item={
                "id": {"S": key},
                "body": {"S": event["body"]},
                "expires_at": {"N": str(int(time.time()) + 14 * 86400)},
            },
            ConditionExpression="attribute_not_exists(id)",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return {"statusCode": 200, "body": json.dumps({"status": "duplicate"})}
    sqs.send_message(QueueUrl=os.environ["EVENTS_QUEUE_URL"], MessageBody=json.dumps({"id": key}))
    logger.info("accepted", extra={"event_key": key})
    metrics.add_metric(name="Accepted", unit=MetricUnit.Count, value=1)
    return {"statusCode": 200, "body": json.dumps({"status": "accepted"})}
