"""Serves the `app` of a Python listing, each with a server that its framework recommends."""

import importlib
from wsgiref.simple_server import make_server

ASGI = ("fastapi", "litestar")


def serve(module: str, port: int) -> None:
    """Serve until killed."""
    app = importlib.import_module(module).app
    if module.startswith(ASGI):
        import uvicorn  # noqa: PLC0415

        uvicorn.run(app, port=port, log_level="warning")
    else:
        make_server("127.0.0.1", port, app).serve_forever()
