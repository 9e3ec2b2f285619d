"""A vendor's library for Standard Webhooks, which brings a client of all its API with it."""

from typing import Any


def svix(secret: str) -> Any:
    """Its verifier; loaded late, or every process that collects tests would wait 0.2 s for it."""
    from svix import Webhook  # noqa: PLC0415

    return Webhook(secret)
