"""What a node's SQL gives is what plain DuckDB gives over the same tables and files, or it is refused, for a reason that stands here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from kinds import build_of, run
from statements import STATEMENTS, TABLES, Rows, Writer, database, files, rows_of

from seeknal_nb import Project
from seeknal_nb.dag.links import Names
from seeknal_nb.errors import SeeknalError
from seeknal_nb.kinds.paths import as_engines_write
from seeknal_nb.sql import parsers as sqlparsers
from seeknal_nb.sql import reads as sqlreads
from seeknal_nb.sql.names import check_sql, rewrite, tables_in
from seeknal_nb.sql.places import Places
from seeknal_nb.sql.text import statements
from seeknal_nb.workflow.events import ExecutionSummary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALL = [sql for section in STATEMENTS.values() for sql in section]
NAMES = Names(f"transform.{name}" for name in TABLES)

COMPUTED = "is not given the name of a file"
HIDDEN = "is not allowed in a node"
LATE = "a view or a macro is made before the temporary table that it reads: DuckDB looks for it when it is made, too"
REFUSED = {
    "FROM f.csv": ("unknown table 'f.csv'", "it is written as a node's id is; 'f.csv' is the file"),
    "FROM temp.csv": ("unknown table 'temp.csv'", "as above; nor is it a temporary table"),
    "FROM read_csv(array['f.csv'])": (COMPUTED, "an expression"),
    "FROM read_csv(list_value('f.csv'))": (COMPUTED, "an expression"),
    "FROM read_csv('f' || '.csv')": (COMPUTED, "an expression"),
    "FROM read_csv('f'\n'.csv')": (COMPUTED, "two texts that are one"),
    "FROM read_csv('f.csv'::VARCHAR)": (COMPUTED, "an expression"),
    "CREATE TEMP MACRO m(f) AS TABLE FROM read_csv(f); FROM m('f.csv') ORDER BY ALL": (COMPUTED, "a parameter"),
    "PIVOT c JOIN b USING (x) ON k USING count(*)": ("cannot be told", "neither parser reads it; PIVOT (FROM c JOIN b ...) is read"),
    "FROM query('FROM a')": (HIDDEN, "a text that is SQL"),
    "FROM query_table('a')": (HIDDEN, "a table that a text names"),
    "FROM query_table(['a', 'b'])": (HIDDEN, "tables that texts name"),
    "FROM duckdb_tables()": (HIDDEN, "it lists what is bound"),
    "FROM pragma_table_info('a')": (HIDDEN, "it looks at a table that a text names"),
    "FROM information_schema.tables": ("unknown table", "it lists what is bound"),
    "FROM duckdb_tables": ("unknown table", "it lists what is bound"),
    "FROM sqlite_master": ("unknown table", "it lists what is bound"),
    "FROM (SHOW TABLES)": ("unknown table", "it lists what is bound"),
    "SHOW TABLES": (HIDDEN, "it lists what is bound"),
    "DESCRIBE": (HIDDEN, "it lists what is bound"),
    "CREATE TEMP VIEW v AS SELECT x FROM b; CREATE TEMP TABLE b AS SELECT 1 AS x; SELECT x FROM v ORDER BY x": ("does not exist", LATE),
    "CREATE TEMP MACRO m() AS (SELECT max(x) FROM b); CREATE TEMP TABLE b AS SELECT 7 AS x; SELECT m() AS m": ("does not exist", LATE),
}
"""Bodies that plain DuckDB runs and a node does not: what it is told, and why."""
OTHERS = {
    "WITH a AS (SELECT 9 AS x) SELECT a.x, t.x AS y FROM a, ref('a') t ORDER BY ALL": "ref() is this program's: it names a node, never a CTE",
    "SELECT * FROM 'odd [1].csv' ORDER BY ALL": "DuckDB takes it for a pattern; a name that is there exactly is that file",
}
"""Bodies of which a node has other rows than plain DuckDB, and means to."""


EARLIER = duckdb.__version__ < "2"
"""Then COPY writes no SUMMARIZE, DESCRIBE or PIVOT, and such a node fails and says so."""
UNSTORED = ("UNION(", "[2]", "STRUCT(INTEGER", "TIME ZONE")
"""Types that Parquet does not have, or that Python shows otherwise."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("difference")
    files(made)
    (made / "odd 1.csv").write_text("x\n8\n", encoding="utf-8")
    with contextlib.chdir(made):
        yield made


