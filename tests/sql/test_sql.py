"""What SQL reads: names of nodes and files, Jinja's references, and what is refused when a node is defined."""

from __future__ import annotations

import re

import pytest

from seeknal_nb.dag.links import Names, inputs_of
from seeknal_nb.dag.manifest import Node
from seeknal_nb.declaration import declaration_of
from seeknal_nb.errors import ManifestError
from seeknal_nb.sql.names import canonical, check_sql, files_in, input_named, rewrite, tables_in


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("SELECT * FROM {{ ref('orders') }}", ["orders"]),
        ("SELECT * FROM {{ref('transform.orders')}} o JOIN {{- ref(\"users\") -}} u USING (id)", ["transform.orders", "users"]),
        ("SELECT * FROM {{ source('raw', 'orders') }}", ["source.orders"]),
        ("SELECT '{{ ref(''x'') }}' FROM a -- {{ ref('y') }}", ["a"]),
        ("SELECT * FROM ref('orders')", ["orders"]),
        ("WITH orders AS (SELECT 1) SELECT * FROM {{ ref('orders') }}", ["orders"]),
        ("CREATE TEMP TABLE orders AS SELECT * FROM {{ ref('orders') }}; FROM orders", ["orders"]),
        ("SELECT * FROM 漢字t, 🦆", ["漢字t", "🦆"]),
        ("SELECT 1 -- c\rFROM a", ["a"]),
        ("TABLE transform.a UNION ALL TABLE b", ["transform.a", "b"]),
        ("FROM temp.a", ["temp.a"]),
        ("CREATE TEMP TABLE a AS FROM b; FROM temp.a", ["b"]),
        ("CREATE TEMP TABLE IF NOT EXISTS a AS FROM b; FROM a", ["b"]),
        ("CREATE TEMP MACRO a(x) AS x; SELECT a(1) FROM a", ["a"]),
        ("CREATE TEMP SEQUENCE a; FROM a", ["a"]),
        ("CREATE TEMP TYPE a AS STRUCT(b INTEGER); FROM a", ["a"]),
        ("WITH RECURSIVE a AS (SELECT 1 AS x UNION BY NAME SELECT x FROM a) FROM a", ["a"]),
        ("WITH RECURSIVE r(i, v) USING KEY (i) AS (SELECT 1, 2 UNION SELECT i, v FROM recurring.r) FROM r", []),
        ("FROM recurring.csv", ["recurring.csv"]),
    ],
)
def test_the_tables_of_a_body(sql, tables):
    assert [table.text for table in tables_in(sql)] == tables
    check_sql(sql, listed=False)


@pytest.mark.parametrize(
    ("sql", "files"),
    [
        ("FROM read_csv($t$f.csv$t$)", ["f.csv"]),
        ("FROM read_csv(e'\\xc3\\xa9.csv')", ["é.csv"]),
        ("FROM read_csv(['f.csv', \"g.csv\"], nullstr = ['h.csv'])", ["f.csv", "g.csv"]),
        ("SELECT 1 -- c\rFROM 'f.csv'", ["f.csv"]),
        ("FROM \"READ_CSV\"('f.csv')", ["f.csv"]),
        ("CREATE TEMP MACRO read_csv(x) AS x; FROM read_csv('f.csv')", ["f.csv"]),
        ("CREATE TEMP TABLE t AS FROM read_csv('f.csv'); CREATE TEMP MACRO read_csv(x) AS TABLE SELECT x; FROM t", ["f.csv"]),
        ("CREATE TEMP MACRO read_csv(x) AS TABLE SELECT x; FROM read_csv('f.csv')", []),
        ("CREATE TEMP TABLE t AS TABLE 'f.csv'; FROM t", ["f.csv"]),
    ],
)
def test_the_files_of_a_body(sql, files):
    assert [file.text for file in files_in(sql)] == files


