"""Finding the stack: what each command says when there is none, or it may not be looked at."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from spectrum_cli.local.deployment import Endpoints
from spectrum_cli.local.state import LocalState, published
from spectrum_cli.stack import local_choice
from spectrum_cli.stack.target import Target, find_target
from spectrum_cli.terminal.aws_errors import explained
from spectrum_forwarder.domain.errors import TableUnavailable

from tests.support.stacks import STACK, Deployed, Ran, forwarder

COMMANDS = [
    ["events", "list"],
    ["events", "show", "main:a"],
    ["events", "tail"],
    ["replay", "main:a"],
    ["destinations", "list"],
    ["destinations", "add", "crm", "https://crm.example.com/"],
    ["destinations", "set", "crm", "--timeout", "5"],
    ["destinations", "remove", "crm", "--yes"],
    ["destinations", "test", "crm"],
    ["destinations", "pause", "crm"],
    ["destinations", "resume", "crm"],
]


def unreachable(ran: Ran) -> str:
    """What it says, once it is known to end as it should."""
    assert (ran.status, ran.out) == (3, ""), ran.err
    assert ran.err.startswith("forwarder: ")
    assert ran.err.count("\n") == 1
    return ran.err


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_local_stack_is_said(no_stack: Path, command: list[str]) -> None:
    assert "forwarder local" in unreachable(forwarder(*command, "--local"))


@pytest.mark.parametrize("command", COMMANDS[:5], ids=" ".join)
def test_no_credentials_are_said(no_stack: Path, command: list[str]) -> None:
    said = unreachable(forwarder(*command, "--region", "eu-west-1"))
    assert "no AWS credentials were found" in said
    assert "--profile" in said


def test_no_region_and_no_profile_are_said(no_stack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_REGION", raising=False)
    assert "--region" in unreachable(forwarder("events", "list"))
    assert "profile" in unreachable(forwarder("events", "list", "--profile", "none"))


def test_nothing_that_answers_is_said(
    no_stack: Path, monkeypatch: pytest.MonkeyPatch, stack: Deployed
) -> None:
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert "cannot be reached" in unreachable(forwarder("events", "list"))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_stack_is_said(stack: Deployed, command: list[str]) -> None:
    said = unreachable(forwarder(*command, "--stack", "other"))
    assert "there is no stack other in us-east-1" in said


def test_a_stack_of_another_kind_is_said(stack: Deployed) -> None:
    template = json.dumps({"Resources": {"Any": {"Type": "AWS::SNS::Topic"}}})
    stack.client("cloudformation").create_stack(StackName="topic", TemplateBody=template)
    assert "no Spectrum forwarder" in unreachable(forwarder("events", "list", "--stack", "topic"))


def test_the_stacks_name_can_stand_in_the_environment(
    stack: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDER_STACK", "other")
    assert "no stack other" in unreachable(forwarder("events", "list"))
    assert forwarder("events", "list", "--stack", STACK).status == 0


def test_a_deleted_table_is_said(stack: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Target, "table", "none")
    assert "deploy the stack again" in unreachable(forwarder("events", "list"))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AccessDeniedException", "may not call Query"),
        ("ExpiredToken", "does not accept the credentials"),
        ("ResourceNotFoundException", "outside of CloudFormation"),
        ("SomethingElse", "AWS answered Query with SomethingElse: text"),
    ],
)
def test_what_aws_refuses_is_explained_wherever_it_was_wrapped(code: str, said: str) -> None:
    refused = ClientError({"Error": {"Code": code, "Message": "text"}}, "Query")
    wrapped = TableUnavailable("query: x")
    wrapped.__cause__ = refused
    for error in (refused, wrapped):
        explanation = explained(error)
        assert explanation is not None
        assert said in str(explanation)
    assert explained(ValueError()) is None


def test_a_defect_is_one_line_and_its_traceback_is_to_be_had(
    stack: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> str:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(Target, "table", property(broken))
    assert "ZeroDivisionError" in unreachable(forwarder("events", "list"))
    monkeypatch.setenv("FORWARDER_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        forwarder("events", "list")


def test_a_local_stack_is_found_by_its_state(stack: Deployed) -> None:
    state = LocalState(
        pid=os.getpid(),
        endpoint_url="http://127.0.0.1:1/spectrum-webhook",
        endpoints=Endpoints(stack.url),
        outputs=stack.outputs,
        time_scale=0.5,
    )
    assert "named local is running" in unreachable(
        forwarder("events", "list", "--local", "--stack", "local")
    )
    with published(state):
        target = find_target(local=True)
        assert (target.is_local, target.time_scale) == (True, 0.5)
        assert target.endpoint_url == state.endpoint_url
        assert target.client("dynamodb") is target.client("dynamodb")
        assert forwarder("events", "list", "--local").status == 0


@pytest.fixture
def two(stack: Deployed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Two local stacks; only the one named `second` answers."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    url = "http://127.0.0.1:1/spectrum-webhook"
    first = LocalState(os.getpid(), url, Endpoints("http://127.0.0.1:9"), stack.outputs)
    second = LocalState(os.getppid(), url, Endpoints(stack.url), stack.outputs, name="second")
    with published(first), published(second):
        yield


@pytest.mark.usefixtures("two")
def test_of_several_local_stacks_one_has_to_be_named() -> None:
    ran = forwarder("events", "list", "--local")
    assert ran.status == 2
    assert "local at http://" in ran.err
    assert "second at http://" in ran.err
    assert forwarder("events", "list", "--local", "--stack", "second").status == 0
    said = unreachable(forwarder("events", "list", "--local", "--stack", "third"))
    assert "forwarder local --name third" in said


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(("answer", "status"), [("2", 0), ("second", 0), ("3", 2), ("", 2)])
def test_of_several_local_stacks_a_person_is_asked_for_one(
    monkeypatch: pytest.MonkeyPatch, answer: str, status: int
) -> None:
    monkeypatch.setattr(local_choice, "_somebody_is_there", lambda: True)
    ran = forwarder("events", "list", "--local", given=f"{answer}\n")
    assert ran.status == status, ran.err
    assert "Which local stack? [1-2]" in ran.err


@pytest.mark.parametrize("options", [[], ["--region", "eu-west-1"]], ids=["no region", "nobody"])
def test_without_aws_a_local_stack_that_runs_is_offered(
    no_stack: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    assert "--local" not in unreachable(forwarder("events", "list", *options))
    state = LocalState(os.getpid(), "http://127.0.0.1:1/x", Endpoints("http://x"), {})
    with published(state):
        said = unreachable(forwarder("events", "list", *options))
    assert "Did you mean --local? There runs local at http://127.0.0.1:1/x" in said
