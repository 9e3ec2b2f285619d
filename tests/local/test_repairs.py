"""moto as the local stack needs it."""

from __future__ import annotations

from typing import Any

import boto3
from spectrum_cli.local.moto_repairs import repair
from spectrum_cli.local.moto_server import MotoServer


def test_each_service_is_still_found_once_requests_are_dispatched_from_memory() -> None:
    repair()
    with MotoServer() as server:

        def client(service: str) -> Any:
            return boto3.client(
                service,  # type: ignore[call-overload]
                endpoint_url=server.url,
                region_name="us-east-1",
                aws_access_key_id="local",
                aws_secret_access_key="local",
            )

        sqs, dynamodb, s3 = client("sqs"), client("dynamodb"), client("s3")
        for _ in range(2):
            sqs.create_queue(QueueName="events")
            assert dynamodb.list_tables()["TableNames"] == []
            assert s3.list_buckets()["Buckets"] == []
            assert len(sqs.list_queues()["QueueUrls"]) == 1
        for used in (sqs, dynamodb, s3):
            used.close()
