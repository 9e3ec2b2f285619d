"""A first deployment that fails: it leaves nothing behind, and its end takes nothing along."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.deploy import earlier
from tests.deploy.emulator import Emulator
from tests.deploy.sam import Sam
from tests.deploy.steps import Failed, expect

STACK: Final = "trial"


def fail(sam: Sam, tree: Path, built: Path, into: Path) -> None:
    """Deploy what fails at its last resource, by hand and for the first time; raise Failed where
    anything stays.
    """
    template = earlier.failing_at_last(built, into)
    sam.deploy(template, STACK, tree=tree, fails=True, by_hand=True)
    client = sam.emulator.client("cloudformation")
    status = client.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
    expect("the stack", status, "ROLLBACK_COMPLETE")
    if left := sorted(left_behind(sam.emulator)):
        raise Failed(f"a first deployment that failed has left {', '.join(left)} behind")


def end(sam: Sam, tree: Path) -> None:
    """Delete it; raise Failed where that takes another stack's artefacts along."""
    before = artefacts(sam.emulator)
    sam.delete(STACK, tree=tree)
    gone = {name for name in before - artefacts(sam.emulator) if not name.startswith(f"{STACK}/")}
    others = {name for name in gone if "/" in name}
    if others:
        raise Failed(f"`sam delete` of {STACK} has deleted another stack's {sorted(others)[:3]}")


def artefacts(emulator: Emulator) -> set[str]:
    """What sam has uploaded for all stacks."""
    s3 = emulator.client("s3")
    return {
        found["Key"]
        for bucket in s3.list_buckets()["Buckets"]
        if bucket["Name"].startswith("aws-sam-cli-managed-default")
        for found in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", [])
    }


def left_behind(emulator: Emulator) -> set[str]:
    """What has the stack's name in its own, of the kinds that hold something or cost something."""
    functions, iam = emulator.client("lambda"), emulator.client("iam")
    secrets = emulator.client("secretsmanager")
    looks: tuple[Callable[[], list[Any]], ...] = (
        lambda: emulator.client("dynamodb").list_tables()["TableNames"],
        lambda: [b["Name"] for b in emulator.client("s3").list_buckets()["Buckets"]],
        lambda: [s["Name"] for s in secrets.list_secrets()["SecretList"]],
        lambda: emulator.client("sqs").list_queues().get("QueueUrls", []),
        lambda: [f["FunctionName"] for f in functions.list_functions()["Functions"]],
        lambda: [r["RoleName"] for r in iam.list_roles()["Roles"]],
        lambda: [
            g["logGroupName"] for g in emulator.client("logs").describe_log_groups()["logGroups"]
        ],
        lambda: [a["Name"] for a in emulator.client("apigatewayv2").get_apis()["Items"]],
    )
    return {str(name) for look in looks for name in look() if STACK in str(name)}
