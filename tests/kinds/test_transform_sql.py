"""SQL bodies: how they name what they read, parameters, views, and what no body may do."""

from __future__ import annotations

import pandas as pd
import pytest

from kinds import USERS, arrow, good, rows, run, status, types
from seeknal_nb.errors import ManifestError, SeeknalError

NAMES = {
    "id": "SELECT id FROM transform.users",
    "id in other case": "SELECT id FROM Transform.USERS",
    "quoted id": 'SELECT id FROM "transform"."users"',
    "bare name": "SELECT id FROM users",
    "quoted bare name": 'SELECT id FROM "users"',
    "ref of an id": "SELECT id FROM ref('transform.users')",
    "ref of a bare name": "SELECT id FROM ref('users')",
    "ref with blanks": "SELECT id FROM ref ( 'users' ) AS u",
    "an alias": "SELECT u.id FROM users u",
    "columns by the id": "SELECT users.id FROM transform.users",
    "from first": "FROM users SELECT id",
    "a subquery": "SELECT id FROM (SELECT * FROM users) WHERE id IN (SELECT id FROM ref('users'))",
    "a CTE over it": "WITH c AS (SELECT * FROM users) SELECT id FROM c",
    "a join of it": "SELECT a.id FROM users a JOIN transform.users b USING (id)",
    "a comma join": "SELECT a.id FROM users a, users b WHERE a.id = b.id",
    "a comment that names others": "SELECT id -- FROM nowhere\nFROM users /* JOIN ref('nothing') */",
    "a text that names others": "SELECT id FROM users WHERE 'FROM ref(''nothing'')' <> ''",
    "a last comment": "SELECT id FROM users -- that is all",
    "a semicolon and a comment": "SELECT id FROM users; -- that is all",
    "several statements": "CREATE TEMP TABLE a AS FROM users; CREATE OR REPLACE TEMP VIEW b AS FROM a; SELECT id FROM b",
    "a comment before a temporary table": "/* first */ CREATE TEMPORARY TABLE a AS FROM users; -- then\nSELECT id FROM a",
    "a macro": "CREATE TEMP MACRO plus(x) AS x + 0; SELECT plus(id) AS id FROM users",
    "union": "SELECT id FROM users WHERE id = 1 UNION ALL SELECT id FROM users WHERE id > 1",
    "recursion": "WITH RECURSIVE r(id) AS (SELECT min(id) FROM users UNION ALL SELECT id + 1 FROM r WHERE id < 3) SELECT id FROM r",
    "qualify": "SELECT id FROM users QUALIFY row_number() OVER (PARTITION BY id ORDER BY id) = 1",
    "exclude": "SELECT * EXCLUDE (name, amount) FROM users",
}  # fmt: skip


@pytest.mark.parametrize("sql", NAMES.values(), ids=NAMES)
def test_a_body_may_name_its_input_in_any_of_the_ways(project, sql):
    project.transform("users", sql=USERS)
    project.transform("t", sql=sql)
    assert project.manifest.get_upstream_nodes("transform.t") == {"transform.users"}
    good(project)
    assert sorted(rows(project, "transform.t")) == [(1,), (2,), (3,)]


@pytest.mark.parametrize("sql", [
    "SELECT id FROM input_0", "SELECT id FROM __THIS__", "SELECT i.id FROM INPUT_0 i", "SELECT input_0.id FROM input_0",
    "SELECT __THIS__.id FROM __THIS__",
])  # fmt: skip
def test_a_listed_input_may_be_named_by_its_place(project, sql):
    project.transform("users", sql=USERS)
    project.transform("t", sql=sql, inputs=["transform.users"])
    good(project)
    assert rows(project, "transform.t") == [(1,), (2,), (3,)]


def test_input_1_is_the_second_listed_input(project):
    project.transform("a", sql="SELECT 1 AS x")
    project.transform("b", sql="SELECT 2 AS x")
    project.transform("t", sql="SELECT input_1.x AS second, input_0.x AS first FROM input_0, input_1", inputs=["b", "a"])
    good(project)
    assert rows(project, "transform.t") == [(1, 2)]


def test_a_cte_hides_the_node_of_its_name(project):
    project.transform("users", sql=USERS)
    project.transform("t", sql="WITH users AS (SELECT 42 AS id) SELECT id FROM users")
    good(project)
    assert rows(project, "transform.t") == [(42,)]
    assert project.manifest.get_upstream_nodes("transform.t") == set()


