"""Imports go one way: domain, then use cases, then adapters, then functions and the command."""

from __future__ import annotations

import ast
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import botocore
import botocore.session
import pytest

ROOT = Path(__file__).parents[1]
LAYER = "spectrum_forwarder"
HOMES = {
    LAYER: ROOT / "layers" / "core" / LAYER,
    "spectrum_cli": ROOT / "cli" / "spectrum_cli",
    "functions": ROOT / "functions",
}
# Modules of the layer that are neither rule, use case nor adapter, and what they may import.
FOUNDATIONS = {
    f"{LAYER}.coldstart": set[str](),
    f"{LAYER}.settings": set[str](),
    f"{LAYER}.observability": {"aws_lambda_powertools", f"{LAYER}.measures"},
    f"{LAYER}.measures": {"aws_lambda_powertools", f"{LAYER}.domain.errors"},
}
SHARED_BY_TESTS = ROOT / "tests" / "support"
# Lines of the longest module: what one can read at once.
LONGEST = 250
# The fan-out's, in the order in which an event passes them.
STAGES = ("take", "decide", "plan", "attempt", "judge", "record")
ADAPTERS_LIBRARIES = {"boto3", "botocore", "jmespath", "pycurl"}
LOCAL = ("spectrum_cli.local", "spectrum_cli.demo")


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the project, tests aside, with its dotted name."""
    for name, home in HOMES.items():
        for path in home.rglob("*.py"):
            parts = path.relative_to(home).with_suffix("").parts
            dotted = ".".join((name, *parts)).removesuffix(".__init__")
            yield dotted, path


MODULES = dict(modules())


def imported_by(module: str) -> set[str]:
    """The dotted names that a module imports anywhere, standard library aside."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            # `from package import module` is an import of the module.
            named = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (named & MODULES.keys()) or {str(node.module)}
    return {name for name in found if name.split(".")[0] not in sys.stdlib_module_names}


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def is_use_case(name: str) -> bool:
    alone = name.count(".") == 1 and within(name, LAYER) and not is_package(name)
    return alone or within(name, f"{LAYER}.fanout")


def is_package(name: str) -> bool:
    return name in (f"{LAYER}.domain", f"{LAYER}.adapters")


def in_domain(name: str) -> bool:
    return within(name, f"{LAYER}.domain")


def in_adapters(name: str) -> bool:
    return within(name, f"{LAYER}.adapters")


def use_cases() -> list[str]:
    return [name for name in MODULES if is_use_case(name) and name not in FOUNDATIONS]


def refused(names: list[str], allowed: Callable[[str], bool]) -> dict[str, set[str]]:
    """Which modules import what they may not."""
    wrong = {name: {n for n in imported_by(name) if not allowed(n)} for name in names}
    return {name: imports for name, imports in wrong.items() if imports}


def test_there_is_something_to_look_at() -> None:
    assert f"{LAYER}.domain.event" in MODULES
    assert {f"{LAYER}.receive", f"{LAYER}.fanout.batch", f"{LAYER}.sweep"} <= set(use_cases())
    assert imported_by("functions.receiver.app") >= {f"{LAYER}.receive", f"{LAYER}.settings"}


