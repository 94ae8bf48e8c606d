"""The proof that a statement may be answered part by part, against DuckDB: what is proved must be so."""

import random
from collections import Counter

import duckdb
import pytest

from seeknal_nb.sql.local import local
from seeknal_nb.sql.telling import WITHIN, Columns

TABLES = {
    "a": Columns(cut=True, tells={"ts": "TIMESTAMP"}),
    "b": Columns(cut=True, tells={"ts": "TIMESTAMP"}),
    "d": Columns(cut=True, tells={"day": "DATE"}),
}
TELLS = {"a": "ts", "b": "ts", "d": "day"}


def table(name):
    return TABLES.get(name.casefold(), Columns())


@pytest.fixture(scope="module")
def data():
    """Three tables by day, with NULL times, days that only one of them has, and rows that are there twice; one that is whole."""
    connection = duckdb.connect(":memory:")
    rng = random.Random(7)
    times = ["NULL", "'2024-01-01 00:00:00'", "'2024-01-01 23:59:59.999999'", "'2024-01-02 00:00:00'", "'2024-01-02 12:00:00'", "'2024-01-07 01:00:00'", "'2023-12-31 23:00:00'"]

    def rows(stamp, count, among):
        return ", ".join(
            f"({stamp}, {rng.choice(among)}, {rng.choice(['NULL', 'x', 'y', 'z'])!r}, {rng.choice(['NULL', 0, 1, 2, 2])})".replace("'NULL'", "NULL").replace("STAMP", rng.choice(among))
            for _ in range(count)
        )

    def make(name, first, kind, among, count):
        values = ", ".join(
            f"(CAST({rng.choice(among)} AS {kind}), {rng.choice(['NULL', chr(39) + 'x' + chr(39), chr(39) + 'y' + chr(39)])}, {rng.choice(['NULL', '0', '1', '2'])})"
            for _ in range(count)
        )
        connection.execute(f"CREATE TABLE whole_{name} AS SELECT * FROM (VALUES {values}) t({first}, k, x)")

    make("a", "ts", "TIMESTAMP", times, 30)
    make("b", "ts", "TIMESTAMP", times[:5], 20)
    make("d", "day", "DATE", times[:1] + times[2:], 12)
    make("w", "ts", "TIMESTAMP", times, 9)
    yield connection
    connection.close()


def evaluated(connection, sql, grain):
    """The bag of rows over all, and that of the parts, each with the day of its part."""
    connection.execute("CREATE OR REPLACE VIEW w AS FROM whole_w")
    for name in TELLS:
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS FROM whole_{name}")
    whole = connection.sql(sql)
    names, rows = [one.casefold() for one in whole.columns], whole.fetchall()
    cut = {name: f"date_trunc('{grain}', {column})::TIMESTAMP" for name, column in TELLS.items()}
    union = " UNION ".join(f"SELECT {expression} FROM whole_{name}" for name, expression in cut.items())
    parts = []
    for (value,) in connection.execute(union).fetchall():
        same = "IS NULL" if value is None else f"= TIMESTAMP '{value}'"
        for name, expression in cut.items():
            connection.execute(f"CREATE OR REPLACE VIEW {name} AS FROM whole_{name} WHERE {expression} {same}")
        parts += [(value, row) for row in connection.sql(sql).fetchall()]
    return names, rows, parts


def holds(connection, sql, grain="day"):
    """Whether the rows of the parts are those of the whole, and lie in their own parts by the columns that tell."""
    verdict = local(sql, grain, table)
    names, rows, parts = evaluated(connection, sql, grain)
    if Counter(map(repr, rows)) != Counter(repr(row) for _, row in parts):
        return False
    for value, row in parts:
        for name in verdict.tells:
            told = row[names.index(name)]
            here = connection.execute(f"SELECT date_trunc('{grain}', ?::TIMESTAMP)::TIMESTAMP", [told]).fetchall()[0][0]
            if here != value:
                return False
    return True