@pytest.mark.parametrize("sql", [
    "PIVOT tall ON c USING sum(v) GROUP BY k ORDER BY k", "PIVOT transform.tall ON c USING sum(v) GROUP BY k ORDER BY k",
    "PIVOT (SELECT * FROM tall) ON c USING sum(v) GROUP BY k ORDER BY k",
    "SELECT * FROM (PIVOT tall ON c USING sum(v) GROUP BY k) ORDER BY k",
    "CREATE TEMP TABLE a AS FROM tall; PIVOT a ON c USING sum(v) GROUP BY k ORDER BY k",
])  # fmt: skip
def test_pivot_gives_a_table(project, sql):
    project.transform("tall", sql="SELECT * FROM (VALUES ('a', 'x', 1), ('a', 'y', 2), ('b', 'x', 3)) t(k, c, v)")
    project.transform("t", sql=sql)
    assert project.manifest.get_upstream_nodes("transform.t") == {"transform.tall"}
    good(project)
    assert rows(project, "transform.t") == [("a", 1, 2), ("b", 3, None)]


def test_the_order_that_a_body_asks_for_is_kept(project):
    project.transform("t", sql="SELECT range AS x FROM range(100000) ORDER BY x DESC")
    good(project)
    assert rows(project, "transform.t") == [(x,) for x in range(99_999, -1, -1)]


def test_no_rows_keep_their_types(project):
    project.transform("t", sql="SELECT 1::SMALLINT AS a, 'x' AS b WHERE false")
    assert good(project)["transform.t"].row_count == 0
    assert (types(project, "transform.t"), rows(project, "transform.t")) == (["SMALLINT", "VARCHAR"], [])


def test_a_temporary_table_dies_with_its_node(project):
    project.transform("a", sql="CREATE TEMP TABLE helper AS SELECT 1 AS x; SELECT * FROM helper")
    good(project)
    with project.runner().engine.get().session({}) as session:
        assert session.query("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'helper'", form="rows") == [(0,)]


VALUES = {
    "text": "plain", "a quote": "O'Brien", "two quotes": "''", "an injection": "'; DROP TABLE x; SELECT '", "a comment": "x -- y",
    "a hole": "{{ other }}", "a backslash": "a\\'b\\", "a line break": "a\nb\r\n", "nothing": "", "a dollar": "$1 $x ${HOME}",
    "a double quote": 'a"b', "other scripts": "漢字 🦆", "a percent": "%s %(a)s %", "a brace": "}} {x} {{",
    "a number": 7, "a negative number": -3, "a big number": 2**62, "a ratio": 1.5, "true": True, "false": False,
}  # fmt: skip


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_parameter_arrives_as_it_is(project, value):
    """In SQL a value is quoted as a literal, whatever it holds."""
    project.transform("t", sql="SELECT {{ v }} AS v, {{v}} = {{ v }} AS same")
    good(project, params={"v": value})
    assert rows(project, "transform.t") == [(value, True)]


def test_a_parameter_may_be_null_or_a_list(project):
    project.transform("t", sql="SELECT {{ nothing }} IS NULL AS a, 2 IN (SELECT unnest({{ some }})) AS b, {{ words }}[2] AS c")
    good(project, params={"nothing": None, "some": [1, 2], "words": ["a", "b'c"]})
    assert rows(project, "transform.t") == [(True, True, "b'c")]


@pytest.mark.parametrize("name", ["plain", "with blank", 'quo"te', "select", "Ünïcode", "semi;colon", "x --"])
def test_ident_names_a_column_whatever_it_is_called(project, name):
    project.transform("a", sql="SELECT 5 AS {{ ident(c) }}")
    project.transform("t", sql="SELECT {{ ident(c) }} AS v FROM a")
    good(project, params={"c": name})
    assert rows(project, "transform.t") == [(5,)]
    assert arrow(project, "transform.a").column_names == [name]


def test_a_parameter_without_a_value_is_named_and_nothing_runs(project, tmp_path):
    project.transform("a", sql="SELECT 1 AS x")
    project.transform("t", sql="SELECT {{ cutof }} AS v")
    with pytest.raises(SeeknalError, match=r"cutof.*did you mean cutoff") as caught:
        run(project, params={"cutoff": 1})
    assert "transform.t" in str(caught.value)
    assert not list((tmp_path / "target").rglob("data.parquet"))


def test_the_parameters_that_a_node_uses_are_part_of_its_key_and_others_are_not(project):
    project.transform("t", sql="SELECT {{ a }} AS v")
    good(project, params={"a": 1, "b": 1})
    assert status(good(project, params={"a": 1, "b": 2})) == {"transform.t": "cached"}
    assert status(good(project, params={"a": 2, "b": 2})) == {"transform.t": "success"}
    assert rows(project, "transform.t") == [(2,)]


