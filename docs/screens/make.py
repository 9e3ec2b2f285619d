"""Makes the screens in this folder: real commands on a real local stack, drawn as a terminal.

Run it in a checkout: `python docs/screens/make.py`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text
from spectrum_cli.samples.requests import TEST_SECRET, TEST_WEBHOOK_ID, make_body, signed

HERE = Path(__file__).resolve().parent
EVENTS = HERE.parents[1] / "events"
WIDTH = 142
# Rich's template fetches its font from elsewhere; a reader's own fixed-width font will do.
FONT_FACES = re.compile(r"@font-face \{.*?\}\s*", re.S)


def forwarder(*arguments: str) -> str:
    """What the command prints as its result."""
    ran = subprocess.run(
        [sys.executable, "-m", "spectrum_cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout


def draw(name: str, *commands: tuple[str, str]) -> None:
    """Write NAME.svg: each command after a prompt, and what it printed."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        for command, printed in commands:
            console.print(Text.assemble(("$ ", "bold cyan"), (command, "bold")))
            console.print(coloured(printed), end="")
            console.print()
    svg = console.export_svg(title=f"forwarder {name}", unique_id=name)
    svg = FONT_FACES.sub("", svg).replace("Fira Code", "ui-monospace, Menlo, Consolas")
    (HERE / f"{name}.svg").write_text(svg)


def coloured(printed: str) -> Text:
    """The text as a terminal would show it."""
    text = Text(printed)
    for sign, style in (("✓", "green"), ("!", "yellow"), ("✗", "bold red"), ("·", "dim")):
        text.highlight_regex(rf"(?m)^{re.escape(sign)} ", style)
    text.highlight_regex(r"(?m)^  +→.*$", "cyan")
    text.highlight_regex(r"(?m)^  (evidence|fix): ", "dim")
    return text


def spoilt(folder: Path) -> None:
    """A request whose body was parsed and written again on its way."""
    request = signed(
        make_body("text"),
        webhook_id=TEST_WEBHOOK_ID,
        secret=TEST_SECRET,
        timestamp=int(time.time()),
    )
    lines = (f"{name}: {value}\n" for name, value in request.headers.items())
    (folder / "headers.txt").write_text("".join(lines))
    (folder / "body.bin").write_text(json.dumps(json.loads(request.body)))
    (folder / "good.bin").write_bytes(request.body)


def draw_events() -> None:
    """The delivery log of a few samples, and the story of the newest."""
    for kind in ("attachment", "reaction", "group"):
        forwarder("sample", "--kind", kind, "--send", "endpoint", "--local")
    time.sleep(3)  # for the consumer to have them
    newest = forwarder("events", "list", "--local", "--limit", "1", "--json").splitlines()[0]
    key = json.loads(newest)["event_key"]
    draw(
        "events",
        ("forwarder events list --local", forwarder("events", "list", "--local")),
        (f"forwarder events show {key} --local", forwarder("events", "show", key, "--local")),
    )


def main() -> None:
    """Start a local stack, run the commands, draw them."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["XDG_STATE_HOME"] = temporary
        stack = subprocess.Popen(
            [
                *(sys.executable, "-m", "spectrum_cli", "local", "--port", "0"),
                *("--webhooks", str(EVENTS / "webhooks.json")),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert stack.stdout is not None
            stack.stdout.readline()
            spoilt(folder)
            sent = forwarder("sample", "--send", "endpoint", "--local")
            draw(
                "doctor",
                ("forwarder sample --send endpoint --local", sent),
                ("forwarder doctor --local", forwarder("doctor", "--local")),
            )
            draw_events()
            headers = ("--headers", str(folder / "headers.txt"), "--local")
            bad = forwarder("diagnose", "--body", str(folder / "body.bin"), *headers)
            good = forwarder("diagnose", "--body", str(folder / "good.bin"), *headers)
            command = "forwarder diagnose --body {} --headers headers.txt --local"
            draw("diagnose", (command.format("body.bin"), bad), (command.format("good.bin"), good))
        finally:
            stack.terminate()
            stack.wait()


if __name__ == "__main__":
    main()