LOCAL = [
    "SELECT * FROM a WHERE x > 0",
    "FROM a SELECT ts, upper(k) AS k, x + 1 AS y",
    "SELECT ts::DATE AS day, k, sum(x) AS s FROM a GROUP BY 1, 2",
    "SELECT CAST(ts AS DATE) AS day, count(*) AS n FROM a GROUP BY ALL",
    "SELECT date_trunc('hour', ts) AS h, list(x ORDER BY x) AS l FROM a GROUP BY h, date_trunc('hour', ts)",
    "SELECT DISTINCT ts, k FROM a",
    "SELECT DISTINCT ON (day) day, k, x FROM d ORDER BY day, k, x",
    "SELECT *, row_number() OVER (PARTITION BY ts::DATE, k, x ORDER BY ts) AS r FROM a",
    "SELECT ts, k, x, sum(x) OVER w AS s FROM a WINDOW w AS (PARTITION BY ts)",
    "SELECT a.ts, a.k, w.x FROM a LEFT JOIN w ON a.k = w.k",
    "SELECT w.k, a.ts FROM w RIGHT JOIN a ON a.k = w.k AND a.x = w.x",
    "SELECT a.ts, a.k FROM a ANTI JOIN w ON a.k = w.k",
    "SELECT a.k, b.x FROM a JOIN b ON a.ts = b.ts",
    "SELECT a.k, b.x FROM a FULL JOIN b ON a.ts = b.ts",
    "SELECT a.k, b.x FROM a, b WHERE a.ts = b.ts AND a.x < b.x",
    "SELECT a.k, d.x FROM a JOIN d ON a.ts::DATE = d.day",
    "SELECT ts, a.k FROM a LEFT JOIN b USING (ts)",
    "WITH c AS (SELECT ts::DATE AS day, sum(x) AS s FROM a GROUP BY ALL) SELECT day, s, d.x FROM c JOIN d USING (day)",
    "SELECT day, count(*) AS n FROM (SELECT ts::DATE AS day FROM a UNION ALL SELECT day FROM d) GROUP BY day",
    "SELECT * FROM a WHERE x IN (SELECT x FROM w) AND x <= (SELECT max(w.x) FROM w)",
    "SELECT ts, unnest([x, x + 1]) AS u FROM a",
    "SELECT ts, k FROM a ORDER BY ts, k",
    "SELECT ts, max(x) AS m FROM a GROUP BY ts HAVING count(*) > 1",
    "SELECT a.* FROM a ASOF JOIN w ON a.k = w.k AND a.x >= w.x",
]
TRAPS = [
    "SELECT x AS ts, count(*) AS n FROM a GROUP BY ts",
    "SELECT k AS ts, x FROM a GROUP BY ts, x",
    "SELECT k, count(*) AS n FROM a GROUP BY k",
    "SELECT count(*) AS n FROM a",
    "SELECT count(*) AS n, 1 AS one FROM a HAVING count(*) >= 0",
    "SELECT product(x) AS p FROM a",
    "SELECT weighted_avg(x, x) AS p FROM a",
    "SELECT DISTINCT k FROM a",
    "SELECT DISTINCT ON (k) ts, k FROM a ORDER BY k, ts",
    "SELECT b.ts, count(*) AS n FROM a LEFT JOIN b ON a.ts = b.ts AND a.x = b.x GROUP BY b.ts",
    "SELECT a.ts, count(*) AS n FROM a RIGHT JOIN b ON a.ts = b.ts AND a.x = b.x GROUP BY a.ts",
    "SELECT DISTINCT b.ts FROM a FULL JOIN b ON a.ts = b.ts",
    "SELECT ts, count(*) AS n FROM a FULL JOIN b USING (ts) GROUP BY ts",
    "SELECT count(*) AS n FROM a LEFT JOIN b ON a.ts = b.ts GROUP BY b.ts",
    "SELECT ts, count(*) AS n FROM a LEFT JOIN b USING (ts) RIGHT JOIN d ON a.ts::DATE = d.day GROUP BY ts",
    "SELECT ts, count(*) AS n FROM a LEFT JOIN b USING (ts) FULL JOIN d ON a.ts::DATE = d.day GROUP BY ts",
    "SELECT w.k, a.x FROM w LEFT JOIN a ON a.k = w.k",
    "SELECT w.k FROM w SEMI JOIN a ON a.k = w.k",
    "SELECT w.k FROM w ANTI JOIN a ON a.k = w.k",
    "SELECT w.k, a.x FROM w FULL JOIN a ON a.k = w.k",
    "SELECT a.k, w.x FROM a RIGHT JOIN w ON a.k = w.k",
    "SELECT w.ts, count(*) AS n FROM w JOIN a ON a.k = w.k GROUP BY w.ts",
    "SELECT a.k, b.k AS k2 FROM a JOIN b ON a.k = b.k",
    "SELECT a.k, b.k AS k2 FROM a, b",
    "SELECT a.k FROM a JOIN b ON a.ts = b.ts OR a.k = b.k",
    "SELECT a.k FROM a JOIN b ON a.ts <= b.ts",
    "SELECT a.k, b.k AS k2 FROM a JOIN b ON NOT (a.ts = b.ts)",
    "SELECT a.k FROM a SEMI JOIN b ON a.k = b.k",
    "SELECT a.k FROM a LEFT JOIN b ON a.k = b.k WHERE a.ts = b.ts OR b.ts IS NULL",
    "SELECT * FROM a WHERE x = (SELECT max(x) FROM b)",
    "SELECT * FROM a WHERE EXISTS (FROM b WHERE b.k = a.k)",
    "SELECT ts, (SELECT count(*) FROM b) AS n FROM a",
    "SELECT * FROM (SELECT ts FROM a UNION ALL SELECT ts FROM w)",
    "SELECT ts FROM a UNION SELECT ts FROM b",
    "SELECT k FROM a EXCEPT SELECT k FROM b",
    "SELECT k FROM a INTERSECT SELECT k FROM b",
    "SELECT k FROM a UNION ALL SELECT 'one'",
    "SELECT row_number() OVER () AS r FROM a",
    "SELECT row_number() OVER (ORDER BY ts) AS r FROM a",
    "SELECT ts, sum(x) OVER (PARTITION BY k) AS s FROM a",
    "SELECT ts, sum(x) OVER w AS s FROM a WINDOW w AS (PARTITION BY k)",
    "SELECT ts, k FROM a QUALIFY row_number() OVER (PARTITION BY k ORDER BY ts) = 1",
    "SELECT date_trunc('week', ts) AS w, count(*) AS n FROM a GROUP BY 1",
    "SELECT date_trunc('month', ts) AS m, count(*) AS n FROM a GROUP BY m",
    "SELECT ts + INTERVAL 1 DAY AS ts, count(*) AS n FROM a GROUP BY ts",
    "SELECT extract('hour' FROM ts) AS h, count(*) AS n FROM a GROUP BY h",
    "SELECT * FROM a ORDER BY ts DESC LIMIT 3",
    "SELECT * FROM a LIMIT 3",
    "SELECT * FROM a OFFSET 1",
    "SELECT ts, count(*) AS n FROM a GROUP BY ROLLUP (ts)",
    "SELECT ts, count(*) AS n FROM a GROUP BY CUBE (ts, k)",
    "SELECT ts, count(*) AS n FROM a GROUP BY GROUPING SETS ((ts), ())",
    "SELECT count(*) AS n FROM a GROUP BY ()",
    "WITH ts_of AS (SELECT k AS ts FROM a) SELECT ts, count(*) AS n FROM ts_of GROUP BY ts",
    "WITH c(ts, other) AS (SELECT k, ts FROM a) SELECT ts, count(*) AS n FROM c GROUP BY ts",
    "SELECT t.ts, count(*) AS n FROM (SELECT k, ts FROM a) t(ts, k) GROUP BY t.ts",
    "SELECT t.ts, count(*) AS n FROM a t(k, ts, x) GROUP BY t.ts",
    "WITH a AS (SELECT ts, k, x FROM w) SELECT * FROM a",
    "SELECT s.ts, count(*) AS n FROM (SELECT * REPLACE (k AS ts) FROM a) s GROUP BY s.ts",
    "SELECT s.ts, count(*) AS n FROM (SELECT * EXCLUDE (ts), k AS ts FROM a) s GROUP BY s.ts",
    "SELECT s.ts, count(*) AS n FROM (SELECT w.*, a.ts AS other FROM w JOIN a ON w.k = a.k) s GROUP BY s.ts",
    "SELECT ts, count(*) AS n FROM (SELECT * FROM w JOIN a USING (k)) GROUP BY ts",
    "WITH RECURSIVE r AS (SELECT k FROM a UNION ALL SELECT k FROM r WHERE false) SELECT count(*) AS n FROM r",
    "PIVOT a ON k USING sum(x)",
    "SELECT * FROM a NATURAL JOIN w",
    "SELECT * FROM a POSITIONAL JOIN w",
    "SELECT * FROM a TABLESAMPLE 50%",
    "SELECT k, count(*) AS n FROM a GROUP BY ALL",
    "SELECT count(*) AS n FROM (SELECT ts FROM a) GROUP BY 'x'",
    "SUMMARIZE a",
    "SELECT date_trunc(k, ts) AS t, count(*) AS n FROM a GROUP BY date_trunc(k, ts)",
    "SELECT date_trunc(day, ts) AS t, count(*) AS n FROM a GROUP BY date_trunc(day, ts)",
    "SELECT date_trunc(\"hour\", ts) AS t, count(*) AS n FROM a GROUP BY date_trunc(\"hour\", ts)",
    "SELECT date_trunc/**/(day, ts) AS t, count(*) AS n FROM a GROUP BY date_trunc/**/(day, ts)",
    "SELECT DISTINCT ON (ts) w.ts, 1 AS one FROM a JOIN w ON a.k = w.k",
    "SELECT * FROM a ASOF JOIN b USING (ts)",
    "SELECT * FROM a, w JOIN b USING (ts)",
    "SELECT a.k FROM a, w FULL JOIN b ON a.ts = b.ts",
    "SELECT s.ts, count(*) AS n FROM (SELECT w.*, a.ts FROM a JOIN w ON a.k = w.k) s GROUP BY s.ts",
    "SELECT DISTINCT ts FROM (SELECT w.*, a.* FROM a JOIN w ON a.k = w.k)",
    "SELECT t.ts, count(*) AS n FROM (SELECT unnest({'ts': x}), ts FROM a) t GROUP BY t.ts",
    "SELECT t.ts, count(*) AS n FROM (SELECT s.*, ts FROM (SELECT {'ts': x} AS s, ts FROM a)) t GROUP BY t.ts",
    "SELECT 1 AS one FROM a HAVING true",
    "SELECT (SELECT sum(x)) AS s FROM a",
    "SELECT (SELECT max(a.x)) AS s FROM a",
    "SELECT EXISTS (SELECT sum(a.x)) AS s FROM a",
    "SELECT (SELECT max(w.x) FROM w WHERE w.ts = max(a.ts)) AS s FROM a",
    "SELECT * FROM a, generate_series(1, (SELECT count(*) FROM b)) g",
    "SELECT * FROM a, range((SELECT count(*) FROM a)) g",
    "SELECT ts, txid_current() AS t FROM a",
    "SELECT ts, current_query() AS t FROM a",
    "SELECT ts, current_localtimestamp() AS t FROM a",
    "SELECT ts, stats(x) AS t FROM a",
    "SELECT ts, random() AS t FROM a",
    "SELECT ts, now() AS t FROM a",
    "SELECT ts, current_date AS t FROM a",
    "SELECT ts, current_setting('threads') AS t FROM a",
]
BY_VALUE = [
    "SELECT a.k FROM a JOIN b ON a.k = b.k",
    "SELECT a.x FROM a JOIN b USING (k)",
    "SELECT k, count(*) AS n FROM (SELECT k FROM a UNION ALL SELECT k FROM b) GROUP BY k",
    "SELECT k, count(*) AS n FROM w JOIN a USING (k) GROUP BY k",
]


