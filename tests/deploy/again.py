"""What `sam delete` keeps, taken up by a new stack as docs/adopt.md says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from tests.deploy.emulator import Emulator
from tests.deploy.site import Site
from tests.deploy.steps import Failed, expect, wait_until

RETAINED: Final = {
    "EventsTable": ("AWS::DynamoDB::Table", "TableName"),
    "PayloadsBucket": ("AWS::S3::Bucket", "BucketName"),
    "WebhooksSecret": ("AWS::SecretsManager::Secret", "Id"),
    "DestinationsSecret": ("AWS::SecretsManager::Secret", "Id"),
}
KEPT: Final = Path("docs/adopt/kept.yaml")
_CHANGE: Final = "take-up"


def is_there(site: Site, name: str, physical_id: str) -> bool:
    """Whether a retained resource can be read, and holds what was in it."""
    client = site.emulator.client
    try:
        if name == "EventsTable":
            return bool(client("dynamodb").scan(TableName=physical_id, Limit=1)["Items"])
        if name == "PayloadsBucket":
            return bool(client("s3").list_objects_v2(Bucket=physical_id)["KeyCount"])
        found = client("secretsmanager").get_secret_value(SecretId=physical_id)["SecretString"]
        return site.webhook.id in found or "crm" in found
    except ClientError:
        return False


def take_up(emulator: Emulator, stack: str, kept: dict[str, str], tree: Path) -> None:
    """Make a stack of what is kept: `kept` holds physical ids by logical ids."""
    client = emulator.client("cloudformation")
    imported = [
        {
            "ResourceType": kind,
            "LogicalResourceId": name,
            "ResourceIdentifier": {identifier: kept[name]},
        }
        for name, (kind, identifier) in RETAINED.items()
    ]
    client.create_change_set(
        StackName=stack,
        ChangeSetName=_CHANGE,
        ChangeSetType="IMPORT",
        TemplateBody=(tree / KEPT).read_text("utf-8"),
        ResourcesToImport=imported,
    )
    wait_until("the change set of the import", lambda: _made(client, stack))
    client.execute_change_set(StackName=stack, ChangeSetName=_CHANGE)
    wait_until("the import", lambda: _imported(client, stack))


def same_again(site: Site, kept: dict[str, str]) -> None:
    """The new stack is on the very resources."""
    now = {name: site.resources()[name] for name in kept}
    expect("what the new stack is on", now, kept)
    there = {name for name, found in kept.items() if is_there(site, name, found)}
    expect("what is still in it", there, set(kept))


def _made(client: Any, stack: str) -> bool:
    found = client.describe_change_set(StackName=stack, ChangeSetName=_CHANGE)
    if found["Status"] == "FAILED":
        raise Failed(f"the import is refused: {found.get('StatusReason')}")
    return bool(found["Status"] == "CREATE_COMPLETE")


def _imported(client: Any, stack: str) -> bool:
    status = client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    if "ROLLBACK" in status:
        events = client.describe_stack_events(StackName=stack)["StackEvents"]
        raise Failed(f"the import ended with {status}: {json.dumps(events[:5], default=str)}")
    return bool(status == "IMPORT_COMPLETE")
