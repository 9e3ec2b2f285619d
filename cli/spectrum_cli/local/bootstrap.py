"""Starts Lambda's runtime client in a worker's process: `bootstrap.py LIFELINE HANDLER CLIENT`.

Run by path and without `site`, in the function's own environment: it imports nothing of this
package, and only what the function brings along can be imported. LIFELINE is the reading end of a
pipe whose other end only the stack holds; it closes when the stack is gone, however it went, and
then this process ends too. CLIENT is the folder that holds Lambda's runtime client, among others'
packages: the client is found there, and none of the others.
"""

import importlib.machinery
import os
import runpy
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

# What Lambda's runtime brings along; boto3, which it does too, every function here must do without.
RUNTIME = frozenset({"awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py"})


class RuntimeFinder:
    """Finds the runtime's modules in `folder`, after everything else has been looked through."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if path is not None or name not in RUNTIME:
            return None
        return importlib.machinery.PathFinder.find_spec(name, [self._folder])


def _end_with(lifeline: int) -> None:
    os.read(lifeline, 1)  # nobody writes: this returns at the end of file only
    os._exit(0)


def _ask_below_a_path() -> None:
    """Let the address of the Runtime API have a path, which is the worker's password.

    The client's own library takes it as it is; its one call through `http.client` does not.
    """
    from awslambdaric.lambda_runtime_client import (  # type: ignore[import-untyped]  # noqa: PLC0415
        LambdaRuntimeClient,
    )

    call = LambdaRuntimeClient.call_rapid

    def call_rapid(self, method, endpoint, *more, **named):  # type: ignore[no-untyped-def]
        address, _, password = self.lambda_runtime_address.partition("/")
        called = SimpleNamespace(lambda_runtime_address=address)
        return call(called, method, f"/{password}{endpoint}", *more, **named)

    LambdaRuntimeClient.call_rapid = call_rapid


def main() -> None:
    lifeline, handler, client = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    # As with `python -m`: the function's folder comes first, this file's must not be importable.
    sys.path[0] = str(Path.cwd())
    sys.meta_path.append(RuntimeFinder(client))
    sys.argv = ["awslambdaric", handler]
    # Only now: its modules are found along the path that was just set.
    _ask_below_a_path()
    runpy.run_module("awslambdaric", run_name="__main__")


if __name__ == "__main__":
    main()
