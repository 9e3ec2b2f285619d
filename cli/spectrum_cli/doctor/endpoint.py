"""Is the endpoint where it should be, and does it answer as it should, in time?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from spectrum_forwarder.domain.registration import look

from spectrum_cli.doctor.model import Patient, recent
from spectrum_cli.stack.http_client import HttpAnswer, NotAnswered
from spectrum_cli.stack.probes import error_code, has_secret
from spectrum_cli.terminal.verdicts import Result, failed, ok, skipped, warning
from spectrum_cli.vendor.sights import address, sights
from spectrum_cli.vendor.webhook_store import is_over, stored

# Spectrum gives up at about 10 s; a healthy endpoint needs a hundredth of that.
SLOW_SECONDS = 2.0
# Seconds between clocks from which on it is worth a look, and from which on nothing verifies.
NOTABLE_SKEW, WINDOW = 10, 300
TIMEOUT = 10.0
FORMS = ("", "/", "/2", "/2/")


def public(patient: Patient) -> Iterator[Result]:
    """https, and a name that resolves to public addresses only."""
    parts = urlsplit(patient.target.endpoint_url)
    if patient.target.is_local:
        yield skipped("public", "the local stack is on loopback: Spectrum cannot reach it")
        return
    if parts.scheme != "https":
        yield failed(
            "public", f"{parts.scheme}:// is not taken by Spectrum", "Register the https URL."
        )
    yield replace(address(parts.hostname or ""), check="public")


def answers(patient: Patient) -> Iterator[Result]:
    """A bare POST gets our own 400, at every form of the path, in time and without a redirect."""
    slowest = 0.0
    for form in FORMS:
        url = patient.target.endpoint_url + form
        try:
            answer = _bare_post(patient, url)
        except NotAnswered as error:
            yield failed("answers", f"{url}: {error}", "Check the API, its domain and its stage.")
            continue
        slowest = max(slowest, answer.seconds)
        if answer.status != 400 or error_code(answer.body) != "missing_headers":
            yield _stranger(url, answer)
            continue
        yield ok("answers", f"{url}: our 400 in {answer.seconds * 1000:.0f} ms")
    if slowest > SLOW_SECONDS:
        yield warning(
            "answers",
            f"the slowest answer took {slowest:.1f} s",
            "A cold start? Run this again; if it stays, look at the receiver's duration.",
        )


def _stranger(url: str, answer: HttpAnswer) -> Result:
    said = f"{url}: {answer.status} instead of our 400"
    if 300 <= answer.status < 400:
        return failed(
            "answers",
            f"{said}: it redirects, and Spectrum drops the event for ever",
            "Register the URL that it leads to, or remove the redirect.",
        )
    if answer.status >= 500 or answer.status == 429:
        return failed("answers", said, "Look at the receiver's log, and at the API's throttling.")
    return failed(
        "answers",
        f"{said}: something else answers there",
        "Check that the route (POST, with everything below it) leads to the receiver.",
    )


def clocks(patient: Patient) -> Iterator[Result]:
    """The endpoint's clock against this one, and Spectrum's against the receiver's."""
    try:
        date = _bare_post(patient, patient.target.endpoint_url).headers.get("date", "")
        skew = round(patient.clock() - parsedate_to_datetime(date).timestamp())
    except (NotAnswered, ValueError, TypeError):
        yield skipped("clock", "the endpoint does not say what time it has")
    else:
        yield _skewed(f"this machine is {skew:+d} s from the endpoint", skew)
    skews = sorted(round(event.received_at - event.signed_at) for event in recent(patient))
    if skews:
        middle = skews[len(skews) // 2]
        yield _skewed(f"Spectrum signed {middle:+d} s before the receiver got it", middle)


def _skewed(said: str, skew: int) -> Result:
    if abs(skew) >= WINDOW:
        return failed("clock", said, "Set this clock (NTP): nothing verifies this far apart.")
    if abs(skew) >= NOTABLE_SKEW:
        return warning("clock", said, "Set the clocks (NTP) before it grows to 300 s.")
    return ok("clock", said)


def reached(patient: Patient) -> Iterator[Result]:
    """What is registered leads here as Spectrum's guard sees it, whatever its list says."""
    if patient.api is None or patient.target.is_local:
        yield skipped("reached", "nobody is asked what Spectrum would meet at registered URLs")
        return
    known_here = stored(patient.store.read(), patient.clock())
    found = look(patient.api.list(), known_here, patient.target.endpoint_url)
    for url in dict.fromkeys(one.registration.url for one in found if one.registration):
        seen = list(sights(url, patient.http))
        for sight in seen:
            if sight.next_step:
                yield replace(sight, check="reached", said=f"{url}: {sight.said}")
        if not any(sight.next_step for sight in seen):
            yield ok("reached", f"{url}: {seen[-1].said}")


def known(patient: Patient) -> Iterator[Result]:
    """The endpoint has read the secrets that are stored."""
    from spectrum_forwarder.domain.event import CANARY_SOURCE  # noqa: PLC0415 (not for --help)

    url = patient.target.endpoint_url
    for entry in patient.store.read().entries:
        name = str(entry.get("id"))
        if is_over(entry, patient.clock()) or entry.get("source") == CANARY_SOURCE:
            continue
        try:
            knows = has_secret(patient.http, url, name)
        except NotAnswered as error:
            # The secrets are not to blame, and the next would be asked for in vain too.
            yield skipped("known", f"nobody could be asked for {name}: {url}: {error}")
            return
        if knows:
            yield ok("known", f"the endpoint knows {name}")
        else:
            yield failed(
                "known",
                f"the endpoint does not know {name}, whose secret is stored",
                "Wait for half a minute; then look for registry.unread in the receiver's log.",
            )


def _bare_post(patient: Patient, url: str) -> HttpAnswer:
    headers = {"Content-Type": "application/json"}
    return patient.http.request("POST", url, headers=headers, body=b"{}", timeout=TIMEOUT)
