"""Binder's own tool reads ``binder/`` and says what it would build; nothing is built."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def repo2docker() -> list[str] | None:
    """How to call it, where it is installed."""
    if importlib.util.find_spec("repo2docker"):
        return [sys.executable, "-m", "repo2docker"]
    found = shutil.which("jupyter-repo2docker") or shutil.which("repo2docker")
    return [found] if found else None


def test_requirements_name_this_project():
    """A requirement that starts with a dot is relative to the repository, where Binder runs pip."""
    lines = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert ".[demo]" in wanted
    assert re.fullmatch(r"python-3\.\d+\n", (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8"))


@pytest.mark.skipif(repo2docker() is None, reason="needs jupyter-repo2docker")
def test_repo2docker_accepts_it(tmp_path):
    """The image gets the Python of runtime.txt, and this project after its files are there."""
    for name in ("binder", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("target", "data", "exports", "wind", "gusts"))
    done = subprocess.run(
        [*(repo2docker() or ()), "--no-build", "--debug", str(tmp_path)],
        capture_output=True, encoding="utf-8",
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    python = (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")
    assert f"python={python}" in said
    assert said.index("COPY --chown=0:0 src/ ") < said.index('-r "binder/requirements.txt"')
