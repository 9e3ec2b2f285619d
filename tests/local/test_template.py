"""Loading a template: intrinsic functions, parameters, conditions, order."""

from __future__ import annotations

from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]
from spectrum_cli.local import checkout
from spectrum_cli.local.intrinsics import Resolver, TemplateError, references
from spectrum_cli.local.template import Template, load, read


def test_a_template_is_read_as_its_translator_reads_it() -> None:
    text = checkout.TEMPLATE.read_text(encoding="utf-8")
    assert read(checkout.TEMPLATE) == yaml_parse(text)


def resolver() -> Resolver:
    values = {"Days": "14", "Queue": "http://queue"}
    attributes = {("Queue", "Arn"): "arn:queue", ("Queue", "Sub.Name"): "nested"}
    conditions = {
        "Always": {"Fn::Equals": [{"Ref": "Days"}, 14]},
        "Never": {"Fn::Not": [{"Condition": "Always"}]},
        "Both": {"Fn::And": [{"Condition": "Always"}, {"Condition": "Never"}]},
        "Either": {"Fn::Or": [{"Condition": "Always"}, {"Condition": "Never"}]},
    }
    return Resolver(
        values.__getitem__,
        lambda name, attribute: attributes[name, attribute],
        conditions,
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Days"}, "14"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "arn:queue"),
        ({"Fn::GetAtt": "Queue.Sub.Name"}, "nested"),
        (
            {"Fn::Sub": "${Queue.Arn}/${Days}/${!Kept}/${AWS::Partition}"},
            "arn:queue/14/${Kept}/aws",
        ),
        ({"Fn::Sub": ["${A}-${Days}", {"A": {"Ref": "Queue"}}]}, "http://queue-14"),
        ({"Fn::Join": [":", ["a", {"Ref": "Days"}]]}, "a:14"),
        ({"Fn::If": ["Always", 1, 2]}, 1),
        ({"Fn::If": ["Both", 1, 2]}, 2),
        ({"Fn::If": ["Either", 1, 2]}, 1),
        ({"a": [{"Ref": "AWS::NoValue"}, 1], "b": {"Ref": "AWS::NoValue"}}, {"a": [1]}),
        ({"a": {"Fn::If": ["Never", 1, {"Ref": "AWS::NoValue"}]}, "b": 0}, {"b": 0}),
        (
            {"Action": ["sqs:*"], "Count": 3, "On": True},
            {"Action": ["sqs:*"], "Count": 3, "On": True},
        ),
    ],
)
def test_function_is_worked_out(value: object, expected: object) -> None:
    assert resolver().resolve(value, "Here") == expected


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"a": [{"Fn::Cidr": []}]}, r"Here\.a\[0\]\.Fn::Cidr.*Fn::Cidr is not known"),
        ({"Ref": "Nobody"}, "Here.Ref: nothing is called Nobody"),
        ({"Fn::Sub": "${Queue.Colour}"}, "Here.Fn::Sub: Queue has no attribute Colour"),
        ({"Fn::If": ["Perhaps", 1, 2]}, "there is no condition Perhaps"),
        ({"Fn::Join": ":"}, "takes a list of 2"),
    ],
)
def test_what_cannot_be_worked_out_is_named_with_its_place(value: object, complaint: str) -> None:
    with pytest.raises(TemplateError, match=complaint):
        resolver().resolve(value, "Here")


def test_references_are_found_wherever_they_stand() -> None:
    value = {
        "a": [{"Ref": "A"}, {"Fn::GetAtt": ["B", "Arn"]}],
        "b": {"Fn::Sub": ["${C}${D.Arn}${own}${!E}", {"own": {"Ref": "F"}}]},
        "c": {"Fn::If": ["SomeCondition", {"Ref": "G"}, 0]},
    }
    assert sorted(references(value)) == ["A", "B", "C", "D", "F", "G"]


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Days: {Type: Number, Default: 14, MinValue: 5}
  Stage: {Type: String, Default: test, AllowedValues: [test, prod]}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
Resources:
  Consumer:
    Type: AWS::SQS::QueuePolicy
    Properties: {Queues: [!Ref Producer], PolicyDocument: {Statement: []}}
  Alarm:
    Type: AWS::SQS::Queue
    Condition: IsProd
  Producer: {Type: AWS::SQS::Queue}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      CodeUri: functions/worker
      Role: "arn:aws:iam::1:role/r"
"""


def load_text(folder: Path, text: str = TEMPLATE, **parameters: str) -> Template:
    path = folder / "template.yaml"
    path.write_text(text)
    return load(path, parameters)


def test_resource_comes_after_what_it_refers_to(tmp_path: Path) -> None:
    names = list(load_text(tmp_path).resources)
    assert names.index("Producer") < names.index("Consumer")


def test_resource_with_an_unmet_condition_is_left_out(tmp_path: Path) -> None:
    assert "Alarm" not in load_text(tmp_path).resources
    assert "Alarm" in load_text(tmp_path, Stage="prod").resources


def test_code_folder_is_remembered_beside_the_translation(tmp_path: Path) -> None:
    template = load_text(tmp_path)
    key = template.resources["Worker"].properties["Code"]["S3Key"]
    assert template.code_dirs[key] == tmp_path / "functions" / "worker"


@pytest.mark.parametrize(
    "parameters", [{"Days": "4"}, {"Days": "soon"}, {"Stage": "beta"}, {"Colour": "red"}]
)
def test_refused_parameter_is_named(tmp_path: Path, parameters: dict[str, str]) -> None:
    with pytest.raises(TemplateError, match=next(iter(parameters))):
        load_text(tmp_path, **parameters)


def test_invalid_template_is_an_error_that_names_the_resource(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="Worker"):
        load_text(tmp_path, TEMPLATE.replace("Handler: app.handler", ""))
