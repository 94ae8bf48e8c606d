"""KINDS.md lists the keys that the kinds declare, and the JSON Schema takes what the program takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from seeknal_nb.authoring.schema import node_schema
from seeknal_nb.config import COMMON, Key, walked
from seeknal_nb.declaration import KINDS, declaration_of

ROOT = Path(__file__).parents[2]
PROJECTS = sorted((ROOT / "tests/peer").glob("*/seeknal/**/*.yml"))


def spelled(key: Key) -> str:
    return ", ".join(key.option.flags) or "(a word)" if key.option else ""


def table(keys: tuple[Key, ...]) -> str:
    """A Markdown table, a row a key."""
    rows = {".".join(path): key for path, key in walked(keys)}
    lines = ["| key | holds | what it says | on a cell's line |", "|---|---|---|---|"]
    for path, key in rows.items():
        holds = " \\| ".join(key.words) or key.holds
        option = f"`{spelled(key)}`" if spelled(key) else ""
        lines.append(f"| `{path}` | {holds} | {key.says.replace('|', chr(92) + '|')} | {option} |")
    return "\n".join(lines)


def listed() -> str:
    """The last chapter of KINDS.md."""
    parts = ["## All keys\n\nOf every node:\n", table(COMMON)]
    for kind in KINDS:
        declared = declaration_of(kind)
        parts += [f"\n### {kind}: keys\n\n{declared.says}.\n", table(declared.keys)]
    return "\n".join(parts) + "\n"


def test_kinds_md_lists_the_keys_that_are_declared():
    """What follows `## All keys` there is this text; put it in its place where a declaration has changed."""
    assert (ROOT / "KINDS.md").read_text(encoding="utf-8").partition("## All keys\n")[2] == listed().partition("## All keys\n")[2]


@pytest.mark.parametrize("kind", KINDS)
def test_no_key_is_declared_twice(kind):
    names = [key.name for key in declaration_of(kind).keys]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def checked(schema: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    """What an editor's checker says."""
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(schema), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    path = tmp_path_factory.mktemp("schema") / "schema.json"
    path.write_text(json.dumps(node_schema()), encoding="utf-8")
    return path


def test_sample_projects_are_what_the_schema_describes(schema):
    nodes = [path for path in PROJECTS if "common" not in path.parts]
    assert len(nodes) > 10
    ran = checked(schema, *nodes)
    assert ran.returncode == 0, ran.stdout


WRONG = {
    "a misspelt key": {"materialised": "view"},
    "a key of another kind": {"training": {"algorithm": "ridge"}},
    "a list for a text": {"sql": ["SELECT 1"]},
    "a word that is none": {"materialized": "veiw"},
}


@pytest.mark.parametrize("keys", WRONG.values(), ids=WRONG)
def test_the_schema_tells_what_the_program_would_refuse(schema, tmp_path, keys):
    file = tmp_path / "n.yml"
    file.write_text(yaml.safe_dump({"kind": "transform", "name": "n", "sql": "SELECT 1 AS x", **keys}), encoding="utf-8")
    ran = checked(schema, file)
    assert ran.returncode == 1
    assert next(iter(keys)) in ran.stdout