def test_a_view_is_inlined_and_never_stored(project, tmp_path):
    project.transform("users", sql=USERS)
    project.transform("v", sql="SELECT id, amount * {{ k }} AS a FROM users WHERE amount IS NOT NULL", materialized="view")
    project.transform("w", sql="SELECT id, a + 1 AS a FROM ref('v')", materialized="view")
    project.transform("t", sql="SELECT w.id, w.a, v.a AS before FROM transform.w JOIN v USING (id) ORDER BY id")
    project.transform("p", python="return w[w.a > 100]")
    project.params["k"] = 5
    summary = good(project)
    assert rows(project, "transform.t") == [(1, 51, 50), (3, 151, 150)]
    assert rows(project, "transform.p") == [(3, 151)]
    assert (summary["transform.v"].row_count, summary["transform.t"].row_count) == (None, 2)
    assert not list((tmp_path / "target" / "outputs" / "transform").glob("[vw]/*/*.parquet"))
    assert list(project["w"]["a"]) == [51, 151]


def test_a_changed_view_reruns_what_reads_it_and_nothing_else(project):
    project.transform("users", sql=USERS)
    project.transform("v", sql="SELECT id FROM users", materialized="view")
    project.transform("w", sql="SELECT id FROM v", materialized="view")
    project.transform("t", sql="SELECT count(*) AS n FROM w")
    good(project)
    assert set(status(good(project)).values()) == {"cached"}
    project.transform("v", sql="SELECT id FROM users WHERE id > 1", materialized="view")
    found = status(good(project))
    assert (found["transform.users"], found["transform.t"]) == ("cached", "success")
    assert rows(project, "transform.t") == [(2,)]


def test_a_view_that_cannot_be_bound_fails_and_what_reads_it_is_skipped(project):
    project.transform("users", sql=USERS)
    project.transform("v", sql="SELECT nope FROM users", materialized="view")
    project.transform("t", sql="SELECT * FROM v")
    summary = run(project, continue_on_error=True)
    assert "nope" in summary["transform.v"].error_message
    assert summary["transform.t"].reason == "upstream failed: transform.v"


FORBIDDEN = {
    "COPY": "COPY (SELECT 1) TO '{out}'",
    "COPY before a SELECT": "COPY (SELECT 1) TO '{out}'; SELECT 1 AS x",
    "COPY explained": "EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}'",
    "COPY explained before a SELECT": "EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}'; SELECT 1 AS x",
    "COPY prepared": "PREPARE p AS COPY (SELECT 1) TO '{out}'; EXECUTE p; SELECT 1 AS x",
    "COPY FROM DATABASE": "ATTACH '{out}' AS o; COPY FROM DATABASE memory TO o; SELECT 1 AS x",
    "ATTACH": "ATTACH '{out}' AS other; SELECT 1 AS x",
    "DETACH": "DETACH memory; SELECT 1 AS x",
    "USE": "USE memory; SELECT 1 AS x",
    "INSTALL": "INSTALL httpfs; SELECT 1 AS x",
    "LOAD": "LOAD httpfs; SELECT 1 AS x",
    "SET": "SET memory_limit = '1GB'; SELECT 1 AS x",
    "SET GLOBAL": "SET GLOBAL python_enable_replacements = true; SELECT 1 AS x",
    "RESET": "RESET memory_limit; SELECT 1 AS x",
    "PRAGMA": "PRAGMA threads = 1; SELECT 1 AS x",
    "EXPORT": "EXPORT DATABASE '{out}'; SELECT 1 AS x",
    "IMPORT": "IMPORT DATABASE '{imported}'; SELECT 1 AS x",
    "CREATE SECRET": "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b'); SELECT 1 AS x",
    "CREATE TEMPORARY SECRET": "CREATE TEMPORARY SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b'); SELECT 1 AS x",
    "CREATE TABLE": "CREATE TABLE a AS SELECT 1 AS x; SELECT * FROM a",
    "CREATE TABLE after a comment": "/* temp */ CREATE /* TEMP */ TABLE a AS SELECT 1 AS x; SELECT 1 AS x",
    "CREATE VIEW": "CREATE VIEW a AS SELECT 1 AS x; SELECT 1 AS x",
    "CREATE SCHEMA": "CREATE SCHEMA a; SELECT 1 AS x",
    "CREATE MACRO": "CREATE MACRO f(x) AS x; SELECT 1 AS x",
    "INSERT": "INSERT INTO transform.users VALUES (4, 'x', 1); SELECT 1 AS x",
    "UPDATE": "UPDATE transform.users SET id = 1; SELECT 1 AS x",
    "DELETE": "DELETE FROM transform.users; SELECT 1 AS x",
    "DROP": "DROP VIEW transform.users; SELECT 1 AS x",
    "ALTER": "ALTER VIEW transform.users RENAME TO x; SELECT 1 AS x",
    "CALL": "CALL force_checkpoint(); SELECT 1 AS x",
    "BEGIN": "BEGIN; SELECT 1 AS x",
    "CHECKPOINT": "CHECKPOINT; SELECT 1 AS x",
    "VACUUM": "VACUUM; SELECT 1 AS x",
}  # fmt: skip


