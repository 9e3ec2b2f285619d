"""Applies what watches: the alarms and their topic for real, the rest for the console alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from spectrum_cli.local.apply.context import Applied, Context, Kind
from spectrum_cli.local.intrinsics import ACCOUNT, REGION
from spectrum_cli.local.template import Resource

Properties = Mapping[str, Any]


def apply_topic(context: Context, resource: Resource, properties: Properties) -> Applied:
    arn = context.client("sns").create_topic(Name=context.name_of(resource))["TopicArn"]
    return Applied(arn, {"Arn": arn}, context.name_of(resource))


def apply_alarm(context: Context, resource: Resource, properties: Properties) -> Applied:
    """CloudFormation's properties of an alarm are the API's parameters, but for numbers as text."""
    name = context.name_of(resource)
    numbers = {"EvaluationPeriods": int(properties["EvaluationPeriods"])}
    context.client("cloudwatch").put_metric_alarm(AlarmName=name, **{**properties, **numbers})
    return Applied(name, {"Arn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"})


def apply_dashboard(context: Context, resource: Resource, properties: Properties) -> Applied:
    name = properties["DashboardName"]
    context.client("cloudwatch").put_dashboard(
        DashboardName=name, DashboardBody=properties["DashboardBody"]
    )
    return Applied(name)


def apply_metric_filter(context: Context, resource: Resource, properties: Properties) -> Applied:
    name = context.name_of(resource)
    context.client("logs").put_metric_filter(
        logGroupName=properties["LogGroupName"],
        filterName=name,
        filterPattern=properties["FilterPattern"],
        metricTransformations=[
            {
                "metricName": made["MetricName"],
                "metricNamespace": made["MetricNamespace"],
                "metricValue": made["MetricValue"],
                "unit": made["Unit"],
                "dimensions": {
                    entry["Key"]: entry["Value"] for entry in made.get("Dimensions", ())
                },
            }
            for made in properties["MetricTransformations"]
        ],
    )
    return Applied(name)


def apply_nothing(context: Context, resource: Resource, properties: Properties) -> Applied:
    return Applied(context.name_of(resource))


_NO_INSIGHTS: Final = "local logs go to the terminal, where nobody queries them"
_NO_MAIL: Final = "this machine sends no e-mail"

KINDS: Final[Mapping[str, Kind]] = {
    "AWS::SNS::Topic": Kind(
        apply_topic, frozenset(), {"DisplayName": "the name that an e-mail would come from"}
    ),
    "AWS::SNS::Subscription": Kind(
        apply_nothing,
        frozenset(),
        dict.fromkeys(("Endpoint", "Protocol", "TopicArn"), _NO_MAIL),
    ),
    "AWS::CloudWatch::Alarm": Kind(
        apply_alarm,
        frozenset(
            {
                "AlarmActions",
                "AlarmDescription",
                "ComparisonOperator",
                "DatapointsToAlarm",
                "Dimensions",
                "EvaluationPeriods",
                "MetricName",
                "Metrics",
                "Namespace",
                "OKActions",
                "Period",
                "Statistic",
                "Threshold",
                "TreatMissingData",
            }
        ),
    ),
    "AWS::CloudWatch::Dashboard": Kind(
        apply_dashboard, frozenset({"DashboardBody", "DashboardName"})
    ),
    "AWS::Logs::MetricFilter": Kind(
        apply_metric_filter, frozenset({"FilterPattern", "LogGroupName", "MetricTransformations"})
    ),
    "AWS::Logs::QueryDefinition": Kind(
        apply_nothing,
        frozenset(),
        dict.fromkeys(("LogGroupNames", "Name", "QueryString"), _NO_INSIGHTS),
    ),
}
