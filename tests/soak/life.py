"""One soak under way: the stack, everything that is sent to it and done to it."""

import contextlib
import json
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from spectrum_cli.local.moto_server import MotoServer
from spectrum_cli.local.registry_files import make_up_webhook
from spectrum_cli.local.stack import LocalStack
from spectrum_cli.local.state import published

from tests.hardening.crowd import LogBook
from tests.hardening.table_proxy import TableProxy, proxying
from tests.soak.accounts import Accounts
from tests.soak.calm import MINUTE, Calm, Disturbance
from tests.soak.memory import Memory
from tests.soak.operator import Operator
from tests.soak.places import FLAKY, HEALTHY, SLOW, listening
from tests.soak.plan import BURST, RATE, Plan, Steps
from tests.soak.spectrum import Spectrum
from tests.soak.verdict import Verdict

SEED = 11
# How long the last deliveries may take after the last event (seconds): a retry comes in two
# minutes, a breaker's probe in five.
PATIENCE = 420.0
LOOK = 15.0
# The process that stands for all of AWS, and for the world around the stack.
MAIN = "stack and moto"


@dataclass
class Soak:
    """One soak under way."""

    plan: Plan
    stack: LocalStack
    proxy: TableProxy
    spectrum: Spectrum
    operator: Operator
    calm: Calm
    accounts: Accounts
    memory: Memory = field(default_factory=Memory)
    killed: Counter[str] = field(default_factory=Counter)
    _rights: ExitStack = field(default_factory=ExitStack)
    _rng: random.Random = field(default_factory=lambda: random.Random(SEED))

    def live(self) -> None:
        """From the first event to the last answer of the last one."""
        stopping = threading.Event()
        sending = threading.Thread(target=self.spectrum.steadily, args=(RATE, stopping))
        watching = threading.Thread(target=self._watch, args=(stopping,))
        disturbing = threading.Thread(target=self._disturb, args=(stopping,))
        for thread in (sending, watching, disturbing):
            thread.start()
        time.sleep(max(0.0, self.calm.began + self.plan.seconds - time.time()))
        stopping.set()
        for thread in (disturbing, sending, watching):
            thread.join()
        self._rights.close()
        self.spectrum.finish()

    def settle(self, verdict: Verdict) -> float:
        """Wait until nothing is lost any more, or for as long as is given; how long that took."""
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            acknowledged = self.accounts.acknowledged()
            missing = sum(
                len(self.accounts.missing(place, acknowledged)) for place in (HEALTHY, SLOW, FLAKY)
            )
            if not missing:
                verdict.read()
                missing = len(verdict.lost())
            if not missing:
                break
            say(f"waiting for {missing} deliveries")
            time.sleep(LOOK)
        verdict.read()
        return time.monotonic() - began

    def _disturb(self, stopping: threading.Event) -> None:
        began, away = self.calm.began, Disturbance("the fan-out is away", *self.plan.away)
        for at, what, act in self.plan.steps(self._steps()):
            if stopping.wait(max(0.0, began + at - time.time())):
                return
            since = time.time()
            act()
            self.calm.disturbances.append(Disturbance(what, since, time.time()))
            say(f"{(since - began) / 60:5.1f} min  {what}")
            if what == "the fan-out goes away":
                away.began, away.ended = since, since + away.ended - away.began
                self.calm.disturbances.append(away)

    def _steps(self) -> Steps:
        operator = self.operator
        return Steps(
            kill_fan_out=lambda: self._kill("FanoutFunction"),
            kill_receiver=lambda: self._kill("ReceiverFunction"),
            leave=lambda: self._rights.enter_context(self._without("sqs:ReceiveMessage")),
            come=self._rights.close,
            burst=lambda: self.spectrum.burst(BURST),
            pause=operator.pause,
            resume=operator.resume,
            exchange=operator.exchange,
            replay=lambda: operator.give_the_last(120.0),
        )

    def _kill(self, function: str) -> None:
        """End any one worker of a function as nothing can prevent it."""
        pid = self._rng.choice(self.stack.pools[function].pids)
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"bootstrap.py" not in command:
            raise RuntimeError(f"{pid} is no worker of ours")
        os.kill(pid, signal.SIGKILL)
        self.killed[function] += 1

    @contextlib.contextmanager
    def _without(self, action: str) -> Iterator[None]:
        """Take a right away from the fan-out's role: Lambda polls in its name."""
        iam, name = self.stack.client("iam"), self.stack.deployment.physical_ids["FanoutRole"]
        (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
        before = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        denied = {"Effect": "Deny", "Action": action, "Resource": "*"}

        def put(statements: list[object]) -> None:
            document = json.dumps({**before, "Statement": statements})
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)

        put([*before["Statement"], denied])
        try:
            yield
        finally:
            put(before["Statement"])

    def _watch(self, stopping: threading.Event) -> None:
        minute = 0
        while not stopping.wait(LOOK):
            processes = {os.getpid(): MAIN} | {
                pid: name for name, pool in self.stack.pools.items() for pid in pool.pids
            }
            self.memory.look(time.time(), processes)
            # A minute is told once what came in it has had time to arrive.
            if time.time() > self.calm.began + (minute + 1) * MINUTE + LOOK:
                say(self.calm.minute(minute))
                minute += 1


def say(text: str) -> None:
    """Tell how it goes."""
    print(text, flush=True)


@contextlib.contextmanager
def soaking(plan: Plan, book: LogBook) -> Iterator[Soak]:
    """Everything up, and down again at the end."""
    webhook, accounts = make_up_webhook(), Accounts()
    with ExitStack() as parts:
        home = Path(parts.enter_context(tempfile.TemporaryDirectory()))
        # moto keeps its state by process: this second door leads to the stack's own table.
        moto = parts.enter_context(MotoServer())
        proxy = parts.enter_context(proxying(moto.url))
        places = parts.enter_context(listening(accounts))
        os.environ["XDG_STATE_HOME"] = str(home)
        registry = json.dumps({"destinations": places.entries()})
        stack = LocalStack(
            webhooks=webhook.registry,
            destinations=registry,
            log=book,
            overrides={"dynamodb": proxy.url},
        )
        parts.enter_context(stack)
        parts.enter_context(published(stack.state()))
        operator = Operator(stack, places.changing, home)
        operator.add()
        spectrum = Spectrum(stack.endpoint_url, webhook, accounts, seed=SEED)
        calm = Calm(accounts, time.time(), plan.recovery)
        yield Soak(plan, stack, proxy, spectrum, operator, calm, accounts)
