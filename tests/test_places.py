"""What goes wrong in a project's files is told with the file and the line where it is to be mended."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seeknal_nb.errors import SeeknalError
from seeknal_nb.project import Project

SOURCE = "kind: source\nname: a\nsql: SELECT 1 AS x, 2 AS y\n"
TRANSFORM = "kind: transform\nname: t\n"
RULE = "kind: rule\nname: r\non: source.a\n"

IN_SQL = {
    "literal": ("sql: |\n  SELECT 1 AS x,\n    nosuch AS y\n", 5),
    "literal, with a comment before": ("sql: |\n  -- why\n  /* and\n  more */ SELECT nosuch\n", 6),
    "folded": ("sql: >\n  SELECT x,\n  nosuch\n  FROM source.a\n", 5),
    "folded, the whole line in other words": ("sql: >-\n  SELECT x\n  FROM source.a\n  WHERE nosuch = 1 AND x IN (FROM source.a SELECT x)\n", 6),
    "plain": ("sql: SELECT x,\n  nosuch\n  FROM source.a\n", 4),
    "in double quotes": ('sql: "SELECT \\"x\\",\\n\n  nosuch\n  FROM source.a"\n', 4),
    "in single quotes": ("sql: 'SELECT ''é'', x,\n\n  nosuch FROM source.a'\n", 5),
    "the peer's key": ("transform: |\n  SELECT x,\n    nosuch FROM source.a\n", 5),
    "the second statement": ("sql: |\n  CREATE TEMP TABLE q AS\n    SELECT 1 AS x;\n  SELECT x,\n    nosuch FROM q\n", 7),
    "the parser's": ("sql: |\n  SELECT 1 AS x\n  FROM source.a\n  WHERE WHERE\n", 6),
    "a function": ("sql: |\n  SELECT\n    nosuch(x) AS y FROM source.a\n", 5),
    "a value": ("sql: |\n  SELECT 1 AS x,\n    CAST('a' AS INT) AS y\n", 5),
    "a name on two lines before": ("sql: |\n  WITH b AS (SELECT * FROM source .\n    a)\n  SELECT nosuch FROM b\n", 6),
    "a parameter": ("params: {n: 1}\nsql: |\n  SELECT {{ n }} AS n,\n    nosuch AS y\n", 6),
    "a view": ("materialized: view\nsql: |\n  SELECT x,\n    nosuch FROM source.a\n", 6),
    "an anchor": ("meta: &q |\n  SELECT 1,\n    nosuch\nsql: *q\n", 5),
    "CRLF": ("sql: |\r\n  SELECT 1 AS x,\r\n    nosuch AS y\r\n", 5),
    "a table that is not there": ("sql: |\n  SELECT *\n  FROM source.nosuch\n", 5),
}  # fmt: skip


def error_of(folder: Path, **files: str) -> str:
    """The first error that a run of these files ends in, or that they cannot be planned for."""
    (folder / "seeknal").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "seeknal" / f"{name}.yml").write_text(text, encoding="utf-8", newline="")
    project = Project(folder)
    try:
        project.parse()
        summary = project.run(progress=False)
    except SeeknalError as error:
        return str(error)
    assert summary.failed, summary
    return summary.failed[0].error_message or ""


def named(message: str) -> int:
    """The line of the file that a message names."""
    found = re.search(r"seeknal/n\.yml:(\d+)(:\d+)?, ", message)
    return int(found[1]) if found else 0


@pytest.mark.parametrize(("text", "line"), IN_SQL.values(), ids=IN_SQL)
def test_an_error_in_sql_names_the_line_of_the_file(tmp_path: Path, text: str, line: int) -> None:
    """Whatever way YAML spells the text; DuckDB counts the lines of the text itself."""
    message = error_of(tmp_path, a=SOURCE, n=TRANSFORM + text)
    assert named(message) == line, message


IN_PYTHON = {
    "literal": ("python: |\n  a = 1\n\n  result = a / 0\n", 6),
    "in double quotes": ('python: "a = 1\\n\\\n  b = 0\\n\\\n  result = a / b"\n', 5),
    "a function": ("python: |\n  def t(ctx):\n      x = []\n      return x[1]\n", 6),
    "in a library": ("python: |\n  import json\n\n  result = json.loads('{')\n", 6),
    "no Python": ("python: |\n  a = 1\n  b = (-\n", 5),
    "a command": ("python: |\n  a = 1\n  !ls\n", 5),
}


@pytest.mark.parametrize(("text", "line"), IN_PYTHON.values(), ids=IN_PYTHON)
def test_an_error_in_python_names_the_line_of_the_file(tmp_path: Path, text: str, line: int) -> None:
    """That of the body's own code, where a library raised it."""
    message = error_of(tmp_path, n=TRANSFORM + text)
    assert named(message) == line, message


