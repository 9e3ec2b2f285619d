"""ministack with what this project's template needs of AWS and ministack lacks or does otherwise.

Run by the interpreter of its own virtual environment, never imported by the project. It wraps
functions that ministack keeps to itself, so requirements/deploy.txt pins its very version; each
repair says what AWS does. Ends with the process that started it: when its input is closed.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs

from ministack import app
from ministack.core import iam_actions, sigv4
from ministack.services import apigateway, cloudformation
from ministack.services.cloudformation import (
    changesets,
    engine,
    handlers,
    provisioners,
    stacks,
)

Props = dict[str, Any]
# Seconds between the two calls by which CloudFormation changes a function.
APART: Final = float(os.environ.get("DEPLOY_TEST_APART", "2"))
# Seconds that whoever asks after a deletion is kept waiting, at most.
LONGEST_DELETION: Final = 20.0
# Host and port of what stands between the functions and this, if anything does.
PROXY: Final = os.environ.get("DEPLOY_TEST_PROXY", "")
_handlers: Final[dict[str, dict[str, Any]]] = provisioners._RESOURCE_HANDLERS


def keep_saved_queries() -> None:
    """Saved queries are there, and nobody runs them."""

    def create(logical_id: str, props: Props, stack_name: str) -> tuple[str, Props]:
        made = provisioners.new_uuid()
        return made, {"QueryDefinitionId": made}

    _handlers["AWS::Logs::QueryDefinition"] = {
        "create": create,
        "update": lambda physical_id, old, new, stack_name: (physical_id, {}),
        "delete": lambda physical_id, props: None,
    }


def take_metric_math() -> None:
    """An alarm of several metrics is kept, as one of a metric that never comes."""
    plain = provisioners._cw_metric_alarm_record

    def record(name: str, props: Props) -> Any:
        if not props.get("Metrics"):
            return plain(name, props)
        rest = {key: value for key, value in props.items() if key != "Metrics"}
        never = {"Namespace": "Emulator", "MetricName": "MetricMath", "Statistic": "Sum"}
        return plain(name, rest | never)

    provisioners._cw_metric_alarm_record = record


def join_in_conditions() -> None:
    """`Fn::Join` stands in conditions too: by it a template knows an empty list."""
    plain = engine._evaluate_conditions

    def joined(part: Any, params: Props) -> Any:
        if isinstance(part, list):
            return [joined(each, params) for each in part]
        if not isinstance(part, dict):
            return part
        if "Fn::Join" not in part:
            return {name: joined(value, params) for name, value in part.items()}
        between, parts = part["Fn::Join"]
        if isinstance(parts, dict) and parts.get("Ref") in params:
            parts = str(params[parts["Ref"]]["Value"]).split(",")
        return between.join(parts)

    def evaluate(template: Props, params: Props) -> Any:
        conditions = joined(template.get("Conditions", {}), params)
        return plain(template | {"Conditions": conditions}, params)

    for module in (engine, changesets, handlers, provisioners, stacks):
        module._evaluate_conditions = evaluate


def read_openapi_bodies() -> None:
    """An HTTP API gets its routes from its `Body`, and keeps the old ones until then."""
    make, change = provisioners._apigw_v2_api_create, provisioners._apigw_v2_api_update

    def routes(api_id: str, body: Props) -> None:
        before = list(apigateway._routes[api_id]), list(apigateway._integrations[api_id])
        for path, methods in (body.get("paths") or {}).items():
            for method, operation in methods.items():
                if "x-amazon-apigateway-integration" in operation:
                    _route(api_id, path, method, operation["x-amazon-apigateway-integration"])
        for kept, old in zip((apigateway._routes, apigateway._integrations), before, strict=True):
            for identity in old:
                kept[api_id].pop(identity, None)

    def create(logical_id: str, props: Props, stack_name: str) -> Any:
        made = make(logical_id, props, stack_name)
        routes(made[0], props.get("Body") or {})
        return made

    def update(
        physical_id: str, old: Props, new: Props, stack_name: str, logical_id: str | None = None
    ) -> Any:
        made = change(physical_id, old, new, stack_name, logical_id)
        if new.get("Body") and new["Body"] != old.get("Body"):
            routes(made[0], new["Body"])
        return made

    _handlers["AWS::ApiGatewayV2::Api"].update(create=create, update=update)


def _route(api_id: str, path: str, method: str, integration: Props) -> None:
    verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
    target, _ = provisioners._apigw_v2_integration_create(
        "",
        {
            "ApiId": api_id,
            "IntegrationType": integration["type"].upper(),
            "IntegrationUri": integration["uri"],
            "IntegrationMethod": integration.get("httpMethod", "POST"),
            "PayloadFormatVersion": integration.get("payloadFormatVersion", "2.0"),
        },
        "",
    )
    key = path if path == "$default" else f"{verb} {path}"
    route = {"ApiId": api_id, "RouteKey": key, "Target": f"integrations/{target}"}
    provisioners._apigw_v2_route_create("", route, "")


def take_lone_slashes() -> None:
    """A greedy variable at a path's end takes an empty rest, as API Gateway's does."""
    plain = apigateway._extract_path_params

    def extract(route_path: str, request_path: str) -> Any:
        found = plain(route_path, request_path)
        greedy = "{proxy+}"
        if found is None and request_path + greedy == route_path:
            return {"proxy": ""}
        return found

    apigateway._extract_path_params = extract


def poll_as_told() -> None:
    """Numbers that come through `Ref` are numbers: a poller compares its limit with one. A poller
    that is given an alias calls what that stands for, also where it had none before.
    """
    make, change = provisioners._lambda_esm_create, provisioners._lambda_esm_update

    def counted(props: Props) -> Props:
        scaling = props.get("ScalingConfig") or {}
        numbers = {name: int(value) for name, value in scaling.items()}
        return props | ({"ScalingConfig": numbers} if numbers else {})

    def create(logical_id: str, props: Props, stack_name: str) -> Any:
        return make(logical_id, counted(props), stack_name)

    def update(physical_id: str, old: Props, new: Props, stack_name: str) -> Any:
        made = change(physical_id, counted(old), counted(new), stack_name)
        functions = provisioners._lambda_svc
        _, qualifier = functions._resolve_name_and_qualifier(new["FunctionName"])
        functions._esms[made[0]]["Qualifier"] = qualifier
        return made

    _handlers["AWS::Lambda::EventSourceMapping"].update(create=create, update=update)


def refer_to_secrets_by_arn() -> None:
    """`Ref` of a secret is its ARN, to which IAM's rights for it refer."""
    make, change = provisioners._sm_secret_create, provisioners._sm_secret_update
    remove = provisioners._sm_secret_delete

    def name(physical_id: str) -> str:
        return re.sub(r"^arn:.*:secret:(.+)-\w{6}$", r"\1", physical_id)

    def create(logical_id: str, props: Props, stack_name: str) -> Any:
        _, attributes = make(logical_id, props, stack_name)
        return attributes["Arn"], attributes

    def update(
        physical_id: str, old: Props, new: Props, stack_name: str, logical_id: str | None = None
    ) -> Any:
        _, attributes = change(name(physical_id), old, new, stack_name, logical_id)
        return attributes.get("Arn", physical_id), attributes

    def delete(physical_id: str, props: Props) -> Any:
        return remove(name(physical_id), props)

    _handlers["AWS::SecretsManager::Secret"].update(create=create, update=update, delete=delete)


