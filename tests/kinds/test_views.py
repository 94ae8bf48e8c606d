"""Views over views: they give what views of a plain database give, whatever stands in them and whichever is bound first."""

from __future__ import annotations

import contextlib

import pytest
from statements import TABLES, database, files, rows_of

from kinds import build_of, good, rows
from seeknal_nb import Project
from seeknal_nb.dag.graph import Graph
from seeknal_nb.kinds.tables import relations

VIEWS = {
    "one": ({"v": "SELECT x FROM a"}, "SELECT x FROM v ORDER BY x"),
    "two over two": (
        {"v": "SELECT x FROM a", "w": "SELECT x FROM b", "p": "SELECT v.x FROM v, w", "q": "SELECT v.x + w.x AS x FROM v, w"},
        "SELECT p.x, q.x AS y FROM p, q",
    ),
    "with a WITH": ({"v": "WITH a AS (SELECT x FROM b) SELECT x FROM a"}, "WITH b AS (SELECT 1 AS x) SELECT v.x, b.x AS y FROM v, b"),
    "WITH over WITH": (
        {"v": "WITH q AS (SELECT x FROM a) SELECT x FROM q", "w": "WITH q AS (SELECT x + 1 AS x FROM v) SELECT x FROM q"},
        "WITH q AS (SELECT x + 1 AS x FROM w) SELECT x FROM q",
    ),
    "a WITH of its input's name": (
        {"v": "SELECT x FROM a", "w": "WITH v AS (SELECT x + 1 AS x FROM v) SELECT x FROM v"},
        "WITH w AS (SELECT 5 AS x) SELECT w.x, t.x AS y FROM w, transform.w t",
    ),
    "a WITH of its input's id": (
        {"v": "SELECT x FROM a", "w": 'WITH "transform.v" AS (SELECT 99 AS x) SELECT v.x, t.x AS y FROM v, "transform.v" t'},
        "SELECT * FROM w",
    ),
    "an alias that is an id": (
        {"v": "SELECT x FROM a", "w": 'SELECT "transform.v".x, v.x AS y FROM b AS "transform.v", v'},
        "SELECT * FROM w",
    ),
    "recursive": (
        {"v": "WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM r WHERE x < 3) SELECT x FROM r", "w": "SELECT x FROM v"},
        "SELECT x FROM w",
    ),
    "comments": ({"v": "-- it's\nSELECT x FROM a -- end", "w": "/* a */ WITH q AS (FROM v) SELECT x FROM q -- d"}, "SELECT x FROM w -- e"),
    "ORDER BY and LIMIT": (
        {"v": "SELECT x FROM a ORDER BY x DESC LIMIT 2", "w": "SELECT x FROM v ORDER BY x LIMIT 1"},
        "SELECT x FROM w ORDER BY x",
    ),
    "FROM first": ({"v": "FROM a", "w": "FROM v SELECT x"}, "FROM w"),
    "TABLE": ({"v": "TABLE a", "w": "TABLE v"}, "TABLE w"),
    "VALUES": ({"v": "VALUES (1), (2)", "w": "VALUES ((SELECT max(col0) FROM v))"}, "FROM w"),
    "SUMMARIZE": ({"v": "SELECT * FROM a", "w": "SUMMARIZE v"}, "SELECT column_name, max FROM w"),
    "SUMMARIZE within": ({"v": "SELECT * FROM a", "w": "SELECT column_name FROM (SUMMARIZE v)"}, "SUMMARIZE w"),
    "DESCRIBE": ({"v": "SELECT * FROM a", "w": "DESCRIBE v"}, "SELECT column_name FROM w"),
    "DESCRIBE within": ({"v": "SELECT * FROM a", "w": "SELECT column_name FROM (DESCRIBE v)"}, "DESCRIBE w"),
    "brackets": ({"v": "(SELECT x FROM a)", "w": "((SELECT x FROM v))"}, "(SELECT x FROM w)"),
    "semicolons": ({"v": "SELECT x FROM a;", "w": "SELECT x FROM v;"}, "SELECT x FROM w;"),
    "a union": ({"v": "SELECT x FROM a UNION SELECT x FROM b", "w": "SELECT x FROM v UNION ALL SELECT x FROM v"}, "FROM w"),
    "read twice": ({"v": "SELECT x FROM a", "w": "SELECT p.x, q.x AS y FROM v p JOIN v q ON p.x < q.x"}, "SELECT s.* FROM w s, w t"),
    "columns of an id": (
        {"v": "SELECT transform.a.x FROM transform.a", "w": "SELECT transform.v.x FROM transform.v"},
        "SELECT transform.w.x FROM transform.w",
    ),
    "columns of a name": ({"v": "SELECT a.x FROM transform.a", "w": "SELECT v.x FROM transform.v"}, "SELECT w.x FROM w"),
    "quoted names": ({"v": 'SELECT "a"."x" FROM "transform"."a"', "w": 'SELECT "v".x FROM "v"'}, 'SELECT "w".x FROM "w"'),
    "other letters": ({"v": "SELECT A.x FROM A", "w": "SELECT V.x FROM TRANSFORM.V"}, "SELECT W.x FROM W"),
    "prefixes": ({"v": "SELECT y: x FROM a", "w": "SELECT z: y FROM t: v"}, "SELECT * FROM w"),
    "files": ({"v": "SELECT x FROM 'f.csv'", "w": "SELECT v.x FROM v, read_csv('f.csv') f WHERE f.x = v.x"}, "SELECT * FROM w"),
    "a pivot of it": ({"v": "SELECT x, k FROM a", "w": "SELECT * FROM v"}, "PIVOT w ON k USING sum(x)"),
    "a pivot in it": (
        {"v": "SELECT x, k FROM a", "w": "SELECT * FROM (PIVOT v ON k IN ('p', 'q') USING sum(x))"},
        "FROM w",
    ),
    "an unpivot": ({"v": "SELECT x FROM a", "w": "UNPIVOT v ON x", "u": "FROM w UNPIVOT (q FOR n IN (value))"}, "FROM u"),
    "a subquery": ({"v": "SELECT x FROM a", "w": "SELECT x, (SELECT max(v.x) FROM v WHERE v.x = b.x) AS m FROM b"}, "FROM w"),
    "LATERAL": ({"v": "SELECT x FROM a", "w": "SELECT v.x, y FROM v, LATERAL (SELECT v.x + 1 AS y)"}, "FROM w"),
    "a row as a value": ({"v": "SELECT * FROM a", "w": "SELECT v FROM v"}, "SELECT w.v.x FROM w"),
    "a temporary table of its name": ({"v": "SELECT x FROM a"}, "CREATE TEMP TABLE v AS SELECT x + 1 AS x FROM v; SELECT x FROM v"),
    "beside its input": ({"v": "SELECT x FROM a"}, "SELECT v.x, a.k FROM v JOIN a USING (x)"),
}


