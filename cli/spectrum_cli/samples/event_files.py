"""The files of `events/`: what each function is invoked with, signed, and always the same.

For one timestamp the files are always the same, so that a test can tell whether the stored ones
are still true.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spectrum_forwarder.adapters.event_queue import encode_event, encode_hint
from spectrum_forwarder.domain.event import make_event, pack
from spectrum_forwarder.domain.ports import StoredEvent

from spectrum_cli.samples.bodies import make_id, shared_by
from spectrum_cli.samples.event_shapes import Json, http_api, rest_api, schedule, sqs, stable_id
from spectrum_cli.samples.keys import SCHEMES, TEST_STANDARD_SECRETS, Keys
from spectrum_cli.samples.requests import (
    CONTENT_KINDS,
    CONTENT_TYPES,
    KINDS,
    PLATFORMS,
    SENT_AT,
    TEST_SECRET,
    TEST_WEBHOOK_ID,
    USUAL,
    SampleRequest,
    flawed,
    make_body,
    signed,
)

SOURCE = "samples"
DESTINATION_SECRET = "fedcba9876543210" * 4
# Half a billion seconds: the stored files verify until 2039, and the stale one never does.
WIDE_WINDOW = 500_000_000
REFUSED = ("forged", "stale", "truncated_signature", "without_signature", "unknown_webhook")
# What API Gateway passes on as base64, because it is not text.
BINARY_KINDS = frozenset(CONTENT_TYPES)
# A text on each other platform, in each spelling.
ON_PLATFORMS = {
    f"text_{platform.replace(' ', '')}": platform for platform in PLATFORMS if platform != USUAL
}


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the files for requests that are signed at `timestamp` (Unix seconds)."""

    timestamp: int = SENT_AT
    webhook_id: str = TEST_WEBHOOK_ID
    secret: str = TEST_SECRET

    def files(self) -> dict[str, Json]:
        """All files by their path below `events/`."""
        return self.receiver() | self.fanout() | self.sweeper() | self.settings()

    def body(self, kind: str, platform: str = USUAL) -> bytes:
        """The body of a kind; it is the same in every file that holds it."""
        message_id = _message_id(kind, platform)
        return make_body(kind, message_id=message_id, sent_at=self.timestamp, platform=platform)

    def request(self, kind: str, platform: str = USUAL) -> SampleRequest:
        return signed(
            self.body(kind, platform),
            webhook_id=self.webhook_id,
            secret=self.secret,
            timestamp=self.timestamp,
            content_type=CONTENT_TYPES.get(kind),
        )

    def signed_by(self, keys: Keys) -> SampleRequest:
        """The text, signed with all of these secrets."""
        return signed(
            self.body("text"),
            webhook_id=keys.webhook_id,
            secret=keys.secret,
            standard_secrets=keys.standard_secrets,
            timestamp=self.timestamp,
        )

    def receiver(self) -> dict[str, Json]:
        """API Gateway events."""
        text = self.request("text")
        files = {
            kind: self.http_api(self.request(kind), kind, binary=kind in BINARY_KINDS)
            for kind in KINDS
        }
        for name, platform in ON_PLATFORMS.items():
            files[name] = self.http_api(self.request("text", platform), name)
        # The text once more, signed in each other way.
        keys = Keys(self.webhook_id, self.secret, TEST_STANDARD_SECRETS)
        for scheme in SCHEMES[1:]:
            request = self.signed_by(keys.by(scheme) or keys)
            files[f"signed_{scheme}"] = self.http_api(request, scheme)
        # Another request with the same event: what the sender's own retry looks like.
        files["duplicate"] = self.http_api(text, "duplicate")
        files["second_path"] = self.http_api(text, "second_path", slot="b")
        files["base64"] = self.http_api(text, "base64", binary=True)
        files["rest_v1"] = rest_api(text, "rest_v1", self.timestamp)
        for flaw in REFUSED:
            request = flawed(
                flaw,
                self.body("text"),
                webhook_id=self.webhook_id,
                secret=self.secret,
                timestamp=self.timestamp,
            )
            files[f"refused_{flaw}"] = self.http_api(request, flaw)
        return {f"receiver/{name}.json": content for name, content in files.items()}

    def http_api(
        self, request: SampleRequest, name: str, *, binary: bool = False, slot: str | None = None
    ) -> Json:
        """The request as an HTTP API event that came in when it was signed."""
        return http_api(request, name, self.timestamp, binary=binary, slot=slot)

    def fanout(self) -> dict[str, Json]:
        """SQS batches. The hints name events that the receiver's files bring in."""
        hints = [encode_hint(self.stored(kind).event.key) for kind in CONTENT_KINDS[:10]]
        slow = [encode_hint(self.stored(kind).event.key, slow=True) for kind in CONTENT_KINDS[:2]]
        whole = [encode_event(self.stored(kind)) for kind in KINDS[-8:]]
        strange = [
            encode_hint(self.stored("rename").event.key),
            '{"event_key": "samples:never-seen"}',
            "not one of ours",
        ]
        return {
            "fanout/hints.json": sqs("EventsQueue", hints, self.timestamp),
            "fanout/slow_lane.json": sqs("SlowQueue", slow, self.timestamp),
            "fanout/whole_events.json": sqs("EventsQueue", whole, self.timestamp),
            "fanout/strange_records.json": sqs("EventsQueue", strange, self.timestamp),
        }

    def sweeper(self) -> dict[str, Json]:
        """EventBridge's own event for a schedule."""
        return {"sweeper/schedule.json": schedule(self.timestamp)}

    def settings(self) -> dict[str, Json]:
        """The registries that fit the files, and variables for `sam local invoke`."""
        webhook: Json = {
            "id": self.webhook_id,
            "signing_secret": self.secret,
            "standard_secrets": list(TEST_STANDARD_SECRETS),
            "source": SOURCE,
        }
        destination = {
            "name": "example",
            # A name that resolves nowhere: nobody gets a sample by accident.
            "url": "https://consumer.example/spectrum-webhook",
            "signing_secret": DESTINATION_SECRET,
            "headers": {"X-Sample": "yes"},
            "filter": "message.content.type != 'read'",
            "timeout_seconds": 10,
            "max_attempts": 12,
            "enabled": True,
        }
        window = {"TIMESTAMP_TOLERANCE_SECONDS": str(WIDE_WINDOW)}
        return {
            "webhooks.json": {"webhooks": [webhook]},
            "destinations.json": {"destinations": [destination]},
            "env.json": {"ReceiverFunction": window},
        }

    def stored(self, kind: str) -> StoredEvent:
        """The event as the receiver makes it of the request."""
        body = self.body(kind)
        event = make_event(
            source=SOURCE,
            webhook_id=self.webhook_id,
            received_at=float(self.timestamp),
            signed_at=self.timestamp,
            body=body,
            content_type=self.request(kind).headers["Content-Type"],
        )
        return StoredEvent(event, pack(body))


def write(files: Mapping[str, Json], directory: Path) -> None:
    """Write the files below `directory`; raise OSError."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dumps(content), encoding="utf-8")


def dumps(content: Json) -> str:
    """A file's text. ASCII alone, so that no editor changes a body by accident."""
    return json.dumps(content, indent=2) + "\n"


def _message_id(kind: str, platform: str = USUAL) -> str:
    """An id that is always the same, and the same for kinds that share theirs."""
    named = kind if platform == USUAL else f"{kind} {platform}"
    return make_id(kind, uuid.UUID(stable_id("message " + shared_by(named))), platform)
