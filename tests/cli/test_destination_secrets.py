"""Secrets of destinations: which are stored, and one in another's place while deliveries go on."""

import base64
import os
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest
import standardwebhooks
from spectrum_cli.destinations.secrets import overlap_of, remark, weakness
from spectrum_cli.doctor.destinations import destinations
from spectrum_cli.doctor.model import Patient
from spectrum_cli.local.deployment import Endpoints
from spectrum_cli.local.state import LocalState, published
from spectrum_cli.stack.target import find_target
from spectrum_cli.terminal.errors import WrongUse
from spectrum_cli.terminal.verdicts import Verdict
from spectrum_forwarder.adapters.destination_registry import SecretDestinations, read_destination
from spectrum_forwarder.adapters.kinds.http.sender import HttpSender
from spectrum_forwarder.adapters.kinds.http.trust import public_ca_bundle
from spectrum_forwarder.domain.destination import Destination, OldSecret
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.outbound import Attempt, outbound_headers
from spectrum_forwarder.domain.signature import sign

from tests.support.http_server import HttpServer, Request, Script, respond, serving
from tests.support.make import NOW, WHSEC
from tests.support.stacks import Deployed, Ran, forwarder
from tests.support.svix_library import svix
from tests.support.waiting import PATIENCE

BODY = b'{"event":"messages","n":1}'
OLD, NEW = "0d" * 32, WHSEC
URLSAFE = "-_ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


# ---- Which are stored --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("x", "24 characters"),
        ("short", "24 characters"),
        ("", "24 characters"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "over and over"),
        ("whsec_", "usual alphabet"),
        ("whsec_known", "24 to 64 bytes"),
        ("whsec_" + base64.b64encode(bytes(range(23))).decode(), "this one is 23"),
        ("whsec_" + base64.b64encode(bytes(range(65))).decode(), "this one is 65"),
        ("whsec_" + base64.b64encode(b"\x07" * 32).decode(), "over and over"),
        ("whsec_" + URLSAFE, "write + for - and / for _"),
    ],
)
def test_a_weak_secret_or_one_that_no_library_reads_is_refused(secret: str, said: str) -> None:
    wrong = weakness(secret)
    assert wrong is not None
    assert said in wrong
    assert len(secret) < 8 or secret not in wrong


TEXT = "no base64, yet long enough!"


@pytest.mark.parametrize("secret", [OLD, WHSEC, WHSEC.rstrip("="), TEXT, URLSAFE])
def test_a_strong_secret_is_stored(secret: str) -> None:
    assert weakness(secret) is None


def test_what_a_receiver_must_know_of_a_secret_is_told() -> None:
    assert remark(OLD) is None
    assert remark(WHSEC.rstrip("=")) is None
    assert "no webhook-signature" in str(remark(TEXT))
    assert "- or _" in str(remark(URLSAFE))


@pytest.mark.parametrize("command", [["add", "weak", "https://x.example.com/"], ["set", "crm"]])
@pytest.mark.usefixtures("crm")
def test_a_weak_secret_is_refused_on_every_way_in(stack: Deployed, command: list[str]) -> None:
    before = stack.destinations()
    for given in ("x", "short"):
        ran = forwarder("destinations", *command, "--secret-stdin", given=given)
        assert (ran.status, stack.destinations()) == (2, before)
        assert f"24 characters or more; this one has {len(given)}" in ran.err
    ran = forwarder("destinations", "rotate", "crm", "--secret-stdin", given="x")
    assert (ran.status, stack.destinations()) == (2, before)


@pytest.mark.usefixtures("crm")
def test_an_old_entrys_weak_secret_goes_on_working_and_is_told(stack: Deployed) -> None:
    weak = stack.destinations()[0] | {"signing_secret": "short"}
    stack.write_destinations(weak)
    assert read_destination(weak).signing_secret == "short"
    ran = forwarder("destinations", "set", "crm", "--timeout", "5")
    assert ran.status == 0
    assert "24 characters or more" in ran.err
    assert "forwarder destinations rotate crm" in ran.err
    nothing = cast(Any, None)
    patient = Patient(find_target(), nothing, None, nothing, nothing, nothing, nothing)
    [line] = [line for line in destinations(patient) if line.verdict is Verdict.WARNING]
    assert line.next_step == "forwarder destinations rotate crm."
    assert "24 characters or more" in line.said


