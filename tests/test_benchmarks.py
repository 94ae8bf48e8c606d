"""Every family of benchmarks can be measured: each once, as small as it goes. What the figures are is no law."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FAMILIES = ("orchestration", "start", "statements", "data", "parallel", "features", "checks", "partitions", "widget")
SHORT = {
    "repeat": 1, "data-repeat": 1, "nodes": 20, "sql-nodes": 5, "rows": 5_000, "query-rows": 10_000, "steps": 1_000, "feature-rows": 1_000,
    "files": 4, "file-rows": 100, "graph-nodes": 100, "told": 2, "clicks": 2,
}  # fmt: skip


def measure(*words):
    program = [sys.executable, "-m", "tests.benchmarks", *words]
    return subprocess.run(program, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_gives_its_rows(family, tmp_path):
    """The program goes on, and what measures it would break unseen."""
    sizes = [f"--{name}={size}" for name, size in SHORT.items()]
    found = measure(family, *sizes, f"--dir={tmp_path}", f"--json={tmp_path / 'rows.json'}")
    assert found.returncode == 0, found.stdout + found.stderr
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert rows
    assert {row["family"] for row in rows} == {family}
    assert all(row["what"] in found.stdout for row in rows)


def test_no_family_is_left_out():
    """The message that names them all is the program's own table."""
    found = measure("nothing")
    assert found.returncode == 2
    assert f"there are {', '.join(FAMILIES)}" in found.stderr
