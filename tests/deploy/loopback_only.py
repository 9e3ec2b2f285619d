"""Names in this process: the stack's endpoint is the emulator, and nothing beyond loopback exists.

`python -m tests.deploy.loopback_only ARGUMENTS` runs a `forwarder` command so, and lets it take
destinations on loopback, as the functions of this run do.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

from tests.deploy.emulator import ENDPOINTS

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def confine(port: int) -> None:
    """Resolve names so in this process from now on; endpoints are at the loopback port `port`,
    or have no address where it is 0.
    """
    resolve = socket.getaddrinfo

    def confined(host: Any, wanted: Any, *arguments: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name.endswith(ENDPOINTS) and port:
            return resolve("127.0.0.1", port, *arguments, **more)
        if name in LOOPBACK:
            return resolve("127.0.0.1", wanted, *arguments, **more)
        raise socket.gaierror(socket.EAI_NONAME, f"{name} is beyond loopback")

    socket.getaddrinfo = confined  # type: ignore[assignment]


def _main() -> int:
    from spectrum_cli.__main__ import run  # noqa: PLC0415
    from spectrum_forwarder.adapters import destination_registry  # noqa: PLC0415

    confine(int(os.environ["DEPLOY_TEST_PORT"]))
    read = destination_registry.read_destination
    destination_registry.read_destination = lambda entry, **_: read(entry, allow_loopback=True)
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(_main())