# ---- Two at once -------------------------------------------------------------------------------


def headers(destination: Destination, now: float) -> dict[str, str]:
    return outbound_headers(
        destination,
        outgoing_id="main:1",
        kind="messages",
        webhook_id="w",
        content_type=None,
        body=BODY,
        now=now,
    )


@pytest.mark.parametrize("library", [standardwebhooks.Webhook, svix])
@pytest.mark.parametrize("secret", [OLD, NEW])
def test_either_secret_verifies_with_the_published_libraries(library: Any, secret: str) -> None:
    now = time.time()
    rotating = Destination("crm", "https://x/", NEW, old_secrets=(OldSecret(OLD, now + 60),))
    sent = headers(rotating, now)
    library(secret).verify(BODY, sent)
    assert sent["webhook-signature"].count("v1,") == 2


def test_an_old_secret_ends_by_itself() -> None:
    rotating = Destination("crm", "https://x/", NEW, old_secrets=(OldSecret(OLD, NOW),))
    before, after = headers(rotating, NOW - 1), headers(rotating, NOW)
    assert before["X-Spectrum-Signature"] == sign(OLD, int(NOW - 1), BODY)
    assert after["X-Spectrum-Signature"] == sign(NEW, int(NOW), BODY)
    assert after["webhook-signature"].count("v1,") == 1


def test_an_old_secret_that_is_no_base64_leaves_the_new_one_its_signature() -> None:
    old = OldSecret(TEXT, NOW + 60)
    sent = headers(Destination("crm", "https://x/", NEW, old_secrets=(old,)), NOW)
    assert sent["webhook-signature"].count("v1,") == 1


@pytest.mark.parametrize(
    "old", [7, [7], [{}], [{"secret": "x"}], [{"secret": "", "until": 1}], [{"until": 1}] * 9]
)
def test_old_secrets_that_cannot_be_read_are_told(old: object) -> None:
    entry = {"name": "crm", "url": "https://x.example.com/", "signing_secret": OLD}
    with pytest.raises(InvalidEntry, match="old_secrets"):
        read_destination({**entry, "old_secrets": old})


# ---- The command -------------------------------------------------------------------------------


def rotate(*options: str, given: str = "") -> Ran:
    return forwarder("destinations", "rotate", "crm", *options, given=given)


@pytest.fixture
def crm(stack: Deployed) -> Iterator[None]:
    stack.write_destinations(
        {"name": "crm", "url": "https://crm.example.com/in", "signing_secret": OLD}
    )
    yield
    stack.write_destinations()


@pytest.mark.usefixtures("crm")
def test_a_rotation_keeps_the_old_secret_until_it_is_confirmed(stack: Deployed) -> None:
    began = time.time()
    ran = rotate("--overlap", "2h", "--reveal")
    [entry] = stack.destinations()
    [old] = entry["old_secrets"]
    assert (ran.status, ran.out.strip()) == (0, entry["signing_secret"])
    assert (old["secret"], entry["signing_secret"] == OLD) == (OLD, False)
    assert began + 7199 <= old["until"] <= time.time() + 7200
    assert "rotate crm --confirm" in ran.err
    shown = forwarder("destinations", "list", "--json", "--reveal")
    assert shown.json[0]["old_secret_signs_until"] is not None
    assert OLD not in shown.out

    again = rotate()
    assert (again.status, stack.destinations()) == (1, [entry])
    assert "is being rotated until" in again.err

    assert rotate("--confirm").status == 0
    assert stack.destinations() == [{n: v for n, v in entry.items() if n != "old_secrets"}]
    assert rotate("--confirm").status == 1


@pytest.mark.usefixtures("crm")
def test_after_a_leak_nothing_is_signed_with_the_old_secret(stack: Deployed) -> None:
    rotate()
    for ends in (["rotate", "crm", "--overlap", "0"], ["set", "crm", "--new-secret"]):
        assert forwarder("destinations", *ends).status == 0
        assert "old_secrets" not in stack.destinations()[0]
    ran = rotate("--secret-stdin", given=stack.destinations()[0]["signing_secret"])
    assert (ran.status, "another one" in ran.err) == (2, True)


