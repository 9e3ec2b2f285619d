"""The receiver: an API Gateway event in, one of the documented answers out."""

from spectrum_forwarder.coldstart import started

# isort: split

import functools
import json
import os
import time
from collections.abc import Mapping
from typing import Any

from spectrum_forwarder.adapters.aws import Clients
from spectrum_forwarder.adapters.budget import Budget
from spectrum_forwarder.adapters.event_queue import SqsEventQueue
from spectrum_forwarder.adapters.intake import DynamoIntake
from spectrum_forwarder.adapters.notes import DynamoNotes
from spectrum_forwarder.adapters.payloads import S3Payloads
from spectrum_forwarder.adapters.quarantine import S3Quarantine
from spectrum_forwarder.adapters.webhook_registry import SecretWebhooks
from spectrum_forwarder.domain.errors import Refused
from spectrum_forwarder.domain.inbound import FAILED, INTERNAL_ERROR, InboundRequest, Reply, refuse
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.loops import Loops
from spectrum_forwarder.observability import facts, observed
from spectrum_forwarder.receive import Receiver
from spectrum_forwarder.settings import ReceiverSettings
from spectrum_forwarder.storing import EventStore

CONNECT_SECONDS, READ_SECONDS = 0.5, 0.7
# Of the calls of one answer together; with what is computed besides it stays under five seconds.
# Whatever hangs, the queue can still be asked to take the whole event.
BUDGET = Budget(4.4, reserved=CONNECT_SECONDS + READ_SECONDS, for_service="sqs")


def build(environment: Mapping[str, str]) -> Receiver:
    """Wire the receiver: whichever of its calls hang, it answers within the budget."""
    settings = ReceiverSettings.from_environment(environment)
    clients = Clients(
        connect_seconds=CONNECT_SECONDS, read_seconds=READ_SECONDS, tries=1, budget=BUDGET
    )
    # Only what is too large or in doubt goes there.
    s3 = clients.later("s3")
    dynamodb = clients.make("dynamodb", tries=2)
    notes = DynamoNotes(dynamodb, settings.events_table)
    return Receiver(
        webhooks=SecretWebhooks(
            clients.make("secretsmanager"),
            settings.webhooks_secret,
            clock=time.time,
            facts=facts,
            notes=notes,
        ),
        store=EventStore(
            DynamoIntake(dynamodb, settings.events_table),
            S3Payloads(s3, settings.payloads_bucket),
            Timing(settings.time_scale),
            clock=time.time,
        ),
        queue=SqsEventQueue(
            clients.make("sqs"),
            main_url=settings.events_queue_url,
            slow_url=settings.slow_queue_url,
        ),
        clock=time.time,
        facts=facts,
        tolerance=settings.timestamp_tolerance_seconds,
        quarantine=S3Quarantine(s3, settings.payloads_bucket, clock=time.time),
        loops=Loops(notes, time.time),
    )


@functools.cache
def receiver() -> Receiver:
    """The receiver of this instance."""
    return build(os.environ)


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Lambda's entry point. Whatever goes wrong unforeseen is a 503: Spectrum tries again."""
    BUDGET.begin()
    try:
        request = InboundRequest.from_api_gateway(event)
        reply = receiver().receive(request, receipt=context.aws_request_id)
    except Refused as refusal:
        facts("request.refused", code=refusal.code)
        reply = refuse(refusal)
    except Exception as error:  # no exception may leave: a 500 without a word helps nobody
        facts("receive.failed", code=INTERNAL_ERROR, cause=type(error).__name__)
        reply = FAILED
    return _answer(reply)


def _answer(reply: Reply) -> dict[str, Any]:
    return {
        "statusCode": reply.status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(reply.body),
    }


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # Clients are made while the instance starts, not while Spectrum waits.
    receiver()
started()
