"""`make soak`: the whole local stack for 25 minutes, under whatever happens to one in life.

Five destinations, copies, forgeries, ids that repeat, bodies of up to 900 KB, bursts, an operator
at work; every three minutes `kill -9` of a worker, and once the fan-out away for five minutes.
SOAK_MINUTES shortens it for trying. Ends with 1 if anything of the verdict speaks against it.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Mapping

from spectrum_forwarder.adapters.event_log import DynamoEventLog
from spectrum_forwarder.adapters.payloads import S3Payloads

from tests.hardening.crowd import LogBook
from tests.soak.calm import MINUTE
from tests.soak.life import MAIN, Soak, say, soaking
from tests.soak.places import HEALTHY
from tests.soak.plan import RATE, WHOLE, Plan
from tests.soak.verdict import Verdict


def judge(soak: Soak, verdict: Verdict, book: LogBook, ended: float) -> bool:
    """Print the figures; whether all is as promised."""
    accounts, operator = soak.accounts, soak.operator
    broken: Mapping[str, list[str]] = {
        "lost": verdict.lost(),
        "doubled without an ambiguity": verdict.doubled(),
        "bytes changed": verdict.changed(),
        "forgeries and strays": verdict.misled(),
        "not calm again in time": soak.calm.late(ended),
        "workers that grew": soak.memory.grown(MAIN),
        "commands that failed": operator.failures,
        "mistakes in the log": book.mistakes,
    }
    say("\nlag at the healthy destination")
    for minute in range(int((ended - soak.calm.began) / MINUTE)):
        say("  " + soak.calm.minute(minute))
    say("\nmemory")
    for line in soak.memory.lines():
        say("  " + line)
    say("\nfigures")
    figures = {
        "events sent": soak.spectrum.sent,
        "events acknowledged": len(accounts.acknowledged()),
        "answers": dict(sorted(accounts.answers.items())),
        "attempts taken": dict(Counter(a.place for a in accounts.arrivals)),
        "workers killed": dict(soak.killed),
        "claims lost with their worker": sum(verdict.lost_claims.values()),
        "copies, explained ones included": verdict.all_copies(),
        "inversions at healthy": accounts.inversions(HEALTHY),
        "stretches that had to be calm": len(soak.calm.stretches(ended)),
    }
    for name, value in figures.items():
        say(f"  {name:<32} {value}")
    for name, found in broken.items():
        say(f"  {name:<32} {len(found)}")
        for line in found[:10]:
            say(f"      {line}")
    return not any(broken.values())


def run() -> bool:
    """Soak, wait and judge; whether all is as promised."""
    minutes = float(os.environ.get("SOAK_MINUTES") or WHOLE / MINUTE)
    plan, book = Plan(minutes * MINUTE), LogBook()
    say(
        f"a soak of {minutes:g} minutes, {RATE:g} events a second; a worker killed every "
        f"{plan.cycle:.0f} s, the fan-out away for {plan.away[1] - plan.away[0]:.0f} s"
    )
    good: bool | None = None
    try:
        with soaking(plan, book) as soak:
            good = _run_out(soak, book)
    except OSError:
        # What ends slowly on a busy machine changes nothing any more.
        if good is None:
            raise
    return bool(good)


def _run_out(soak: Soak, book: LogBook) -> bool:
    soak.live()
    ended = time.time()
    ids = soak.stack.deployment.physical_ids
    payloads = S3Payloads(soak.stack.client("s3"), ids["PayloadsBucket"])
    log = DynamoEventLog(soak.stack.client("dynamodb"), ids["EventsTable"], payloads)
    verdict = Verdict(soak.accounts, soak.operator, log)
    say(f"settled after {soak.settle(verdict):.0f} s")
    verdict.lost_claims.update(soak.proxy.lost_claims())
    return judge(soak, verdict, book, ended)


if __name__ == "__main__":
    good = run()
    say("\nall as promised" if good else "\nNOT as promised: see above")
    sys.exit(0 if good else 1)
