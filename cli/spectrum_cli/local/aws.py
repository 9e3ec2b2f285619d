"""How the local stack's parts, and the commands that work on it, reach its services.

Owns two rules: whoever asks shows credentials that were made for this start alone, and nothing
that the shell or a file of this machine's user says about AWS counts: no profile, endpoint, proxy,
retry mode or signing rule, and no configuration that cannot even be read.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import boto3
import botocore.session
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES, ConstantProvider
from botocore.loaders import Loader

from spectrum_cli.local.intrinsics import REGION

USER_AGENT: Final = "forwarder-local"
FILES: Final = ("config_file", "credentials_file")


def forget_the_shell() -> None:
    """Let nothing of what this process was started with say anything about AWS.

    For a command that runs a whole stack: moto asks boto3 for its regions, and boto3 the files.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def made_up_credentials() -> dict[str, str]:
    """Credentials that nobody can guess, as in an environment; 160 bits in each half."""
    return {
        "AWS_ACCESS_KEY_ID": f"LOCAL{secrets.token_hex(20).upper()}",
        "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
    }


def session(credentials: Mapping[str, str]) -> Any:
    """A boto3 session with these credentials, deaf to the environment and to configuration files.

    Typed loosely: a service's name is a value here.
    """
    bare = botocore.session.Session()
    bare.register_component("data_loader", _descriptions())
    settings = bare.get_component("config_store")
    for name, (_, _, default, _) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items():
        settings.set_config_provider(name, ConstantProvider(value=default))
    for name in FILES:
        settings.set_config_provider(name, ConstantProvider(value=os.devnull))
    settings.set_config_provider("region", ConstantProvider(value=REGION))
    return boto3.session.Session(
        botocore_session=bare,
        **{name.lower(): value for name, value in credentials.items()},
    )


class _Descriptions(Loader):
    """What knows the services' descriptions, for all sessions: none changes what it has read."""

    @property
    def search_paths(self) -> list[str]:
        """A list of its own for whoever asks: each session of boto3's appends to it."""
        return list(super().search_paths)


@cache
def _descriptions() -> Loader:
    # To find out which services there are takes a while, for each kind of description.
    return _Descriptions()


class Sessions:
    """Sessions by their credentials: what one has loaded serves all of its clients."""

    def __init__(self) -> None:
        self._by_key: dict[str, Any] = {}

    def client(self, service: str, url: str, credentials: Mapping[str, str]) -> Any:
        """Return a new client of the service at a loopback URL; whoever asked closes it."""
        key = credentials["AWS_ACCESS_KEY_ID"]
        if key not in self._by_key:
            self._by_key[key] = session(credentials)
        return self._by_key[key].client(
            service,
            endpoint_url=url,
            # A proxy for the outside world is not for loopback. Whoever says nothing of itself is
            # described by botocore anew in each call.
            config=Config(proxies={}, max_pool_connections=20, user_agent=USER_AGENT),
        )