def write_logs_to_streams() -> None:
    """What is written to a log group is one of its streams to IAM: `GetAtt Arn` ends in `:*`."""
    plain = iam_actions.extract_resource_arn

    def extract(service: str, method: str, path: str, headers: Props, *more: Any) -> Any:
        found = plain(service, method, path, headers, *more)
        call = str(headers.get("x-amz-target", "")).rpartition(".")[2]
        if service == "logs" and call in {"CreateLogStream", "PutLogEvents"} and found != "*":
            return f"{found}:log-stream:any"
        return found

    iam_actions.extract_resource_arn = extract


def know_batches_by_their_single_action() -> None:
    """SQS has no rights for batches: that of the single call is asked for (SQS, Developer Guide,
    "Amazon SQS API permissions")."""
    plain = iam_actions.extract_iam_action

    def extract(service: str, *more: Any, **named: Any) -> Any:
        found = plain(service, *more, **named)
        return found.removesuffix("Batch") if service == "sqs" and found else found

    iam_actions.extract_iam_action = extract


def change_functions_in_two_calls() -> None:
    """CloudFormation changes a function's configuration, layers included, and then its code."""
    change: Callable[..., Any] = provisioners._lambda_update

    def update(
        physical_id: str, old: Props, new: Props, stack_name: str, logical_id: str | None = None
    ) -> Any:
        configured = new | {"Code": old.get("Code", {})}
        if old.get("Code") != new.get("Code") and configured != old:
            change(physical_id, old, configured, stack_name, logical_id)
            time.sleep(APART)
        return change(physical_id, configured, new, stack_name, logical_id)

    _handlers["AWS::Lambda::Function"]["update"] = update


