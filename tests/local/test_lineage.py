"""Trace headers as Lambda writes and reads them, to stop functions that wake themselves."""

from __future__ import annotations

import re
from urllib.parse import quote

from spectrum_cli.local.lineage import LONGEST_CHAIN, entered, furthest, runs

BY_HAND = "Root=1-67891234-abcdef012345678912345678;Parent=6654c0335342e1d2;Sampled=1"


def test_first_invocation_begins_a_chain_of_its_own() -> None:
    trace = entered(None, "F")
    form = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=[0-9a-f]{8}:0"
    assert re.fullmatch(form, trace)
    assert (runs(None, "F"), runs(trace, "F")) == (0, 1)


def test_chain_keeps_its_root_and_counts_each_function_by_itself() -> None:
    trace = BY_HAND
    for function in ("R", "F", "F", "F"):
        trace = entered(trace, function)
    assert trace.startswith("Root=1-67891234-abcdef012345678912345678;")
    assert (runs(trace, "R"), runs(trace, "F"), runs(trace, "S")) == (1, 3, 0)


def test_lineage_is_read_as_botocore_quotes_it() -> None:
    trace = entered(entered(None, "R"), "F")
    quoted = quote(trace, safe="-=;:+&[]{}\"',")
    assert "%7C" in quoted
    assert (runs(quoted, "R"), runs(quoted, "F")) == (1, 1)


def test_what_is_no_lineage_counts_for_nothing() -> None:
    for trace in ("", "nonsense", f"{BY_HAND};Lineage=", f"{BY_HAND};Lineage=1:x|:²|a"):
        assert runs(trace, "F") == 0
        assert runs(entered(trace, "F"), "F") == 1


def test_batch_goes_on_with_the_longest_of_its_chains() -> None:
    short, long = entered(None, "F"), entered(entered(None, "F"), "F")
    assert furthest([short, None, long], "F") == long
    assert furthest([None], "F") is None
    assert LONGEST_CHAIN == 16
