"""Applies what runs: log groups and roles for real, the rest as specs for the local runtime."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from spectrum_cli.local.apply.context import Applied, Context, Kind
from spectrum_cli.local.deployment import (
    FunctionSpec,
    QueueSourceSpec,
    RouteSpec,
    ScheduleSpec,
)
from spectrum_cli.local.intrinsics import ACCOUNT, REGION, TemplateError
from spectrum_cli.local.template import Resource

Properties = Mapping[str, Any]

_SECONDS: Final = {"minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_FUNCTION_IN_URI = re.compile(r"/functions/(arn:[^/]+)/invocations")


def apply_log_group(context: Context, resource: Resource, properties: Properties) -> Applied:
    logs = context.client("logs")
    name = properties.get("LogGroupName", context.name_of(resource))
    logs.create_log_group(logGroupName=name)
    logs.put_retention_policy(logGroupName=name, retentionInDays=int(properties["RetentionInDays"]))
    return Applied(name, {"Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*"})


def apply_role(context: Context, resource: Resource, properties: Properties) -> Applied:
    iam = context.client("iam")
    name = context.name_of(resource)
    trust = json.dumps(properties["AssumeRolePolicyDocument"])
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    for policy in properties["Policies"]:
        iam.put_role_policy(
            RoleName=name,
            PolicyName=policy["PolicyName"],
            PolicyDocument=json.dumps(policy["PolicyDocument"]),
        )
    return Applied(name, {"Arn": role["Arn"]})


def apply_layer(context: Context, resource: Resource, properties: Properties) -> Applied:
    # The code's key is the layer's logical id in template.yaml; the translated one has a hash.
    name = properties["Content"]["S3Key"]
    return Applied(f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:{name}:1", name=name)


def apply_function(context: Context, resource: Resource, properties: Properties) -> Applied:
    place = resource.logical_id
    layers = [context.named(layer, place) for layer in properties.get("Layers", [])]
    context.functions[resource.logical_id] = FunctionSpec(
        logical_id=resource.logical_id,
        code_dir=context.template.code_dirs[properties["Code"]["S3Key"]],
        layer_dirs=tuple(
            context.template.code_dirs[context.applied[layer].physical_id] for layer in layers
        ),
        handler=properties["Handler"],
        environment={k: str(v) for k, v in properties["Environment"]["Variables"].items()},
        timeout_seconds=float(properties["Timeout"]),
        memory_mb=int(properties["MemorySize"]),
        role_name=context.applied[context.named(properties["Role"], place)].physical_id,
        may_loop=properties.get("RecursiveLoop") == "Allow",
    )
    name = context.name_of(resource)
    return Applied(name, {"Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"})


def apply_version(context: Context, resource: Resource, properties: Properties) -> Applied:
    function = context.applied[context.named(properties["FunctionName"], resource.logical_id)]
    return Applied(f"{function.attributes['Arn']}:1", {"Version": "1"})


def apply_alias(context: Context, resource: Resource, properties: Properties) -> Applied:
    """The one version of a function that there is here is what its sources are now."""
    function = context.named(properties["FunctionName"], resource.logical_id)
    context.aliases[resource.logical_id] = function
    return Applied(f"{context.applied[function].attributes['Arn']}:{properties['Name']}")


def apply_api(context: Context, resource: Resource, properties: Properties) -> Applied:
    for path, methods in properties["Body"]["paths"].items():
        for method, operation in methods.items():
            place = f"{resource.logical_id}, {method.upper()} {path}"
            integration = operation["x-amazon-apigateway-integration"]
            uri = _FUNCTION_IN_URI.search(integration["uri"])
            if uri is None or integration["payloadFormatVersion"] != "2.0":
                raise TemplateError(f"{place}: only functions with payload format 2.0 are known")
            function = context.function_named(uri.group(1), place)
            context.routes.append(RouteSpec(method.upper(), path, function))
    return Applied(context.name_of(resource).lower())


def apply_queue_source(context: Context, resource: Resource, properties: Properties) -> Applied:
    queue = context.applied[context.named(properties["EventSourceArn"], resource.logical_id)]
    context.queue_sources.append(
        QueueSourceSpec(
            queue_name=queue.attributes["QueueName"],
            queue_arn=queue.attributes["Arn"],
            queue_url=queue.attributes["QueueUrl"],
            function=context.function_named(properties["FunctionName"], resource.logical_id),
            batch_size=int(properties["BatchSize"]),
            max_concurrency=int(properties["ScalingConfig"]["MaximumConcurrency"]),
            report_failures="ReportBatchItemFailures"
            in properties.get("FunctionResponseTypes", []),
        )
    )
    return Applied(context.name_of(resource))


def apply_schedule(context: Context, resource: Resource, properties: Properties) -> Applied:
    expression = properties["ScheduleExpression"]
    rate = _RATE.fullmatch(expression)
    if rate is None:
        raise TemplateError(f"{resource.logical_id}: only rate(…) is known, got {expression}")
    for target in properties["Targets"]:
        payload = json.loads(target["Input"]) if "Input" in target else None
        function = context.function_named(target["Arn"], resource.logical_id)
        seconds = float(int(rate.group(1)) * _SECONDS[rate.group(2)])
        context.schedules.append(ScheduleSpec(function, seconds, payload))
    name = context.name_of(resource)
    return Applied(name, {"Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}"})


def apply_nothing(context: Context, resource: Resource, properties: Properties) -> Applied:
    return Applied(context.name_of(resource))


_FOR_PEOPLE: Final = "only people read it"
_PLATFORM: Final = "the local runtime is this machine's own Python"
_TAGS: Final = "nothing here is billed or searched by tag"

KINDS: Final[Mapping[str, Kind]] = {
    "AWS::Logs::LogGroup": Kind(apply_log_group, frozenset({"LogGroupName", "RetentionInDays"})),
    "AWS::IAM::Role": Kind(
        apply_role,
        frozenset({"AssumeRolePolicyDocument", "Policies"}),
        {"PermissionsBoundary": "nothing bounds what one machine's roles may do"},
    ),
    "AWS::Lambda::LayerVersion": Kind(
        apply_layer,
        frozenset({"Content", "LayerName"}),
        {
            "CompatibleArchitectures": _PLATFORM,
            "CompatibleRuntimes": _PLATFORM,
            "Description": _FOR_PEOPLE,
        },
    ),
    "AWS::Lambda::Function": Kind(
        apply_function,
        frozenset(
            {
                "Code",
                "Environment",
                "Handler",
                "Layers",
                "MemorySize",
                "RecursiveLoop",
                "Role",
                "Timeout",
            }
        ),
        {
            "Architectures": _PLATFORM,
            "Description": _FOR_PEOPLE,
            "FunctionName": "the local runtime names functions by their logical ids",
            "LoggingConfig": "logs go to the terminal",
            "ReservedConcurrentExecutions": "the local runtime has limits of its own",
            "Runtime": _PLATFORM,
            "Tags": _TAGS,
        },
    ),
    "AWS::Lambda::Version": Kind(
        apply_version, frozenset({"FunctionName"}), {"Description": _FOR_PEOPLE}
    ),
    "AWS::Lambda::Alias": Kind(apply_alias, frozenset({"FunctionName", "FunctionVersion", "Name"})),
    "AWS::ApiGatewayV2::Api": Kind(apply_api, frozenset({"Body"})),
    "AWS::ApiGatewayV2::Stage": Kind(
        apply_nothing,
        frozenset({"ApiId", "AutoDeploy", "StageName"}),
        {
            "AccessLogSettings": "the front logs to the terminal",
            "DefaultRouteSettings": "one machine is slower than any throttle",
            "Tags": _TAGS,
        },
    ),
    "AWS::Lambda::Permission": Kind(
        apply_nothing,
        frozenset(),
        {
            name: "the front and the schedule call the functions directly"
            for name in ("Action", "FunctionName", "Principal", "SourceArn")
        },
    ),
    "AWS::Lambda::EventSourceMapping": Kind(
        apply_queue_source,
        frozenset(
            {
                "BatchSize",
                "EventSourceArn",
                "FunctionName",
                "FunctionResponseTypes",
                "ScalingConfig",
            }
        ),
    ),
    "AWS::Lambda::EventInvokeConfig": Kind(
        apply_nothing,
        frozenset(),
        {
            name: "the local schedule never retries"
            for name in (
                "DestinationConfig",
                "FunctionName",
                "MaximumEventAgeInSeconds",
                "MaximumRetryAttempts",
                "Qualifier",
            )
        },
    ),
    "AWS::Events::Rule": Kind(
        apply_schedule,
        frozenset({"ScheduleExpression", "Targets"}),
        {"Description": _FOR_PEOPLE},
    ),
}
