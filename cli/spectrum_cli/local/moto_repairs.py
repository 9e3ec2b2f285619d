"""What moto does too slowly for a burst; mended for the life of the process.

To find a request's service, moto lists its own folder, for each request and under one lock: most
of a burst's time. The answer depends on the host alone, so it is looked up once for each.
"""

from __future__ import annotations

from functools import cache

from moto.moto_server.werkzeug_app import DomainDispatcherApplication


@cache
def repair() -> None:
    """Mend moto; further calls do nothing."""
    look_up = DomainDispatcherApplication.get_backend_for_host

    @cache
    def get_backend_for_host(self: DomainDispatcherApplication, host: str | None) -> object:
        return look_up(self, host)

    DomainDispatcherApplication.get_backend_for_host = get_backend_for_host  # type: ignore[method-assign]
