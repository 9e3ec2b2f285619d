"""What AWS refuses or does of a template, and no linter or emulator tells: each with its source.

A check looks at a translated template and returns sentences, none where all is well. tests/template
holds them; `make deploy-test` asks them before it deploys.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from spectrum_cli.listen.queues import LONGEST_QUEUE_NAME
from spectrum_cli.local.intrinsics import STACK_NAME, Resolver
from spectrum_cli.local.template import Template

Check = Callable[[Template], list[str]]
# CloudFormation, API Reference, CreateStack: a stack's name takes 128 characters.
LONGEST_STACK: Final = "s" * 128


def resolved(template: Template, of_type: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Logical ids and properties, in a stack with the longest name."""
    for logical_id, found in template.resources.items():
        if found.type == of_type or not of_type:
            yield logical_id, value(template, found.properties, logical_id)


def value(template: Template, unresolved: Any, place: str) -> Any:
    """A part of the template in a stack with the longest name; see conftest for references."""
    resolver = Resolver(
        lambda name: template.parameters.get(name, name),
        lambda name, attribute: f"{name}.{attribute}",
        template.conditions,
    )
    text = json.dumps(resolver.resolve(unresolved, place))
    return json.loads(text.replace(STACK_NAME, LONGEST_STACK))


def access_log_format(template: Template) -> list[str]:
    """API Gateway, Developer Guide, "Access log formats": a format has to hold $context.requestId
    or $context.extendedRequestId. (aws-cdk: AccessLogFormat; without it the stage is refused.)"""
    return [
        f"{name}: the access log's format lacks $context.requestId: API Gateway refuses the stage"
        for name, stage in resolved(template, "AWS::ApiGatewayV2::Stage")
        if "$context.requestId" not in stage.get("AccessLogSettings", {}).get("Format", "")
    ]


def access_log_group(template: Template) -> list[str]:
    """CloudWatch Logs, User Guide, "Enable logging from AWS services": for groups whose names begin
    otherwise, API Gateway adds to one resource policy of the account, of 5,120 characters in all.
    """
    groups = dict(resolved(template, "AWS::Logs::LogGroup"))
    used = [
        stage.get("AccessLogSettings", {}).get("DestinationArn", "").partition(".")[0]
        for _, stage in resolved(template, "AWS::ApiGatewayV2::Stage")
    ]
    return [
        f"{name}: the access log's group is not named /aws/vendedlogs/…: each stack takes a part "
        "of the account's one policy for logs"
        for name in used
        if not str(groups.get(name, {}).get("LogGroupName", "")).startswith("/aws/vendedlogs/")
    ]


def retained_creations(template: Template) -> list[str]:
    """CloudFormation, Template Reference, "DeletionPolicy attribute": Retain also holds for what a
    creation made that is rolled back; RetainExceptOnCreate does not."""
    return [
        f"{name}: DeletionPolicy Retain: a first deployment that fails leaves it behind"
        for name, found in template.resources.items()
        # Versions go with their function, whatever is said of them.
        if found.attributes.get("DeletionPolicy") == "Retain"
        and found.type != "AWS::Lambda::Version"
    ]


def callers_of_functions(template: Template) -> list[str]:
    """CloudFormation changes a function by UpdateFunctionConfiguration and UpdateFunctionCode, one
    after the other (AWS::Lambda::Function, its handler's permissions); an alias is moved in one
    step (Lambda, Developer Guide, "Create an alias for a Lambda function")."""
    functions = {name for name, _ in resolved(template, "AWS::Lambda::Function")}
    called = {
        f"{name} ({kind})": str(properties.get("FunctionName"))
        for kind in ("AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission")
        for name, properties in resolved(template, kind)
    }
    called |= {
        f"{name} (AWS::Events::Rule)": str(target["Arn"]).removesuffix(".Arn")
        for name, rule in resolved(template, "AWS::Events::Rule")
        for target in rule["Targets"]
    }
    return [
        f"{caller} calls {function} itself and no alias of it: an update reaches it in several "
        "steps, and old code on a new layer does not import"
        for caller, function in called.items()
        if function in functions
    ]


