"""Endpoint, table, queues, bucket and secrets, as the translated template has them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from spectrum_cli.local.intrinsics import TemplateError
from spectrum_cli.local.template import Template
from spectrum_forwarder.adapters.payloads import PREFIX as PAYLOADS
from spectrum_forwarder.adapters.payloads import RENEWED_AFTER
from spectrum_forwarder.adapters.quarantine import PREFIX as QUARANTINE
from spectrum_forwarder.domain.errors import refusals
from spectrum_forwarder.domain.inbound import FAILED
from spectrum_forwarder.domain.quarantine import KEPT_SECONDS
from spectrum_forwarder.domain.timing import Timing

from tests.template.conftest import TEMPLATE, Properties, resolved_by
from tests.template.translated import load

QUEUES = ("EventsQueue", "SlowQueue", "EventsDeadLetterQueue")
KEPT = ("EventsTable", "PayloadsBucket", "WebhooksSecret", "DestinationsSecret")
DAY = 24 * 3600
FOURTEEN_DAYS = 14 * DAY


def test_endpoint_takes_posts_to_its_path_and_to_everything_below(properties: Properties) -> None:
    paths = properties("HttpApi")["Body"]["paths"]
    assert {(path, method) for path, methods in paths.items() for method in methods} == {
        ("/spectrum-webhook", "post"),
        ("/spectrum-webhook/{proxy+}", "post"),
    }


def test_api_gateway_may_invoke_the_receiver_for_every_route(properties: Properties) -> None:
    sources = {
        properties(name)["SourceArn"].rsplit("/POST/", 1)[1]
        for name in ("ReceiverFunctionWebhookPermission", "ReceiverFunctionWebhookSlotPermission")
    }
    assert sources == {"spectrum-webhook", "spectrum-webhook/*"}


def test_stage_is_default_so_that_no_path_has_its_name(properties: Properties) -> None:
    assert properties("HttpApiApiGatewayDefaultStage")["StageName"] == "$default"


def test_endpoint_is_throttled(properties: Properties) -> None:
    settings = properties("HttpApiApiGatewayDefaultStage")["DefaultRouteSettings"]
    assert int(settings["ThrottlingRateLimit"]) > 0
    assert int(settings["ThrottlingBurstLimit"]) > 0


def test_access_log_is_one_line_of_json(properties: Properties) -> None:
    settings = properties("HttpApiApiGatewayDefaultStage")["AccessLogSettings"]
    assert settings["DestinationArn"] == "HttpApiLogGroup.Arn"
    assert "\n" not in settings["Format"]
    assert "status" in json.loads(settings["Format"])


def test_access_log_holds_nothing_that_a_stranger_writes_at_will(properties: Properties) -> None:
    """Nothing escapes a path or a user agent, and each may be kilobytes long."""
    fields = json.loads(properties("HttpApiApiGatewayDefaultStage")["AccessLogSettings"]["Format"])
    assert set(fields.values()) == {
        "$context.error.responseType",
        "$context.httpMethod",
        "$context.identity.sourceIp",
        "$context.integration.requestId",
        "$context.integrationErrorMessage",
        "$context.requestId",
        "$context.responseLatency",
        "$context.routeKey",
        "$context.status",
    }


def test_every_log_group_is_of_the_class_that_metrics_are_read_from(template: Template) -> None:
    """Amazon CloudWatch Logs, User Guide, "Log classes": in the Infrequent Access class there are
    neither metric filters nor embedded metrics, of which all alarms live."""
    properties = resolved_by(template)
    kind = "AWS::Logs::LogGroup"
    groups = [name for name, found in template.resources.items() if found.type == kind]
    assert groups
    for name in groups:
        assert properties(name).get("LogGroupClass", "STANDARD") == "STANDARD"


def test_gateways_own_answers_are_told_from_the_receivers(properties: Properties) -> None:
    found = properties("GatewayAnswers")
    assert found["LogGroupName"] == "HttpApiLogGroup"
    pattern = found["FilterPattern"]
    fields = json.loads(properties("HttpApiApiGatewayDefaultStage")["AccessLogSettings"]["Format"])
    assert set(re.findall(r"\$\.(\w+)", pattern)) <= fields.keys()
    statuses = set(map(int, re.findall(r'\$\.status = "(\d{3})"', pattern)))
    # On these Spectrum drops the event, or tries again in vain.
    assert {403, 404, 413, 429, 431, 500} <= statuses
    receivers = {kind.status for kind in refusals()} | {FAILED.status, 200}
    assert not statuses & receivers


def test_table_keys_and_indexes(properties: Properties) -> None:
    def keys(schema: list[dict[str, str]]) -> list[str]:
        return [key["AttributeName"] for key in schema]

    table = properties("EventsTable")
    indexes = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
    assert keys(table["KeySchema"]) == ["event_key"]
    assert {name: keys(index["KeySchema"]) for name, index in indexes.items()} == {
        "due": ["shard", "due_at"],
        "log": ["shard", "received_at"],
    }
    assert indexes["log"]["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert indexes["due"]["Projection"]["NonKeyAttributes"] == ["overdue_since"]


def test_table_warms_up_together_with_both_its_indexes() -> None:
    table = resolved_by(load(TEMPLATE, {"WarmWrites": "12000"}))("EventsTable")
    parts = [table, *table["GlobalSecondaryIndexes"]]
    assert [part["WarmThroughput"] for part in parts] == [{"WriteUnitsPerSecond": "12000"}] * 3


def test_table_begins_as_cold_as_aws_makes_it(properties: Properties) -> None:
    table = properties("EventsTable")
    assert not any("WarmThroughput" in part for part in (table, *table["GlobalSecondaryIndexes"]))


def test_table_forgets_events_but_not_by_mistake(properties: Properties) -> None:
    table = properties("EventsTable")
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_the_table_is_protected_where_that_is_asked_for(properties: Properties) -> None:
    """CloudFormation could not undo a first deployment that fails with it: not by default."""
    asked = resolved_by(load(TEMPLATE, {"DeletionProtection": "yes"}))
    assert properties("EventsTable")["DeletionProtectionEnabled"] is False
    assert asked("EventsTable")["DeletionProtectionEnabled"] is True


@pytest.mark.parametrize("logical_id", KEPT)
def test_what_cannot_be_made_again_outlives_the_stack(logical_id: str, template: Template) -> None:
    attributes = template.resources[logical_id].attributes
    assert attributes["DeletionPolicy"] == "RetainExceptOnCreate"
    assert attributes["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("queue", QUEUES)
def test_queue_keeps_records_14_days_and_encrypted(queue: str, properties: Properties) -> None:
    assert properties(queue)["MessageRetentionPeriod"] == FOURTEEN_DAYS
    assert properties(queue)["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize("queue", ["EventsQueue", "SlowQueue"])
def test_what_a_killed_worker_held_comes_again_within_two_minutes(
    queue: str, properties: Properties
) -> None:
    """Lambda takes a queue only whose visibility timeout is no shorter than the function's."""
    timeout = properties("FanoutFunction")["Timeout"]
    # Once its claim has ended: else whoever receives it again cannot claim it.
    assert max(timeout, Timing().claim()) < properties(queue)["VisibilityTimeout"] < 2 * 60


