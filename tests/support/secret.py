"""One secret in moto's Secrets Manager, and how often it was read."""

import json
from typing import Any

import boto3

REGION = "us-east-1"


class StoredSecret:
    """Needs moto's `mock_aws` around it. `reads` counts the calls that fetch the value."""

    def __init__(self, name: str = "registry") -> None:
        self.name = name
        self.client = boto3.client(
            "secretsmanager",
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.reads = 0
        self.client.meta.events.register("before-call.secrets-manager.GetSecretValue", self._count)

    def write(self, content: object) -> None:
        """Store JSON, or a text as it is."""
        text = content if isinstance(content, str) else json.dumps(content)
        try:
            self.client.put_secret_value(SecretId=self.name, SecretString=text)
        except self.client.exceptions.ResourceNotFoundException:
            self.client.create_secret(Name=self.name, SecretString=text)

    def remove(self) -> None:
        """Make every reading fail."""
        self.client.delete_secret(SecretId=self.name, ForceDeleteWithoutRecovery=True)

    def _count(self, **_: Any) -> None:
        self.reads += 1
