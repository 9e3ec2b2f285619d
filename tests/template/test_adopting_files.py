"""docs/adopt.md's files: what they say of this repository is so."""

from __future__ import annotations

import re
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

from tests.template.conftest import TEMPLATE
from tests.template.test_resources import KEPT

ROOT = TEMPLATE.parent
WORKFLOW = ROOT / "docs" / "adopt" / "deploy.yml"
KEPT_FILE = ROOT / "docs" / "adopt" / "kept.yaml"
TEXT = WORKFLOW.read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "adopt.md").read_text(encoding="utf-8")
CONTEXTS = {"github", "vars", "steps", "needs"}


def read(text: str) -> Any:
    return yaml_parse(text)


@pytest.fixture
def jobs() -> dict[str, Any]:
    found: dict[str, Any] = read(TEXT)["jobs"]
    return found


def without_parameters(part: Any) -> Any:
    """A part of the template without what a parameter decides."""
    decided = ("WarmThroughput", "DeletionProtectionEnabled")
    if isinstance(part, dict):
        return {k: without_parameters(v) for k, v in part.items() if k not in decided}
    return [without_parameters(each) for each in part] if isinstance(part, list) else part


def test_what_is_taken_up_again_is_what_the_template_keeps() -> None:
    """An import changes nothing; what follows it changes what is described otherwise."""
    kept = read(KEPT_FILE.read_text(encoding="utf-8"))
    assert "Transform" not in kept
    template = read(TEMPLATE.read_text(encoding="utf-8"))["Resources"]
    assert kept["Resources"] == {name: without_parameters(template[name]) for name in KEPT}


def test_page_names_each_resource_that_is_taken_up_again() -> None:
    for name in KEPT:
        assert f'"LogicalResourceId":"{name}"' in PAGE


def test_workflow_runs_targets_that_the_makefile_has(jobs: dict[str, Any]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    run = "\n".join(step.get("run", "") for job in jobs.values() for step in job["steps"])
    named = set(re.findall(r"^\s*make ([a-z-]+)", run, re.MULTILINE))
    assert {"test", "deploy-test", "build", "deploy"} <= named <= targets


def test_nothing_is_deployed_that_was_not_tested_and_planned(jobs: dict[str, Any]) -> None:
    assert (jobs["plan"]["needs"], jobs["deploy"]["needs"]) == ("test", "plan")
    assert jobs["deploy"]["environment"] == "production"
    assert "--no-execute-changeset" in jobs["plan"]["steps"][-1]["run"]


def test_only_who_takes_a_role_may_ask_for_a_token(jobs: dict[str, Any]) -> None:
    assert read(TEXT)["permissions"] == {"contents": "read"}
    for name, job in jobs.items():
        takes = any("configure-aws-credentials" in step.get("uses", "") for step in job["steps"])
        assert (job.get("permissions", {}).get("id-token") == "write") == takes, name
        # A pull request of a stranger gets no token.
        assert not takes or name == "deploy" or job["if"] == "github.event_name == 'push'"


def test_each_step_runs_or_uses_something_pinned(jobs: dict[str, Any]) -> None:
    for name, job in jobs.items():
        assert job["runs-on"], name
        assert job["timeout-minutes"] <= 30
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step), step
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step.get("uses", "a/b@v1")), step


def test_each_expression_refers_to_what_is_there(jobs: dict[str, Any]) -> None:
    for expression in re.findall(r"\$\{\{ (.+?) \}\}", TEXT):
        assert re.fullmatch(r"[\w.-]+", expression), expression
        assert expression.split(".")[0] in CONTEXTS
    ids = {step["id"] for job in jobs.values() for step in job["steps"] if "id" in step}
    assert set(re.findall(r"steps\.(\w+)\.", TEXT)) <= ids
    for job, output in re.findall(r"needs\.(\w+)\.outputs\.([\w-]+)", TEXT):
        assert output in jobs[job]["outputs"]
    written = re.findall(r'echo "([\w-]+)=.*GITHUB_OUTPUT', TEXT)
    assert set(re.findall(r"steps\.\w+\.outputs\.([\w-]+)", TEXT)) == set(written)


def test_no_expression_stands_in_a_script(jobs: dict[str, Any]) -> None:
    """GitHub Docs, "Script injections": what comes from elsewhere is passed by the environment."""
    for job in jobs.values():
        assert not any("${{" in step.get("run", "") for step in job["steps"])


def test_page_shows_the_rights_that_the_workflow_asks_for(jobs: dict[str, Any]) -> None:
    assert "adopt/deploy.yml" in PAGE
    assert "token.actions.githubusercontent.com:sub" in PAGE
    for name in ("AWS_REGION", "DEPLOY_ROLE_ARN"):
        assert f"vars.{name}" in TEXT
        assert name in PAGE