def of_a_node(nodes: duckdb.DuckDBPyConnection, folder: Path, sql: str) -> Rows | str:
    """What a body gives as a node's: checked, its names written as ids and paths, over tables that are called by their ids only."""
    try:
        check_sql(sql, listed=False)
        for table in tables_in(sql):
            NAMES.need(table.text, "table")
        return rows_of(nodes, rewrite(sql, NAMES.find, place=as_engines_write(folder)))
    except SeeknalError as error:
        return str(error)


def different(folder: Path, bodies: list[str]) -> dict[str, tuple[Rows | str, Rows | str]]:
    """The bodies for which a node and plain DuckDB disagree: what the one gives, and the other."""
    found = {}
    with database(bare=False) as nodes, database() as plain:
        for sql in bodies:
            ours, right = of_a_node(nodes, folder, sql), rows_of(plain, sql)
            if ours != right and not (isinstance(ours, str) and isinstance(right, str)):
                found[sql] = (ours, right)
    return found


@pytest.mark.parametrize("section", STATEMENTS)
def test_a_statement_gives_the_rows_of_plain_duckdb(folder, section):
    """SPEC: the SQL is the user's own; only names of nodes and files are written anew."""
    bodies = [sql for sql in STATEMENTS[section] if sql not in REFUSED and sql not in OTHERS]
    assert different(folder, bodies) == {}


@pytest.mark.parametrize("seeds", [range(60), range(60, 120)], ids=str)
def test_a_random_body_gives_the_rows_of_plain_duckdb_or_fails(folder, seeds):
    """It may fail where a macro reads a temporary table that is made after it, and where TABLE b stands twice; it never has other rows."""
    found = different(folder, [Writer(seed).body() for seed in seeds])
    told = [(ours, sql) for sql, (ours, _) in found.items()]
    meant = ("does not exist", "it is not clear where")
    assert [one for one in told if isinstance(one[0], Rows) or not any(text in one[0] for text in meant)] == []
    assert len(found) < len(seeds) // 20


@pytest.mark.parametrize(("sql", "told"), [(sql, told) for sql, (told, _) in REFUSED.items()])
def test_what_a_node_refuses_is_on_a_short_list(folder, sql, told):
    with database(bare=False) as nodes, database() as plain:
        ours, right = of_a_node(nodes, folder, sql), rows_of(plain, sql)
    assert isinstance(ours, str)
    assert told in ours
    assert isinstance(right, Rows)


def test_the_others_are_meant(folder):
    found = different(folder, list(OTHERS))
    rows = {sql: ours.rows for sql, (ours, _) in found.items()}
    assert rows == dict(zip(OTHERS, [("(9, 1)", "(9, 2)", "(9, 3)"), ("(7,)",)], strict=True))


def _nodes(project: Project) -> dict[str, str]:
    """A transform for each body that a node can be, by its id."""
    own = [sql for name in ("files", "before", "pivots", "refs") for sql in STATEMENTS[name]]
    bodies = [sql for sql in dict.fromkeys((*own, *ALL[::4])) if sql not in REFUSED and sql not in OTHERS]
    with database() as plain:
        right = [rows_of(plain, sql) for sql in bodies]
    kept = [sql for sql, rows in zip(bodies, right, strict=True) if isinstance(rows, Rows)]
    names = {f"transform.n{number}": sql for number, sql in enumerate(kept)}
    for node_id, sql in names.items():
        with contextlib.suppress(SeeknalError):
            project.transform(node_id.partition(".")[2], sql=sql)
    return names


def test_nodes_have_the_rows_of_plain_duckdb_also_after_their_files_changed(tmp_path):
    """End to end: a project runs, its files are edited, it runs again, and each table is what plain DuckDB gives then."""
    files(tmp_path)
    with contextlib.chdir(tmp_path), contextlib.closing(Project(tmp_path, namespace={})) as project, database() as plain:
        for name, sql in TABLES.items():
            project.transform(name, sql=sql)
        names = _nodes(project)
        for add in (0, 100):
            files(tmp_path, add)
            summary = run(project, continue_on_error=True)
            wrong = {names[node_id]: told for node_id in names if (told := _unlike(project, summary, plain, node_id, names[node_id]))}
            assert wrong == {}


