"""Applying the project's template to moto, and refusing what cannot be applied."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from spectrum_cli.local.apply import deploy
from spectrum_cli.local.deployment import Deployment, Endpoints, QueueSourceSpec, RouteSpec
from spectrum_cli.local.intrinsics import TemplateError
from spectrum_cli.local.moto_server import MotoServer

from tests.support.aws import client_of

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


@pytest.fixture(scope="module")
def server() -> Iterator[MotoServer]:
    with MotoServer() as running:
        yield running


@pytest.fixture(scope="module")
def deployment(server: MotoServer) -> Deployment:
    parameters = {"RetentionDays": "7", "MainLaneConcurrency": "3"}
    return deploy(TEMPLATE, endpoints=Endpoints(server.url), parameters=parameters)


def client(server: MotoServer, service: str) -> Any:
    return client_of(service, server.url)


def test_table_has_its_indexes_expiry_and_recovery(
    server: MotoServer, deployment: Deployment
) -> None:
    dynamodb = client(server, "dynamodb")
    name = deployment.physical_ids["EventsTable"]
    table = dynamodb.describe_table(TableName=name)["Table"]
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == {"due", "log"}
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert expiry == {"AttributeName": "expires_at", "TimeToLiveStatus": "ENABLED"}
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    assert recovery == "ENABLED"


@pytest.mark.parametrize("lane", ["EventsQueue", "SlowQueue"])
def test_lane_is_hidden_kept_and_redriven_as_the_template_says(
    server: MotoServer, deployment: Deployment, lane: str
) -> None:
    sqs = client(server, "sqs")

    def attributes(queue: str) -> dict[str, str]:
        answer = sqs.get_queue_attributes(
            QueueUrl=deployment.physical_ids[queue], AttributeNames=["All"]
        )
        found: dict[str, str] = answer["Attributes"]
        return found

    found = attributes(lane)
    assert (found["VisibilityTimeout"], found["MessageRetentionPeriod"]) == ("90", "1209600")
    redrive = json.loads(found["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"] == attributes("EventsDeadLetterQueue")["QueueArn"]


def test_secrets_hold_empty_registries_under_both_names(
    server: MotoServer, deployment: Deployment
) -> None:
    secrets = client(server, "secretsmanager")
    arn = deployment.functions["ReceiverFunction"].environment["WEBHOOKS_SECRET"]
    for secret_id in (arn, deployment.physical_ids["WebhooksSecret"]):
        found = secrets.get_secret_value(SecretId=secret_id)["SecretString"]
        assert json.loads(found) == {"webhooks": []}


def test_bucket_takes_and_gives_objects_and_lets_them_expire(
    server: MotoServer, deployment: Deployment
) -> None:
    s3 = client(server, "s3")
    bucket = deployment.physical_ids["PayloadsBucket"]
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"\x00\xff")
    assert s3.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"\x00\xff"
    rule, _ = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rule["Expiration"] == {"Days": 50}
    access = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(access.values()) == {True}


@pytest.mark.parametrize("function", ["ReceiverFunction", "FanoutFunction", "SweeperFunction"])
def test_function_has_a_role_that_exists_with_its_policy(
    server: MotoServer, deployment: Deployment, function: str
) -> None:
    iam = client(server, "iam")
    role = deployment.functions[function].role_name
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    statements = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    assert deployment.physical_ids["EventsTable"] in json.dumps(statements)


def test_log_groups_exist_with_retention(server: MotoServer, deployment: Deployment) -> None:
    groups = client(server, "logs").describe_log_groups()["logGroups"]
    names = {group["logGroupName"] for group in groups if group["retentionInDays"] == 30}
    assert deployment.physical_ids["ReceiverLogGroup"] in names


def test_functions_come_with_code_layer_and_environment(deployment: Deployment) -> None:
    function = deployment.functions["FanoutFunction"]
    assert function.code_dir == TEMPLATE.parent / "functions" / "fanout"
    assert function.layer_dirs == (TEMPLATE.parent / "layers" / "core",)
    assert (function.handler, function.timeout_seconds) == ("app.handler", 60.0)
    assert function.environment["RETENTION_DAYS"] == "7"
    assert function.environment["SLOW_QUEUE_URL"] == deployment.physical_ids["SlowQueue"]
    loops = {name for name, spec in deployment.functions.items() if spec.may_loop}
    assert loops == {"FanoutFunction"}


def test_routes_lanes_and_schedule_become_specs(deployment: Deployment) -> None:
    assert set(deployment.routes) == {
        RouteSpec("POST", "/spectrum-webhook", "ReceiverFunction"),
        RouteSpec("POST", "/spectrum-webhook/{proxy+}", "ReceiverFunction"),
    }
    main = QueueSourceSpec(
        queue_name="spectrum-forwarder-EventsQueue",
        queue_arn="arn:aws:sqs:us-east-1:123456789012:spectrum-forwarder-EventsQueue",
        queue_url=deployment.physical_ids["EventsQueue"],
        function="FanoutFunction",
        batch_size=10,
        max_concurrency=3,
        report_failures=True,
    )
    assert main in deployment.queue_sources
    assert len(deployment.queue_sources) == 2
    (schedule,) = deployment.schedules
    assert (schedule.function, schedule.every_seconds) == ("SweeperFunction", 60.0)


def test_outputs_are_worked_out(deployment: Deployment) -> None:
    assert deployment.outputs["EventsTableName"] == deployment.physical_ids["EventsTable"]
    assert deployment.outputs["EndpointUrl"].endswith("/spectrum-webhook")


@pytest.mark.parametrize(
    ("resource", "complaint"),
    [
        ("{Type: AWS::Kinesis::Stream}", "Odd: resources of type AWS::Kinesis::Stream"),
        (
            "{Type: AWS::SQS::Queue, Properties: {FifoQueue: true, DelaySeconds: 1}}",
            r"Odd \(AWS::SQS::Queue\): not known here: FifoQueue",
        ),
    ],
)
def test_what_cannot_be_applied_is_refused_before_anything_is_made(
    tmp_path: Path, resource: str, complaint: str
) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(f"Resources:\n  Odd: {resource}\n  Even: {{Type: AWS::SQS::Queue}}\n")
    nowhere = Endpoints("http://127.0.0.1:9")
    with pytest.raises(TemplateError, match=complaint):
        deploy(path, endpoints=nowhere, parameters={})


def one_table(folder: Path) -> Path:
    path = folder / "template.yaml"
    path.write_text(
        "Resources:\n  Kept:\n    Type: AWS::DynamoDB::Table\n    Properties:\n"
        "      BillingMode: PAY_PER_REQUEST\n"
        "      KeySchema: [{AttributeName: id, KeyType: HASH}]\n"
        "      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]\n"
    )
    return path


def test_stand_in_that_still_has_the_table_is_used_and_logged(
    server: MotoServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stand_in = Endpoints("http://127.0.0.1:9", {"dynamodb": server.url})
    deploy(one_table(tmp_path), endpoints=stand_in, parameters={})
    with caplog.at_level(logging.WARNING):
        again = deploy(one_table(tmp_path), endpoints=stand_in, parameters={})
    assert again.physical_ids == {"Kept": "spectrum-forwarder-Kept"}
    assert "no new table spectrum-forwarder-Kept" in caplog.text


def test_default_service_that_refuses_is_an_error(server: MotoServer, tmp_path: Path) -> None:
    path = one_table(tmp_path)
    path.write_text(path.read_text().replace("Kept", "Twice"))
    deploy(path, endpoints=Endpoints(server.url), parameters={})
    with pytest.raises(ClientError, match="ResourceInUseException"):
        deploy(path, endpoints=Endpoints(server.url), parameters={})
