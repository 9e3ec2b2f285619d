"""Each right of each role: it serves on its own resource, and on no other of the same kind.

The rights are read from what was deployed, so that none can be forgotten; for each action there is
a call here that changes nothing, whatever the answer.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from tests.deploy.emulator import ACCOUNT
from tests.deploy.site import Site
from tests.deploy.steps import Failed

ROLES: Final = ("ReceiverRole", "FanoutRole", "SweeperRole")
DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException"})
_KEY: Final = {"event_key": {"S": "rights"}}
_NEVER: Final = "attribute_exists(event_key) AND attribute_not_exists(event_key)"
# What comes before a resource's own name in an ARN.
_BEFORE_NAME: Final = re.compile(
    r"^(arn:aws:(?:dynamodb:.*:table/|sqs:[^:]*:\d+:|s3:::|secretsmanager:.*:secret:"
    r"|logs:.*:log-group:|lambda:.*:function:|events:.*:event-bus/))"
)


@dataclass(frozen=True, order=True)
class Right:
    """An action on a resource, of a role by its logical id."""

    role: str
    action: str
    resource: str

    @property
    def own(self) -> str:
        """A resource that it is for."""
        return self.resource.replace("*", "me")

    def covers(self, action: str, resource: str) -> bool:
        """Whether it allows the action on that resource."""
        return action == self.action and fnmatch.fnmatchcase(resource, self.resource)

    @property
    def another(self) -> str:
        """One of the same kind that it is not for; raise Failed where it is for all."""
        found, count = _BEFORE_NAME.subn(r"\1another-", self.own, count=1)
        if not count:
            raise Failed(f"{self} is for more than one named resource")
        return found


def prove(site: Site) -> int:
    """Try all rights; raise Failed at the first that is wrong. Returns how many there are."""
    rights = sorted(right for role in ROLES for right in rights_of(site, role))
    clients = {role: _acting_as(site, role) for role in ROLES}
    # S3 says that there is no such bucket before it asks for rights.
    for bucket in sorted({_bucket(r.another) for r in rights if r.action.startswith("s3:")}):
        site.emulator.client("s3").create_bucket(Bucket=bucket)
    for right in rights:
        if is_denied(clients[right.role], right.action, right.own):
            raise Failed(f"{right.role} cannot {right.action} on {right.own}, which it has to")
        if not is_denied(clients[right.role], right.action, right.another):
            raise Failed(
                f"{right.role} can {right.action} on {right.another}, which is not its own"
            )
    held = {(right.action, right.own) for right in rights}
    for role in ROLES:
        mine = [right for right in rights if right.role == role]
        for action, resource in sorted(held):
            # One role's right may hold for all of what another's is a part of.
            if any(right.covers(action, resource) for right in mine):
                continue
            if not is_denied(clients[role], action, resource):
                raise Failed(f"{role} can {action} on {resource}, which is another role's")
    return len(rights)


def rights_of(site: Site, role: str) -> Iterator[Right]:
    """What the role's policies allow, one action and resource at a time."""
    iam, name = site.emulator.client("iam"), site.resources()[role]
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for statement in document["Statement"]:
            for action in _listed(statement["Action"]):
                for resource in _listed(statement["Resource"]):
                    yield Right(role, action, resource)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _acting_as(site: Site, role: str) -> Callable[[str], Any]:
    """Clients with the role's credentials: lent to the account for as long as that takes."""
    iam, sts, name = (
        site.emulator.client("iam"),
        site.emulator.client("sts"),
        site.resources()[role],
    )
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    before = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    lent = {**before, "Statement": [*before["Statement"], trust]}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(lent))
    try:
        arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
        found = sts.assume_role(RoleArn=arn, RoleSessionName="rights")["Credentials"]
    finally:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(before))
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = site.emulator.client(
                service,
                aws_access_key_id=found["AccessKeyId"],
                aws_secret_access_key=found["SecretAccessKey"],
                aws_session_token=found["SessionToken"],
            )
        return clients[service]

    return client


# ---- A call for each action ---------------------------------------------------------------------


