"""A right of a role of the local stack, taken away for a while.

Roles count locally, so a service is put out of reach by taking the right to use it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from spectrum_cli.local.stack import LocalStack

SERVICES = {"table": "dynamodb:", "queue": "sqs:", "secrets": "secretsmanager:", "bucket": "s3:"}


@contextlib.contextmanager
def without_right(stack: LocalStack, role: str, actions: str) -> Iterator[None]:
    """Take the rights to actions that begin so away from a role, for a while."""
    iam, name = stack.client("iam"), stack.deployment.physical_ids[role]
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    before = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    denied = {"Effect": "Deny", "Action": f"{actions}*", "Resource": "*"}
    after = {**before, "Statement": [*before["Statement"], denied]}
    iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(after))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(before))
