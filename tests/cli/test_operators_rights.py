"""docs/adopt's policies for operators allow every call that their commands make."""

from __future__ import annotations

import fnmatch
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from tests.support.filled import dead, delivered, put
from tests.support.stacks import Deployed, forwarder

ADOPT = Path(__file__).parents[2] / "docs" / "adopt"
NOW = time.time()
# What an operation is called in a policy, where that is another name.
NAMES = {
    "monitoring:DescribeAlarms": "cloudwatch:DescribeAlarms",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
READ_ONLY = [
    ["events", "list"],
    ["events", "list", "--status", "dead_lettered"],
    ["events", "show", "{key}"],
    ["destinations", "list"],
    ["destinations", "export"],
    ["quarantine", "list"],
    ["webhooks", "list"],
    ["audit", "--since", "2d"],
    ["audit", "--wire"],
    ["doctor", "--no-canary"],
]
ON_CALL = [
    ["destinations", "add", "bot", "https://bot.example.com/"],
    ["destinations", "set", "bot", "--timeout", "5"],
    ["destinations", "pause", "bot"],
    ["destinations", "resume", "bot"],
    ["destinations", "rotate", "bot"],
    ["destinations", "remove", "bot", "--yes"],
    ["destinations", "apply", "-f", "-"],
    ["replay", "{key}"],
    ["quarantine", "release", "--all", "--yes"],
    ["events", "erase", "--sender", "+15550100", "--yes"],
]


@pytest.fixture(scope="module")
def key(stack: Deployed) -> str:
    put(stack, "dead", delivered("crm", NOW), dead("erp", NOW), received_at=NOW - 60)
    return put(stack, "done", delivered("crm", NOW), received_at=NOW - 30)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The actions of every call that is made meanwhile."""
    made: set[str] = set()
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def noted(self: Any, operation: str, arguments: Any) -> Any:
        action = f"{self.meta.service_model.signing_name}:{operation}"
        made.add(NAMES.get(action, action))
        return call(self, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    yield made


def allowed(*files: str) -> list[str]:
    statements = [
        statement
        for file in files
        for statement in json.loads((ADOPT / file).read_text(encoding="utf-8"))["Statement"]
    ]
    assert all(statement["Effect"] == "Allow" for statement in statements)
    return [action for statement in statements for action in statement["Action"]]


def missing(made: set[str], *files: str) -> set[str]:
    patterns = allowed(*files)
    return {action for action in made if not any(fnmatch.fnmatchcase(action, p) for p in patterns)}


@pytest.mark.parametrize("command", READ_ONLY, ids=" ".join)
def test_reading_takes_no_more_than_the_policy_for_readers(
    key: str, calls: set[str], command: list[str]
) -> None:
    ran = forwarder(*(word.format(key=key) for word in command))
    assert ran.status in (0, 1), ran.err
    assert calls
    assert missing(calls, "read-only.json") == set()


@pytest.mark.parametrize("command", [READ_ONLY[0], READ_ONLY[2]], ids=" ".join)
def test_the_log_is_read_without_the_registries(
    key: str, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def refused(self: Any, operation: str, arguments: Any) -> Any:
        if operation == "GetSecretValue":
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, operation)
        return call(self, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", refused)
    ran = forwarder(*(word.format(key=key) for word in command))
    assert ran.status in (0, 1), ran.err
    assert key in ran.out


def test_a_reader_may_change_nothing() -> None:
    verbs = ("Put", "Update", "Delete", "Create", "Send", "Invoke", "Tag", "Change", "Set", "*")
    assert [a for a in allowed("read-only.json") if a.partition(":")[2].startswith(verbs)] == []


def test_policies_name_stacks_own_resources_only() -> None:
    """What has no resource of its own is asked of everything; nothing else is."""
    for file in ("read-only.json", "on-call.json"):
        for statement in json.loads((ADOPT / file).read_text(encoding="utf-8"))["Statement"]:
            everything = statement["Resource"] == "*"
            assert everything == (statement["Sid"] == "WhatHasNoResource"), statement["Sid"]


def test_the_deployer_may_make_every_type_of_the_template() -> None:
    services = {"serverless": "lambda", "apigatewayv2": "apigateway"}
    template = (ADOPT.parents[1] / "template.yaml").read_text(encoding="utf-8")
    types = {found.lower() for found in re.findall(r"Type: AWS::(\w+)::\w+", template)} - {"ssm"}
    may = {action.partition(":")[0] for action in allowed("deployer.json")}
    assert {services.get(service, service) for service in types} <= may
    assert not [a for a in allowed("deployer.json") if a.endswith("GetSecretValue")]


@pytest.mark.parametrize("command", ON_CALL, ids=" ".join)
def test_mending_takes_no_more_than_the_policies_for_operators(
    key: str, calls: set[str], command: list[str]
) -> None:
    given = json.dumps({"destinations": []})
    ran = forwarder(*(word.format(key=key) for word in command), given=given)
    assert ran.status in (0, 1), ran.err
    assert calls
    assert missing(calls, "read-only.json", "on-call.json") == set()
