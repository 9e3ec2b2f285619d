"""`forwarder ui` as a process: it serves until a signal, and says what is missing."""

from __future__ import annotations

import http.cookiejar
import re
import signal
import socket
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.stacks import deployed, forwarder, forwarder_process
from tests.support.waiting import PATIENCE


def test_it_serves_a_deployed_stack_until_it_is_told_to_end() -> None:
    with deployed() as stack:
        process = forwarder_process("ui", "--port", "0", environment=stack.environment)
        assert process.stdout is not None
        line = process.stdout.readline()
        link = line.split()[1]
        home, _, path = link.partition("/enter")
        host = urlsplit(home).netloc
        assert re.fullmatch(r"forwarder-[0-9a-f]{16}\.localhost:\d+", host)
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)

        def get(path: str) -> urllib.request.Request:
            # Not every machine's resolver knows the name, as every browser does.
            address = f"http://127.0.0.1:{host.partition(':')[2]}{path}"
            return urllib.request.Request(address, headers={"Host": host})

        with browser.open(get("/enter" + path), timeout=PATIENCE) as entered:
            assert entered.status == 200
        with browser.open(get("/"), timeout=PATIENCE) as page:
            text = page.read().decode()
        assert "No events yet" in text
        assert "stack spectrum-forwarder in us-east-1" in text
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, out) == (0, "")
        assert "Traceback" not in err
        assert link not in err


def test_a_taken_port_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with deployed() as stack, socket.create_server(("127.0.0.1", 0)) as taken:
        for name, value in stack.environment.items():
            monkeypatch.setenv(name, value)
        ran = forwarder("ui", "--port", str(taken.getsockname()[1]))
    assert ran.status == 3
    assert "choose another with --port" in ran.err


def test_without_a_local_stack_it_says_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    ran = forwarder("ui", "--local")
    assert ran.status == 3
    assert "forwarder local" in ran.err
