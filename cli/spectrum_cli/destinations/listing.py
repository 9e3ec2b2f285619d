"""`forwarder destinations list`: the destinations, how they stand, and who waits for them."""

from __future__ import annotations

from spectrum_forwarder.domain.destination import identity_of

from spectrum_cli.destinations.answer_times import NONE
from spectrum_cli.destinations.lines import queues_of
from spectrum_cli.destinations.views import answers_of, documents
from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.registry import destinations_of
from spectrum_cli.stack.target import Target
from spectrum_cli.stack.wiring import health_board
from spectrum_cli.terminal.errors import Finding
from spectrum_cli.terminal.output import AsJson, Reveal, note, print_json
from spectrum_cli.terminal.tables import Rows


@with_target
def list_destinations(*, as_json: AsJson = False, reveal: Reveal = False, target: Target) -> None:
    """List the destinations, and how they stand.

    A broken one cannot be used: its deliveries wait until it is mended. One with an open breaker
    keeps failing: its deliveries wait and use up no attempts. Ends with 1 if any is broken.

    Deliveries to one that is paused, broken or failing stand in its line: how many, and since when
    there is one. They go out, oldest first, within a minute of its way being open.

    How long it took to answer at most, in half and in 95 % of the attempts (p50, p95), and the
    last error are read off the newest hundred events. An error is quoted as it stands in the log:
    masked, and unless the destination drops answers.

    Example: forwarder destinations list --stack spectrum-forwarder-prod
    """
    entries = destinations_of(target).read()
    board = health_board(target)
    health, known = board.load(), answers_of(target) if entries else {}
    answers = [known.get(identity_of(entry) or "", NONE) for entry in entries]
    found, queues = documents(entries, health, target, reveal=reveal), queues_of(target, board)
    waiting = [queues.get(identity_of(entry) or "") for entry in entries]
    if as_json:
        answered = zip(found, waiting, answers, strict=True)
        print_json(
            [
                document
                | {"waiting": queue.document() if queue else None, "answers": of.document()}
                for document, queue, of in answered
            ]
        )
    elif found:
        keys = ["name", "state", "url", "filter"] + (["signing_secret"] if reveal else [])
        table = Rows(
            *(key.replace("_", " ") for key in keys), "waiting", "p50", "p95", "last error"
        )
        table.add(
            [
                [
                    *(str(document[key] or "-") for key in keys),
                    queue.in_words() if queue else "-",
                    *of.in_words(),
                ]
                for document, queue, of in zip(found, waiting, answers, strict=True)
            ]
        )
    else:
        note("no destinations yet: add one with `forwarder destinations add NAME URL`")
    broken = [f"{d['name']}: {d['problem']}" for d in found if d["problem"]]
    if broken:
        raise Finding("broken: " + "; ".join(broken))
