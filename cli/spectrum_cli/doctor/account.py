"""Does the account leave the receiver enough to run in?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from botocore.exceptions import ClientError

from spectrum_cli.doctor.model import Patient
from spectrum_cli.terminal.verdicts import Result, failed, ok, skipped, warning

CHECK = "concurrency"
# Receivers that Spectrum's usual bursts need at once, at some 20 ms an event and a cold start.
RECEIVERS = 3
SWEEPERS = 1
# A new account has 10; all its functions share them.
LARGE_ACCOUNT = 100
RAISE = (
    "Ask for 1,000: Service Quotas, AWS Lambda, Concurrent executions (it costs nothing); then set "
    "MainLaneConcurrency and SlowLaneConcurrency."
)


def concurrency(patient: Patient) -> Iterator[Result]:
    """Destinations that hang cannot take all that may run at once: the receiver has its share."""
    target = patient.target
    if target.is_local:
        yield skipped(CHECK, "the local stack is in no account")
        return
    try:
        limits = target.client("lambda").get_account_settings()["AccountLimit"]
    except ClientError as error:
        if "AccessDenied" not in error.response["Error"]["Code"]:
            raise
        yield warning(
            CHECK,
            "the account's limit may not be read",
            "Allow lambda:GetAccountSettings, or look at Service Quotas.",
        )
        return
    (stack,) = target.client("cloudformation").describe_stacks(StackName=target.id)["Stacks"]
    parameters = {p["ParameterKey"]: p["ParameterValue"] for p in stack.get("Parameters", [])}
    yield _judged(
        limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"], parameters
    )


def _judged(limit: int, unreserved: int, parameters: Mapping[str, str]) -> Result:
    reserved = int(parameters.get("ReceiverReservedConcurrency", 0))
    lanes = sum(int(parameters.get(f"{lane}LaneConcurrency", 0)) for lane in ("Main", "Slow"))
    left = reserved or max(0, unreserved - lanes - SWEEPERS)
    said = f"of the {limit} that the account runs at once, {left} are left to the receiver"
    if left < RECEIVERS:
        return failed(
            CHECK,
            f"{said} while destinations hang, for the lanes may take {lanes}: Spectrum drops what "
            "finds no receiver",
            f"Deploy with MainLaneConcurrency=4 SlowLaneConcurrency=2. {RAISE}",
        )
    if limit < LARGE_ACCOUNT:
        return warning(CHECK, f"{said}, and other functions share them", RAISE)
    return ok(CHECK, said)