def test_no_module_is_longer_than_can_be_read_at_once() -> None:
    shared = {str(path.relative_to(ROOT)): path for path in SHARED_BY_TESTS.rglob("*.py")}
    lengths = {
        name: len(path.read_text(encoding="utf-8").splitlines())
        for name, path in (MODULES | shared).items()
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_the_domain_imports_itself_and_the_standard_library() -> None:
    assert refused([name for name in MODULES if in_domain(name)], in_domain) == {}


def test_use_cases_import_the_domain_and_one_another() -> None:
    def allowed(name: str) -> bool:
        return in_domain(name) or (is_use_case(name) and name not in FOUNDATIONS)

    assert refused(use_cases(), allowed) == {}


def test_no_stage_of_the_fan_out_knows_a_later_one() -> None:
    """What it makes goes on to the next; `stages`, which makes them, knows them all."""
    stages = [f"{LAYER}.fanout.{name}" for name in STAGES]
    later = {stage: set(stages[number + 1 :]) for number, stage in enumerate(stages)}
    assert {stage: imported_by(stage) & later[stage] for stage in stages} == {
        stage: set() for stage in stages
    }
    (maker,) = [name for name in use_cases() if imported_by(name) >= set(stages) - {stages[1]}]
    assert maker == f"{LAYER}.fanout.stages"
    (leader,) = [name for name in use_cases() if maker in imported_by(name)]
    assert leader == f"{LAYER}.fanout.batch"


@pytest.mark.parametrize("module", [name for name in FOUNDATIONS if name in MODULES])
def test_settings_and_observability_import_no_part_of_the_story(module: str) -> None:
    assert refused([module], lambda name: within(name, *FOUNDATIONS[module])) == {}


def test_adapters_import_the_domain_and_their_libraries() -> None:
    def allowed(name: str) -> bool:
        library = name.split(".", maxsplit=1)[0]
        return (
            in_domain(name)
            or in_adapters(name)
            or library in ADAPTERS_LIBRARIES
            or library.startswith("mypy_boto3_")
        )

    assert refused([name for name in MODULES if in_adapters(name)], allowed) == {}


def test_the_layer_imports_neither_functions_nor_the_command() -> None:
    layer = [name for name in MODULES if within(name, LAYER)]
    assert refused(layer, lambda name: not within(name, "functions", "spectrum_cli")) == {}


def test_functions_import_the_layer_alone() -> None:
    functions = [name for name in MODULES if within(name, "functions")]
    assert refused(functions, lambda name: within(name, LAYER)) == {}


def test_only_the_local_stack_imports_functions_or_moto() -> None:
    command = [name for name in MODULES if within(name, "spectrum_cli")]
    others = [name for name in command if not within(name, *LOCAL)]
    assert refused(others, lambda name: not within(name, "functions", "moto")) == {}


@cache
def loaded_by(function: str) -> set[str]:
    """Our own modules that are loaded when a function starts."""
    code = f"import sys, functions.{function}.app; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name for name in done.stdout.split() if within(name, LAYER)}


def test_the_receiver_loads_nothing_of_what_comes_after_it() -> None:
    """Each module that it loads is paid for at every cold start, while Spectrum waits."""
    later = {"delivery", "destination", "health", "log", "outbound", "retry"}
    assert loaded_by("receiver") & {f"{LAYER}.domain.{name}" for name in later} == set()


def test_what_the_receiver_loads_makes_no_class_that_a_tuple_would_do_for() -> None:
    """A data class is written and compiled at every cold start, which takes as long as to load
    three modules; and `dataclasses` itself is loaded for it.
    """
    code = (
        "import sys, functions.receiver.app\n"
        f"ours = [module for name, module in sys.modules.items() if name.startswith('{LAYER}')]\n"
        "for kind in {value for module in ours for value in vars(module).values()"
        " if isinstance(value, type) and value.__module__ == module.__name__}:\n"
        "    if '__dataclass_fields__' in vars(kind):\n"
        "        print(kind.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_a_second_scheme_loads_nothing_but_its_own_modules() -> None:
    """What v0 needs in any case, and the modules of schemes and source kinds themselves."""
    domain = f"{LAYER}.domain"
    kinds = [f"{domain}.schemes.standard", f"{domain}.sources.raw_inbound"]
    loading = (
        "import sys, spectrum_forwarder.domain.inbound, spectrum_forwarder.domain.signature;"
        "import spectrum_forwarder.domain.ports, spectrum_forwarder.domain.identity;"
        f"import spectrum_forwarder.domain.schemes.v0; before = set(sys.modules);"
        f"import {', '.join(kinds)}; print(*set(sys.modules) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", loading], cwd=ROOT, capture_output=True, text=True, check=True
    )
    allowed = (f"{domain}.schemes", f"{domain}.sources")
    assert [name for name in done.stdout.split() if not within(name, *allowed)] == []


def test_kinds_of_destinations_load_no_library_before_an_attempt_is_made() -> None:
    """The command reads its options off them, whatever it is asked to do."""
    loading = f"import sys, {LAYER}.adapters.kinds; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", loading], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not ADAPTERS_LIBRARIES & set(done.stdout.split())


@pytest.mark.parametrize("service", ["dynamodb", "secretsmanager", "sqs"])
def test_the_layer_keeps_every_call_that_its_functions_make(service: str) -> None:
    trim = runpy.run_path(str(ROOT / "layers" / "core" / "trim.py"), run_name="trim")
    model = botocore.session.get_session().get_service_model(service)
    calls = {botocore.xform_name(name): name for name in model.operation_names}
    loaded = set().union(*map(loaded_by, ("receiver", "fanout", "sweeper"))) & MODULES.keys()
    made = {
        calls[node.attr]
        for module in loaded
        for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in calls
    }
    assert made == set(trim["CALLS"][service])


@pytest.mark.parametrize("function", ["receiver", "fanout", "sweeper"])
def test_a_function_loads_no_client_of_botocores(function: str) -> None:
    """They are half of a cold start, and none is needed where the environment is plain."""
    names = ("EVENTS_TABLE", "WAITING_TABLE", "PAYLOADS_BUCKET")
    settings = {
        **dict.fromkeys((*names, "WEBHOOKS_SECRET", "DESTINATIONS_SECRET"), "name"),
        **dict.fromkeys(("EVENTS_QUEUE_URL", "SLOW_QUEUE_URL"), "https://sqs/1/queue"),
        **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "key"),
        **{"AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": os.devnull},
        # With it an instance makes its clients while it starts.
        "AWS_LAMBDA_FUNCTION_NAME": function,
    }
    code = f"import sys, functions.{function}.app; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]} | settings,
    )
    loaded = set(done.stdout.split())
    heavy = {"botocore.session", "botocore.client", "urllib3", "urllib.request", "dateutil"}
    assert f"{LAYER}.adapters.direct" in loaded
    assert loaded & heavy == set()
