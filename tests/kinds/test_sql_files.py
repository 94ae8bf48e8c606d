"""Files that SQL reads: all of them are in the key, and DuckDB reads those and no others."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import duckdb
import pytest

from kinds import failure, good, rows, run, status
from seeknal_nb import Project
from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.paths import as_engines_write, matches

TREE = (
    "f.csv .h.csv d/1.csv d/2.csv d/1.CSV d/.x/3.csv d/e/4.csv d/e/f/5.csv y=1/a.csv y=2/a.csv s[1]/a.csv s1/a.csv x[1].csv x1.csv a*b.csv "
    "axb.csv q?.csv qq.csv {a,b}.csv a.csv D/1.csv dir.csv/i.csv"
).split()
PATTERNS = (
    "*.csv *.CSV ?.csv [fg].csv [!f].csv [^f].csv [f-g].csv d/*.csv d/* */*.csv */*/*.csv **/*.csv d/** d/**/*.csv **/e/*.csv d/**/f/*.csv "
    "s[1]/*.csv s[1]/a.csv s*/a.csv x[1].csv x*.csv a*b.csv q?.csv {a,b}.csv link/*.csv link/** **/link/*.csv */1.csv l*.csv broken* .*.csv "
    ".*/* ./*.csv d/../*.csv d//*.csv nowhere*.csv nowhere.csv x**.csv a**b.csv **.csv d/**.csv y=*/*.csv **/y=1/*.csv *=1/a.csv [a-c].csv "
    "[[]*.csv x[[]1].csv **/*/1.csv [ab.csv *[ []a].csv f.csv d/e/../1.csv"
).split()


@pytest.fixture(scope="module", params=["project", "pro[j]ect*"])
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files with names that are patterns, links, and a folder with a file's ending."""
    root = tmp_path_factory.mktemp("tree") / request.param
    for name in TREE:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x\n1\n", encoding="utf-8")
    (root / "link").symlink_to(root / "d")
    (root / "lf.csv").symlink_to(root / "f.csv")
    (root / "broken.csv").symlink_to(root / "nowhere")
    return root


