"""A registration that was begun: made, or found to have been made, and its secrets stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from spectrum_forwarder.domain.registration import Registration, same_url

from spectrum_cli.terminal.errors import Unreachable, WrongUse
from spectrum_cli.vendor.answers import (
    AlreadyRegistered,
    AnswerLost,
    NewRegistration,
    already_registered,
    moment,
)
from spectrum_cli.vendor.api import SpectrumApi
from spectrum_cli.vendor.webhook_store import WebhookStore

TRIES = 3
# Seconds that Spectrum's clock may be off from ours.
CLOCKS_APART = 600.0


def register_pending(
    api: SpectrumApi,
    store: WebhookStore,
    pending: dict[str, Any],
    say: Callable[[str], None],
    *,
    resumed: bool,
) -> str:
    """Register the pending URL and store its secrets, unless both is done; return the id.

    A registration of the URL whose secret was never stored is deleted first, for nobody has it: but
    only one that an earlier run, or an answer that was lost, may have made. Any other is somebody
    else's, and stays.
    """
    url, in_doubt = str(pending["url"]), resumed
    for _ in range(TRIES):
        there = next((one for one in api.list() if same_url(one.url, url)), None)
        if there is not None:
            if store.read().entry(there.id):
                return there.id
            if not in_doubt or _made_before(there, float(pending["began_at"])):
                raise _given_up(store, url)
            say(f"{there.id} was registered, and its secret never stored: making it anew")
            api.delete(there.id)
        say(f"registering {url}")
        try:
            new = api.register(url, failure_email=pending.get("failure_email"))
        except AlreadyRegistered as error:
            if not in_doubt:
                raise _given_up(store, url) from error
            say(str(error))
        except WrongUse:
            # Refused for good, and the list has none: there is nothing to be gone on with.
            store.note(None)
            raise
        except AnswerLost as error:
            in_doubt = True
            say(str(error))
        else:
            _store(store, new, str(pending["source"] or new.id))
            return new.id
    raise Unreachable(f"{url} could not be registered {TRIES} times: try again later")


def _made_before(one: Registration, began_at: float) -> bool:
    """Whether Spectrum says that it is older than what was begun."""
    made = moment(one.created_at)
    return made is not None and made < began_at - CLOCKS_APART


def _given_up(store: WebhookStore, url: str) -> AlreadyRegistered:
    """Nothing was made, and nothing is to be gone on with."""
    store.note(None)
    return already_registered(url)


def _store(store: WebhookStore, new: NewRegistration, source: str) -> None:
    store.update(
        lambda webhooks: webhooks.put(
            new.id,
            new.signing_secret,
            source,
            standard_secret=new.standard_secret,
            path=urlsplit(new.url).path or None,
        )
    )
