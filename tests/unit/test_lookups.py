"""Shared name look-ups: one attempt leads at each place, the others follow."""

from spectrum_forwarder.adapters.kinds.http.lookups import Lookups
from spectrum_forwarder.domain.outbound import Attempt


def attempt_at(url: str, *, timeout: float = 10.0) -> Attempt:
    """An attempt of which only the place matters."""
    return Attempt(
        event_key="test:1",
        destination="test",
        url=url,
        headers={},
        body=b"",
        timeout_seconds=timeout,
        begin_by=0.0,
    )


def test_first_attempt_at_a_place_leads_and_the_next_follow() -> None:
    lookups = Lookups()
    first, second = attempt_at("https://a.example/1"), attempt_at("https://A.example/2")
    assert not lookups.follows(first)
    assert lookups.follows(second)
    assert lookups.leads(first)
    assert not lookups.leads(second)


def test_another_host_port_or_time_limit_is_another_place() -> None:
    lookups = Lookups()
    lookups.follows(attempt_at("https://a.example/"))
    assert not lookups.follows(attempt_at("https://b.example/"))
    assert not lookups.follows(attempt_at("https://a.example:8443/"))
    assert not lookups.follows(attempt_at("https://a.example/", timeout=5))


def test_found_name_frees_those_who_waited_and_all_who_come_later() -> None:
    lookups = Lookups()
    first, second, third = (attempt_at(f"https://a.example/{n}") for n in range(3))
    lookups.follows(first)
    lookups.follows(second)
    assert lookups.found(first) == [second]
    assert not lookups.leads(first)
    assert not lookups.follows(third)


def test_failed_lookup_hands_back_those_who_waited_and_the_next_leads() -> None:
    lookups = Lookups()
    first, second, third = (attempt_at(f"https://a.example/{n}") for n in range(3))
    lookups.follows(first)
    lookups.follows(second)
    assert lookups.ended(first) == [second]
    assert not lookups.follows(third)
    assert lookups.leads(third)


def test_text_that_is_no_url_is_a_place_too() -> None:
    lookups = Lookups()
    first = attempt_at("https://[")
    assert not lookups.follows(first)
    assert lookups.ended(first) == []
    assert not lookups.follows(attempt_at("nonsense"))
