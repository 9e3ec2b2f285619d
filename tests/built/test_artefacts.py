"""What is built, opened without running it: that of Lambda's platform, and this machine's."""

from __future__ import annotations

import _imp
import re
import ssl
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any

import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape
from spectrum_cli.local.template import CodeFolder, code_folders
from spectrum_forwarder.adapters.kinds.http.trust import public_ca_bundle

from tests.support.built import NO_PYTHON, for_lambda, for_this_machine, runtime_python

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
BUILDS = {"this machine's": for_this_machine, "Lambda's": for_lambda}
SERVICES = {"dynamodb", "sqs", "secretsmanager", "s3", "events", "lambda"}
# Of ELF's header: where the machine stands, and Arm's 64 bits.
ELF, MACHINE, AARCH64 = b"\x7fELF", slice(18, 20), (183).to_bytes(2, "little")
HASHED_AND_UNCHECKED = 0b01


@pytest.fixture(params=BUILDS)
def built(request: pytest.FixtureRequest) -> Mapping[str, Path]:
    return BUILDS[request.param]()


def test_every_source_is_there_as_it_is_in_the_checkout(built: Mapping[str, Path]) -> None:
    for code in code_folders(TEMPLATE):
        package = code.folder / "spectrum_forwarder" if code.is_layer else code.folder
        sources = [
            path.relative_to(code.folder)
            for path in package.rglob("*")
            if path.is_file() and path.suffix in {".py", ".typed"}
        ]
        assert sources
        for path in sources:
            assert (built[code.logical_id] / path).read_bytes() == (code.folder / path).read_bytes()


def test_the_layer_holds_the_models_that_are_needed_and_amazons_roots(
    built: Mapping[str, Path],
) -> None:
    layer = built["CoreLayer"]
    data = layer / "botocore" / "data"
    assert {path.name for path in data.iterdir() if path.is_dir()} == SERVICES
    assert (layer / "botocore" / "cacert.pem").is_file()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(layer / "spectrum_forwarder" / "adapters" / "amazon_roots.pem")
    assert len(context.get_ca_certs()) == 5


def test_the_fan_out_ships_the_authorities_that_destinations_are_verified_with(
    built: Mapping[str, Path],
) -> None:
    shipped = built["FanoutFunction"] / "certifi" / "cacert.pem"
    assert shipped.read_bytes() == Path(public_ca_bundle()).read_bytes()


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_models_operations_find_all_their_shapes(service: str, built: Mapping[str, Path]) -> None:
    data = str(built["CoreLayer"] / "botocore" / "data")
    loader = Loader(extra_search_paths=[data], include_default_search_paths=False)
    model = ServiceModel(loader.load_service_model(service, "service-2"), service)

    assert model.operation_names
    seen: set[str] = set()
    for name in model.operation_names:
        operation = model.operation_model(name)
        for shape in (operation.input_shape, operation.output_shape, *operation.error_shapes):
            look_into(shape, seen)
    # S3's client reads these at every call, their texts included.
    assert bool(list(model.client_context_parameters)) == (service == "s3")
    rules = loader.load_service_model(service, "endpoint-rule-set-1")
    provider = EndpointProvider(rules, loader.load_data("partitions"))
    endpoint = provider.resolve_endpoint(Region="eu-central-1")
    assert endpoint.url.endswith(".amazonaws.com")


def look_into(shape: Shape | None, seen: set[str]) -> None:
    """Resolve a shape and all that it refers to."""
    if shape is None or shape.name in seen:
        return
    seen.add(shape.name)
    parts: list[Any] = list(getattr(shape, "members", {}).values())
    parts += [getattr(shape, part) for part in ("member", "key", "value") if hasattr(shape, part)]
    for part in parts:
        look_into(part, seen)


def test_byte_code_is_that_of_the_sources_and_never_checked(built: Mapping[str, Path]) -> None:
    python = sys.executable if built == for_this_machine() else runtime_python()
    if python == NO_PYTHON:
        pytest.skip("there is no python3.13 here, so that `make build` leaves byte code out")
    magic, tag = MAGIC_NUMBER, sys.implementation.cache_tag
    if python != sys.executable:
        code = (
            "import importlib.util, sys;"
            "print(importlib.util.MAGIC_NUMBER.hex(), sys.implementation.cache_tag)"
        )
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
        magic, tag = bytes.fromhex(done.stdout.split()[0]), done.stdout.split()[1]
    for folder in built.values():
        sources = list(folder.rglob("*.py"))
        assert sources
        for source in sources:
            compiled = source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"
            head = compiled.read_bytes()[:16]
            expected = _imp.source_hash(int.from_bytes(magic, "little"), source.read_bytes())
            flags = HASHED_AND_UNCHECKED.to_bytes(4, "little")
            assert head == magic + flags + expected, compiled


def test_what_is_compiled_is_for_lambdas_platform() -> None:
    built = for_lambda()
    compiled = {
        path: path.read_bytes()
        for folder in built.values()
        for path in folder.rglob("*")
        if re.search(r"\.so(\.|$)", path.name)
    }
    assert any(path.name == "_pycurl.cpython-313-aarch64-linux-gnu.so" for path in compiled)
    assert {path for path in compiled if not path.is_relative_to(built["FanoutFunction"])} == set()
    assert {content[:4] + content[MACHINE] for content in compiled.values()} == {ELF + AARCH64}
    installed = list(built["FanoutFunction"].glob("pycurl-*.dist-info/WHEEL"))
    assert [re.findall(r"^Tag: cp313-cp313-.*aarch64$", i.read_text(), re.M) for i in installed]


@pytest.mark.parametrize("python", ["absent", sys.executable])
@pytest.mark.parametrize("code", code_folders(TEMPLATE), ids=lambda code: code.logical_id)
def test_byte_code_that_is_left_out_is_spoken_of(
    code: CodeFolder, python: str, tmp_path: Path
) -> None:
    """On the standard output: of a recipe that succeeds sam shows nothing else."""
    (tmp_path / "python").mkdir()
    # No Python is of this version.
    given = [f"ARTIFACTS_DIR={tmp_path}", f"RUNTIME_PYTHON={python}", "PYTHON_VERSION=2.99"]
    command = ["make", "--silent", "--directory", str(code.folder), "own", *given]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "no byte code" in done.stdout
    assert list(tmp_path.rglob("*.py"))
    assert not list(tmp_path.rglob("*.pyc"))
