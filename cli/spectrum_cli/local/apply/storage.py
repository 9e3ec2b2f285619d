"""Applies what keeps things: table, queues, secrets, bucket, and the policies on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from spectrum_cli.local.apply.context import Applied, Context, Kind
from spectrum_cli.local.template import Resource

Properties = Mapping[str, Any]

# Queue attributes without which queues would behave differently here.
_ESSENTIAL_QUEUE_ATTRIBUTES: Final = frozenset(
    {"DelaySeconds", "MessageRetentionPeriod", "RedrivePolicy", "VisibilityTimeout"}
)


def apply_table(context: Context, resource: Resource, properties: Properties) -> Applied:
    dynamodb = context.client("dynamodb")
    name = context.name_of(resource)
    definition = {
        key: properties[key]
        for key in ("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema")
        if key in properties
    }
    if "GlobalSecondaryIndexes" in definition:
        definition["GlobalSecondaryIndexes"] = [
            {key: value for key, value in index.items() if key != "WarmThroughput"}
            for index in definition["GlobalSecondaryIndexes"]
        ]
    if "SSESpecification" in properties and not context.endpoints.is_overridden("dynamodb"):
        encryption = properties["SSESpecification"]
        definition["SSESpecification"] = {"Enabled": encryption["SSEEnabled"]}
    # A stand-in may still have the table of an earlier run.
    with context.may_be_missing("dynamodb", f"new table {name}"):
        dynamodb.create_table(TableName=name, **definition)
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    if "TimeToLiveSpecification" in properties:
        with context.may_be_missing("dynamodb", "time to live"):
            dynamodb.update_time_to_live(
                TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"]
            )
    if "PointInTimeRecoverySpecification" in properties:
        with context.may_be_missing("dynamodb", "point-in-time recovery"):
            dynamodb.update_continuous_backups(
                TableName=name,
                PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"],
            )
    arn = dynamodb.describe_table(TableName=name)["Table"].get("TableArn", "")
    return Applied(name, {"Arn": arn})


def apply_queue(context: Context, resource: Resource, properties: Properties) -> Applied:
    sqs = context.client("sqs")
    attributes = {
        key: json.dumps(value) if isinstance(value, dict) else _text(value)
        for key, value in properties.items()
    }
    essential = {k: v for k, v in attributes.items() if k in _ESSENTIAL_QUEUE_ATTRIBUTES}
    url = sqs.create_queue(QueueName=context.name_of(resource), Attributes=essential)["QueueUrl"]
    for key in attributes.keys() - essential.keys():
        with context.may_be_missing("sqs", key):
            sqs.set_queue_attributes(QueueUrl=url, Attributes={key: attributes[key]})
    described = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = described["Attributes"]["QueueArn"]
    return Applied(url, {"Arn": arn, "QueueName": context.name_of(resource), "QueueUrl": url})


def apply_queue_policy(context: Context, resource: Resource, properties: Properties) -> Applied:
    policy = _without_tls_rules(properties["PolicyDocument"])
    for url in properties["Queues"] if policy["Statement"] else []:
        with context.may_be_missing("sqs", "policy"):
            context.client("sqs").set_queue_attributes(
                QueueUrl=url, Attributes={"Policy": json.dumps(policy)}
            )
    return Applied(context.name_of(resource))


def apply_secret(context: Context, resource: Resource, properties: Properties) -> Applied:
    name = context.name_of(resource)
    answer = context.client("secretsmanager").create_secret(Name=name, **properties)
    return Applied(answer["ARN"], {"Id": answer["ARN"]}, name)


def apply_bucket(context: Context, resource: Resource, properties: Properties) -> Applied:
    s3 = context.client("s3")
    name = context.name_of(resource).lower()
    s3.create_bucket(Bucket=name)
    s3.put_public_access_block(
        Bucket=name, PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"]
    )
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=properties["OwnershipControls"])
    # CloudFormation and the S3 API name the same things differently.
    encryption = [
        {
            "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
        }
        for rule in properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    ]
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": encryption})
    lifecycle = [
        {
            "ID": rule["Id"],
            "Status": rule["Status"],
            "Filter": {"Prefix": rule.get("Prefix", "")},
            "Expiration": {"Days": int(rule["ExpirationInDays"])},
        }
        for rule in properties["LifecycleConfiguration"]["Rules"]
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": lifecycle})
    return Applied(name, {"Arn": f"arn:aws:s3:::{name}"})


def apply_bucket_policy(context: Context, resource: Resource, properties: Properties) -> Applied:
    policy = _without_tls_rules(properties["PolicyDocument"])
    if policy["Statement"]:
        context.client("s3").put_bucket_policy(
            Bucket=properties["Bucket"], Policy=json.dumps(policy)
        )
    return Applied(context.name_of(resource))


def _without_tls_rules(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The policy without its rules against plain HTTP.

    There is no TLS on the loopback address, and moto does not read conditions: to it, such a rule
    refuses everything.
    """
    plain_http = {"Bool": {"aws:SecureTransport": "false"}}
    kept = [rule for rule in policy["Statement"] if rule.get("Condition") != plain_http]
    return {**policy, "Statement": kept}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


KINDS: Final[Mapping[str, Kind]] = {
    "AWS::DynamoDB::Table": Kind(
        apply_table,
        frozenset(
            {
                "AttributeDefinitions",
                "BillingMode",
                "GlobalSecondaryIndexes",
                "KeySchema",
                "PointInTimeRecoverySpecification",
                "SSESpecification",
                "TimeToLiveSpecification",
            }
        ),
        {
            "WarmThroughput": "nothing warms up here",
            "DeletionProtectionEnabled": "the whole of it ends with the command",
        },
    ),
    "AWS::SQS::Queue": Kind(
        apply_queue, _ESSENTIAL_QUEUE_ATTRIBUTES | {"SqsManagedSseEnabled", "RedriveAllowPolicy"}
    ),
    "AWS::SQS::QueuePolicy": Kind(apply_queue_policy, frozenset({"PolicyDocument", "Queues"})),
    "AWS::SecretsManager::Secret": Kind(apply_secret, frozenset({"Description", "SecretString"})),
    "AWS::S3::Bucket": Kind(
        apply_bucket,
        frozenset(
            {
                "BucketEncryption",
                "LifecycleConfiguration",
                "OwnershipControls",
                "PublicAccessBlockConfiguration",
            }
        ),
    ),
    "AWS::S3::BucketPolicy": Kind(apply_bucket_policy, frozenset({"Bucket", "PolicyDocument"})),
}