def _unlike(project: Project, summary: ExecutionSummary, plain: duckdb.DuckDBPyConnection, node_id: str, sql: str) -> str:
    result, right = summary[node_id], rows_of(plain, sql)
    if str(result.status) == "failed":
        refused = any(told in result.error_message for told in ("doubled columns", "Parquet has no UNION"))
        meant = refused or isinstance(right, str) or EARLIER
        return "" if meant else result.error_message
    ours = rows_of(plain, f"FROM '{build_of(project, node_id)}'")
    same = [name for name, _ in ours.columns] == [name for name, _ in right.columns] and sorted(ours.rows) == sorted(right.rows)
    return "" if same or any(kind in str(right.columns) for kind in UNSTORED) else f"{ours} is not {right}"


def test_both_parsers_find_the_same():
    """sqlglot is asked first, DuckDB's own parser where it fails: it must not matter which one could read a text."""
    bodies = [*ALL, *(Writer(seed).body() for seed in range(80))]
    texts = {one.text for sql in bodies for one in statements(sql)}
    compared, wrong = 0, {}
    for text in sorted(texts):
        one, other = (_found(parser, text) for parser in (sqlparsers._by_sqlglot, sqlparsers._by_duckdb))
        compared += bool(one and other)
        if one and other and one != other:
            wrong[text] = (one, other)
    assert wrong == {}
    assert compared > 0.85 * len(texts)


def _found(parser: Callable[[Places], Any], sql: str) -> object:
    """Tables and calls that read something, with their places; None where the parser cannot tell."""
    text = Places(sql)
    if text.word(0) not in sqlparsers._PARSED:
        return None
    found = parser(text)
    if found is None or isinstance(found, sqlparsers.Problem) or found.problems:
        return None
    tables = sorted(one for one in found.tables if one[1] != text.made()[2])
    calls = sorted((name, text.first_argument(at)) for name, at, _ in found.calls if name not in sqlreads._FREE)
    return tables, calls


def test_each_table_function_of_duckdb_is_sorted():
    """One that is new to this list is refused in nodes: find out what it reads, and add it to the readers, the free ones, or here."""
    with duckdb.connect() as connection:
        found = connection.execute("SELECT function_name FROM duckdb_functions() WHERE function_type IN ('table', 'table_macro')")
        names = {name for (name,) in found.fetchall()}
    readers = {name for name in names if sqlreads.READER.fullmatch(name)} - sqlreads._POINTERS
    hidden = names - readers - sqlreads._FREE
    assert readers <= READERS
    assert {name for name in hidden if not name.startswith(("duckdb_", "pragma_"))} <= SECRETIVE


READERS = {
    *("glob", "sniff_csv", "read_text", "read_blob", "read_duckdb", "read_csv", "read_csv_auto", "read_json", "read_json_auto"),
    *("read_json_objects", "read_json_objects_auto", "read_ndjson", "read_ndjson_auto", "read_ndjson_objects", "read_parquet"),
    *("read_single_csv_file", "read_single_json_file", "read_single_parquet_file", "parquet_scan", "parquet_bloom_probe"),
    *("parquet_file_metadata", "parquet_full_metadata", "parquet_kv_metadata", "parquet_metadata", "parquet_page_index", "parquet_schema"),
}
"""Their first argument is the file, and no option of theirs is one."""
SECRETIVE = {
    *("query", "query_table", "json_execute_serialized_sql", "histogram", "histogram_values"),
    *("arrow_scan", "arrow_scan_dumb", "pandas_scan", "python_arrow_scan", "python_map_function", "seq_scan", "which_secret"),
    *("checkpoint", "force_checkpoint", "enable_logging", "disable_logging", "enable_profiling", "disable_profiling"),
    *("truncate_duckdb_logs", "add_grammar_extension", "remove_grammar_extension", "create_external_resource"),
    *("deregister_external_resource", "destroy_external_resource", "register_external_resource", "register_external_resource_type"),
}
"""They read a table that a text names, what the engine has bound, memory, or change something: refused by name."""
