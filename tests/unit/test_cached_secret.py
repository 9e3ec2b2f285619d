"""A cached secret: when it is read, what serves while the store is down, and what is told."""

from collections.abc import Iterator

import pytest
from moto import mock_aws
from spectrum_forwarder.adapters.cached_secret import CachedSecret
from spectrum_forwarder.domain.errors import InvalidEntry, RegistryUnavailable

from tests.support.in_memory.clock import ManualClock
from tests.support.in_memory.facts import FactList
from tests.support.secret import StoredSecret


def parse(text: str) -> str:
    if text == "broken":
        raise InvalidEntry("it is broken")
    return text.upper()


class Scene:
    """A secret, its cached copy, and the clock."""

    def __init__(self) -> None:
        self.stored = StoredSecret()
        self.clock = ManualClock()
        self.facts = FactList()
        self.cached = CachedSecret(
            self.stored.client, self.stored.name, parse, clock=self.clock, facts=self.facts
        )

    def get(self, max_age: float = 300.0, *, after: float = 0.0) -> str:
        self.clock.advance(after)
        return self.cached.get(max_age)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with mock_aws():
        yield Scene()


def test_it_is_read_once_until_it_is_too_old(scene: Scene) -> None:
    scene.stored.write("one")
    assert [scene.get(), scene.get(after=299)] == ["ONE", "ONE"]
    assert scene.stored.reads == 1
    scene.stored.write("two")
    assert scene.get(after=1) == "TWO"
    assert scene.stored.reads == 2


def test_each_asker_says_how_old_is_too_old(scene: Scene) -> None:
    scene.stored.write("one")
    scene.get()
    scene.stored.write("two")
    assert scene.get(30, after=29) == "ONE"
    assert scene.get(2) == "TWO"
    assert scene.get(300, after=200) == "TWO"


def test_without_any_reading_it_is_unavailable(scene: Scene) -> None:
    with pytest.raises(RegistryUnavailable, match="ResourceNotFoundException"):
        scene.get()
    assert scene.facts.named("registry.unread")[0]["stale"] is False


def test_it_recovers_at_once_where_nothing_was_cached(scene: Scene) -> None:
    with pytest.raises(RegistryUnavailable):
        scene.get()
    scene.stored.write("one")
    assert scene.get() == "ONE"


def test_a_stale_copy_serves_while_the_store_is_down(scene: Scene) -> None:
    scene.stored.write("one")
    scene.get()
    scene.stored.remove()
    assert scene.get(after=10_000) == "ONE"
    assert scene.facts.named("registry.unread")[0]["stale"] is True


def test_a_store_that_is_down_is_not_asked_by_every_request(scene: Scene) -> None:
    scene.stored.write("one")
    scene.get()
    scene.stored.remove()
    for _ in range(20):
        scene.get(after=0.4 if scene.stored.reads > 1 else 400)
    assert scene.stored.reads == 2
    scene.get(after=10)
    assert scene.stored.reads == 3


def test_a_text_that_cannot_be_used_is_as_good_as_unread(scene: Scene) -> None:
    scene.stored.write("one")
    scene.get()
    scene.stored.write("broken")
    assert scene.get(after=400) == "ONE"
    assert scene.facts.named("registry.unread")[0]["cause"] == (
        "the secret cannot be used: it is broken"
    )


def test_a_secret_without_a_text_is_as_good_as_unread(scene: Scene) -> None:
    scene.stored.client.create_secret(Name=scene.stored.name, SecretBinary=b"bytes")
    with pytest.raises(RegistryUnavailable):
        scene.get()


@pytest.mark.parametrize(("after", "reads"), [(9.9, 1), (10.0, 2)])
def test_after_a_failure_the_store_is_asked_again_in_ten_seconds(
    scene: Scene, after: float, reads: int
) -> None:
    scene.stored.write("one")
    scene.get()
    scene.stored.write("broken")
    scene.get(after=300)
    before = scene.stored.reads
    assert scene.get(after=after) == "ONE"
    assert scene.stored.reads - before == reads - 1