# (resource type, property): characters that are taken, and where that stands.
LENGTHS: Final[Mapping[tuple[str, str], tuple[int, str]]] = {
    ("AWS::Lambda::Function", "FunctionName"): (64, "Lambda, API Reference, CreateFunction"),
    ("AWS::Lambda::Function", "Description"): (256, "Lambda, API Reference, CreateFunction"),
    ("AWS::Lambda::Version", "Description"): (256, "Lambda, API Reference, PublishVersion"),
    ("AWS::Lambda::LayerVersion", "LayerName"): (140, "Lambda, API Reference, PublishLayerVersion"),
    ("AWS::Lambda::Alias", "Name"): (128, "Lambda, API Reference, CreateAlias"),
    ("AWS::SQS::Queue", "QueueName"): (80, "SQS, Developer Guide, Amazon SQS message quotas"),
    ("AWS::S3::Bucket", "BucketName"): (63, "S3, User Guide, General purpose bucket naming rules"),
    ("AWS::DynamoDB::Table", "TableName"): (255, "DynamoDB, API Reference, CreateTable"),
    ("AWS::Logs::LogGroup", "LogGroupName"): (512, "CloudWatch Logs, API Reference"),
    ("AWS::Logs::QueryDefinition", "Name"): (255, "CloudWatch Logs, API Reference"),
    ("AWS::IAM::Role", "RoleName"): (64, "IAM, User Guide, IAM and AWS STS quotas"),
    ("AWS::Events::Rule", "Name"): (64, "EventBridge, API Reference, PutRule"),
    ("AWS::SNS::Topic", "DisplayName"): (100, "SNS, API Reference, CreateTopic"),
    ("AWS::SecretsManager::Secret", "Description"): (2048, "Secrets Manager, API Reference"),
    ("AWS::CloudWatch::Alarm", "AlarmDescription"): (1024, "CloudWatch, API Reference"),
    ("AWS::CloudWatch::Dashboard", "DashboardName"): (255, "CloudWatch, API Reference"),
    ("AWS::ApiGatewayV2::DomainName", "DomainName"): (512, "API Gateway, Version 2 API Reference"),
}
# What `forwarder listen --name` takes.
LISTENER: Final = 40


def lengths_of_names(template: Template) -> list[str]:
    """API Reference of each service, by LENGTHS: names and descriptions, in a stack whose name is
    as long as CloudFormation takes it."""
    found = [
        f"{name}.{part}: {len(properties[part])} characters in a stack with a long name, of which "
        f"{most} are taken ({source})"
        for (kind, part), (most, source) in LENGTHS.items()
        for name, properties in resolved(template, kind)
        if len(str(properties.get(part, ""))) > most
    ]
    prefixes = [
        str(value(template, output["Value"], name))
        for name, output in template.outputs.items()
        if name.startswith("ListenQueue")
    ]
    if min(map(len, prefixes)) + LISTENER > LONGEST_QUEUE_NAME:
        found.append(
            "ListenQueuePrefix: a long stack's name leaves no room for a listener's in a queue's, "
            f"of {LONGEST_QUEUE_NAME} characters"
        )
    return found


# Of a role's inline policies together, and of its trust; of a queue's and of a bucket's policy.
INLINE_POLICIES: Final = 10_240
TRUST_POLICY: Final = 2_048
RESOURCE_POLICIES: Final = {"AWS::SQS::QueuePolicy": 8_192, "AWS::S3::BucketPolicy": 20 * 1024}


def sizes_of_policies(template: Template) -> list[str]:
    """IAM, User Guide, "IAM and AWS STS quotas" (a role's inline policies together, without white
    space); SQS, Developer Guide, "Amazon SQS policy quotas"; S3, User Guide, "Bucket policies"."""
    found = []
    for name, role in resolved(template, "AWS::IAM::Role"):
        inline = sum(_size(policy["PolicyDocument"]) for policy in role.get("Policies", []))
        if inline > INLINE_POLICIES:
            found.append(f"{name}: inline policies of {inline} characters of {INLINE_POLICIES}")
        if _size(role["AssumeRolePolicyDocument"]) > TRUST_POLICY:
            found.append(f"{name}: a trust policy of more than {TRUST_POLICY} characters")
    for kind, most in RESOURCE_POLICIES.items():
        for name, policy in resolved(template, kind):
            if (size := _size(policy["PolicyDocument"])) > most:
                found.append(f"{name}: a policy of {size} bytes of {most}")
    return found


def _size(document: Any) -> int:
    """Characters without white space, with room for the ARNs that only AWS can fill in."""
    text = json.dumps(document, separators=(",", ":"))
    return len(text) + text.count(".Arn") * ARN


# An ARN, of which `Logical.Arn` stands for the rest: its names are CloudFormation's, of up to 140.
ARN: Final = len("arn:aws:secretsmanager:ap-southeast-1:123456789012:secret:") + 140


MOST_RESOURCES, MOST_PARAMETERS, MOST_OUTPUTS, DESCRIPTION = 500, 200, 200, 1_024


def sizes_of_the_template(template: Template) -> list[str]:
    """CloudFormation, User Guide, "Understand CloudFormation quotas"."""
    counts = {
        "resources": (len(template.resources), MOST_RESOURCES),
        "parameters": (len(template.parameters), MOST_PARAMETERS),
        "outputs": (len(template.outputs), MOST_OUTPUTS),
    }
    found = [f"{n} {what} of {most}" for what, (n, most) in counts.items() if n > most]
    return found + [
        f"{name}: an output's description of more than {DESCRIPTION} bytes"
        for name, output in template.outputs.items()
        if len(output.get("Description", "").encode()) > DESCRIPTION
    ]


CHECKS: Final[tuple[Check, ...]] = (
    access_log_format,
    access_log_group,
    retained_creations,
    callers_of_functions,
    lengths_of_names,
    sizes_of_policies,
    sizes_of_the_template,
)
