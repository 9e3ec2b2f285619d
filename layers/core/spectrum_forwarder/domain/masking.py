"""Masking: text that others wrote, shortened where it may name a person or hold a secret.

What is left says what it is about. In doubt a word is shortened: nobody misses it much.
"""

import re
from collections.abc import Iterable

HIDDEN = "…"
PHONE = re.compile(r"\+\d{6,15}")
BARE_PHONE = re.compile(r"\+\d{6,15}|(?<![0-9A-Za-z-])\d{9,15}(?![0-9A-Za-z-])")
# Tried only where a word begins: at each letter of a long one it would take minutes.
MAIL = re.compile(r"(?<![^\s@;:<>])[^\s@;:<>]+@[^\s@;:<>]+\.[^\s@;:<>]+")
# As people write them: +1 (555) 010-0173, 555-010-0173.
SPACED_PHONE = re.compile(
    r"\+\d[\d ().\u2010-\u2013-]{5,20}\d|(?<![\w.-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])"
)
# `Bearer abc`, but not `Bearer authentication`.
CREDENTIALS = re.compile(
    r"\b(bearer|basic)(\s+)(?!auth|token|realm|scheme)[^\s\"'<>,;]+", re.IGNORECASE
)
# `"api_key": "abc"`, `token=abc`, also where the quotes are escaped.
NAMED = re.compile(
    r"((?:api[-_ ]?key|secret|passw(?:or)?d|pwd|token|authorization|signature|credential|cookie)"
    r"[\w-]*[\\\"']*\s*[:=]\s*[\\\"']*)[^\s\"'<>,;&\\]+",
    re.IGNORECASE,
)
# What is neither a word nor a name: hex, base64, JSON Web Tokens.
TOKEN = re.compile(r"[A-Za-z0-9_+=~-]{20,}")
BASE64 = re.compile(r"[A-Za-z0-9+/]{32,}={0,2}")
# By which the other side finds a request in its own log.
UUID = re.compile(r"([a-z]{1,12}[_-])*[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# Of a known secret, so much may stand at the end of a text that is cut off.
LEAST_OF_A_SECRET = 4


def masked(text: str, *, bare: bool = True) -> str:
    """The text with phone numbers and mail addresses shortened: +1555…00, a…@example.com.

    With `bare` digits alone count as a phone number as well.
    """
    number = BARE_PHONE if bare else PHONE
    text = number.sub(lambda found: f"{found[0][:5]}{HIDDEN}{found[0][-2:]}", text)
    return MAIL.sub(lambda found: f"{found[0][0]}{HIDDEN}@{found[0].rpartition('@')[2]}", text)


def without_secrets(text: str, known: Iterable[str]) -> str:
    """The text without these secrets, nor the beginning of one where it is cut off."""
    for secret in sorted(known, key=len, reverse=True):
        if len(secret) < LEAST_OF_A_SECRET:
            continue
        text = text.replace(secret, HIDDEN)
        for length in range(min(len(secret), len(text)), LEAST_OF_A_SECRET - 1, -1):
            if text.endswith(secret[:length]):
                text = text[:-length] + HIDDEN
                break
    return text


def without_tokens(text: str) -> str:
    """The text without what looks like a secret, a token or a signature, whoever's it is."""
    text = CREDENTIALS.sub(rf"\1\2{HIDDEN}", text)
    text = NAMED.sub(rf"\1{HIDDEN}", text)
    text = BASE64.sub(lambda found: _word(found[0], of_cases=True), text)
    return TOKEN.sub(lambda found: _word(found[0], of_cases=False), text)


def without_phones(text: str) -> str:
    """As `masked`, and numbers too as people write them."""
    return masked(SPACED_PHONE.sub(lambda found: f"{found[0][:3]}{HIDDEN}{found[0][-2:]}", text))


def _word(word: str, *, of_cases: bool) -> str:
    letters = any(map(str.isalpha, word))
    if of_cases:
        letters = any(map(str.isupper, word)) and any(map(str.islower, word))
    looks_made = letters and any(map(str.isdigit, word)) and not UUID.fullmatch(word)
    return f"{word[:4]}{HIDDEN}" if looks_made else word
