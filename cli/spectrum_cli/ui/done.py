"""What is said after something was done, by the word in the address."""

from __future__ import annotations

DONE = {
    "begun": "Replay begun.",
    "unhinted": "Replay begun; it goes out with the next sweep, within a minute.",
    "nothing": "Nothing to replay: what is still owed goes out anyway.",
    "busy": "A worker has this event in hand: try again in a moment.",
    "later_format": "A later version of the forwarder stored this event: replay it with that one.",
    "paused": "Paused. Workers take note within half a minute; deliveries wait from then on.",
    "resumed": "Resumed. What has been waiting goes out within half a minute.",
    "retried": "Tried again now: what comes of it stands below in a moment.",
    "nothing_waits": "Nothing waits for a later attempt, but what a paused destination is owed.",
    "looking": "Looking for what fits. Nothing is begun before you say so.",
    "begins": "Begun. It goes on behind this page.",
    "released": "Released: it goes out as an event, as if it had come today.",
    "duplicate": "Another copy of it had come, and went out: it has left the quarantine.",
    "refused": "It still does not verify, so it stays.",
    "releasing": "The release has begun.",
}


def done(word: str | None) -> str:
    """What is said after something was done, nothing for a word that is none."""
    return DONE.get(word or "", "")
