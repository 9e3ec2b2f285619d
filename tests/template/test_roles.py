"""Every right that a role has is used, and is missed where it is taken away."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from spectrum_cli.local.moto_server import MotoServer

from tests.support.role_stack import Stack
from tests.support.roles import USES
from tests.template.test_functions import as_list


@pytest.fixture
def stack() -> Iterator[Stack]:
    with MotoServer() as moto:
        yield Stack(moto.url)


def without_one_right(policy: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The policy less one action on one resource, for each of them, and what is missing."""
    for number, statement in enumerate(policy["Statement"]):
        actions, resources = as_list(statement["Action"]), as_list(statement["Resource"])
        for action in actions:
            for resource in resources:
                mutant = copy.deepcopy(policy)
                kept = [
                    {"Effect": "Allow", "Action": action_left, "Resource": resource_left}
                    for action_left in actions
                    for resource_left in resources
                    if (action_left, resource_left) != (action, resource)
                ]
                mutant["Statement"][number : number + 1] = kept
                yield f"{action} on {resource}", mutant


@pytest.mark.parametrize("role", USES)
def test_each_right_is_missed_when_it_is_taken_away(role: str, stack: Stack) -> None:
    iam, name = stack.client("iam"), stack.named(role)
    (policy_name,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    policy = iam.get_role_policy(RoleName=name, PolicyName=policy_name)["PolicyDocument"]
    usual = [(part, part(stack)) for part in USES[role]]
    assert all(part(stack) == seen for part, seen in usual), "else nothing could be told from it"
    unmissed = []
    for right, mutant in without_one_right(policy):
        iam.put_role_policy(
            RoleName=name, PolicyName=policy_name, PolicyDocument=json.dumps(mutant)
        )
        missed = next((use for use in usual if use[0](stack) != use[1]), None)
        if missed is None:
            unmissed.append(right)
        else:
            # Rights stand together: what misses this one is the first to be asked of the next.
            usual.remove(missed)
            usual.insert(0, missed)
    assert unmissed == []
