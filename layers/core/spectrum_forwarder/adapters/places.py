"""Where a service of AWS is, as the environment says, and who signs for it there.

Only of the plainest environment, which is Lambda's: keys, a region, perhaps an endpoint. Whatever
else may change where calls go or who makes them is botocore's to understand.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

import botocore

from spectrum_forwarder.adapters.sigv4 import Signer

# By service, the end of the variable that names its endpoint.
ENDPOINTS = {"dynamodb": "DYNAMODB", "secretsmanager": "SECRETS_MANAGER", "sqs": "SQS"}
# With any of these calls go elsewhere, or are made by somebody else.
UNUSUAL = (
    *("AWS_ACCOUNT_ID", "AWS_ACCOUNT_ID_ENDPOINT_MODE", "AWS_AUTH_SCHEME_PREFERENCE"),
    *("AWS_CREDENTIAL_EXPIRATION", "AWS_DEFAULT_PROFILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
    *("AWS_PROFILE", "AWS_SIGV4A_SIGNING_REGION_SET"),
    *("AWS_USE_DUALSTACK_ENDPOINT", "AWS_USE_FIPS_ENDPOINT"),
)
# Regions where not everything stands below amazonaws.com, and under Amazon's roots.
ELSEWHERE = ("cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-")
# Made when the layer is built, out of botocore's bundle; not there in a checkout.
AMAZON_ROOTS = Path(__file__).with_name("amazon_roots.pem")


class Place(NamedTuple):
    """Where a service is, and who signs for it there."""

    url: SplitResult
    signer: Signer


def plain_place(service: str, environment: Mapping[str, str]) -> Place | None:
    """Where a service is; None where that is botocore's to say."""
    key_id, secret, region = (
        environment.get(f"AWS_{name}")
        for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "DEFAULT_REGION")
    )
    if not (key_id and secret and region) or _is_unusual(environment):
        return None
    chosen = environment.get(f"AWS_ENDPOINT_URL_{ENDPOINTS[service]}") or environment.get(
        "AWS_ENDPOINT_URL"
    )
    if not chosen and not is_public(region):
        return None
    url = urlsplit(chosen or f"https://{service}.{region}.amazonaws.com")
    if url.scheme not in ("http", "https") or url.path.strip("/") or url.query:
        return None
    # By its older name it goes first with botocore.
    token = environment.get("AWS_SECURITY_TOKEN") or environment.get("AWS_SESSION_TOKEN")
    return Place(url, Signer(key_id, secret, token, region=region, service=service))


def is_public(region: str) -> bool:
    """Whether it is one of AWS's public regions."""
    return not region.startswith(ELSEWHERE)


def plain_roots(environment: Mapping[str, str]) -> str:
    """The roots that a plain place is verified by; a bundle that somebody has set goes first."""
    chosen = environment.get("AWS_CA_BUNDLE")
    if chosen:
        return chosen
    ours = amazon_roots(environment.get("AWS_DEFAULT_REGION", ""))
    return ours or str(Path(botocore.__file__).with_name("cacert.pem"))


def amazon_roots(region: str) -> str | None:
    """The file of Amazon's roots; None where others vouch for a service, or it is not there.

    Only in AWS's public regions do all services stand under these.
    """
    return str(AMAZON_ROOTS) if is_public(region) and AMAZON_ROOTS.is_file() else None


def _is_unusual(environment: Mapping[str, str]) -> bool:
    proxied = any(
        value and name.lower().endswith("_proxy") and name.lower() != "no_proxy"
        for name, value in environment.items()
    )
    settings = Path(environment.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()
    return proxied or any(environment.get(name) for name in UNUSUAL) or settings.is_file()
