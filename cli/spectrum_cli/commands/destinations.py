"""`forwarder destinations`: who gets the events, and whether they take them."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer
from spectrum_forwarder.domain.destination import identity_of

from spectrum_cli import destination_entries as entries_of
from spectrum_cli.answer_times import NONE
from spectrum_cli.destination_apply import apply, export
from spectrum_cli.destination_entries import (
    Filter,
    Headers,
    KeepAnswers,
    MaxAttempts,
    Only,
    SecretFromInput,
    Timeout,
    WebhookId,
    WhenItFails,
)
from spectrum_cli.destination_filter import filter_of
from spectrum_cli.destination_rotation import rotate
from spectrum_cli.destination_sample import advice, send_sample, webhook_id_of
from spectrum_cli.destination_secrets import new_secret, replace
from spectrum_cli.destination_telling import ADDED, TAKES_EFFECT, tell
from spectrum_cli.destination_views import answers_of, documents, forget_health, health_of
from spectrum_cli.errors import Finding, WrongUse
from spectrum_cli.filter_trials import tried_of
from spectrum_cli.kind_fields import PLACES_OF_KINDS, KindFields, with_kind_fields
from spectrum_cli.lines import drain, queues_of, told
from spectrum_cli.mending import Drop, drop
from spectrum_cli.output import (
    AsJson,
    Reveal,
    Rows,
    Yes,
    confirm,
    counted,
    note,
    print_json,
    print_line,
    progress,
)
from spectrum_cli.pace import at_pace
from spectrum_cli.ready_filters import one_of
from spectrum_cli.registry import Entry, destinations_of
from spectrum_cli.table_clock import table_clock
from spectrum_cli.target import Target, with_target
from spectrum_cli.wiring import event_log, reopener

WAKE_RATE = 100.0

Name = Annotated[str, typer.Argument(metavar="NAME", help="The destination's name.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Who gets the events, and whether they do.")
    group.command("list")(list_destinations)
    group.command("add")(add)
    group.command("set")(change)
    group.command("filter")(with_target(filter_of))
    group.command("rotate")(rotate)
    group.command("rename")(rename)
    group.command("remove")(remove)
    group.command("test")(test)
    group.command("pause")(pause)
    group.command("resume")(resume)
    group.command("flush")(flush)
    group.command("export")(export)
    group.command("apply")(apply)
    app.add_typer(group, name="destinations")


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
    health, known = health_of(target), answers_of(target) if entries else {}
    answers = [known.get(identity_of(entry) or "", NONE) for entry in entries]
    found, queues = documents(entries, health, target, reveal=reveal), queues_of(target)
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


@with_target
@with_kind_fields
def add(
    name: Name,
    where: Annotated[str, typer.Argument(metavar="URL", help=f"Where it is: {PLACES_OF_KINDS}.")],
    *,
    expression: Filter = None,
    only: Only = None,
    on_filter_error: WhenItFails = None,
    header: Headers = None,
    timeout: Timeout = None,
    max_attempts: MaxAttempts = None,
    keep_answers: KeepAnswers = None,
    webhook_id: WebhookId = None,
    fields: KindFields,
    paused: Annotated[bool, typer.Option("--paused", help="Let its deliveries wait.")] = False,
    secret_stdin: SecretFromInput = False,
    as_json: AsJson = False,
    reveal: Reveal = False,
    target: Target,
) -> None:
    """Add a destination, with a new signing secret.

    The secret is what the receiver verifies with; it is shown with --reveal, now or later by
    `forwarder destinations list --reveal`. Events that are fanned out from then on go to it, half
    a minute from now at the latest; older ones with `forwarder replay --destination NAME`.

    A receiver that answers messages should get `--only messages`: receipts and its own sends come
    as events too, and have made bots answer themselves. What a filter does to each sample body is
    shown when it is written.

    Example: forwarder destinations add crm https://crm.example.com/spectrum --reveal
    """
    expression = one_of(expression, only)
    entry = entries_of.new_entry(name)
    entries_of.apply(
        entry,
        where=where,
        expression=expression,
        on_filter_error=on_filter_error,
        headers=header,
        timeout=timeout,
        max_attempts=max_attempts,
        keep_answers=keep_answers,
        webhook_id=webhook_id,
        fields=fields,
    )
    entry["signing_secret"] = new_secret(from_input=secret_stdin)
    if paused:
        entry["enabled"] = False
    tried = tried_of(entry, target)

    destinations_of(target).change(lambda entries: entries_of.add_to(entries, entry))
    tell(entry, ADDED, target, tried, as_json=as_json, reveal=reveal)


@with_target
@with_kind_fields
def change(
    name: Name,
    *,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help=f"Where it is: {PLACES_OF_KINDS}.")
    ] = None,
    expression: Filter = None,
    only: Only = None,
    on_filter_error: WhenItFails = None,
    header: Headers = None,
    timeout: Timeout = None,
    max_attempts: MaxAttempts = None,
    keep_answers: KeepAnswers = None,
    webhook_id: WebhookId = None,
    fields: KindFields,
    dropped: Drop = None,
    fresh_secret: Annotated[
        bool, typer.Option("--new-secret", help="Sign with a new secret from now on.")
    ] = False,
    secret_stdin: SecretFromInput = False,
    as_json: AsJson = False,
    reveal: Reveal = False,
    target: Target,
) -> None:
    """Change a destination; what is not named stays as it is.

    Example: forwarder destinations set crm --filter "message.content.type == 'text'"
    """
    expression = one_of(expression, only)
    given = (
        url,
        expression,
        on_filter_error,
        header,
        timeout,
        max_attempts,
        keep_answers,
        webhook_id,
    )
    nothing = not fields and not dropped and all(value is None for value in given)
    if nothing and not fresh_secret and not secret_stdin:
        raise WrongUse("nothing to change was given: see `forwarder destinations set --help`")
    secret = new_secret(from_input=secret_stdin)

    def edit(entries: list[Entry]) -> Entry:
        entry = entries_of.find(entries, name)
        drop(entry, dropped or ())
        entries_of.apply(
            entry,
            where=url,
            expression=expression,
            on_filter_error=on_filter_error,
            headers=header,
            timeout=timeout,
            max_attempts=max_attempts,
            keep_answers=keep_answers,
            webhook_id=webhook_id,
            fields=fields,
        )
        if fresh_secret or secret_stdin:
            replace(entry, secret)
        entries_of.check(entry, target)
        return entry

    entry = destinations_of(target).change(edit)
    filter_changed = expression is not None or on_filter_error is not None
    tried = tried_of(entry, target) if filter_changed else None
    tell(entry, "changed", target, tried, as_json=as_json, reveal=reveal)


@with_target
def rename(
    name: Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="What it is to be called.")],
    *,
    target: Target,
) -> None:
    """Call a destination otherwise: it stays the same, with all that it is owed.

    Example: forwarder destinations rename crm sales
    """

    def edit(entries: list[Entry]) -> None:
        entry = entries_of.find(entries, name)
        entries_of.rename(entry, new, entries)
        entries_of.check(entry, target)

    destinations_of(target).change(edit)
    note(f"{name} is called {new} from now on; {TAKES_EFFECT}")


@with_target
def remove(name: Name, *, yes: Yes = False, target: Target) -> None:
    """Remove a destination: what it is still owed is given up, and settles as `removed`.

    That cannot be undone: a destination that is added under the same name is another one.

    Example: forwarder destinations remove crm --yes
    """

    def edit(entries: list[Entry]) -> Entry:
        entry = entries_of.find(entries, name)
        entries.remove(entry)
        return entry

    registry = destinations_of(target)
    entries_of.find(registry.read(), name)
    if not confirm(f"Remove {name} from {target.title}, with what it is still owed?", yes=yes):
        raise Finding("nothing was removed")
    forget_health(target, registry.change(edit))
    note(f"{name} removed; {TAKES_EFFECT}")


@with_target
def test(name: Name, *, as_json: AsJson = False, target: Target) -> None:
    """Send a destination one signed sample from this machine, and show what it answers.

    The sample is a text message as Spectrum sends it, under the webhook id that events are sent
    with, and X-Spectrum-Forwarder-Test: 1. It is sent
    once, whatever the filter, and is not stored. A queue, bus or function gets it with the
    credentials of this command. Ends with 1 if the answer is not 2xx.

    Example: forwarder destinations test crm
    """
    entry = entries_of.find(destinations_of(target).read(), name)
    destination = entries_of.usable(entry, target)
    webhook_id = webhook_id_of(target)
    answer = send_sample(destination, webhook_id=webhook_id, allow_loopback=target.is_local)
    if as_json:
        print_json(
            {
                "destination": name,
                "status": answer.status,
                "error": answer.error,
                "seconds": round(answer.seconds, 3),
            }
        )
    else:
        said = f"answered {answer}" if answer.status else f"gave no answer ({answer})"
        print_line(f"{name} {said} in {answer.seconds * 1000:.0f} ms")
    if not answer.succeeded:
        raise Finding(f"{name} did not take the sample: {advice(answer)}")


@with_target
def pause(name: Name, *, target: Target) -> None:
    """Let a destination's deliveries wait, without using up attempts, until it is resumed.

    Example: forwarder destinations pause crm
    """
    _enable(target, name, enabled=False)
    note(f"{name} is paused; {TAKES_EFFECT}")


@with_target
def resume(
    name: Name,
    *,
    rate: Annotated[
        float, typer.Option(min=0.1, max=1000, help="Waiting events woken a second, at most.")
    ] = WAKE_RATE,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Deliver to a destination again, what has been waiting for it included.

    Safe to run again: it wakes whatever still waits.

    Example: forwarder destinations resume crm
    """
    from spectrum_forwarder.adapters.destination_registry import DESTINATIONS_AGE  # noqa: PLC0415 (boto3)
    from spectrum_forwarder.replay import Outcome, Wake  # noqa: PLC0415

    entry = _enable(target, name, enabled=True)
    # Workers may know the destination as paused for so long, and would let it wait once more.
    known_for = (DESTINATIONS_AGE + 1) * min(target.time_scale, 1.0)
    clock = table_clock(target)
    wake = Wake(identity_of(entry) or name, clock() + known_for)
    with progress("looking for what has been waiting") as looked_at:
        waiting = []
        for events in event_log(target).owing():
            waiting += [event.event_key for event in events if wake(event, clock())]
            looked_at(len(events))
    outcomes = []
    with progress("waking", len(waiting)) as done:
        reopen = partial(reopener(target, clock).reopen, change=wake)
        for reopened in at_pace(reopen, waiting, rate=rate):
            outcomes.append(reopened.outcome)
            done(1)
    woken, busy = outcomes.count(Outcome.BEGUN), outcomes.count(Outcome.BUSY)
    lines = len(drain(target, [wake.destination]))
    if as_json:
        print_json({"destination": name, "woken": woken, "busy": busy, "lines": lines})
    elif lines:
        print_line(f"{name} is resumed; {told(lines)}")
    else:
        print_line(
            f"{name} is resumed; {counted(woken, 'waiting event')} will go out in half a minute"
        )
    if busy:
        raise Finding(
            f"{counted(busy, 'event')} being worked on: run the same command again to wake the rest"
        )


