"""What parameters put into the stack of somebody who has rules of their own."""

from __future__ import annotations

from pathlib import Path

from spectrum_cli.local.template import Template

from tests.template.conftest import TEMPLATE, resolved_by
from tests.template.translated import load

BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
DOMAIN = {"DomainName": "hooks.example.com", "CertificateArn": CERTIFICATE}


def roles_of(template: Template) -> list[str]:
    return [name for name, found in template.resources.items() if found.type == "AWS::IAM::Role"]


def bounded(path: Path) -> Template:
    return load(path, {"PermissionsBoundaryArn": BOUNDARY})


def check_boundary(template: Template) -> None:
    properties = resolved_by(template)
    found = {properties(role).get("PermissionsBoundary") for role in roles_of(template)}
    assert found == {BOUNDARY}


def test_every_role_is_within_the_boundary() -> None:
    check_boundary(bounded(TEMPLATE))


def test_no_role_has_a_boundary_by_itself(template: Template) -> None:
    properties = resolved_by(template)
    assert not any("PermissionsBoundary" in properties(role) for role in roles_of(template))


def test_endpoint_has_a_name_of_ones_own() -> None:
    properties = resolved_by(load(TEMPLATE, DOMAIN))
    (configuration,) = properties("EndpointDomain")["DomainNameConfigurations"]
    assert configuration["CertificateArn"] == CERTIFICATE
    # HTTP APIs take no other ("Custom domain names for HTTP APIs").
    assert (configuration["EndpointType"], configuration["SecurityPolicy"]) == (
        "REGIONAL",
        "TLS_1_2",
    )
    assert properties("EndpointMapping") == {
        "ApiId": "HttpApi",
        "DomainName": "EndpointDomain",
        "Stage": "HttpApiApiGatewayDefaultStage",
    }


def test_endpoint_has_the_name_of_aws_by_itself(template: Template) -> None:
    assert not {"EndpointDomain", "EndpointMapping"} & template.resources.keys()