@pytest.mark.parametrize("sql", LOCAL)
def test_what_is_local_is_proved(data, sql):
    verdict = local(sql, "day", table)
    assert verdict.local, verdict.why
    assert holds(data, sql)


@pytest.mark.parametrize("sql", TRAPS)
def test_what_is_not_local_is_not_proved(sql):
    verdict = local(sql, "day", table)
    assert not verdict.local
    assert verdict.why


@pytest.mark.parametrize("sql", BY_VALUE)
def test_values_of_types_that_nobody_knows_are_not_taken_for_equal(sql):
    """'01' = 1, and DATE = TIMESTAMP, but they are of two partitions."""
    assert not local(sql, "value", lambda name: Columns(cut=True, tells={"k": ""}) if name in "ab" else Columns()).local


def test_times_in_a_zone_are_not_compared():
    unknown = {name: Columns(cut=True, tells=dict.fromkeys(one.tells, "")) for name, one in TABLES.items()}
    for zone, proved in (("", True), ("Europe/Berlin", False)):
        assert local(LOCAL[12], "day", lambda name: unknown.get(name, Columns()), zone=zone).local is proved


@pytest.mark.parametrize(("grain", "unit"), [(grain, unit) for grain in WITHIN for unit in ("hour", "day", "week", "month", "quarter", "year")])
def test_units_within_units(data, grain, unit):
    sql = f"SELECT date_trunc('{unit}', ts) AS t, count(*) AS n FROM a GROUP BY t, date_trunc('{unit}', ts)"
    if local(sql, grain, table).local:
        assert holds(data, sql, grain)


