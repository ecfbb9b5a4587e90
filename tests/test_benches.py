"""Every bench still finds what it measures."""

import runpy
from pathlib import Path

import pytest

BENCHES = sorted((Path(__file__).parents[1] / "bench").glob("*.py"))


@pytest.mark.parametrize("path", BENCHES, ids=lambda path: path.stem)
def test_a_bench_can_be_loaded(path, monkeypatch):
    monkeypatch.syspath_prepend(path.parent)
    found = runpy.run_path(str(path), run_name="loaded")
    assert callable(found["main"])
