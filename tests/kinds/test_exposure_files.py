"""Exposures: files that say what the node says, where they may lie, and when they are delivered again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from kinds import failure, good, status
from seeknal_nb import Project
from seeknal_nb.errors import ManifestError

TABLE = "SELECT * FROM (VALUES (2, 'x, \"y\"', 1.5), (1, NULL, NULL), (3, 'a' || chr(10) || 'b', -2.0)) t(id, name, v)"
RECORDS = [(2, 'x, "y"', 1.5), (1, None, None), (3, "a\nb", -2.0)]
FORMATS: dict[str, Callable[[Path], Any]] = {
    "csv": pd.read_csv,
    "tsv": lambda path: pd.read_csv(path, sep="\t"),
    "parquet": lambda path: pq.read_table(path).to_pandas(),
    "json": lambda path: pd.DataFrame(json.loads(path.read_text())),
    "jsonl": lambda path: pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()]),
}


def records(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    return [tuple(None if pd.isna(value) else value for value in row) for row in frame.itertuples(index=False, name=None)]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("how", ["the input", "SQL", "Python"])
def test_a_delivered_file_says_what_the_node_says(project, tmp_path, form, how):
    project.transform("t", sql=TABLE)
    bodies: dict[str, dict[str, Any]] = {"the input": {"inputs": ["t"]}, "SQL": {"sql": "SELECT * FROM t"}, "Python": {"python": "return t"}}
    project.node("exposure", "e", to=f"out/deep/x.{form}", **bodies[how])
    result = good(project)["exposure.e"]
    path = tmp_path / "out" / "deep" / f"x.{form}"
    assert records(FORMATS[form](path)) == RECORDS
    assert list(FORMATS[form](path).columns) == ["id", "name", "v"]
    assert (result.row_count, result.metadata["bytes"]) == (3, path.stat().st_size)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_peers_spelling_of_a_target_is_read(project, tmp_path):
    project.transform("t", sql=TABLE)
    project.node("exposure", "e", inputs=["t"], type="file", params={"format": "csv", "path": "x.data"})
    good(project)
    assert records(pd.read_csv(tmp_path / "x.data")) == RECORDS


def test_an_exposure_keeps_the_order_that_its_sql_asks_for(project, tmp_path):
    project.transform("t", sql="SELECT range AS x FROM range(50000)")
    project.exposure("e", sql="SELECT x FROM t ORDER BY x DESC", to="x.csv")
    good(project)
    assert pd.read_csv(tmp_path / "x.csv")["x"].tolist() == list(range(49_999, -1, -1))


@pytest.mark.parametrize("form", ["csv", "parquet", "json", "jsonl"])
def test_a_delivered_sum_is_exact(project, tmp_path, form):
    """KINDS finding 4 holds for what is delivered too."""
    project.transform("t", sql="SELECT 9007199254740993::BIGINT AS x")
    project.exposure("e", sql="SELECT sum(x) AS x FROM t", to=f"x.{form}")
    good(project)
    path = tmp_path / f"x.{form}"
    found = {
        "csv": lambda: path.read_text().split()[1], "parquet": lambda: pq.read_table(path).to_pylist()[0]["x"],
        "json": lambda: json.loads(path.read_text())[0]["x"], "jsonl": lambda: json.loads(path.read_text())["x"],
    }[form]()  # fmt: skip
    assert int(found) == 9007199254740993
    assert not isinstance(found, float)


@pytest.mark.parametrize(("value", "suffix", "content"), [
    ("'<h1>é</h1>'", "html", "<h1>é</h1>".encode()), ("'# title\\n'", "md", b"# title\n"), (r"b'\x00\xff'", "png", b"\x00\xff"),
    ("'plain'", "txt", b"plain"), ("__import__('pandas').DataFrame({'a': [1]})", "csv", b"a\n1\n"),
])  # fmt: skip
def test_python_delivers_text_bytes_or_a_frame(project, tmp_path, value, suffix, content):
    project.exposure("e", python=f"return {value}", to=f"x.{suffix}")
    good(project)
    assert (tmp_path / f"x.{suffix}").read_bytes() == content


def test_a_target_is_delivered_again_only_when_it_must_be(project, tmp_path):
    """Current only if its last delivery had today's key and its target is untouched."""
    project.transform("t", sql=TABLE)
    project.node("exposure", "e", inputs=["t"], to="x.csv")
    path = tmp_path / "x.csv"
    good(project)
    content, inode = path.read_bytes(), path.stat().st_ino
    assert status(good(project))["exposure.e"] == "cached"
    assert path.stat().st_ino == inode
    path.write_bytes(content)
    os.utime(path, (1, 1))
    assert status(good(project))["exposure.e"] == "cached"  # touched only
    path.write_bytes(content + b"4,z,\n")
    assert good(project)["exposure.e"].reason.startswith("target altered")
    assert path.read_bytes() == content
    path.unlink()
    assert good(project)["exposure.e"].reason.startswith("target missing")
    assert path.read_bytes() == content
    project.transform("t", sql=f"{TABLE} WHERE id > 1")
    assert status(good(project)) == {"transform.t": "success", "exposure.e": "success"}
    assert records(pd.read_csv(path)) == [RECORDS[0], RECORDS[2]]


