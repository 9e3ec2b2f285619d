"""One child of a benchmark: imports a handler, invokes it, and says what that cost.

Run as `python -m child MODULE ROUNDS` with events (JSON lines) on standard input. Prints one JSON
object: CPU seconds of import and first invocation, of each later invocation, memory, and the bytes
and lines that the handler printed in one of these.
"""

import contextlib
import importlib
import io
import json
import resource
import statistics
import sys
import time


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory() -> float:
    """The most memory held so far, in MB. Not getrusage's: it begins with the parent's."""
    with open("/proc/self/status") as status:  # noqa: PTH123 (pathlib would be memory of ours)
        (peak,) = (line.split()[1] for line in status if line.startswith("VmHWM"))
    return int(peak) / 1024


class Context:
    """Lambda's context, as far as handlers look at it."""

    function_name = "bench"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:1:function:bench"
    function_version = "1"
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def main() -> None:
    events = [json.loads(line) for line in sys.stdin]
    out = io.StringIO()
    started = cpu()
    with contextlib.redirect_stdout(out):
        handler = importlib.import_module(sys.argv[1]).handler
        context = Context()
        context.aws_request_id = "request-0"
        first = handler(events[0], context)
        cold = cpu() - started
        first_lines = out.getvalue()
        answers, warm = [first], []
        walls = []
        for number, event in enumerate(events[1:], 1):
            context.aws_request_id = f"request-{number}"
            began, clock = time.process_time(), time.perf_counter()
            answers.append(handler(event, context))
            warm.append(time.process_time() - began)
            walls.append(time.perf_counter() - clock)
    # The first ones still fill caches. Medians, because others' work on the same core counts.
    warm, walls = warm[len(warm) // 5 :], walls[len(walls) // 5 :]
    print(
        json.dumps(
            {
                "cold": cold,
                "warm": statistics.median(warm) if warm else 0.0,
                "wall": statistics.median(walls) if walls else 0.0,
                "memory": memory(),
                "printed": (len(out.getvalue()) - len(first_lines)) / max(1, len(answers) - 1),
                "lines": out.getvalue()[len(first_lines) :].count("\n") / max(1, len(answers) - 1),
                "answers": [answers[0], *answers[1:][-1:]],
            }
        )
    )


if __name__ == "__main__":
    main()