@pytest.mark.parametrize("sql", FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_statement_that_would_change_something_is_refused_and_the_next_node_works(project, tmp_path, sql):
    """The message says what is not allowed, and where to write instead."""
    out, imported = tmp_path / "out", tmp_path / "imported"
    imported.mkdir()
    (imported / "schema.sql").write_text("CREATE TABLE a AS SELECT 1 AS x;")
    (imported / "load.sql").write_text("")
    project.transform("users", sql=USERS)
    project.transform("after", sql="SELECT count(*) AS n FROM users")
    try:
        project.transform("t", sql=sql.format(out=out, imported=imported), inputs=["users"])
    except ManifestError:  # what it names is no table: nothing will run
        assert "transform.t" not in project.manifest.nodes
        good(project)
    else:
        summary = run(project, continue_on_error=True)
        assert summary["transform.t"].status == "failed"
        assert "not allowed" in summary["transform.t"].error_message
    assert not out.exists()
    assert rows(project, "transform.after") == [(3,)]


@pytest.mark.parametrize(("sql", "fragment"), {
    "only a comment": ("-- nothing", "no table"),
    "only a temporary table": ("CREATE TEMP TABLE a AS SELECT 1 AS x", "no SELECT"),
    "a syntax error": ("SELECT 1 AS x,\n  2 AS FROM users", "line 2"),
    "an unknown column": ("SELECT id,\n  nope FROM users", "line 2"),
    "an unknown column in the first line": ("SELECT nope\nFROM users", "line 1"),
    "an unknown column after other statements": ("CREATE TEMP TABLE a AS\nFROM users;\nSELECT\nnope FROM a", "line 4"),
    "a cast that fails": ("SELECT name::INTEGER AS n FROM users", "ann"),
    "a cast that fails, its line": ("SELECT id,\n name::INTEGER AS n\nFROM users", "line 2"),
    "a cast that fails, its line beside a sum": ("SELECT sum(id) AS s,\n max(name::INTEGER) AS n\nFROM users", "line 2"),
    "an unknown function": ("SELECT soundex_of(name) FROM users", "soundex_of"),
    "a division of texts": ("SELECT name / 2 FROM users", "/"),
}.values())  # fmt: skip
def test_an_error_in_sql_says_the_line_and_duckdbs_words_and_the_next_node_works(project, sql, fragment):
    """Whoever mends it must not count lines, and a half-made view must not be in the next node's way."""
    project.transform("users", sql=USERS)
    project.transform("t", sql=sql, inputs=["users"])
    project.transform("after", sql="SELECT count(*) AS n FROM users")
    summary = run(project, continue_on_error=True)
    assert summary["transform.t"].status == "failed"
    assert fragment in summary["transform.t"].error_message
    assert rows(project, "transform.after") == [(3,)]


def test_sql_cannot_read_a_notebook_variable(project):
    """An input that no key sees."""
    project.namespace = {"df": pd.DataFrame({"a": [1]})}
    df = project.namespace["df"]  # noqa: F841 - what a replacement scan would find
    with pytest.raises(ManifestError, match="unknown table 'df'"):
        project.transform("t", sql="SELECT * FROM df")
    with pytest.raises(ManifestError, match="query_table"):
        project.transform("t", sql="SELECT * FROM query_table('df')")
    project.transform("t", sql="SELECT current_setting('python_enable_replacements') AS x")
    good(project)
    assert rows(project, "transform.t") == [(False,)]


def test_an_unknown_table_is_an_error_at_definition_with_the_nearest_name(project):
    project.transform("clean_users", sql=USERS)
    with pytest.raises(ManifestError, match=r"clean_user.*did you mean .*clean_users"):
        project.transform("t", sql="SELECT * FROM clean_user")
    assert list(project.manifest.nodes) == ["transform.clean_users"]


def test_a_bare_name_that_two_nodes_have_is_ambiguous(project):
    project.source("users", sql=USERS)
    project.transform("users", sql="SELECT * FROM source.users")
    with pytest.raises(ManifestError, match=r"ambiguous.*source\.users or transform\.users"):
        project.transform("t", sql="SELECT * FROM users")