@pytest.mark.parametrize(("views", "body"), VIEWS.values(), ids=VIEWS)
def test_views_give_the_rows_of_plain_views(tmp_path, views, body):
    """Also in a new process in which only their reader has changed."""
    files(tmp_path)
    with contextlib.chdir(tmp_path), database() as plain:
        for name, sql in views.items():
            held = f"FROM ({sql})" if sql.startswith(("SUMMARIZE", "DESCRIBE")) else sql  # which DuckDB 1.5 takes for no view
            plain.execute(f"CREATE VIEW transform.{name} AS {held}")
            plain.execute(f"CREATE VIEW main.{name} AS FROM transform.{name}")
        right = rows_of(plain, body)
        for reader in ("one", "two"):
            with contextlib.closing(Project(tmp_path, namespace={})) as project:
                _define(project, views)
                project.transform(reader, sql=body)
                good(project)
                ours = rows_of(plain, f"FROM '{build_of(project, f'transform.{reader}')}'")
                assert (sorted(ours.rows), [name for name, _ in ours.columns]) == (sorted(right.rows), [name for name, _ in right.columns])
                for name in views:
                    assert len(project[name]) == plain.execute(f"SELECT count(*) FROM transform.{name}").fetchall()[0][0]


def _define(project: Project, views: dict[str, str]) -> None:
    for name in ("a", "b"):
        project.transform(name, sql=TABLES[name])
    for name, sql in views.items():
        project.transform(name, sql=sql, materialized="view")


NAMED = {
    "Jinja's id": "SELECT {0}.x FROM {{{{ ref('transform.{0}') }}}} AS {0}",
    "Jinja's name": "SELECT {0}.x FROM {{{{ ref('{0}') }}}}",
    "ref with an alias": "SELECT t.x FROM ref('{0}') t",
    "ref twice": "SELECT {0}.x FROM ref('transform.{0}'), ref('{0}') u WHERE u.x = {0}.x",
    "its place": "SELECT input_0.x FROM input_0",
    "this": "SELECT __THIS__.x FROM __THIS__",
    "its place alone": "SELECT max::INTEGER AS x FROM (SUMMARIZE input_0)",
    "beside a parameter": "SELECT x FROM {0} WHERE x >= {{{{ least }}}}",
}


@pytest.mark.parametrize("view", NAMED.values(), ids=NAMED)
def test_a_view_may_name_its_input_in_any_of_the_ways(project, view):
    project.transform("a", sql="SELECT 3 AS x")
    for below, name in (("a", "v"), ("v", "w")):
        project.transform(name, sql=view.format(below), materialized="view", inputs=[below])
    project.transform("n", sql="SELECT x FROM w")
    good(project, params={"least": 1})
    assert rows(project, "transform.n") == [(3,)]


def test_what_is_bound_for_many_floors_of_views_is_short(project):
    """Two inputs a floor: as views of the engine, each is looked up at each mention, and their number doubles at every floor."""
    project.transform("a", sql="SELECT 1 AS x")
    project.transform("v0", sql="SELECT x FROM a", materialized="view")
    project.transform("w0", sql="SELECT x FROM a", materialized="view")
    for floor in range(1, 13):
        for name in "vw":
            below = f"v{floor - 1} JOIN w{floor - 1} USING (x)"
            project.transform(f"{name}{floor}", sql=f"SELECT v{floor - 1}.x FROM {below}", materialized="view")
    project.transform("n", sql="SELECT v12.x FROM v12, w12")
    good(project)
    assert rows(project, "transform.n") == [(1,)]
    graph, root = Graph(project.manifest), project.directory
    nodes = {node.id: node for node in graph}
    found = relations(graph, ["transform.v12"], lambda i: nodes[i] if nodes[i].config.get("materialized") else None, lambda _: None, root)
    assert len(found["transform.v12"].sql) < 5_000
