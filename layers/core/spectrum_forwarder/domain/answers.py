"""What a failing answer says, in one line that can be stored and shown."""

import re
from collections.abc import Iterable, Iterator

from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.masking import without_phones, without_secrets, without_tokens
from spectrum_forwarder.domain.outbound import Attempt

# Bytes of an answer that are looked at, and of what is kept of it.
LOOKED_AT = MOST_KEPT = 1024
SIGNATURES = ("X-Spectrum-Signature", "webhook-signature")
# Text has no NUL, and few characters that control something or cannot be read.
UNREADABLE = "\N{REPLACEMENT CHARACTER}"
ODD = re.compile(f"[\x01-\x08\x0e-\x1f{UNREADABLE}]")
FEW = 0.1
# Of AWS's own refusals it is what they are about.
ARN = re.compile(r"(arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:(?:\d{12})?:[\w/.:*-]+)")
SPACE = re.compile(r"\s+")
# A word or a number at the end of what was cut off: its beginning may be that of a secret. To look
# for that from each character on, of an answer all of one word, took a millisecond.
LONGEST_CUT_OFF = 200
CUT_OFF = re.compile(rf"[^\s\"'<>,;:]{{1,{LONGEST_CUT_OFF}}}\Z|[+(]?[\d ().-]{{1,24}}\Z")


def said_by(answer: Answer, attempt: Attempt, destination: Destination) -> str:
    """What is kept of an answer: of one that failed, and where the destination allows it."""
    if answer.succeeded or not destination.keep_answers:
        return ""
    return in_one_line(answer.line, answer.said, _secrets(attempt, destination))


def _secrets(attempt: Attempt, destination: Destination) -> Iterator[str]:
    """What we send and nobody else is to see: an answer may repeat the request."""
    for key in (destination.signing_secret, *(old.text for old in destination.old_secrets)):
        yield from (key, key.removeprefix("whsec_"))
    for value in destination.headers.values():
        yield from (value, *value.split())
    for name in SIGNATURES:
        yield from attempt.headers.get(name, "").split()


def in_one_line(line: bytes, body: bytes, known: Iterable[str] = ()) -> str:
    """The status line, or an error's code, and what the answer says: at most 1 KB of UTF-8.

    `body` is its first kilobyte. Secrets that are `known` are taken out, phone numbers, mail
    addresses and what looks like a token shortened, control characters escaped; bytes that are no
    text are said to be so. Empty where there is neither.
    """
    known = list(known)
    first = _clean(line.decode("utf-8", "replace"), known)
    said = _said(body, known)
    return _fitted(f"{first}: {said}" if first and said else first or said)


def _said(body: bytes, known: list[str]) -> str:
    if not body.strip():
        return ""
    is_cut = len(body) >= LOOKED_AT
    text = body.decode("utf-8", "replace")
    if is_cut:
        text = text.rstrip(UNREADABLE)  # a character that was cut in two
    if "\x00" in text or len(ODD.findall(text)) > FEW * len(text):
        return f"({'over ' if is_cut else ''}{len(body)} bytes that are no text)"
    text = without_secrets(text, known)
    if is_cut:
        text = text[:-LONGEST_CUT_OFF] + CUT_OFF.sub("", text[-LONGEST_CUT_OFF:]) + "…"
    return _clean(text, known)


def _clean(text: str, known: list[str]) -> str:
    parts = ARN.split(without_secrets(text, known))
    parts[::2] = [without_phones(without_tokens(part)) for part in parts[::2]]
    text = "".join(parts)
    return "".join(map(_shown, SPACE.sub(" ", text).strip()))


def _shown(character: str) -> str:
    """Escaped where it would move a cursor, or turn or hide what stands beside it."""
    return character if character.isprintable() else repr(character)[1:-1]


def _fitted(text: str) -> str:
    whole = text.encode("utf-8", "backslashreplace")
    return whole[:MOST_KEPT].decode("utf-8", "ignore")