@with_target
def flush(
    name: Name,
    *,
    rate: Annotated[
        float, typer.Option(min=0.1, max=1000, help="Retries brought forward a second, at most.")
    ] = WAKE_RATE,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Deliver what a destination is owed now: its line, and all that waits for a retry.

    The first thing to do after mending a consumer. The line goes out oldest first; one that is
    paused, broken or still failing stays as it is. Safe to run again.

    Example: forwarder destinations flush crm
    """
    from spectrum_forwarder.replay import Hasten, Outcome  # noqa: PLC0415

    entry = entries_of.find(destinations_of(target).read(), name)
    identity = identity_of(entry) or name
    lines = len(drain(target, [identity]))
    clock, haste = table_clock(target), Hasten(frozenset([identity]))
    with progress("looking for what is owed") as looked_at:
        owed = []
        for events in event_log(target).owing():
            owed += [event.event_key for event in events if haste(event, clock())]
            looked_at(len(events))
    with progress("bringing forward", len(owed)) as done:
        outcomes = []
        reopen = partial(reopener(target, clock).reopen, change=haste)
        for reopened in at_pace(reopen, owed, rate=rate):
            outcomes.append(reopened.outcome)
            done(1)
    begun, busy = outcomes.count(Outcome.BEGUN), outcomes.count(Outcome.BUSY)
    if as_json:
        print_json({"destination": name, "lines": lines, "hastened": begun, "busy": busy})
    else:
        said = [told(lines), f"{begun} of what waits for a retry brought forward"]
        print_line(f"{name}: " + "; ".join(part for part in said if part))
    if busy:
        raise Finding(f"{counted(busy, 'event')} being worked on: run the same command again")


def _enable(target: Target, name: str, *, enabled: bool) -> Entry:
    def edit(entries: list[Entry]) -> Entry:
        entry = entries_of.find(entries, name)
        entry["enabled"] = enabled
        return entry

    return destinations_of(target).change(edit)
