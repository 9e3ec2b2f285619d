"""No file names a package registry's host: where packages come from is the machine's to say."""

import shutil

import pytest

from tests.support.tracked import ROOT, tracked

# Put together here, so that this file names none either.
HOSTS = tuple(
    ".".join(parts).encode()
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("deb", "debian", "org"),
        ("crates", "io"),
    )
)


@pytest.mark.skipif(
    not (ROOT / ".git").exists() or shutil.which("git") is None, reason="a copy without git"
)
def test_no_file_names_a_package_registrys_host() -> None:
    files = tracked()
    assert len(files) > 500
    naming = {
        str(file.relative_to(ROOT)): host.decode()
        for file in files
        for host in HOSTS
        if host in file.read_bytes()
    }
    assert naming == {}
