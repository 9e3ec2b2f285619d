"""How README's commands are run by `make readme`."""

from pathlib import Path

from tests.readme.steps import How, steps

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_everything_that_needs_no_account_is_run() -> None:
    found = {step.command: step.how for step in steps(README)}
    assert found["make demo"] is How.TO_ITS_END
    # The two commands that do all the set-up; CI runs the second by itself.
    assert found["make test"] is How.BY_ITSELF
    assert found["make build"] is How.TO_ITS_END
    assert found[".venv/bin/forwarder local"] is How.UNTIL_READY
    assert found[".venv/bin/forwarder ui --local --open"] is How.UNTIL_IT_SPEAKS
    run = [command for command, how in found.items() if how is not How.NOT]
    assert [command for command in run if "--local" in command]
    assert not [command for command in run if "deploy" in command or "webhooks" in command]


def test_comments_are_no_commands() -> None:
    text = "## Try it in two minutes\n\n```sh\n# nothing\nmake demo    # what it does\n```\n"
    assert [step.command for step in steps(text)] == ["make demo"]