IN_OTHERS = {
    "a rule's expression": (RULE + "expression: |\n  -- why\n  x > 0\n  AND nosuch < 3\n", 7),
    "a rule's SELECT": (RULE + "sql: |\n  CREATE TEMP TABLE q AS SELECT 1 AS x; -- one\n\n  SELECT x,\n    nosuch FROM q\n", 8),
    "a rule's SELECT, folded": (RULE + "sql: >\n  SELECT x,\n  nosuch\n  FROM source.a\n", 6),
    "a rule's condition": (RULE + "sql: |\n  x > 0\n  AND nosuch < 3\n", 6),
    "an expression in a list": (RULE + "checks:\n  - not_null: [x]\n  - severity: warn\n    expression: nosuch > 0\n", 7),
    "an expression in a list, of two lines": (RULE + "checks:\n  - expression: |\n      x > 0\n      AND nosuch > 0\n", 7),
    "a column in a list": (RULE + "checks:\n  - not_null: [x]\n  - not_null: [nosuch]\n", 6),
    "a check that is not there": (RULE + "checks:\n  - not_null: [x]\n  - not_nul: [y]\n", 6),
    "an option that is not there": (RULE + "checks:\n  - not_null: [x]\n\n  - range: {column: y, mim: 1}\n", 7),
    "the peer's condition": (RULE + "rule:\n  - type: not_null\n    columns: x\n  - value: nosuch > 1\n", 7),
    "the peer's type": (RULE + "rule:\n  - type: not_null\n    columns: x\n  - type: nosuch\n", 7),
    "the peer's SELECT": (RULE + "rule:\n  type: sql_assertion\n  params:\n    sql: |\n      SELECT 1,\n        nosuch\n", 9),
    "an exposure": ("kind: exposure\nname: e\nto: e.csv\nsql: |\n  SELECT x,\n    nosuch FROM source.a\n", 6),
    "an exposure of JSON": ("kind: exposure\nname: e\nto: e.json\nsql: |\n  SELECT x,\n    nosuch FROM source.a\n", 6),
    "an exposure that is a workbook": ("kind: exposure\nname: e\nto: e.xlsx\nsql: |\n  SELECT x,\n    nosuch FROM source.a\n", 6),
    "a source": ("kind: source\nname: s\nsql: |\n  SELECT 1 AS x,\n    nosuch\n", 5),
    "a feature group": ("kind: feature_group\nname: f\nkey: x\nsql: |\n  SELECT x,\n    nosuch FROM source.a\n", 6),
    "a feature group's test": (
        "kind: feature_group\nname: f\nkey: x\nsql: SELECT x, y FROM source.a\ntests:\n  - not_null: [x]\n  - unique: [nosuch]\n", 7),
    "an aggregation's body": (
        ("kind: second_order_aggregation\nname: g\nid_col: x\nfeature_date_col: y\napplication_date_col: y\n"
         "features: {x: {basic: [count]}}\nsql: |\n  SELECT x,\n    nosuch FROM source.a\n"), 9),
    "an input that is not there": (TRANSFORM + "inputs:\n  - source.a\n  - source.nosuch\npython: result = 1\n", 5),
    "a value of another shape": (TRANSFORM + "\nparams: 3\nsql: SELECT 1 AS x\n", 4),
    "a key that is not read": (TRANSFORM + "sql: SELECT 1 AS x\nseverity: warn\n", 4),
    "a frame that is not there": (TRANSFORM + "python: result = 1\nas: nosuch\n", 4),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line"), IN_OTHERS.values(), ids=IN_OTHERS)
def test_an_error_of_any_kind_names_the_line_of_the_file(tmp_path: Path, text: str, line: int) -> None:
    """That of the text, of the entry, or of the key that is to be mended."""
    message = error_of(tmp_path, a=SOURCE, n=text)
    assert named(message) == line, message


def test_the_second_node_of_a_file_has_lines_of_its_own(tmp_path: Path) -> None:
    """They are counted from the file's beginning."""
    message = error_of(tmp_path, n=f"# both\n{SOURCE}---\n{TRANSFORM}sql: |\n  SELECT\n    nosuch FROM source.a\n")
    assert "seeknal/n.yml:10, " in message


def test_sql_in_a_file_of_its_own_is_told_by_that_file(tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_text("SELECT 1 AS x,\n  nosuch AS y\n")
    assert "SQL failed: q.sql:2, " in error_of(tmp_path, n=f"{TRANSFORM}sql_file: q.sql\n")


def test_a_node_that_fails_by_its_data_is_told_by_the_line_in_which_it_begins(tmp_path: Path) -> None:
    """No line of it is to blame."""
    assert "seeknal/n.yml:1, " in error_of(tmp_path, a=SOURCE, n=f"{RULE}expression: x > 1\n")


def test_where_a_file_spells_a_node_changes_nothing_of_the_manifest(tmp_path: Path) -> None:
    """Older programs read it, the plan is as it was, and a comment is no change."""
    error_of(tmp_path, n=f"{TRANSFORM}sql: SELECT nosuch\n")
    before = Project(tmp_path)
    before.parse()
    (tmp_path / "seeknal/n.yml").write_text(f"# a comment\n\n{TRANSFORM}sql: >\n  SELECT nosuch\n")
    after = Project(tmp_path)
    after.parse()
    told = [project.manifest.to_dict()["nodes"]["transform.t"] for project in (before, after)]
    assert {*told[0]} == {"id", "name", "type", "description", "owner", "tags", "columns", "config", "file_path"}
    told[1]["config"] = {"sql": told[1]["config"]["sql"].strip()}
    assert told[0] == told[1]


def test_a_file_that_became_another_while_it_ran_is_told_as_it_was_read(tmp_path: Path) -> None:
    """Somebody edits while a run goes on; the line is that of the text that failed."""
    (tmp_path / "seeknal").mkdir()
    file = tmp_path / "seeknal/n.yml"
    file.write_text(f"{TRANSFORM}sql: |\n  SELECT\n    nosuch\n")
    project = Project(tmp_path)
    project.parse()
    file.write_text(f"# one\n# more\n{TRANSFORM}sql: |\n  SELECT\n    nosuch\n")
    assert "seeknal/n.yml:5, " in (project.run(progress=False).failed[0].error_message or "")


def test_a_cell_has_no_file_and_tells_the_line_of_its_body(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.transform("t", sql="SELECT 1 AS x,\n  nosuch AS y")
    message = project.run(progress=False).failed[0].error_message
    assert message.startswith('SQL failed: node "transform.t": at line 2 of its SQL: ')
    with pytest.raises(SeeknalError, match=r'not valid Python: node "transform.p": at line 2 of its body: '):
        project.transform("p", python="a = 1\nb = (-")
