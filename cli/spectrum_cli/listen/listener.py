"""A listener: a queue and the destination that fills it, made for one command and removed with it.

The destination is `listen-NAME`, the queue the stack's prefix, NAME and an end: the same in each
run, or a random one, because SQS refuses a name that was deleted a minute ago. A run that was
killed leaves both: the next one of the same name goes on with them, and `leftovers` finds them. The
queue's tags say whose it is, and when it was last seen in use; on one machine a lock says so too.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import hashlib
import re
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from spectrum_cli.destinations import entries as entries_of
from spectrum_cli.destinations.views import forget_health
from spectrum_cli.listen.queues import TAG_HOST, TAG_NAME, TAG_SEEN, make_queue, queue_of
from spectrum_cli.local.state import state_home
from spectrum_cli.stack.registry import Entry, Registry, destinations_of
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.errors import WrongUse

NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
DESTINATION = "listen-"
SEEN_EVERY = 60.0
# Not seen for so long, a listener of another machine is thought to be left behind, or asleep.
SEEN_LIMIT = 3 * SEEN_EVERY


@dataclass(frozen=True, slots=True)
class Listener:
    """`resumed`: an earlier run left it, with what has come since then."""

    name: str
    queue_url: str
    queue_arn: str
    secret: str = field(repr=False)
    resumed: bool


@dataclass(frozen=True, slots=True)
class Leftover:
    """A queue of a listener, or a listener's destination whose queue is gone (no `queue_url`)."""

    name: str
    queue_arn: str
    queue_url: str | None
    host: str
    seen: float
    in_use: bool

    @property
    def is_ours(self) -> bool:
        """Whether this machine made it."""
        return self.host == socket.gethostname()


def default_name() -> str:
    """The same for every run of this user on this machine."""
    host = socket.gethostname().partition(".")[0]
    return re.sub("[^A-Za-z0-9_-]", "-", f"{getpass.getuser()}-{host}")[:40]


@contextlib.contextmanager
def only_one(target: Target, name: str) -> Iterator[None]:
    """Hold the name on this machine; raise WrongUse where another command does.

    Two listeners of one name would each get a part of the events.
    """
    with _locked(target, name) as won:
        if not won:
            raise WrongUse(f"{name} is listening already: choose another name with --name")
        yield


def open_listener(
    target: Target, name: str, *, expression: str | None, secret: str | None
) -> Listener:
    """Go on with what an earlier run left, or make queue and destination."""
    sqs, registry = target.client("sqs"), destinations_of(target)
    entry = _entry_of(registry.read(), name)
    found = queue_of(sqs, str(entry.get("target"))) if entry else None
    url, arn = found or make_queue(target, name)
    fresh = _last_entry(registry, name, arn) or {
        **entries_of.new_entry(DESTINATION + name, identified=target.knows_identities),
        "signing_secret": secrets.token_hex(32),
    }
    if secret:
        fresh["signing_secret"] = secret

    def edit(entries: list[Entry]) -> Entry:
        entry = _entry_of(entries, name)
        if entry is None:
            entry = dict(fresh)
            entries.append(entry)
        elif secret:
            entry["signing_secret"] = secret
        entry.pop("enabled", None)
        entries_of.apply(entry, entries_of.Given(expression=expression or ""), where=arn)
        entries_of.check(entry, target)
        return dict(entry)

    try:
        written = registry.change(edit)
    except BaseException:
        if not found:
            sqs.delete_queue(QueueUrl=url)
        raise
    return Listener(name, url, arn, str(written["signing_secret"]), resumed=bool(found))


def close_listener(target: Target, listener: Listener) -> int:
    """Remove destination and queue; return how many events were still in it, about."""
    _remove_destination(target, listener.queue_arn)
    sqs = target.client("sqs")
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    try:
        found = sqs.get_queue_attributes(QueueUrl=listener.queue_url, AttributeNames=list(counts))
        sqs.delete_queue(QueueUrl=listener.queue_url)
    except sqs.exceptions.QueueDoesNotExist:
        return 0  # somebody else has removed it
    return sum(int(found["Attributes"][name]) for name in counts)


