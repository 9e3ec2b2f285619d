"""Templates with one mistake each: every mistake is caught, by the assertion that is meant to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from spectrum_cli.local.template import Template

from tests.template import refusals
from tests.template import test_adopting as adopting
from tests.template import test_functions as functions
from tests.template import test_resources as resources
from tests.template import test_updates as updates
from tests.template import test_watching as watching
from tests.template.conftest import TEMPLATE, resolved_by
from tests.template.translated import load

Check = Callable[[Any], None]


@dataclass(frozen=True)
class Mutant:
    """`old` becomes `new`, the first time it stands in the template, which is checked as `read`."""

    name: str
    old: str
    new: str
    caught_by: Check
    read: Callable[[Path], Any] = load


def on(check: Callable[..., None], *arguments: object) -> Check:
    """A test of the properties, as a check of a template."""
    return lambda template: check(*arguments, resolved_by(template))


def accepted(check: refusals.Check) -> Check:
    """A check of what AWS would refuse."""

    def nothing(template: Template) -> None:
        assert check(template) == []

    return nothing


rights = partial(on, functions.test_role_has_the_rights_of_its_function_and_no_others)
encrypted = on(resources.test_queue_keeps_records_14_days_and_encrypted, "EventsQueue")
hidden = on(resources.test_what_a_killed_worker_held_comes_again_within_two_minutes, "EventsQueue")
patient = on(resources.test_lane_gives_up_on_a_record_only_after_12_hours, "EventsQueue")
table = on(resources.test_table_forgets_events_but_not_by_mistake)
bucket = on(resources.test_bucket_is_private_and_encrypted)
throttled = on(resources.test_endpoint_is_throttled)
arm = on(functions.test_function_runs_python_3_13_on_arm64_as_its_own_role, "ReceiverFunction")
logs = on(functions.test_function_logs_json_to_its_own_group_which_forgets, "ReceiverFunction")
lane = on(
    functions.test_lane_reports_single_failures_has_a_limit_and_does_not_wait,
    "FanoutFunctionMainLane",
)
tls = on(
    resources.test_plain_http_is_refused,
    "QueuesTlsOnly",
    {f"{name}.Arn" for name in resources.QUEUES},
)
heard = on(watching.test_alarm_is_heard_and_says_what_to_run, "DeadLetteredAlarm")

bounded = on(resources.test_access_log_holds_nothing_that_a_stranger_writes_at_will)
own_answers = on(resources.test_gateways_own_answers_are_told_from_the_receivers)
breakers = partial(
    watching.test_each_series_raises_the_alarm_by_itself,
    "BreakerOpenAlarm",
    "MAX(BreakerOpen)",
    "destination",
)
loops = on(functions.test_fan_out_may_wake_itself_as_often_as_retries_take)

room = on(functions.test_hanging_destinations_leave_the_receiver_a_place_in_a_new_account)

aliased = updates.test_routes_lanes_and_schedule_call_aliases

MUTANTS = [
    Mutant(
        "an access log that fills the account's policy",
        "/aws/vendedlogs/",
        "/aws/",
        accepted(refusals.access_log_group),
    ),
    Mutant(
        "logs that no metrics come from",
        "      RetentionInDays: !Ref LogRetentionDays\n",
        "      RetentionInDays: !Ref LogRetentionDays\n      LogGroupClass: INFREQUENT_ACCESS\n",
        resources.test_every_log_group_is_of_the_class_that_metrics_are_read_from,
    ),
    Mutant(
        "a failed deployment that leaves a table behind",
        "DeletionPolicy: RetainExceptOnCreate",
        "DeletionPolicy: Retain",
        accepted(refusals.retained_creations),
    ),
    Mutant(
        "a role without its boundary",
        "PermissionsBoundary: !If [HasBoundary",
        "PermissionsBoundary: !If [HasDomain",
        adopting.check_boundary,
        read=adopting.bounded,
    ),
    Mutant(
        "a question whose default stops the deployment",
        "      Auth: {EnableIamAuthorizer: false}\n",
        "",
        updates.check_no_question,
        read=Path,
    ),
    Mutant(
        "a record that nobody may show again",
        "                  - sqs:ChangeMessageVisibility\n",
        "",
        rights("FanoutRole"),
    ),
    Mutant("an update in several steps", "    AutoPublishAlias: live\n", "", aliased),
    Mutant(
        "a schedule that calls what is just being changed",
        "    AutoPublishAlias: live\n",
        "",
        accepted(refusals.callers_of_functions),
    ),
    Mutant(
        "a function's name that a long stack's fills",
        "spectrum-receiver-${Stack}",
        "${AWS::StackName}-${Stack}",
        accepted(refusals.lengths_of_names),
    ),
    Mutant(
        "a listener's queue that a long stack's name fills",
        "spectrum-listen-${Stack}-\n",
        "${AWS::StackName}-${Stack}-\n",
        accepted(refusals.lengths_of_names),
    ),
    Mutant(
        "an alarm that says more than CloudWatch takes",
        "    No sweep has ended for 5 minutes.",
        "    No sweep has ended for 5 minutes." + " Nothing at all." * 64,
        accepted(refusals.lengths_of_names),
    ),
    Mutant(
        "a policy that is too large",
        "                Action: dynamodb:Query\n",
        "                Action: [" + "dynamodb:Query, " * 800 + "dynamodb:Query]\n",
        accepted(refusals.sizes_of_policies),
    ),
    Mutant(
        "a version that a layer does not make",
        "      PublishLambdaVersion: true\n",
        "",
        updates.test_new_layer_alone_makes_a_version,
        read=Path,
    ),
    Mutant(
        "a parameter that is never published",
        "      VersionDescription: !Sub Keeps events for ${RetentionDays} days.\n",
        "",
        updates.test_new_value_of_a_parameter_alone_makes_a_version,
    ),
    Mutant(
        "routes to what they may not invoke",
        "    DependsOn: EndpointPermission\n",
        "",
        updates.test_no_route_leads_to_what_it_may_not_invoke_yet,
    ),
    Mutant(
        "a function that is changed under its callers",
        "spectrum-receiver-${Stack}",
        "${AWS::StackName}-receiver-${Stack}",
        updates.test_function_of_0_1_0_is_not_changed_under_its_callers,
    ),
    Mutant(
        "a fan-out that takes the receiver's place", "    Default: 4\n", "    Default: 20\n", room
    ),
    Mutant("retries that Lambda stops", "      RecursiveLoop: Allow\n", "", loops),
    Mutant("a wildcard action", "dynamodb:PutItem", "dynamodb:*", rights("ReceiverRole")),
    Mutant("a missing action", "dynamodb:GetItem, ", "", rights("FanoutRole")),
    Mutant(
        "a misspelt action",
        "Action: dynamodb:Query",
        "Action: dynamodb:Querry",
        rights("SweeperRole"),
    ),
    Mutant(
        "a wildcard resource",
        "Resource: !GetAtt EventsTable.Arn",
        'Resource: "*"',
        rights("ReceiverRole"),
    ),
    Mutant(
        "a visibility timeout of 30 s",
        "VisibilityTimeout: 90",
        "VisibilityTimeout: 30",
        hidden,
    ),
    Mutant(
        "records that are given up after three receives",
        "maxReceiveCount: 600",
        "maxReceiveCount: 3",
        patient,
    ),
    Mutant(
        "queues that forget after four days",
        "MessageRetentionPeriod: 1209600",
        "MessageRetentionPeriod: 345600",
        encrypted,
    ),
    Mutant(
        "an unencrypted queue",
        "SqsManagedSseEnabled: true",
        "SqsManagedSseEnabled: false",
        encrypted,
    ),
    Mutant("plain http", 'Bool: {"aws:SecureTransport": "false"}', "Bool: {}", tls),
    Mutant("no TTL", "AttributeName: expires_at", "AttributeName: expires", table),
    Mutant(
        "a table that cannot be restored", "RecoveryEnabled: true", "RecoveryEnabled: false", table
    ),
    Mutant("an unencrypted table", "SSEEnabled: true", "SSEEnabled: false", table),
    Mutant(
        "a public bucket",
        "BlockPublicPolicy: true",
        "BlockPublicPolicy: false",
        bucket,
    ),
    Mutant(
        "a batch that fails as a whole",
        "FunctionResponseTypes: [ReportBatchItemFailures]",
        "",
        lane,
    ),
    Mutant("hints that wait", "BatchSize: 10", "BatchSize: 100", lane),
    Mutant("logs that nobody can parse", "LogFormat: JSON", "LogFormat: Text", logs),
    Mutant("platform lines", "SystemLogLevel: WARN", "SystemLogLevel: INFO", logs),
    Mutant("another processor", "Architectures: [arm64]", "Architectures: [x86_64]", arm),
    Mutant(
        "an endpoint without a throttle",
        "ThrottlingRateLimit: !Ref ThrottleRate",
        "ThrottlingRateLimit: 0",
        throttled,
    ),
    Mutant(
        "a function with a URL of its own",
        "      CodeUri: functions/sweeper\n",
        "      CodeUri: functions/sweeper\n      FunctionUrlConfig: {AuthType: NONE}\n",
        watching.test_nothing_is_public_but_the_endpoint,
    ),
    Mutant(
        "an access log that a stranger writes",
        '"route":"$context.routeKey"',
        '"path":"$context.path"',
        bounded,
    ),
    Mutant(
        "an access log that API Gateway refuses",
        '"request_id":"$context.requestId",',
        "",
        accepted(refusals.access_log_format),
    ),
    Mutant(
        "a gateway that drops large events in silence",
        ' || ($.status = "413")',
        "",
        own_answers,
    ),
    Mutant(
        "one breaker that hides the others",
        "            GROUP BY destination ORDER BY MAX() DESC",
        "",
        breakers,
    ),
    Mutant(
        "an outage behind one anonymous request a minute",
        "SELECT SUM(OwnFaults)",
        "SELECT SUM(Refused)",
        watching.test_no_alarm_but_its_own_is_raised_by_an_unknown_webhook,
    ),
    Mutant(
        "an alarm that nobody hears",
        "AlarmActions: [!Ref AlarmTopic]",
        "AlarmActions: []",
        heard,
    ),
    Mutant(
        "a stopped sweeper that looks calm",
        "TreatMissingData: breaching",
        "TreatMissingData: notBreaching",
        watching.test_no_data_is_an_alarm_where_silence_is_the_trouble,
    ),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_is_caught(mutant: Mutant, tmp_path: Path) -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    assert mutant.old in text
    mutated = tmp_path / "template.yaml"
    mutated.write_text(text.replace(mutant.old, mutant.new, 1), encoding="utf-8")
    mutant.caught_by(mutant.read(TEMPLATE))
    with pytest.raises((AssertionError, KeyError)):
        mutant.caught_by(mutant.read(mutated))
