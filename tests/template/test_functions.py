"""Functions, their triggers and their rights, as the translated template has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from spectrum_cli.doctor.account import RECEIVERS, SWEEPERS
from spectrum_cli.local.intrinsics import ACCOUNT, REGION, STACK_NAME
from spectrum_cli.local.template import Template, read
from spectrum_forwarder.adapters.kinds import KINDS

from tests.template.conftest import TEMPLATE, Properties, resolved_by
from tests.template.translated import load

FUNCTIONS = ("ReceiverFunction", "FanoutFunction", "SweeperFunction")

# Everything that each role may do, and to what.
RIGHTS = {
    "ReceiverRole": {
        ("dynamodb:PutItem", "EventsTable.Arn"),
        ("dynamodb:UpdateItem", "EventsTable.Arn"),
        ("logs:CreateLogStream", "ReceiverLogGroup.Arn"),
        ("logs:PutLogEvents", "ReceiverLogGroup.Arn"),
        ("s3:PutObject", "PayloadsBucket.Arn/*"),
        ("secretsmanager:GetSecretValue", "WebhooksSecret"),
        ("sqs:SendMessage", "EventsQueue.Arn"),
    },
    "FanoutRole": {
        ("dynamodb:GetItem", "EventsTable.Arn"),
        ("dynamodb:PutItem", "EventsTable.Arn"),
        ("dynamodb:UpdateItem", "EventsTable.Arn"),
        ("dynamodb:DeleteItem", "WaitingTable.Arn"),
        ("dynamodb:PutItem", "WaitingTable.Arn"),
        ("dynamodb:Query", "WaitingTable.Arn"),
        ("logs:CreateLogStream", "FanoutLogGroup.Arn"),
        ("logs:PutLogEvents", "FanoutLogGroup.Arn"),
        ("s3:GetObject", "PayloadsBucket.Arn/payloads/*"),
        ("s3:ListBucket", "PayloadsBucket.Arn"),
        ("s3:PutObject", "PayloadsBucket.Arn/payloads/*"),
        ("secretsmanager:GetSecretValue", "DestinationsSecret"),
        ("sqs:ChangeMessageVisibility", "EventsQueue.Arn"),
        ("sqs:ChangeMessageVisibility", "SlowQueue.Arn"),
        ("sqs:DeleteMessage", "EventsQueue.Arn"),
        ("sqs:DeleteMessage", "SlowQueue.Arn"),
        ("sqs:GetQueueAttributes", "EventsQueue.Arn"),
        ("sqs:GetQueueAttributes", "SlowQueue.Arn"),
        ("sqs:ReceiveMessage", "EventsQueue.Arn"),
        ("sqs:ReceiveMessage", "SlowQueue.Arn"),
        ("sqs:SendMessage", "EventsQueue.Arn"),
        ("sqs:SendMessage", "SlowQueue.Arn"),
        ("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{STACK_NAME}-listen-*"),
        ("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:spectrum-listen-00000000-*"),
    },
    "SweeperRole": {
        ("dynamodb:GetItem", "EventsTable.Arn"),
        ("dynamodb:Query", "EventsTable.Arn/index/due"),
        ("dynamodb:UpdateItem", "EventsTable.Arn"),
        ("logs:CreateLogStream", "SweeperLogGroup.Arn"),
        ("logs:PutLogEvents", "SweeperLogGroup.Arn"),
        ("secretsmanager:GetSecretValue", "DestinationsSecret"),
        ("sqs:GetQueueAttributes", "EventsQueue.Arn"),
        ("sqs:GetQueueAttributes", "SlowQueue.Arn"),
        ("sqs:SendMessage", "EventsQueue.Arn"),
        ("sqs:SendMessage", "SlowQueue.Arn"),
    },
}

# Actions that are not called what the API's operation is called.
OPERATIONS = {"lambda:InvokeFunction": "Invoke", "s3:ListBucket": "ListObjectsV2"}
GRANTS = [kind.grant for kind in KINDS.values() if kind.grant]
TARGETS = [grant.parameter for grant in GRANTS]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def rights_of(role: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            for action in as_list(statement["Action"]):
                for resource in as_list(statement["Resource"]):
                    yield action, resource


@pytest.mark.parametrize("role", RIGHTS)
def test_role_has_the_rights_of_its_function_and_no_others(
    role: str, properties: Properties
) -> None:
    assert set(rights_of(properties(role))) == RIGHTS[role]
    assert "ManagedPolicyArns" not in properties(role)


def test_every_granted_action_exists() -> None:
    session = botocore.session.get_session()
    everything = resolved_by(load(TEMPLATE, dict.fromkeys(TARGETS, "arn:1")))
    granted = {action for role in RIGHTS for action, _ in rights_of(everything(role))}
    for action in sorted(granted):
        service, name = action.split(":")
        operation = OPERATIONS.get(action, name)
        assert operation in session.get_service_model(service).operation_names, action


@pytest.mark.parametrize(
    ("parameter", "action"), [(grant.parameter, grant.action) for grant in GRANTS]
)
def test_fan_out_reaches_the_targets_that_a_parameter_names(parameter: str, action: str) -> None:
    role = resolved_by(load(TEMPLATE, {parameter: "arn:1,arn:2"}))("FanoutRole")
    assert set(rights_of(role)) == RIGHTS["FanoutRole"] | {(action, "arn:1"), (action, "arn:2")}


def test_the_check_of_registrations_reads_two_secrets_and_is_there_only_if_asked_for(
    template: Template,
) -> None:
    assert not {name for name in template.resources if name.startswith("Registrations")}
    assert "ProjectSecret" not in template.resources
    watching = resolved_by(load(TEMPLATE, {"WatchRegistrations": "yes"}))
    assert set(rights_of(watching("RegistrationsRole"))) == {
        ("logs:CreateLogStream", "RegistrationsLogGroup.Arn"),
        ("logs:PutLogEvents", "RegistrationsLogGroup.Arn"),
        ("secretsmanager:GetSecretValue", "ProjectSecret"),
        ("secretsmanager:GetSecretValue", "WebhooksSecret"),
    }
    environment = watching("RegistrationsFunction")["Environment"]["Variables"]
    assert environment["ENDPOINT_URL"].endswith(".amazonaws.com/spectrum-webhook")


def test_no_role_but_the_functions_own_exists(template: Template) -> None:
    roles = {r.logical_id for r in template.resources.values() if r.type == "AWS::IAM::Role"}
    assert roles == set(RIGHTS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_runs_python_3_13_on_arm64_as_its_own_role(
    function: str, properties: Properties
) -> None:
    found = properties(function)
    assert (found["Runtime"], found["Architectures"]) == ("python3.13", ["arm64"])
    assert found["Handler"] == "app.handler"
    assert found["Role"] == f"{function.removesuffix('Function')}Role.Arn"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_logs_json_to_its_own_group_which_forgets(
    function: str, properties: Properties
) -> None:
    group = f"{function.removesuffix('Function')}LogGroup"
    assert properties(function)["LoggingConfig"] == {
        "LogFormat": "JSON",
        "SystemLogLevel": "WARN",
        "LogGroup": group,
    }
    assert int(properties(group)["RetentionInDays"]) > 0


@pytest.mark.parametrize("function", FUNCTIONS)
def test_settings_of_the_local_stack_never_stand_in_the_template(
    function: str, properties: Properties
) -> None:
    assert not {"ALLOW_LOOPBACK", "TIME_SCALE"} & set(
        properties(function)["Environment"]["Variables"]
    )


@pytest.mark.parametrize("logical_id", [*FUNCTIONS, "CoreLayer"])
def test_code_is_built_by_a_make_target_of_its_own(logical_id: str) -> None:
    body = read(TEMPLATE)["Resources"][logical_id]
    folder = body["Properties"].get("CodeUri") or body["Properties"]["ContentUri"]
    makefile = Path(TEMPLATE.parent, folder, "Makefile").read_text()
    assert body["Metadata"]["BuildMethod"] == "makefile"
    assert f"\nbuild-{logical_id}:" in makefile


@pytest.mark.parametrize("source", ["FanoutFunctionMainLane", "FanoutFunctionSlowLane"])
def test_lane_reports_single_failures_has_a_limit_and_does_not_wait(
    source: str, properties: Properties
) -> None:
    found = properties(source)
    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert int(found["ScalingConfig"]["MaximumConcurrency"]) >= 2
    assert found["BatchSize"] == 10
    assert "MaximumBatchingWindowInSeconds" not in found


def test_each_lane_reads_its_own_queue(properties: Properties) -> None:
    assert properties("FanoutFunctionMainLane")["EventSourceArn"] == "EventsQueue.Arn"
    assert properties("FanoutFunctionSlowLane")["EventSourceArn"] == "SlowQueue.Arn"


def test_hanging_destinations_leave_the_receiver_a_place_in_a_new_account(
    properties: Properties,
) -> None:
    """Of an account's 10 executions at first, with the parameters as they are."""
    lanes = [properties(f"FanoutFunction{lane}Lane")["ScalingConfig"] for lane in ("Main", "Slow")]
    taken = sum(int(lane["MaximumConcurrency"]) for lane in lanes) + SWEEPERS
    assert 10 - taken >= RECEIVERS
    assert "ReservedConcurrentExecutions" not in properties("ReceiverFunction")


def test_fan_out_may_wake_itself_as_often_as_retries_take(properties: Properties) -> None:
    assert properties("FanoutFunction")["RecursiveLoop"] == "Allow"
    for function in ("ReceiverFunction", "SweeperFunction"):
        assert "RecursiveLoop" not in properties(function)


def test_a_sweep_ends_before_the_next_one_and_is_not_retried(properties: Properties) -> None:
    assert properties("SweeperFunctionEveryMinute")["ScheduleExpression"] == "rate(1 minute)"
    assert properties("SweeperFunction")["Timeout"] < 60
    assert properties("SweeperFunctionEventInvokeConfig")["MaximumRetryAttempts"] == 0
