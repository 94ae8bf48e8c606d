"""What stands round the program: forms that the host reads, and lists that name the same things in several files."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
FORMS = [
    *(("workflows", file) for file in sorted((GITHUB / "workflows").glob("*.yml"))),
    *(("issue-config" if file.stem == "config" else "issue-forms", file) for file in sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml"))),
]
CORE = re.search(r"^CORE := (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[1].split()
WORKFLOW = (GITHUB / "workflows" / "ci.yml").read_text("utf-8")


@pytest.mark.parametrize(("schema", "file"), FORMS, ids=lambda part: getattr(part, "name", part))
def test_the_host_can_read_its_files(schema, file):
    """It tells of a mistake only after it was pushed."""
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.github-{schema}", file]
    found = subprocess.run(check, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def test_what_a_workflow_makes_is_a_target():
    targets = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[1].split()
    assert set(re.findall(r"run: make (\w+)", WORKFLOW)) <= set(targets)


def test_the_bounds_are_held_by_tests_that_exist():
    """pytest would refuse a name that is gone, but only where the bounds are tried."""
    assert [name for name in CORE if not (ROOT / name).exists()] == []
    assert WORKFLOW.count(" ".join(CORE)) == 1, "the workflow runs the same elsewhere"


def test_each_declared_python_is_tried():
    """From the lowest that pyproject.toml declares."""
    lowest = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"].removeprefix(">=")
    jobs = yaml.safe_load(WORKFLOW)["jobs"]
    tried = {name: jobs[name]["strategy"]["matrix"]["python"] for name in ("test", "elsewhere")}
    assert tried["test"] == tried["elsewhere"]
    assert tried["test"][0] == lowest


def test_the_tools_of_lint_are_exact():
    """A rule that a newer one brings is met when somebody raises it here, not on the day it comes out."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]["lint"]
    assert [tool for tool in tools if not re.fullmatch(r"[\w.-]+==[\w.]+", tool)] == []