def say_seen(target: Target, listener: Listener) -> None:
    """Note on the queue that it is in use."""
    tags = {TAG_SEEN: str(int(time.time()))}
    target.client("sqs").tag_queue(QueueUrl=listener.queue_url, Tags=tags)


def leftovers(target: Target) -> list[Leftover]:
    """Every listener of the stack, those in use included."""
    sqs = target.client("sqs")
    found = []
    for prefix in target.listen_queue_prefixes:
        for page in sqs.get_paginator("list_queues").paginate(QueueNamePrefix=prefix):
            for url in page.get("QueueUrls", []):
                with contextlib.suppress(sqs.exceptions.QueueDoesNotExist):
                    found.append(_described(target, sqs, url))
    arns = {leftover.queue_arn for leftover in found}
    for entry in destinations_of(target).read():
        arn = str(entry.get("target"))
        if _is_listeners(entry) and arn not in arns and queue_of(sqs, arn) is None:
            name = str(entry["name"]).removeprefix(DESTINATION)
            found.append(Leftover(name, arn, None, socket.gethostname(), 0.0, in_use=False))
    return [leftover for leftover in found if leftover.name]


def remove(target: Target, leftover: Leftover) -> None:
    """Remove a listener's destination and queue."""
    _remove_destination(target, leftover.queue_arn)
    if leftover.queue_url is not None:
        target.client("sqs").delete_queue(QueueUrl=leftover.queue_url)


def _described(target: Target, sqs: Any, url: str) -> Leftover:
    tags = sqs.list_queue_tags(QueueUrl=url).get("Tags", {})
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    name, host, seen = tags.get(TAG_NAME, ""), tags.get(TAG_HOST, ""), float(tags.get(TAG_SEEN, 0))
    if host == socket.gethostname():
        with _locked(target, name) as won:
            in_use = not won
    else:
        in_use = time.time() - seen < SEEN_LIMIT
    return Leftover(name, arn["Attributes"]["QueueArn"], url, host, seen, in_use)


def _last_entry(registry: Registry, name: str, arn: str) -> Entry | None:
    """This listener's entry as it last was, if it had this queue: with it nothing new is written.

    Secrets Manager takes about a hundred new versions a day, and there are other commands.
    """
    with contextlib.suppress(WrongUse):
        entry = _entry_of(registry.previous(), name)
        return entry if entry and entry.get("target") == arn else None
    return None


def _entry_of(entries: list[Entry], name: str) -> Entry | None:
    for entry in entries:
        if entry.get("name") == DESTINATION + name:
            if not _is_listeners(entry):
                raise WrongUse(
                    f"the destination {DESTINATION}{name} is no listener's: "
                    "choose another name with --name"
                )
            return entry
    return None


def _is_listeners(entry: Entry) -> bool:
    queue = str(entry.get("target")).rpartition(":")[2]
    name = str(entry.get("name"))
    made_here = re.search(r"-[0-9a-f]{8}$", queue) is not None
    return entry.get("kind") == "sqs" and name.startswith(DESTINATION) and made_here


def _remove_destination(target: Target, queue_arn: str) -> None:
    def edit(entries: list[Entry]) -> list[Entry]:
        gone = [e for e in entries if e.get("target") == queue_arn and _is_listeners(e)]
        entries[:] = [entry for entry in entries if entry not in gone]
        return gone

    for entry in destinations_of(target).change(edit):
        forget_health(target, entry)


@contextlib.contextmanager
def _locked(target: Target, name: str) -> Iterator[bool]:
    """Try to take a listener's lock on this machine; it ends with its process at the latest."""
    folder = state_home()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256(f"{target.id} {name}".encode()).hexdigest()[:16]
    with (folder / f"listen-{digest}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