@pytest.mark.parametrize("start", ["", "{root}/"], ids=["relative", "absolute"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_means_the_files_that_duckdb_reads(tree, pattern, start):
    name = f"{start.format(root=tree)}{pattern}"
    ours = {os.path.relpath(path, tree) for path in matches(tree, name) if path.is_file()}
    with duckdb.connect() as connection:
        found = connection.execute("SELECT file FROM glob(?)", [as_engines_write(tree)(name)]).fetchall()
    assert ours == {os.path.relpath(file, tree) for (file,) in found if Path(file).is_file()}


@pytest.mark.parametrize("tree", ["project"], indirect=True)
@pytest.mark.parametrize("name", ["d", "d/", "link", "dir.csv"])
def test_a_folder_means_at_least_the_files_that_duckdb_reads(tree, name):
    """DuckDB reads no folder whose path is a pattern; it says that there is none."""
    ours = {os.path.realpath(path) for path in matches(tree, name)}
    with duckdb.connect() as connection:
        read = connection.execute(f"SELECT DISTINCT filename FROM read_csv('{as_engines_write(tree)(name)}', filename = true)").fetchall()
    assert {os.path.realpath(file) for (file,) in read} <= ours
    assert read


@pytest.mark.parametrize("name", ["\\*.csv", "d\\*.csv"])
def test_a_backslash_in_a_pattern_is_refused(tree, name):
    """DuckDB takes it for a slash: it would read files that no key knows."""
    with pytest.raises(NodeError, match="not clear"):
        matches(tree, name)


READS = {
    "exactly a name with brackets": ("FROM 'x[1].csv'", "x[1].csv", "x1.csv"),
    "in a folder with brackets": ("FROM 's[1]/a.csv'", "s[1]/a.csv", "s1/a.csv"),
    "a pattern in a folder with brackets": ("FROM 's[1]/*.csv'", "s[1]/a.csv", "s1/a.csv"),
    "a star that is a name": ("FROM read_csv('a*b.csv')", "a*b.csv", "axb.csv"),
    "a question mark that is a name": ("FROM 'q?.csv'", "q?.csv", "qq.csv"),
    "a class": ("FROM 'x[12].csv'", "x1.csv", "x[1].csv"),
    "a class of one": ("FROM 'x[[]1].csv'", "x[1].csv", "x1.csv"),
    "a subfolder": ("FROM read_csv('d/**/*.csv')", "d/e/f/5.csv", "f.csv"),
    "two stars in a name": ("FROM read_csv('d/**.csv')", "d/1.csv", "d/e/4.csv"),
    "a hidden file": ("FROM '.*.csv'", ".h.csv", "f.csv"),
    "through ..": ("FROM 'd/../f.csv'", "f.csv", "d/1.csv"),
    "above the project": ("FROM '../out.csv'", "../out.csv", "f.csv"),
    "an absolute path": ("FROM '{root}/d/1.csv'", "d/1.csv", "f.csv"),
    "an absolute pattern": ("FROM '{root}/d/*.csv'", "d/2.csv", "f.csv"),
    "a link": ("FROM 'lf.csv'", "f.csv", "d/1.csv"),
    "a link to a folder": ("FROM 'link/*.csv'", "d/1.csv", "f.csv"),
    "after a comment that a carriage return ends": ("SELECT * -- c\rFROM 'f.csv'", "f.csv", "d/1.csv"),
    "in a temporary table": ("CREATE TEMP TABLE IF NOT EXISTS t AS FROM 'f.csv'; FROM t", "f.csv", "d/1.csv"),
    "behind a macro of a reader's name": ("CREATE TEMP MACRO read_csv(x) AS x; FROM read_csv('f.csv')", "f.csv", "d/1.csv"),
}


@pytest.mark.parametrize(("sql", "read", "other"), READS.values(), ids=READS)
def test_a_change_of_a_file_that_is_read_runs_the_node_again(tmp_path, sql, read, other):
    """Whatever the project's folder is called, and where it is named from."""
    root = tmp_path / "pro[j]ect"
    for name in [*TREE, "../out.csv"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x\n1\n", encoding="utf-8")
    (root / "link").symlink_to(root / "d")
    (root / "lf.csv").symlink_to(root / "f.csv")
    with contextlib.chdir(tmp_path), contextlib.closing(Project(root.name, namespace={})) as project:
        project.transform("n", sql=sql.format(root=root))
        good(project)
        assert status(good(project)) == {"transform.n": "cached"}
        (root / other).write_text("x\n5\n", encoding="utf-8")
        assert status(good(project)) == {"transform.n": "cached"}
        (root / read).write_text("x\n7\n", encoding="utf-8")
        assert status(good(project)) == {"transform.n": "success"}
        assert 7 in {row[0] for row in rows(project, "transform.n")}


@pytest.mark.parametrize("where", ["relative", "absolute"])
def test_folders_under_a_pattern_count(tmp_path, where):
    """They name values: ``y=1`` becomes ``y=3``, and the file in it is as it was."""
    root = tmp_path / "pro[j]ect"
    for year in (1, 2):
        (root / f"d/y={year}").mkdir(parents=True)
        (root / f"d/y={year}/a.csv").write_text(f"x\n{year}\n", encoding="utf-8")
    named = Path(root.name) if where == "relative" else root
    with contextlib.chdir(tmp_path), contextlib.closing(Project(named, namespace={})) as project:
        project.transform("n", sql="SELECT y, x FROM read_csv('d/*/*.csv', hive_partitioning = true) ORDER BY ALL")
        good(project)
        assert rows(project, "transform.n") == [(1, 1), (2, 2)]
        (root / "d/y=1").rename(root / "d/y=3")
        good(project)
        assert rows(project, "transform.n") == [(2, 2), (3, 1)]


@pytest.mark.parametrize(("sql", "told"), [
    ("FROM read_csv('pipe.csv')", "named pipe"), ("FROM read_csv('*.csv')", "named pipe"), ("FROM read_csv('/dev/zero')", "device"),
    ("FROM 'd*'", "a folder"), ("FROM read_csv('d/\\*.csv')", "not clear"),
])  # fmt: skip
def test_what_is_no_file_is_refused_and_never_hangs(project, tmp_path, sql, told):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "d").mkdir()
    project.transform("n", sql=sql)
    with pytest.raises(NodeError, match=told) as error:
        run(project)
    assert error.value.node == "transform.n"


def test_a_file_that_comes_is_seen(project, tmp_path):
    project.transform("n", sql="FROM 'd/*.csv'")
    assert "d/*.csv" in failure(project, "transform.n").error_message
    (tmp_path / "d").mkdir()
    (tmp_path / "d/1.csv").write_text("x\n1\n", encoding="utf-8")
    good(project)
    (tmp_path / "d/2.csv").write_text("x\n2\n", encoding="utf-8")
    good(project)
    assert rows(project, "transform.n") == [(1,), (2,)]


BODIES = {
    "an expression of a rule": ("rule", {"on": "t", "expression": "x <= (SELECT max(x) FROM 'f.csv')"}),
    "a condition as a rule's SQL": ("rule", {"on": "t", "sql": "x <= (SELECT max(x) FROM 'f.csv')"}),
    "where of a rule's check": ("rule", {"on": "t", "checks": [{"not_null": {"column": "x", "where": "x < (SELECT min(x) FROM 'f.csv')"}}]}),
    "a subquery of a rule's expression": ("rule", {"on": "t", "expression": "x IN (SELECT t.x FROM t, 'f.csv' f)"}),
    "a rule": ("rule", {"sql": "SELECT * FROM t WHERE x > (SELECT max(x) FROM 'f.csv')"}),
    "a feature group": ("feature_group", {"sql": "SELECT x AS id, x FROM 'f.csv'", "entity": {"name": "e", "join_keys": ["id"]}}),
    "tests of a feature group": (
        "feature_group",
        {
            "sql": "SELECT x AS id, x FROM t",
            "entity": {"name": "e", "join_keys": ["id"]},
            "tests": [{"expression": {"sql": "x < (SELECT min(x) FROM 'f.csv')"}}],
        },
    ),
    "an exposure": ("exposure", {"sql": "SELECT * FROM 'f.csv'", "type": "file", "params": {"path": "out.csv"}}),
    "a view's reader": ("transform", {"sql": "SELECT * FROM v"}),
}


@pytest.mark.parametrize(("kind", "config"), BODIES.values(), ids=BODIES)
def test_a_file_counts_wherever_sql_names_it(project, tmp_path, kind, config):
    (tmp_path / "f.csv").write_text("x\n9\n", encoding="utf-8")
    project.transform("t", sql="SELECT 1 AS x")
    project.transform("v", sql="SELECT * FROM 'f.csv'", materialized="view")
    project.node(kind, "n", **config)
    good(project)
    assert run(project)[f"{kind}.n"].status in ("cached", "success")
    (tmp_path / "f.csv").write_text("x\n8\n", encoding="utf-8")
    assert run(project)[f"{kind}.n"].status == "success"