@pytest.mark.parametrize("queue", ["EventsQueue", "SlowQueue"])
def test_lane_gives_up_on_a_record_only_after_12_hours(queue: str, properties: Properties) -> None:
    found = properties(queue)
    redrive = found["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == "EventsDeadLetterQueue.Arn"
    last = redrive["maxReceiveCount"]
    waited = sum(Timing().comes_again(receives) for receives in range(1, last))
    assert waited > 12 * 3600
    # Of workers that die, or whom Lambda does not start, nobody keeps it.
    assert last * found["VisibilityTimeout"] > 12 * 3600


@pytest.mark.parametrize(
    ("policy", "resources"),
    [
        ("QueuesTlsOnly", {f"{queue}.Arn" for queue in QUEUES}),
        ("PayloadsBucketTlsOnly", {"PayloadsBucket.Arn", "PayloadsBucket.Arn/*"}),
    ],
)
def test_plain_http_is_refused(policy: str, resources: set[str], properties: Properties) -> None:
    statement: dict[str, Any]
    (statement,) = properties(policy)["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert set(statement["Resource"]) == resources


def test_bucket_is_private_and_encrypted(properties: Properties) -> None:
    bucket = properties("PayloadsBucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]


def test_bodies_outlast_every_event_that_points_at_them(properties: Properties) -> None:
    """Also at that which was read last just before it would have been written anew, settled then,
    and looked at until the table's time to live has got to it, which may take days.

    Source: Amazon DynamoDB Developer Guide, "Using time to live (TTL) in DynamoDB".
    """
    longest = load(TEMPLATE, {"RetentionDays": "30"}).parameters["RetentionDays"]
    needed = RENEWED_AFTER / DAY + int(longest)
    rules = properties("PayloadsBucket")["LifecycleConfiguration"]["Rules"]
    reaching = [rule for rule in rules if PAYLOADS.startswith(rule.get("Prefix", ""))]
    assert reaching
    assert all(rule["ExpirationInDays"] >= needed + 10 for rule in reaching)


def test_refused_requests_are_forgotten_after_three_days(properties: Properties) -> None:
    rules = properties("PayloadsBucket")["LifecycleConfiguration"]["Rules"]
    (rule,) = [rule for rule in rules if rule.get("Prefix") == QUARANTINE]
    assert (rule["Status"], rule["ExpirationInDays"] * DAY) == ("Enabled", KEPT_SECONDS)


def test_refused_requests_are_forgotten_before_the_events_that_they_may_be_copies_of() -> None:
    shortest = load(TEMPLATE, {"RetentionDays": "5"}).parameters["RetentionDays"]
    # S3 may keep them until the midnight after.
    assert int(shortest) * DAY > KEPT_SECONDS + DAY


@pytest.mark.parametrize(
    ("secret", "initial"),
    [("WebhooksSecret", {"webhooks": []}), ("DestinationsSecret", {"destinations": []})],
)
def test_secret_begins_as_an_empty_registry(
    secret: str, initial: object, properties: Properties
) -> None:
    assert json.loads(properties(secret)["SecretString"]) == initial


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("RetentionDays", "4"),
        ("RetentionDays", "31"),
        ("LogRetentionDays", "2"),
        ("MainLaneConcurrency", "1"),
        ("SlowLaneConcurrency", "1"),
        ("ThrottleRate", "none"),
        ("WarmWrites", "-1"),
        ("SilenceMinutes", "1441"),
    ],
)
def test_parameter_out_of_its_bounds_is_refused(parameter: str, value: str) -> None:
    with pytest.raises(TemplateError, match=parameter):
        load(TEMPLATE, {parameter: value})
