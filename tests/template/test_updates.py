"""An update reaches callers in one step: what calls a function calls an alias, which is moved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from spectrum_cli.local.intrinsics import references
from spectrum_cli.local.template import Template, read

from tests.template.conftest import TEMPLATE, Properties, resolved_by
from tests.template.translated import load

# What a function has as a whole; its versions and their settings do not change with it.
NOT_OF_A_VERSION = {"ReservedConcurrentExecutions", "RecursiveLoop", "Tags"}
ROUTES = ("ReceiverFunctionWebhookPermission", "ReceiverFunctionWebhookSlotPermission")


def functions_of(template: Template) -> list[str]:
    kind = "AWS::Lambda::Function"
    return [name for name, found in template.resources.items() if found.type == kind]


def versions_of(template: Template) -> dict[str, tuple[str, object]]:
    """What CloudFormation tells each function's version from another by: id and description."""
    properties = resolved_by(template)
    return {
        properties(name)["FunctionName"]: (name, properties(name).get("Description"))
        for name, found in template.resources.items()
        if found.type == "AWS::Lambda::Version"
    }


def changed(template: Path, folder: Path, old: str, new: str) -> Template:
    """The template with `old` as `new`, wherever it stands."""
    text = template.read_text(encoding="utf-8")
    assert old in text
    other = folder / "template.yaml"
    other.write_text(text.replace(old, new), encoding="utf-8")
    return load(other)


def test_routes_lanes_and_schedule_call_aliases(template: Template) -> None:
    properties = resolved_by(template)
    paths = properties("HttpApi")["Body"]["paths"]
    for path in paths.values():
        assert (
            "/ReceiverFunctionAliaslive/" in path["post"]["x-amazon-apigateway-integration"]["uri"]
        )
    called = {
        properties(name).get("FunctionName")
        for name, found in template.resources.items()
        if found.type in {"AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission"}
    }
    targets = [
        target["Arn"]
        for name, found in template.resources.items()
        if found.type == "AWS::Events::Rule"
        for target in properties(name)["Targets"]
    ]
    assert {*called, *targets} == {f"{name}Aliaslive" for name in functions_of(template)}


def test_alias_is_moved_to_a_version_of_its_function(template: Template) -> None:
    properties = resolved_by(template)
    for function, (version, _) in versions_of(template).items():
        alias = properties(f"{function}Aliaslive")
        assert (alias["FunctionName"], alias["FunctionVersion"]) == (function, f"{version}.Version")
    assert versions_of(template).keys() == set(functions_of(template))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("POWERTOOLS_LOG_LEVEL: INFO", "POWERTOOLS_LOG_LEVEL: DEBUG"),
        ("Runtime: python3.13", "Runtime: python3.14"),
    ],
)
def test_each_setting_makes_a_version(
    old: str, new: str, template: Template, tmp_path: Path
) -> None:
    before = versions_of(template)
    after = versions_of(changed(TEMPLATE, tmp_path, old, new))
    assert all(after[name] != before[name] for name in before)


def test_timeout_makes_a_version(template: Template, tmp_path: Path) -> None:
    after = versions_of(changed(TEMPLATE, tmp_path, "Timeout: 10\n", "Timeout: 9\n"))
    assert after["ReceiverFunction"] != versions_of(template)["ReceiverFunction"]


def test_new_layer_alone_makes_a_version(source: Path = TEMPLATE) -> None:
    """aws-sam-translator 1.115.0, `_construct_version`: of a layer the name alone counts, unless
    the layer says PublishLambdaVersion. Its code is told apart by where it was uploaded to."""
    layers = [
        body["Properties"]
        for body in read(source)["Resources"].values()
        if body["Type"] == "AWS::Serverless::LayerVersion"
    ]
    assert layers
    assert all(layer["PublishLambdaVersion"] is True for layer in layers)


def test_new_value_of_a_parameter_alone_makes_a_version(template: Template) -> None:
    """serverless-application-model issue 3820: SAM counts the parameter's name, not its value.
    A new description is a new version (AWS::Lambda::Version, createOnlyProperties)."""
    versions = {
        properties["FunctionName"]["Ref"]: set(references(properties.get("Description")))
        for properties in (
            found.properties
            for found in template.resources.values()
            if found.type == "AWS::Lambda::Version"
        )
    }
    for function in functions_of(template):
        settings = {
            name: value
            for name, value in template.resources[function].properties.items()
            if name not in NOT_OF_A_VERSION
        }
        assert set(references(settings)) & set(template.parameters) <= versions[function], function


def test_what_no_version_holds_makes_none(template: Template) -> None:
    """Lambda publishes nothing where nothing has changed, and the deployment fails of that: "A
    version for this Lambda function exists" (serverless-application-model issue 3281)."""
    other = load(TEMPLATE, {"ReceiverReservedConcurrency": "5", "ThrottleRate": "7"})
    assert versions_of(other) == versions_of(template)


def test_no_route_leads_to_what_it_may_not_invoke_yet(template: Template) -> None:
    """SAM's own permissions name the API, so they can only be made after it has its routes."""
    permission = template.resources["EndpointPermission"]
    assert "HttpApi" not in set(references(permission.properties))
    assert "EndpointPermission" in str(template.resources["HttpApi"].attributes["DependsOn"])
    properties = resolved_by(template)
    granted = properties("EndpointPermission")
    assert granted["FunctionName"] == "ReceiverFunctionAliaslive"
    assert granted["SourceArn"].endswith(":123456789012:*/*/POST/spectrum-webhook*")
    assert {properties(route)["Principal"] for route in ROUTES} == {granted["Principal"]}


def test_function_of_0_1_0_is_not_changed_under_its_callers(template: Template) -> None:
    """Its routes call the function itself. Under another name it is made anew beside it, and the
    old one goes when nothing calls it any more (AWS::Lambda::Function, createOnlyProperties)."""
    properties = resolved_by(template)
    for function in functions_of(template):
        name = properties(function)["FunctionName"]
        # Lambda takes 64 characters, CloudFormation stacks' names of 128.
        assert len(name) <= 64
        assert "spectrum-forwarder" not in name


def check_no_question(source: Path) -> None:
    """aws-sam-cli 1.170.0, commands/deploy/auth_utils.py: any Auth on the API will do."""
    body = read(source)["Resources"]["HttpApi"]
    assert body["Properties"]["Auth"]


def test_guided_deployment_need_not_ask_about_authentication(properties: Properties) -> None:
    check_no_question(TEMPLATE)
    assert "security" not in json.dumps(properties("HttpApi")["Body"])
