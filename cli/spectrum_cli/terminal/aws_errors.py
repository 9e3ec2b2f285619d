"""What AWS says when it refuses, as sentences that an operator can act on."""

from __future__ import annotations

import sys

from spectrum_cli.terminal.errors import Unreachable

CREDENTIALS = (
    "sign in (`aws sso login`, `aws configure`), set AWS_PROFILE, or name a profile with --profile"
)
# Error codes by which services say that they don't know, or no longer know, who asks.
UNKNOWN_CALLER = frozenset(
    {
        *("ExpiredToken", "ExpiredTokenException", "RequestExpired", "AuthFailure"),
        *("UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"),
        *("SignatureDoesNotMatch", "InvalidSignatureException", "MissingAuthenticationToken"),
        *("IncompleteSignature", "MissingAuthenticationTokenException", "OptInRequired"),
    }
)
FORBIDDEN = frozenset(
    {
        *("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"),
        *("AuthorizationError", "AuthorizationErrorException", "403"),
    }
)
GONE = frozenset(
    {
        *("ResourceNotFoundException", "NoSuchBucket", "QueueDoesNotExist"),
        "AWS.SimpleQueueService.NonExistentQueue",
    }
)


def explained(error: BaseException) -> Unreachable | None:
    """The failure of AWS that an error is, or was raised from; None for any other error."""
    if "botocore.exceptions" not in sys.modules:
        return None
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (heavy)

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ClientError):
            return Unreachable(_refused(cause.response, cause.operation_name))
        if isinstance(cause, BotoCoreError):
            return Unreachable(_failed(cause))
        cause = cause.__cause__
    return None


def _refused(response: object, operation: str) -> str:
    details = response.get("Error", {}) if isinstance(response, dict) else {}
    code, text = str(details.get("Code", "")), str(details.get("Message", ""))
    if code in UNKNOWN_CALLER:
        return f"AWS does not accept the credentials ({code}): {CREDENTIALS}"
    if code in FORBIDDEN:
        return (
            f"the credentials may not call {operation}: have their policy allow it on the stack's "
            f"resources, or use others with --profile. AWS says: {text or code}"
        )
    if code in GONE:
        return (
            f"{operation} did not find a resource that the stack names ({code}): it was deleted "
            "outside of CloudFormation; deploy the stack again"
        )
    return f"AWS answered {operation} with {code}: {text}"


def _failed(error: BaseException) -> str:
    from botocore import exceptions  # noqa: PLC0415 (heavy)

    match error:
        case exceptions.NoCredentialsError() | exceptions.PartialCredentialsError():
            return f"no AWS credentials were found: {CREDENTIALS}"
        case exceptions.ProfileNotFound():
            return f"{error}: `aws configure list-profiles` shows those there are"
        case exceptions.NoRegionError():
            return "no AWS region is configured: name one with --region, or set AWS_REGION"
        case (
            exceptions.CredentialRetrievalError()
            | exceptions.SSOError()
            | exceptions.TokenRetrievalError()
        ):
            return f"the AWS credentials cannot be had: {CREDENTIALS}. The reason: {error}"
        case exceptions.HTTPClientError() | exceptions.ConnectionError():
            return f"AWS cannot be reached: check the network, the region and proxies. {error}"
    return f"AWS cannot be used: {error}"