@pytest.mark.parametrize("text", ["", "soon", "-1h", "31d", "1", "1.5h"])
def test_an_overlap_is_a_time(text: str) -> None:
    assert (overlap_of("24h"), overlap_of("0"), overlap_of("30d")) == (86_400, 0, 2_592_000)
    with pytest.raises(WrongUse, match="--overlap"):
        overlap_of(text)


# ---- Under load --------------------------------------------------------------------------------


class Consumer:
    """Verifies all that comes with each of its secrets, by the published library.

    With the old one by v0 as well: there is room for one signature, and that is whose.
    """

    def __init__(self, server: HttpServer) -> None:
        self.secrets = {"old": OLD}
        self.refused: list[str] = []
        self.verified = 0
        self._answer = respond()
        server.on("/in", self.script())

    def script(self) -> Script:
        def take(request: Request, connection: Any) -> bool:
            sent = dict(request.headers)
            for name, secret in list(self.secrets.items()):
                try:
                    standardwebhooks.Webhook(secret).verify(request.body, sent)
                    if name == "old":
                        _verify_v0(sent, secret, request.body)
                except standardwebhooks.WebhookVerificationError:
                    self.refused.append(name)
                else:
                    self.verified += 1
            return self._answer(request, connection)

        return take


def test_no_attempt_of_a_rotation_under_load_is_refused_with_either_secret(
    stack: Deployed,
) -> None:
    """The real command, registry and sender, and attempts all the while; a copy's age is 0.05 s."""
    state = LocalState(os.getpid(), "http://x", Endpoints(stack.url), stack.outputs, 0.01)
    with serving() as server, published(state):
        consumer = Consumer(server)
        stack.write_destinations({"name": "crm", "url": server.url("/in"), "signing_secret": OLD})
        load = Load(stack)
        load.start()
        try:
            load.await_attempts(20)
            assert rotate("--local", "--secret-stdin", given=NEW).status == 0
            load.await_copy()
            consumer.secrets["new"] = NEW
            load.await_attempts(60)
            # The receiver has the new one: the old is ended.
            del consumer.secrets["old"]
            assert rotate("--local", "--confirm").status == 0
            load.await_copy()
            load.await_attempts(30)
        finally:
            load.stop()
    stack.write_destinations()
    assert (consumer.refused, load.failed) == ([], [])
    assert consumer.verified > 150


def _verify_v0(sent: dict[str, str], secret: str, body: bytes) -> None:
    if sent["X-Spectrum-Signature"] != sign(secret, int(sent["X-Spectrum-Timestamp"]), body):
        raise standardwebhooks.WebhookVerificationError("v0")


class Load(threading.Thread):
    """Attempts at what the registry holds, one after the other, as the fan-out makes them."""

    def __init__(self, stack: Deployed) -> None:
        super().__init__(name="load")
        self.failed: list[str] = []
        self._registry = SecretDestinations(
            stack.client("secretsmanager"),
            stack.outputs["DestinationsSecretId"],
            clock=time.time,
            facts=lambda _name, /, **_fields: None,
            allow_loopback=True,
            max_age=0.05,
        )
        self._sender = HttpSender(public_ca_bundle(), allow_loopback=True)
        self._made = 0
        self._read_at = 0.0
        self._more = threading.Condition()
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.is_set():
            known = self._registry.load()
            [destination] = known.usable.values()
            attempt = Attempt(
                *("main:1", destination.id, destination.url),
                headers(destination, time.time()),
                *(BODY, 5.0, float("inf")),
            )
            [(_, answer)] = self._sender.send([attempt])
            with self._more:
                self._made, self._read_at = self._made + 1, known.read_at
                if not answer.succeeded:
                    self.failed.append(str(answer))
                self._more.notify_all()

    def await_attempts(self, number: int) -> None:
        with self._more:
            wanted = self._made + number
            assert self._more.wait_for(lambda: self._made >= wanted, PATIENCE)

    def await_copy(self) -> None:
        """Until attempts go by a copy that was read after now, those under way included."""
        now = time.time()
        with self._more:
            assert self._more.wait_for(lambda: self._read_at > now, PATIENCE)
        self.await_attempts(1)

    def stop(self) -> None:
        self._stopped.set()
        self.join()
        self._sender.close()
