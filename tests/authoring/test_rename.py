"""A rename: which lines become which, that what is written says the same under the new name, and that nothing runs again."""

from __future__ import annotations

import re
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from seeknal_nb import Project
from seeknal_nb.dag.rename import rename
from seeknal_nb.errors import LockedError, ManifestError, SelectionError, UsageError
from seeknal_nb.markup import cut
from seeknal_nb.workflow.lock import run_lock

if TYPE_CHECKING:
    from pathlib import Path

YAML = """
kind: source
name: users
source: csv
path: users.csv
---
kind: transform
name: clean
description: the clean one
sql: SELECT * FROM users
---
# reads clean
kind: transform
name: top
inputs: [clean]
sql: |
  -- clean
  SELECT clean.id, max(v) AS v
  FROM source.users JOIN clean USING (id, v)
  GROUP BY ALL
---
{kind: rule, name: ok, on: transform.clean, checks: [{not_null: [id]}, {unique: id}]}
---
{kind: exposure, name: out, inputs: [transform.clean], to: out.csv}
---
{kind: exposure, name: rows, inputs: [clean], to: rows.db, params: {table: rows, mode: append}}
---
{kind: transform, name: seen, materialized: view, sql: "SELECT id FROM {{ ref('clean') }} WHERE id >= {{ least }}", params: {least: 0}}
---
{kind: transform, name: below, sql: SELECT count(*) AS n FROM seen}
"""
PYTHON = '''
from seeknal_nb import transform


@transform(name="py")
def other(clean, ctx):
    """clean"""
    return clean[clean.v > ctx.ref("transform.clean").v.min() - 1]


@transform
def again(clean):
    return clean.assign(rows=[len(one) for one in [clean]][0])
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "seeknal").mkdir()
    (tmp_path / "users.csv").write_text("id,v\n1,2\n2,3\n")
    (tmp_path / "seeknal/a.yml").write_text(YAML)
    (tmp_path / "seeknal/b.py").write_text(PYTHON)
    return tmp_path


def opened(folder: Path) -> Project:
    return Project.open(folder, namespace={})


def runs(folder: Path) -> list[str]:
    return list(opened(folder).plan().runs)


def test_files_are_written_and_nothing_runs_again(folder):
    project = opened(folder)
    before = project.run(progress=False)
    assert not before.failed, before.failed
    tables = {name: project[name].to_dict("list") for name in ("clean", "top", "py", "again", "below")}
    (folder / "out.csv").unlink()
    (folder / "out.csv").write_text("id,v\n1,2\n2,3\n")
    rows = project.rename("clean", "tidy", write=True)
    assert rows.title.startswith("transform.clean becomes transform.tidy: 11 lines edited; up to date under its new key: "), rows.title
    assert "will run" not in rows.title
    assert "clean" not in project.manifest.nodes["transform.tidy"].id
    assert runs(folder) in ([], ["exposure.out"])  # whose file was touched
    again = opened(folder)
    summary = again.run(progress=False)
    assert summary.successful_nodes <= 1
    after = {"tidy" if name == "clean" else name: table for name, table in tables.items()}
    assert {name: again[name].to_dict("list") for name in after} == after
    with sqlite3.connect(folder / "rows.db") as database:
        assert database.execute("SELECT count(*) FROM rows").fetchone() == (2,)
    database.close()


def test_the_lines_are_listed_and_no_file_is_touched(folder):
    opened(folder).run(progress=False)
    texts = {path: path.read_text() for path in folder.glob("seeknal/*")}
    project = opened(folder)
    rows = project.rename("clean", "tidy")
    assert {path: path.read_text() for path in folder.glob("seeknal/*")} == texts
    assert "transform.clean" in project.manifest.nodes
    found = {(where, now): becomes for where, _, now, becomes in rows.rows}
    assert found["seeknal/a.yml", "FROM source.users JOIN clean USING (id, v)"] == "FROM source.users JOIN tidy AS clean USING (id, v)"
    assert found["seeknal/a.yml", "inputs: [clean]"] == "inputs: [tidy]"
    assert found["seeknal/b.py", "def other(clean, ctx):"] == "def other(tidy, ctx):"
    lines = (folder / "seeknal/a.yml").read_text().splitlines()
    for where, line, now, _ in rows.rows:
        assert where != "seeknal/a.yml" or lines[line - 1].strip() == now
    assert rows.to_frame().columns.tolist() == ["where", "line", "now", "becomes"]


def test_who_edits_the_listed_lines_himself_runs_nothing(folder):
    opened(folder).run(progress=False)
    for where, line, now, becomes in opened(folder).rename("clean", "tidy").rows:
        text = (folder / where).read_text().splitlines(keepends=True)
        text[line - 1] = text[line - 1].replace(now, becomes)
        (folder / where).write_text("".join(text))
    assert runs(folder) == []


def test_what_was_not_up_to_date_runs_under_the_new_name_too(folder):
    opened(folder).run(nodes=["clean"], only=True, progress=False)
    project = opened(folder)
    before = set(project.plan().runs)
    assert "transform.tidy" not in project.rename("clean", "tidy", write=True).title.partition("will run: ")[2]
    assert set(runs(folder)) == before
    assert "transform.top" in before


def test_a_node_that_is_stale_says_so(folder):
    write_nodes(folder, {"clean": "SELECT * FROM users"})
    opened(folder).run(progress=False)
    text = (folder / "seeknal/a.yml").read_text()
    (folder / "seeknal/a.yml").write_text(text.replace("SELECT * FROM users", "SELECT id FROM users"))
    title = opened(folder).rename("clean", "tidy", write=True).title
    assert title.endswith("will run: transform.tidy (it was not up to date before)")
    assert runs(folder) == ["transform.tidy"]


def test_what_it_printed_is_found_under_its_new_name(tmp_path):
    body = "def {}():\n    import pandas\n    print('hello')\n    return pandas.DataFrame({{'x': [1]}})"
    project = Project(tmp_path)
    project.node("transform", "a", python=body.format("a"))
    project.run(progress=False)
    project.rename("a", "b")
    project.node("transform", "b", python=body.format("b"))
    assert project.details("b").log.strip() == "hello"


def test_a_changed_source_is_still_noticed(folder):
    opened(folder).run(progress=False)
    opened(folder).rename("clean", "tidy", write=True)
    (folder / "users.csv").write_text("id,v\n1,2\n2,30\n")
    assert "transform.tidy" in runs(folder)
    opened(folder).run(progress=False)
    assert opened(folder)["tidy"].v.tolist() == [2, 30]


def test_a_rename_and_back_runs_nothing(folder):
    opened(folder).run(progress=False)
    texts = {path.name: path.read_text() for path in folder.glob("seeknal/*")}
    opened(folder).rename("clean", "tidy", write=True)
    assert runs(folder) == []
    opened(folder).rename("tidy", "clean", write=True)
    assert runs(folder) == []
    now = {path.name: path.read_text() for path in folder.glob("seeknal/*")}
    kept = ("JOIN clean", "{{ ref('clean') }}")
    assert now == {name: re.sub("|".join(map(re.escape, kept)), r"\g<0> AS clean", text) for name, text in texts.items()}


def test_what_runs_instead_says_why(folder):
    (folder / "seeknal/c.py").write_text("from seeknal_nb import transform\n\n@transform\ndef late(clean):\n    name = 'cl' + 'ean'\n    return locals()[name]\n")
    opened(folder).run(progress=False)
    title = opened(folder).rename("clean", "tidy").title
    assert "will run: transform.late (what it says of clean is to be changed by hand)" in title
    (folder / "seeknal/d.py").write_text(
        "from seeknal_nb import transform\n\n@transform\ndef me(users, ctx):\n    return users.assign(me=ctx.node_id)\n"
    )
    opened(folder).run(progress=False)
    title = opened(folder).rename("me", "myself").title
    assert "transform.myself (what it says of me is to be changed by hand)" in title


SAME_SQL = [  # the node, its reader, and the new name
    ("SELECT * FROM users", "SELECT clean.id FROM clean", "tidy"),
    ("SELECT id AS x, {'x': 100} AS tidy FROM users", "SELECT tidy.x AS q FROM clean", "tidy"),
    ("SELECT * FROM users", "SELECT count(*) AS n FROM users tidy WHERE EXISTS (SELECT 1 FROM clean WHERE tidy.v = 3)", "tidy"),
    ("SELECT * FROM users", "SELECT id AS tidy, [tidy] AS l FROM clean ORDER BY 1", "tidy"),
    ("SELECT id AS x FROM users", "SELECT q.x FROM (SELECT {'x': 1} AS tidy) s, LATERAL (SELECT tidy.x FROM clean) q", "tidy"),
    ("SELECT * FROM users", "SELECT v AS tidy FROM clean WHERE tidy > 2", "tidy"),
    ("SELECT * FROM users", "SELECT id % 1 AS tidy, count(*) AS n FROM clean GROUP BY tidy ORDER BY tidy", "tidy"),
    ("SELECT * FROM users", "SELECT tidy.* FROM (SELECT 5 AS k) tidy, clean", "tidy"),
    ("SELECT * FROM users", "SELECT clean FROM clean ORDER BY clean.id", "tidy"),
    ("SELECT * FROM users", "SELECT sum(v) AS v FROM (SUMMARIZE clean) s, (SELECT 1 AS v) tidy", "tidy"),
]  # fmt: skip


@pytest.mark.parametrize(("node", "reader", "new"), SAME_SQL)
def test_a_query_that_is_taken_for_the_same_gives_the_same_when_it_is_run(folder, node, reader, new):
    """The builds are kept only because a run from nothing would give them again."""
    write_nodes(folder, {"clean": node, "top": reader})
    opened(folder).run(progress=False)
    before = opened(folder)["top"].astype(str).to_dict("list")
    opened(folder).rename("clean", new, write=True)
    shutil.rmtree(folder / "target")
    assert not opened(folder).run(progress=False).failed
    assert opened(folder)["top"].astype(str).to_dict("list") == before


def write_nodes(folder: Path, texts: dict[str, str]) -> None:
    (folder / "seeknal/b.py").unlink()
    source = "kind: source\nname: users\nsource: csv\npath: users.csv\n"
    nodes = (f"kind: transform\nname: {name}\nsql: |\n  {text}\n" for name, text in texts.items())
    (folder / "seeknal/a.yml").write_text("---\n".join([source, *nodes]))


BY_HAND = {
    "bound again": "clean = clean.assign(v=clean.v + 1)\n    return clean", "in a loop": "for clean in [clean.head(1)]:\n        pass\n    return clean",
    "the new name is a local": "tidy = 3\n    return clean.assign(w=tidy)", "a parameter": "f = lambda tidy: clean.v + tidy\n    return clean.assign(w=f(1))",
    "SQL in a text": "import duckdb\n    return duckdb.sql('SELECT * FROM clean').df()", "a walrus": "return (clean := clean.head(1))",
    "its own name": "return clean.assign(l=top.__name__)", "nonlocal": "def g():\n        nonlocal clean\n        clean = clean.head(1)\n    g()\n    return clean",
    "a query": "tidy = 2\n    return clean.query('v > @tidy')", "deleted": "x = clean\n    del clean\n    return x",
}  # fmt: skip


@pytest.mark.parametrize("body", BY_HAND.values(), ids=BY_HAND)
def test_a_body_that_may_do_something_else_is_left_to_its_author(folder, body):
    write_nodes(folder, {"clean": "SELECT * FROM users"})
    (folder / "seeknal/b.py").write_text(f"from seeknal_nb import transform\n\n@transform\ndef top(clean):\n    {body}\n")
    opened(folder).run(progress=False)
    assert "will run: transform.top (what it says of clean is to be changed by hand)" in opened(folder).rename("clean", "tidy").title
    with pytest.raises(UsageError, match=r"is what transform\.top says of it"):
        opened(folder).rename("clean", "tidy", write=True)


def test_texts_that_happen_to_say_the_name_stay(folder):
    """A column, a parameter, a target: only what names the node is another afterwards."""
    write_nodes(folder, {"clean": "SELECT id, v AS clean FROM users"})
    more = """---
{kind: transform, name: g, sql: "SELECT *, '{{ label }}' AS l FROM clean", params: {label: clean}}
---
{kind: exposure, name: e, inputs: [clean], to: clean.csv}
---
{kind: exposure, name: d, inputs: [clean], to: rows.db, params: {table: clean}}
---
{kind: rule, name: r, on: clean, checks: [{not_null: [clean]}, {expression: "clean > 0"}]}
"""
    (folder / "seeknal/a.yml").write_text((folder / "seeknal/a.yml").read_text() + more)
    opened(folder).run(progress=False)
    configs = {node.name: node.config for node in opened(folder).manifest.nodes.values()}
    found = rename(opened(folder).manifest, "clean", "tidy", kinds={}, params={})
    for name, key in (("g", "params"), ("e", "to"), ("d", "params"), ("r", "checks")):
        node = next(node for node in found.manifest.nodes.values() if node.name == name)
        assert node.config[key] == configs[name][key]
    assert not found.unsure


def test_a_page_and_a_sheet_that_are_called_as_their_node_are_delivered_again(folder):
    write_nodes(folder, {"clean": "SELECT * FROM users"})
    more = """---
kind: exposure
name: page
inputs: [clean]
to: page.html
---
kind: exposure
name: named
inputs: [clean]
to: named.html
params: {title: Users}
"""
    (folder / "seeknal/a.yml").write_text((folder / "seeknal/a.yml").read_text() + more)
    opened(folder).run(progress=False)
    assert "exposure.sheet (its result has the old name in it)" in opened(folder).rename("page", "sheet", write=True).title
    assert "will run" not in opened(folder).rename("named", "other", write=True).title
    assert runs(folder) == ["exposure.sheet"]
    opened(folder).run(progress=False)
    assert "<title>sheet</title>" in (folder / "page.html").read_text()


def test_a_file_keeps_its_mark_its_rights_and_where_its_link_leads(folder):
    write_nodes(folder, {"clean": "SELECT * FROM users"})
    real, link = folder / "real.yml", folder / "seeknal/a.yml"
    real.write_bytes(b"\xef\xbb\xbf" + link.read_bytes().replace(b"\n", b"\r\n"))
    real.chmod(0o640)
    link.unlink()
    link.symlink_to(real)
    opened(folder).rename("clean", "tidy", write=True)
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert real.read_bytes().startswith(b"\xef\xbb\xbfkind: source\r\n")
    assert b"name: tidy\r\n" in real.read_bytes()


def test_features_that_are_called_after_their_group_are_made_again(tmp_path):
    project = Project(tmp_path, namespace={})
    project.feature_group("a", "SELECT 1 AS user_id, 2 AS v", entity="user")
    project.feature_group("b", "SELECT 1 AS user_id, 3 AS v", entity="user")
    project.transform("both", python="def both(ctx):\n    return ctx.features('user', ['a.v', 'b.v'])\n")
    project.run(progress=False)
    title = project.rename("a", "c").title
    named = [name for name in project["both"].columns if "a" in name.replace("user_id", "")]
    assert ("transform.both (its result has the old name in it)" in title) == bool(named)


def test_what_is_known_of_the_node_is_known_under_its_new_name(folder):
    """Its runs, what it was made of, and how the runs differ; the old name is nobody's any more."""
    write_nodes(folder, {"clean": "SELECT * FROM users", "top": "SELECT * FROM clean"})
    opened(folder).run(progress=False)
    opened(folder).rename("clean", "tidy")  # to see the lines
    opened(folder).rename("clean", "tidy", write=True)
    project = opened(folder)
    assert [run["status"] for run in project.details("tidy").history] == ["success"]
    assert project.at("last")["tidy"].v.tolist() == [2, 3]
    (folder / "users.csv").write_text("id,v\n1,2\n2,30\n")
    text = (folder / "seeknal/a.yml").read_text()
    (folder / "seeknal/a.yml").write_text(text.replace("SELECT * FROM users", "SELECT id, v FROM users"))
    project = opened(folder)
    told = str(project.why("tidy"))
    assert "- SELECT * FROM users" in told
    assert "+ SELECT id, v FROM users" in told
    assert "input transform.tidy" in str(project.why("top"))
    project.run(progress=False)
    compared = project.compare().to_frame().set_index("node_id")
    assert list(compared.index) == ["source.users", "transform.tidy", "transform.top"]
    assert compared.build["transform.tidy"] == "another"
    with pytest.raises(SelectionError, match=r"transform\.clean was called transform\.tidy by then"):
        project.at("last")["clean"]


def test_runs_before_and_after_half_a_rename_compare(nb):
    """Readers that are not edited yet have the builds that they had, whatever these are called now."""
    nb("%%seeknal transform a\nSELECT 1 AS x")
    nb("%%seeknal aggregation g\nSELECT count(*) AS n FROM a")
    nb("%seeknal run")
    nb("%seeknal rename a z")
    nb("%%seeknal transform z\nSELECT 1 AS x")
    assert nb("%seeknal run").successful_nodes == 0
    rows = {row["node_id"]: row for row in nb("%seeknal compare").to_dict()["rows"]}
    assert (rows["aggregation.g"]["build"], rows["aggregation.g"]["status_now"]) == ("same", "cached")
    assert nb("seeknal.at(2)['g']").n.tolist() == [1]


def test_names_that_cannot_be_are_refused(folder):
    project = opened(folder)
    for name, said in (("top", "transform.top is called so"), ("clean", "is called so"), ("a b", "bad name"), ("lambda", "a word of SQL or Python"), ("select", "a word of SQL"), ("input_0", "stands for an input"), ("source.x", "stays a transform")):
        with pytest.raises(SelectionError, match=said):
            project.rename("clean", name)
    with pytest.raises(SelectionError, match="unknown node"):
        project.rename("nobody", "x")


def test_nothing_is_written_where_a_line_stands_in_no_file(folder):
    project = opened(folder)
    project.transform("mine", "SELECT * FROM clean")
    texts = {path: path.read_text() for path in folder.glob("seeknal/*")}
    with pytest.raises(UsageError, match=r"not to be found there, is what transform\.mine says of it"):
        project.rename("clean", "tidy", write=True)
    assert {path: path.read_text() for path in folder.glob("seeknal/*")} == texts


def test_files_are_left_where_they_would_say_something_else(folder):
    """The name is put together in Python: no line of the file holds it."""
    (folder / "seeknal/c.py").write_text(
        "from seeknal_nb import transform\n\n@transform(inputs=['cle' + 'an'])\ndef odd(ctx):\n    return ctx.ref('cle' 'an')\n"
    )
    texts = {path: path.read_bytes() for path in folder.glob("seeknal/*")}
    with pytest.raises((ManifestError, UsageError)):
        opened(folder).rename("clean", "tidy", write=True)
    assert {path: path.read_bytes() for path in folder.glob("seeknal/*")} == texts


def test_a_rename_waits_for_no_run(folder):
    project = opened(folder)
    project.run(progress=False)
    texts = {path: path.read_bytes() for path in folder.glob("seeknal/*")}
    with run_lock(folder / "target/state", "another"), pytest.raises(LockedError):
        project.rename("clean", "tidy", write=True)
    assert {path: path.read_bytes() for path in folder.glob("seeknal/*")} == texts


CELLS = {
    "1": "%%seeknal transform clean --tags core\nSELECT 1 AS id, 2 AS v",
    "2": "%%seeknal transform top --inputs clean\nSELECT clean.id FROM clean",
    "3": "%%seeknal transform py\ndef py(clean):\n    return clean[clean.v > 1]",
    "4": "%%seeknal\nkind: rule\nname: ok\non: clean\nchecks: [{not_null: [id]}]",
    "5": "import seeknal_nb\n\n@seeknal_nb.transform\ndef deco(clean):\n    return clean",
    "6": 'seeknal.transform("call", "SELECT * FROM clean")',
    "7": "%seeknal exposure out --inputs clean --to out.csv",
}


def test_cells_are_listed_and_who_runs_them_executes_nothing(nb):
    for cell in CELLS.values():
        nb(cell)
    assert nb("%seeknal run").failed_nodes == 0
    rows = nb("%seeknal rename clean tidy")
    edited = dict(CELLS)
    for where, line, now, becomes in rows.rows:
        if line is None:
            assert where == "transform.call, wherever it is written"
            edited["6"] = edited["6"].replace(now, becomes)
            continue
        (number,) = (one for one, text in CELLS.items() if where == f"cell {cut(' '.join(text.split()), 50)}")
        lines = edited[number].splitlines()
        assert lines[line - 1].strip() == now
        lines[line - 1] = lines[line - 1].replace(now, becomes)
        edited[number] = "\n".join(lines)
    assert all("tidy" in text for text in edited.values())
    for cell in edited.values():
        nb(cell)
    nb("%seeknal remove clean")
    summary = nb("%seeknal run")
    assert (summary.successful_nodes, summary.failed_nodes) == (0, 0), [str(r.reason) for r in summary.results]