def test_no_aggregate_is_taken_for_a_function_of_one_row():
    with duckdb.connect(":memory:") as connection:
        names = connection.execute("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()
        tried = 0
        for (name,) in names:
            for arguments in ("x", "x, x", "x, 1", "x, 0.5", "x, x, x", "x, ',', x", "x > 0", "[x]", ""):
                try:
                    rows = connection.execute(f"SELECT {name}({arguments}) AS v FROM range(2) t(x)").fetchall()
                except duckdb.Error:
                    continue
                if len(rows) == 1:
                    tried += 1
                    assert not local(f"SELECT {name}({arguments}) AS v FROM a", "day", table).local, (name, arguments)
    assert tried > 150


class Writer:
    """Random statements over the tables."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def one(self, *of):
        return self.rng.choice(of)

    def telling(self, name, column):
        return self.one(f"{name}.{column}", f"{name}.{column}::DATE", f"date_trunc('{self.one('hour', 'day', 'week', 'month')}', {name}.{column})", column)

    def source(self, depth):
        base = self.one("a", "b", "d", "w")
        column = TELLS.get(base, "ts")
        if depth and self.rng.random() < 0.4:
            return f"({self.query(depth - 1)})", self.one("ts", "day")
        return base, column

    def query(self, depth=2):
        (first, column), name = self.source(depth), self.one("p", "a", "t")
        text, names = f"{first} AS {name}", [(name, column)]
        if self.rng.random() < 0.5:
            (other, two) = self.source(depth)
            how = self.one("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN", ",")
            left = self.one(f"{name}.{column}", f"{name}.{column}", f"{name}.{column}::DATE", f"{name}.k")
            right = self.one(f"q.{two}", f"q.{two}", f"q.{two}::DATE", "q.k")
            condition = f"{left} = {right}" + self.one("", f" AND {name}.x = q.x", f" AND {name}.x <= q.x", f" OR {name}.x = q.x")
            text += f", {other} AS q" if how == "," else f" {how} {other} AS q ON {condition}"
            where = f" WHERE {condition}" if how == "," else ""
            names += [] if how.startswith(("SEMI", "ANTI")) else [("q", two)]
        else:
            where = self.one("", "", f" WHERE {name}.x > 0", f" WHERE {name}.x IN (SELECT x FROM {self.one('a', 'w')})")
        by, of = self.rng.choice(names)
        shape = self.one("rows", "rows", "group", "group", "distinct", "window", "union", "star", "limit", "order")
        key, alias = self.telling(by, of), self.one("ts", "day", "k")
        if shape == "group":
            grouped = self.one(f"GROUP BY {key}, {by}.k", f"GROUP BY {by}.k", f"GROUP BY {key}", "GROUP BY 1, 2", "GROUP BY ALL", f"GROUP BY {alias}, {by}.k")
            return f"SELECT {key} AS {alias}, {by}.k AS k2, count(*) AS x, min({by}.x) AS m FROM {text}{where} {grouped}"
        if shape == "distinct":
            return f"SELECT DISTINCT {key} AS {alias}, {by}.k AS k2, {by}.x FROM {text}{where}"
        if shape == "window":
            part = self.one(f"PARTITION BY {key}", f"PARTITION BY {by}.k", f"PARTITION BY {key}, {by}.k", "")
            return f"SELECT {by}.{of}, {by}.k, {by}.x, sum({by}.x) OVER ({part}) AS s FROM {text}{where}"
        if shape == "union":
            return f"SELECT {key} AS {alias}, {by}.x, {by}.k AS k2 FROM {text}{where} UNION {self.one('ALL', 'ALL', '')} SELECT {self.one('ts, x, k FROM b', 'day, x, k FROM d', 'ts, x, k FROM w')}"
        if shape == "star":
            return f"SELECT {self.one('*', f'{by}.*', f'{by}.* EXCLUDE (k)', f'{by}.* REPLACE (1 AS x)')} FROM {text}{where}"
        if shape == "limit":
            return f"SELECT {key} AS {alias}, {by}.k AS k2, {by}.x FROM {text}{where} LIMIT {self.one('1', '100')}"
        tail = f" ORDER BY {self.one(key, f'{by}.k', f'{key} DESC')}, 1, 2, 3" if shape == "order" else ""
        return f"SELECT {key} AS {alias}, {by}.k AS k2, {by}.x FROM {text}{where}{tail}"


@pytest.mark.parametrize("seed", range(8))
def test_what_is_proved_is_true_of_random_statements(data, seed):
    writer, proved = Writer(seed), 0
    for _ in range(400):
        sql = writer.query()
        verdict = local(sql, "day", table)
        if verdict.local:
            try:
                right = holds(data, sql)
            except duckdb.Error:
                continue
            proved += 1
            assert right, sql
    assert proved > 20