def serve_while_resources_change() -> None:
    """Requests are answered while CloudFormation is at work, and see its every step."""
    stacks._runs_on_worker_thread = lambda resource_type: True


def tell_of_the_end_at_once() -> None:
    """Who asks for a stack that is being deleted hears when it is gone: `sam delete` looks again
    only after half a minute, for which AWS has more than one reason."""
    plain = cloudformation.handle_request

    async def handle(method: str, path: str, headers: Props, body: bytes, query: Props) -> Any:
        if b"Action=DescribeStacks" in body:
            until = time.monotonic() + LONGEST_DELETION
            while _is_deleting(body) and time.monotonic() < until:
                await asyncio.sleep(0.05)
        return await plain(method, path, headers, body, query)

    cloudformation.handle_request = handle


def _is_deleting(body: bytes) -> bool:
    name = parse_qs(body.decode()).get("StackName", [""])[0]
    stack = handlers._resolve_stack(name) if name else None
    return bool(stack and stack.get("StackStatus") == "DELETE_IN_PROGRESS")


def take_secrets_up_again() -> None:
    """Secrets can be imported: by `Id`, which is the ARN (AWS::SecretsManager::Secret,
    primaryIdentifier)."""

    def take(identifier: Props) -> tuple[str, Props]:
        arn = identifier["Id"]
        if all(secret["ARN"] != arn for secret in provisioners._sm._secrets.values()):
            raise ValueError(f"{arn} was not found")
        return arn, {"Id": arn, "Arn": arn}

    _handlers["AWS::SecretsManager::Secret"]["import"] = take


def know_who_was_asked() -> None:
    """What a proxy before this passes on was signed for the proxy: a host is part of it."""
    plain = sigv4.build_canonical_headers

    def build(headers: Props, signed_headers: str) -> Any:
        if PROXY and "spectrum-forwarder" in str(headers.get("user-agent")):
            headers = {**headers, "host": PROXY}
        return plain(headers, signed_headers)

    sigv4.build_canonical_headers = build


def answer_under_aws_names() -> None:
    """An endpoint is reached under the name that the template's outputs give."""
    app._EXECUTE_API_RE = re.compile(
        r"^([a-f0-9]{8})\.execute-api\.(?:[a-z0-9-]+\.amazonaws\.com|localhost)(?::\d+)?$"
    )


def listen_on_one_port() -> None:
    """Port 443 stays free for whoever wants it."""
    app._port_is_bindable = lambda host, port: False


def end_with_the_caller() -> None:
    """End, and all workers with it, when whoever started this is gone."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


REPAIRS: Final = (
    keep_saved_queries,
    take_metric_math,
    join_in_conditions,
    read_openapi_bodies,
    take_lone_slashes,
    poll_as_told,
    refer_to_secrets_by_arn,
    write_logs_to_streams,
    know_batches_by_their_single_action,
    change_functions_in_two_calls,
    serve_while_resources_change,
    tell_of_the_end_at_once,
    take_secrets_up_again,
    know_who_was_asked,
    answer_under_aws_names,
    listen_on_one_port,
    end_with_the_caller,
)

if __name__ == "__main__":
    for repair in REPAIRS:
        repair()
    app.main()