def is_denied(client: Callable[[str], Any], action: str, arn: str) -> bool:
    """Whether the call is refused for want of a right; any other answer means it was let in."""
    call = CALLS.get(action)
    if call is None:
        raise Failed(f"{action} is a right of a role, and has no call in tests/deploy/rights.py")
    try:
        call(client(action.partition(":")[0]), arn)
    except ClientError as error:
        return error.response["Error"]["Code"] in DENIED
    return False


def _table(arn: str) -> str:
    return arn.partition("table/")[2].partition("/")[0]


def _index(arn: str) -> dict[str, str]:
    """The argument for the index, where the right is for one."""
    return {"IndexName": arn.rpartition("/")[2]} if "/index/" in arn else {}


def _queue(arn: str) -> str:
    return f"https://localhost/{ACCOUNT}/{arn.rpartition(':')[2]}"


def _bucket(arn: str) -> str:
    return arn.partition(":::")[2].partition("/")[0]


def _object(arn: str) -> str:
    return arn.partition(":::")[2].partition("/")[2]


def _group(arn: str) -> str:
    return arn.partition("log-group:")[2].removesuffix(":me")


CALLS: Final[Mapping[str, Callable[[Any, str], object]]] = {
    "dynamodb:GetItem": lambda c, arn: c.get_item(TableName=_table(arn), Key=_KEY),
    "dynamodb:PutItem": lambda c, arn: c.put_item(
        TableName=_table(arn), Item=_KEY, ConditionExpression=_NEVER
    ),
    "dynamodb:UpdateItem": lambda c, arn: c.update_item(
        TableName=_table(arn),
        Key=_KEY,
        UpdateExpression="REMOVE nothing",
        ConditionExpression=_NEVER,
    ),
    "dynamodb:DeleteItem": lambda c, arn: c.delete_item(
        TableName=_table(arn), Key=_KEY, ConditionExpression=_NEVER
    ),
    "dynamodb:Query": lambda c, arn: c.query(
        TableName=_table(arn),
        KeyConditionExpression="shard = :none",
        ExpressionAttributeValues={":none": {"N": "-1"}},
        **_index(arn),
    ),
    # SQS takes no such characters in a message, no such counts, and no such receipts.
    "sqs:SendMessage": lambda c, arn: c.send_message(QueueUrl=_queue(arn), MessageBody="\0"),
    "sqs:ReceiveMessage": lambda c, arn: c.receive_message(
        QueueUrl=_queue(arn), MaxNumberOfMessages=99
    ),
    "sqs:DeleteMessage": lambda c, arn: c.delete_message(QueueUrl=_queue(arn), ReceiptHandle="no"),
    "sqs:ChangeMessageVisibility": lambda c, arn: c.change_message_visibility(
        QueueUrl=_queue(arn), ReceiptHandle="no", VisibilityTimeout=0
    ),
    "sqs:GetQueueAttributes": lambda c, arn: c.get_queue_attributes(QueueUrl=_queue(arn)),
    "s3:PutObject": lambda c, arn: c.put_object(
        Bucket=_bucket(arn), Key=_object(arn), IfMatch='"none"'
    ),
    "s3:GetObject": lambda c, arn: c.get_object(Bucket=_bucket(arn), Key=_object(arn)),
    "s3:ListBucket": lambda c, arn: c.list_objects_v2(Bucket=_bucket(arn), MaxKeys=1),
    "secretsmanager:GetSecretValue": lambda c, arn: c.get_secret_value(SecretId=arn),
    "logs:CreateLogStream": lambda c, arn: c.create_log_stream(
        logGroupName=_group(arn), logStreamName="rights"
    ),
    "logs:PutLogEvents": lambda c, arn: c.put_log_events(
        logGroupName=_group(arn), logStreamName="none", logEvents=[{"timestamp": 1, "message": "-"}]
    ),
    "events:PutEvents": lambda c, arn: c.put_events(
        Entries=[{"EventBusName": arn, "Source": "rights", "DetailType": "", "Detail": "{}"}]
    ),
    "lambda:InvokeFunction": lambda c, arn: c.invoke(FunctionName=arn, InvocationType="DryRun"),
}