REFUSED = {
    "a name that is computed": ("FROM read_csv('f' || '.csv')", "not given the name of a file", "write the name as one text"),
    "two texts that are one": ("FROM read_csv('f'\n'.csv')", "not given the name of a file", "write the name as one text"),
    "a file of two texts": ("FROM 'g'\n'.csv'", "name of a file is not clear", "one text"),
    "a reference of two": ("FROM ref('package', 'model')", "ref() is not given one name", "ref('kind.name')"),
    "an address": ("FROM 'https://example.org/f.csv'", "https://example.org/f.csv is no file", "download it"),
    "an address for a reader": ("FROM read_parquet(['f.parquet', 's3://b/f.parquet'])", "s3://b/f.parquet is no file", "download it"),
    "a text as SQL": ("FROM query('FROM a')", "query() is not allowed", "FROM kind.name"),
    "a text as a table": ("FROM a, QUERY_TABLE('b')", "query_table() is not allowed", "FROM kind.name"),
    "what nobody knows": ("FROM st_read('f.shp')", "st_read() is not allowed", "source"),
    "before the macro of its name": ("CREATE TEMP TABLE t AS FROM query('x'); CREATE TEMP MACRO query(x) AS TABLE SELECT x; FROM t", "query()", ""),
    "not the macro of its name": ("CREATE TEMP MACRO query(x) AS TABLE SELECT x; FROM system.main.query('FROM b')", "query()", ""),
    "nor with one schema": ("CREATE TEMP MACRO query(x) AS TABLE SELECT x; FROM main.query('FROM b')", "query()", ""),
    "SHOW": ("SHOW TABLES", "SHOW is not allowed", "DESCRIBE"),
    "no SQL": ("SELEC 1", "cannot be parsed", "mend the SQL"),
    "no end": ("SELECT x FROM a WHERE", "cannot be parsed", "mend the SQL"),
    "a block of Jinja": ("{% if x %} SELECT 1 {% endif %}", "Jinja's {% if x %} is not known", "{{ ref('x') }}"),
    "a comment of Jinja": ("SELECT 1 {# why #}", "Jinja's {# why #} is not known", "{{ ref('x') }}"),
    "a call of Jinja": ("SELECT * FROM {{ config(x) }}", "Jinja's {{ config(x) }} is not known", "{{ ref('x') }}"),
    "Jinja's var": ("SELECT {{ var('day') }}", "Jinja's {{ var('day') }} is not known", "{{ name }}"),
    "Jinja's var in quotes": ("SELECT * FROM a WHERE day = '{{ var(\"day\") }}'", "Jinja's {{ var(\"day\") }} is not known", "{{ name }}"),
    "in its own quotes": ("SELECT * FROM a WHERE day = '{{ var('day') }}'", "Jinja's {{ var('day') }} is not known", "{{ name }}"),
    "a filter": ("SELECT {{ day | upper }}", "Jinja's {{ day | upper }} is not known", "{{ name }}"),
    "a filter in quotes": ("SELECT '{{ day | upper }}'", "Jinja's {{ day | upper }} is not known", "{{ name }}"),
    "a block in quotes": ("SELECT '{%- if x -%} a {% endif %}'", "Jinja's {%- if x -%} is not known", "{{ name }}"),
    "a name by a call": ("SELECT \"{{ var('c') }}\" FROM a", "Jinja's {{ var('c') }} is not known", "{{ name }}"),
    "between dollars": ("SELECT $${{ env_var('c') }}$$", "Jinja's {{ env_var('c') }} is not known", "{{ name }}"),
    "a reference of three": ("SELECT * FROM {{ ref('a', 'b', 'c') }}", "Jinja's {{ ref('a', 'b', 'c') }}", ""),
    "a source of one": ("SELECT * FROM {{ source('a') }}", "Jinja's {{ source('a') }}", ""),
    "a reference where no table is": ("SELECT {{ ref('a') }} FROM b", "a reference is not understood", "after FROM or JOIN"),
}


@pytest.mark.parametrize(("sql", "told", "remedy"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_says_what_to_write(sql, told, remedy):
    with pytest.raises(ManifestError, match=re.escape(told)) as error:
        check_sql(sql, listed=False)
    assert remedy in error.value.remedy


@pytest.mark.parametrize("sql", ["SELEC 1", "FROM a !! b", "FROM a JOIN"])
def test_what_no_parser_reads_passes_where_inputs_are_listed(sql):
    check_sql(sql, listed=True)


@pytest.mark.parametrize("sql", ["FROM query('x')", "FROM read_csv(x)", "SHOW TABLES", "{% if x %} SELECT 1 {% endif %}"])
def test_what_could_read_more_is_refused_also_where_inputs_are_listed(sql):
    with pytest.raises(ManifestError):
        check_sql(sql, listed=True)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT {'a': {'b': 1}} AS s",
        "SELECT {a: {b: 1}} AS s",
        "SELECT MAP {1: {'x': 2}} AS s",
        "SELECT '{{ x }} {% y %}' AS s",
        "SELECT s LIKE '{%if%}' OR s LIKE '{{%' AS s",
        """SELECT '{{"a": {"b": (1)}}}' AS s""",
        "SELECT $$ {{ x }} $$ AS s -- {{ y() }} {% z %}",
        "SELECT {'a':{'b':1}}['a'] AS s",
    ],
)
def test_braces_of_sql_are_no_jinja(sql):
    check_sql(sql, listed=False)
    assert rewrite(sql, lambda name: name, place=str) == sql
    assert "{" in canonical(sql)


def linked(*names: str, sql: str) -> list[str]:
    """What a transform of that SQL reads, where there are sources of those names."""
    node = Node("transform.t", "t", "transform", config={"sql": sql})
    return inputs_of(node, declaration_of("transform"), Names([f"source.{name}" for name in names]), {})


SOURCE = "SELECT * FROM {{ source('raw', 'users') }}"


def test_a_source_of_jinja_is_called_as_one_of_two():
    assert linked("users", sql=SOURCE) == ["source.users"]
    assert linked("raw_users", sql=SOURCE) == ["source.raw_users"]


@pytest.mark.parametrize("names", [("users", "raw_users"), ("others",)], ids=["both", "neither"])
def test_a_source_of_jinja_that_is_not_clear_is_refused(names):
    with pytest.raises(ManifestError, match="not clear") as error:
        linked(*names, sql=SOURCE)
    assert "source.users" in error.value.why
    assert "source.raw_users" in error.value.why
    assert error.value.node == "transform.t"


INPUTS = ["source.a", "transform.A_1", "transform.input_0", "rule.b", "transform.b"]
CALLED = {
    "source.a": "source.a", "SOURCE.A": "source.a", "a": "source.a", "a_1": "transform.A_1", "__THIS__": "source.a",
    "input_0": "source.a", "INPUT_1": "transform.A_1", "transform.input_0": "transform.input_0", "rule.b": "rule.b",
    "b": None, "transform.a": None, "input_5": None, "input_": None, "input_²": None, "1": None,
}  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), CALLED.items(), ids=CALLED)
def test_an_input_is_called_by_its_id_its_position_or_the_bare_name_that_it_has_alone(name, expected):
    """In views and in what is stored, in rules and in transforms, alike; a position counts more than a bare name."""
    assert input_named(name, INPUTS) == expected