def test_going_back_to_an_earlier_version_delivers_it_again(project, tmp_path):
    """A side effect is not content-addressed: the file holds the last version, not the asked one."""
    project.node("exposure", "e", sql="SELECT 1 AS x", to="x.csv")
    good(project)
    project.node("exposure", "e", sql="SELECT 2 AS x", to="x.csv")
    good(project)
    project.node("exposure", "e", sql="SELECT 1 AS x", to="x.csv")
    assert status(good(project)) == {"exposure.e": "success"}
    assert (tmp_path / "x.csv").read_text() == "x\n1\n"


def test_a_failed_delivery_leaves_the_old_file_and_nothing_else(project, tmp_path):
    project.exposure("e", sql="SELECT 1 AS x", to="out/x.csv")
    good(project)
    project.exposure("e", sql="SELECT CASE WHEN range > 100000 THEN error('stop') ELSE range::VARCHAR END AS x FROM range(200000)",
                     to="out/x.csv")  # fmt: skip
    assert "stop" in failure(project, "exposure.e").error_message
    assert [(p.name, p.read_text()) for p in (tmp_path / "out").iterdir()] == [("x.csv", "x\n1\n")]


OUTSIDE = ["../x.csv", "out/../../x.csv", "{other}/x.csv", "link/x.csv", "/dev/shm/seeknal-test-outside.csv"]


@pytest.mark.parametrize("target", OUTSIDE)
def test_an_exposure_writes_below_the_project_unless_it_is_allowed(tmp_path, target):
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    other.mkdir()
    (home / "link").symlink_to(other)
    project = Project(home)
    project.exposure("e", sql="SELECT 1 AS x", to=target.replace("{other}", str(other)))
    assert "outside the project" in failure(project, "exposure.e").error_message
    assert not list(tmp_path.rglob("x.csv"))
    assert not Path("/dev/shm/seeknal-test-outside.csv").exists()
    good(project, allow_outside=True)
    written = [*tmp_path.rglob("x.csv"), *Path("/dev/shm").glob("seeknal-test-outside.csv")]
    assert [path.read_text() for path in {p.resolve() for p in written}] == ["x\n1\n"]
    Path("/dev/shm/seeknal-test-outside.csv").unlink(missing_ok=True)
    project.close()


def test_a_file_where_a_folder_should_be_fails_with_the_path(project, tmp_path):
    (tmp_path / "out").write_text("a file")
    project.exposure("e", sql="SELECT 1 AS x", to="out/x.csv")
    assert "out" in failure(project, "exposure.e").error_message
    assert (tmp_path / "out").read_text() == "a file"


def test_a_declaration_delivers_nothing_and_is_good(project, tmp_path):
    project.transform("t", sql="SELECT 1 AS x")
    project.node("exposure", "dashboard", type="dashboard", url="https://example.org", owner="ann", inputs=["t"])
    result = good(project)["exposure.dashboard"]
    assert result.row_count is None
    assert "declaration" in result.metadata["note"]
    assert [p.name for p in tmp_path.iterdir()] == ["target"]


@pytest.mark.parametrize(("config", "fragment"), [
    ({"sql": "SELECT 1 AS x"}, "no target"), ({"to": "x.cvs"}, "did you mean csv"), ({"to": "noend"}, "unknown format"),
])  # fmt: skip
def test_an_exposure_that_is_not_whole_is_refused_at_definition(project, config, fragment):
    with pytest.raises(ManifestError, match=fragment):
        project.node("exposure", "e", **config)


def test_an_exposure_without_an_input_fails_and_writes_nothing(project, tmp_path):
    """KINDS § 1.7: the peer writes sample data."""
    project.node("exposure", "e", to="x.csv")
    assert "input" in failure(project, "exposure.e").error_message
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize("config", [{"path": "x.csv"}, {"path": "x.csv", "params": {"path": "x.csv"}}, {"path": "x.csv", "type": "file", "params": {"compression": "gzip"}}], ids=str)
def test_a_path_beside_params_is_the_one_within(project, config):
    project.transform("t", sql="SELECT 1 AS a")
    project.exposure("x", inputs=["t"], **config)
    good(project)
    assert (project.directory / "x.csv").exists()


def test_two_paths_are_refused(project):
    project.transform("t", sql="SELECT 1 AS a")
    with pytest.raises(ManifestError, match=r"path and params\.path differ"):
        project.exposure("x", inputs=["t"], path="x.csv", params={"path": "y.csv"})
    with pytest.raises(ManifestError, match="unknown key 'path'"):
        project.exposure("x", inputs=["t"], path=["x.csv"])
