"""Roles that count: a function's requests are allowed what its role in the template allows.

moto can check requests against policies, but checks everybody's or nobody's, and most services'
without looking at the resource. Here a request is checked if a role's credentials signed it,
against the very resource that it names. Everything else is the stack itself, or an operator's
command: they stand for the account's administrator.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, Final, cast
from urllib.parse import unquote

from botocore.client import BaseClient
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import JsonRESTError
from moto.iam.access_control import AssumedRoleAccessKey, IAMPolicy, PermissionResult
from moto.s3.exceptions import BucketAccessDeniedError
from moto.s3.models import s3_backends
from moto.sts.models import sts_backends

from spectrum_cli.local.guard import access_key_of
from spectrum_cli.local.intrinsics import ACCOUNT, REGION

# What an action is called in a policy, where that is not the API operation's name.
_NAMES: Final = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "lambda:Invoke": "lambda:InvokeFunction",
}


class AccessDenied(JsonRESTError):
    """As services that speak JSON say it."""

    code = 403

    def __init__(self, text: str) -> None:
        super().__init__("AccessDeniedException", text)


def assume(sts: BaseClient, role_name: str) -> dict[str, str]:
    """Return credentials of the role, as the environment of a function."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/{role_name}"
    # Typed loosely: a client's methods are made at run time.
    session: Any = sts
    found = session.assume_role(RoleArn=arn, RoleSessionName="local")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
        "AWS_SESSION_TOKEN": found["SessionToken"],
    }


@cache
def enforce_roles() -> None:
    """Check roles' requests from now on, for the life of the process; further calls do nothing."""

    def check_service(self: Any, resource: str = "*") -> None:
        role = _role_of(self.headers)
        if role is None:
            return
        operation = f"{_service_of(self.headers)}:{self._get_action()}"
        action = _NAMES.get(operation, operation)
        for named in _resources(action, self):
            if not _may(role, action, named):
                raise AccessDenied(f"{role.arn} is not authorized to perform {action} on {named}")

    def check_s3(self: Any, bucket_name: str | None = None, key_name: str | None = None) -> None:
        role = _role_of(self.headers)
        if role is None or bucket_name is None:
            return
        found = self._get_action()
        action = f"s3:{found[0] if isinstance(found, list) else found}"
        bucket = f"arn:aws:s3:::{bucket_name}"
        allowed = _may(role, action, f"{bucket}/{key_name}" if key_name else bucket)
        if allowed and action == "s3:GetObject" and not _is_there(bucket_name, key_name):
            # S3 says that an object is missing only to those who might list the bucket.
            allowed = _may(role, "s3:ListBucket", bucket)
        if not allowed:
            raise BucketAccessDeniedError(bucket_name)

    mixin: Any = ActionAuthenticatorMixin
    mixin._authenticate_and_authorize_normal_action = check_service
    mixin._authenticate_and_authorize_s3_action = check_s3


def _role_of(headers: Mapping[str, str]) -> AssumedRoleAccessKey | None:
    """The role whose credentials signed the request, if it was one's."""
    key = access_key_of(headers.get("Authorization", ""))
    for session in sts_backends[ACCOUNT]["aws"].assumed_roles:
        if session.access_key_id == key:
            # One field is all that is looked at: nothing is gained by copying them.
            return AssumedRoleAccessKey(ACCOUNT, "aws", key, cast("dict[str, str]", headers))
    return None


def _service_of(headers: Mapping[str, str]) -> str:
    return headers["Authorization"].partition("Credential=")[2].split("/")[3]


@cache
def _policy(document: str) -> IAMPolicy:
    return IAMPolicy(document)


def _may(role: AssumedRoleAccessKey, action: str, resource: str) -> bool:
    return _allow(tuple(role.collect_policies()), action, resource)


# A function asks for the same few things all the time, and policies seldom change.
@lru_cache(4096)
def _allow(documents: tuple[str, ...], action: str, resource: str) -> bool:
    answers = [_policy(document).is_action_permitted(action, resource) for document in documents]
    return PermissionResult.PERMITTED in answers and PermissionResult.DENIED not in answers


def _resources(action: str, request: Any) -> Iterator[str]:
    """The ARNs of what the request is about; `*` matches nothing but a policy's `*`."""
    asked = _content(request)
    match action.partition(":")[0]:
        case "dynamodb":
            table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{asked.get('TableName', '*')}"
            yield f"{table}/index/{asked['IndexName']}" if "IndexName" in asked else table
        case "sqs":
            yield f"arn:aws:sqs:{REGION}:{ACCOUNT}:{asked.get('QueueUrl', '*').rpartition('/')[2]}"
        case "secretsmanager":
            yield asked.get("SecretId", "*")
        case "logs":
            group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{asked.get('logGroupName', '*')}"
            yield f"{group}:log-stream:{asked.get('logStreamName', '')}"
        case "events":
            for entry in asked.get("Entries", []):
                bus = entry.get("EventBusName", "default")
                is_arn = bus.startswith("arn:")
                yield bus if is_arn else f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}"
        case "lambda":
            name = unquote(request.path.split("/functions/")[-1].split("/")[0])
            is_arn = name.startswith("arn:")
            yield name if is_arn else f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        case _:
            yield "*"


def _content(request: Any) -> dict[str, Any]:
    """What a request in JSON says; some of moto's services have read it already."""
    if isinstance(request.body, dict):
        return request.body
    try:
        return dict(json.loads(request.body))
    except (TypeError, ValueError):
        return {}


def _is_there(bucket: str, key: str | None) -> bool:
    backend = s3_backends[ACCOUNT]["aws"]
    return key is not None and backend.head_object(bucket, key) is not None
