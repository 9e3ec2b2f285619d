"""A receiver made of Powertools' parts as their guides show them: resolver, idempotency, tracer."""

import hashlib
import hmac
import json
import os
import time
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

logger = Logger(service="receiver")
metrics = Metrics(namespace="Naive", service="receiver")
tracer = Tracer(service="receiver")
app = APIGatewayHttpResolver()
sqs = boto3.client("sqs")
secretsmanager = boto3.client("secretsmanager")
persistence = DynamoDBPersistenceLayer(table_name=os.environ["EVENTS_TABLE"])
config = IdempotencyConfig(event_key_jmespath="message.id", expires_after_seconds=14 * 86400)
_secrets: dict[str, str] = {}


def _secret(webhook_id: str) -> str:
    if webhook_id not in _secrets:
        text = secretsmanager.get_secret_value(SecretId=os.environ["WEBHOOKS_SECRET"])[
            "SecretString"
        ]
        for webhook in json.loads(text)["webhooks"]:
            _secrets[webhook["id"]] = webhook["signing_secret"]
    return _secrets[webhook_id]


@idempotent_function(data_keyword_argument="content", persistence_store=persistence, config=config)  # type: ignore[untyped-decorator]
def store(*, content: dict[str, Any]) -> dict[str, Any]:
    """Queue the event, once."""
    sqs.send_message(QueueUrl=os.environ["EVENTS_QUEUE_URL"], MessageBody=json.dumps(content))
    logger.info("accepted", extra={"message_id": content["message"]["id"]})
    metrics.add_metric(name="Accepted", unit=MetricUnit.Count, value=1)
    return {"status": "accepted"}


@app.post("/spectrum-webhook")
@tracer.capture_method
def receive() -> Response[str]:
    """Verify and store."""
    event = app.current_event
    body = event.body.encode() if event.body else b""
    timestamp = event.headers["x-spectrum-timestamp"]
    secret = _secret(event.headers["x-spectrum-webhook-id"])
    signed = b"v0:" + timestamp.encode() + b":" + body
    expected = "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, event.headers["x-spectrum-signature"]):
        return Response(401, body="bad signature")
    if abs(time.time() - int(timestamp)) > 300:
        return Response(401, body="stale")
    return Response(
        200, content_type="application/json", body=json.dumps(store(content=json.loads(body)))
    )


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Lambda's entry point."""
    config.register_lambda_context(context)
    return app.resolve(event, context)
