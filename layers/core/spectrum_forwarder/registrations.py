"""The look at our registrations from time to time: what is wrong with them becomes facts.

Spectrum tells nobody here that it has disabled one: only its list says so.
"""

from collections.abc import Callable, Sequence

from spectrum_forwarder.domain.errors import RegistryUnavailable
from spectrum_forwarder.domain.ports import Facts
from spectrum_forwarder.domain.registration import (
    ProjectRefused,
    Registration,
    SpectrumUnavailable,
    Stored,
    look,
)


def look_at_registrations(
    ask: Callable[[], Sequence[Registration]],
    kept: Callable[[], Stored],
    *,
    endpoint: str,
    facts: Facts,
) -> None:
    """Tell what is wrong. `ask` raises ProjectRefused or SpectrumUnavailable, `kept` and `ask`
    RegistryUnavailable.
    """
    try:
        listed, stored = ask(), kept()
    except ProjectRefused as error:
        facts("registration.trouble", trouble="credentials", cause=str(error))
        return
    except (SpectrumUnavailable, RegistryUnavailable) as error:
        facts("registrations.unread", cause=str(error))
        return
    for found in look(listed, stored, endpoint):
        if found.trouble is not None:
            one = found.registration
            facts(
                "registration.trouble",
                trouble=found.trouble.value,
                webhook_id=one.id[:100] if one else None,
                reason=(one.disabled_reason[:100] or None) if one else None,
            )
    facts("registrations.read", registrations=len(listed))
