"""What stored nodes show, and what is said where there is nothing to show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seeknal_nb.errors import SelectionError
from seeknal_nb.project import Project

NOTHING = {
    "it was never built": ("SELECT 1 AS x", False, "it was never built", "run --nodes transform.t"),
    "it failed": ("SELECT 1 AS x,\n  nosuch", True, "it failed last time: SQL failed: ", "mend the SQL, then run again"),
    "it failed, and its text tells of a remedy": ("SELECT error('no. Fix: this')", True, "it failed last time: SQL failed: ", "mend the SQL, then run again"),
}  # fmt: skip


@pytest.mark.parametrize(("sql", "run", "why", "remedy"), NOTHING.values(), ids=NOTHING)
def test_a_node_without_a_table_says_why_and_what_to_do(tmp_path: Path, sql: str, run: bool, why: str, remedy: str) -> None:
    """In another program too, which has the state alone; the remedy stands once."""
    project = Project(tmp_path)
    project.transform("t", sql=sql)
    if run:
        project.run(progress=False)
    again = Project(tmp_path)
    again.transform("t", sql=sql)
    with pytest.raises(SelectionError, match=r"transform\.t has nothing to show") as caught:
        again["t"]
    assert caught.value.why.startswith(why)
    assert (caught.value.remedy, str(caught.value).count(remedy)) == (remedy, 1)


def test_state_remembers_the_line_and_the_remedy_of_a_failure_as_values(tmp_path: Path) -> None:
    """Whoever reads them later has no text to read them from; a success has none."""
    project = Project(tmp_path)
    project.transform("t", sql="SELECT 1 AS x,\n  nosuch")
    project.run(progress=False)
    file = tmp_path / "target/state/execution_state.json"
    entry = json.loads(file.read_text())["transform.t"]
    assert (entry["line"], entry["remedy"]) == (2, "mend the SQL, then run again")
    project.transform("t", sql="SELECT 1 AS x")
    project.run(progress=False)
    assert not {"line", "remedy", "error"} & json.loads(file.read_text())["transform.t"].keys()


def test_a_cell_of_any_size_is_cut_where_it_is_shown(tmp_path: Path) -> None:
    project = Project(tmp_path, namespace={})
    project.transform("t", "SELECT repeat('y', 2_000_000) AS s, repeat('z', 2_000_000)::BLOB AS b, range(200_000) AS l")
    project.run(progress=False)
    shown = project.show("t")
    assert all(len(text) < 10_000 for text in shown._repr_mimebundle_().values())
    assert len(json.dumps(shown.to_dict(), default=str)) > 2_000_000


def test_a_build_that_is_damaged_is_not_called_never_built(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.transform("t", sql="SELECT 1 AS x")
    project.run(progress=False)
    [file] = tmp_path.glob("target/outputs/transform/t/*/data.parquet")
    file.write_bytes(b"no table")
    with pytest.raises(SelectionError, match="its build is damaged, or somebody took it away"):
        project["t"]
