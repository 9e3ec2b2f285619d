"""What the demo says in conversations, and promises of their order and of a burst.

Bodies that were sent, and what their destinations heard, go in; promises come out.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from spectrum_cli.demo.outcome import Promise
from spectrum_cli.samples.bodies import compact, delivery

# Of the agent's POSTs each third is refused, and none of its events so more than twice.
THIRD, MOST_REFUSALS = 3, 2
# Events of each conversation, and of the burst.
EACH, AT_ONCE = 4, 12
TALKS = tuple(f"talk-{number}" for number in range(1, 5))
DOZEN = "dozen"


@dataclass(frozen=True, slots=True)
class Heard:
    """One POST as it came in, and its answer; `late` is what it says of itself."""

    body: bytes = field(repr=False)
    verifies: bool
    late: bool
    status: int

    @property
    def taken(self) -> bool:
        return self.status == 200


def talks() -> list[bytes]:
    """The conversations' events, by number, and those of one number in each conversation."""
    return [numbered(space, number) for number in range(1, EACH + 1) for space in TALKS]


def dozen() -> list[bytes]:
    """What one says in a breath."""
    return [numbered(DOZEN, number) for number in range(1, AT_ONCE + 1)]


def numbered(space: str, number: int) -> bytes:
    """The text message that was said there at that place, in the last seconds."""
    content: dict[str, object] = {"type": "text", "text": str(number)}
    whole = delivery(content, f"spc-msg-{uuid.uuid4()}", int(time.time()) - 2 * AT_ONCE + number)
    return compact(whole | {"space": {"id": space, "platform": "iMessage", "type": "dm"}})


def place_of(body: bytes) -> tuple[str, int]:
    """The conversation of a numbered event, and its number there."""
    whole = json.loads(body)
    return whole["space"]["id"], int(whole["message"]["content"]["text"])


def in_order(heard: Sequence[Heard], sent: Collection[bytes]) -> Promise:
    """Every event that was `sent` was taken once, and after those before it, but what says that it
    is late; and that is half of a conversation at most.
    """
    wrong = [] if all(each.verifies for each in heard) else ["not every POST verifies"]
    wrong += [f"bytes that nobody sent: {each}" for each in heard if each.body not in sent]
    said = defaultdict[str, list[tuple[int, Heard]]](list)
    for each in heard:
        space, number = place_of(each.body)
        said[space].append((number, each))
    seen = []
    for space in TALKS:
        came = f"{space}: {' '.join(_in_short(*one) for one in said[space]) or 'nothing'}"
        seen.append(came)
        taken = [number for number, each in said[space] if each.taken]
        in_turn = [number for number, each in said[space] if each.taken and not each.late]
        if sorted(taken) != list(range(1, EACH + 1)):
            wrong.append(f"not each once in {came}")
        elif in_turn != sorted(in_turn) or len(in_turn) < EACH // 2:
            wrong.append(f"out of order in {came}")
    refused = sum(not each.taken for each in heard)
    if refused < max(1, len(heard) // THIRD - 1):
        wrong.append(f"only {refused} of {len(heard)} POSTs were refused")
    text = f"in order in each of {len(TALKS)} conversations, though every third POST is refused"
    return Promise(text, tuple(wrong), tuple(seen))


def in_one(heard: Sequence[Heard], sent: Sequence[bytes]) -> Promise:
    """All that was `sent` came as one POST, in order and byte for byte."""
    wrong = [] if all(each.verifies for each in heard) else ["it does not verify"]
    if len(heard) != 1:
        wrong.append(f"{len(heard)} POSTs")
    seen = []
    for each in heard:
        bodies = [event["body"].encode() for event in json.loads(each.body).get("events", ())]
        numbers = " ".join(str(place_of(body)[1]) for body in bodies) or "nothing"
        seen.append(f"{DOZEN}: {numbers}, in one POST")
        if len(bodies) != AT_ONCE or bodies != list(sent):
            wrong.append(f"not what was sent, or in another order: {numbers}")
    text = f"a burst of {AT_ONCE} comes as one POST, and both of its signatures verify"
    return Promise(text, tuple(wrong), tuple(seen))


def _in_short(number: int, heard: Heard) -> str:
    """`3`, or with why it is there once more, or out of order."""
    return f"{number}{'' if heard.taken else '✗'}{' (late)' if heard.late else ''}"
