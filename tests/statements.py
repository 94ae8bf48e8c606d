"""SQL statements of every kind that DuckDB's documentation has, random ones besides, and what plain DuckDB makes of them.

The plain side asks nothing of seeknal_nb: it runs a statement as it stands, over tables of the nodes' names.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterable

TABLES = {
    "a": "SELECT * FROM (VALUES (1, 'p'), (2, 'q'), (3, NULL)) t(x, k)",
    "b": "SELECT * FROM (VALUES (10, 'p'), (20, 'r'), (2, 'q')) t(x, k)",
    "c": "SELECT * FROM (VALUES (1, DATE '2024-01-05', 1.5), (2, DATE '2024-02-01', 2.5), (3, NULL, 0.5)) t(x, d, v)",
    "e": "SELECT 7 AS x, 'q' AS k",
    "l": """SELECT * FROM (VALUES (1, [1, 2, 3], {'a': 1, 'b': {'c': 'z'}}, MAP {'m': 1}, '{"a": [1, {"b": 2}]}'),
            (2, [], NULL, NULL, NULL)) t(x, xs, s, m, j)""",
    "date": "SELECT 1 AS x, 'day' AS k",
    "order": "SELECT 5 AS x, 'ordered' AS k",
}
"""What the transforms hold that the statements read; two of them are called by words of SQL."""


def files(folder: Path, add: int = 0) -> None:
    """Write what the statements read; every number is higher by ``add``."""
    texts = {
        "f.csv": f"x,k\n{1 + add},NA\n{2 + add},b\n", "h.csv": f"x,k\n{3 + add},c\n{2 + add},b\n", "d/1.csv": f"x\n{1 + add}\n",
        "d/2.csv": f"x\n{2 + add}\n", "odd [1].csv": f"x\n{7 + add}\n", "it's.csv": f"x\n{9 + add}\n", "temp.csv": f"x\n{add}\n",
        "j.json": f'[{{"x": {1 + add}}}, {{"x": {2 + add}}}]', "n.ndjson": f'{{"x": {1 + add}}}\n{{"x": 2}}\n', "t.txt": f"text {add}",
    }  # fmt: skip
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    duckdb.sql(f"COPY (SELECT {1 + add} AS x, 'pq' AS k) TO '{folder}/p.parquet' (FORMAT parquet)")


_SECTIONS = {
    "joins": r"""
SELECT a.x, b.x AS bx FROM a JOIN b ON a.k = b.k ORDER BY ALL
SELECT a.x, b.x AS bx FROM a INNER JOIN b USING (k) ORDER BY ALL
SELECT * FROM a LEFT JOIN b USING (x) ORDER BY ALL
SELECT a.x, b.k AS bk FROM a LEFT OUTER JOIN b ON a.x = b.x ORDER BY ALL
SELECT a.x, b.x AS bx FROM a RIGHT JOIN b ON a.k = b.k ORDER BY ALL
SELECT a.x, b.x AS bx FROM a FULL OUTER JOIN b ON a.k = b.k ORDER BY ALL
SELECT a.x, b.x AS bx FROM a FULL JOIN b ON a.k = b.k ORDER BY ALL
SELECT a.x, b.x AS bx FROM a CROSS JOIN b ORDER BY ALL
SELECT a.x, b.x AS bx FROM a, b ORDER BY ALL
SELECT * FROM a NATURAL JOIN b ORDER BY ALL
SELECT * FROM a NATURAL LEFT JOIN b ORDER BY ALL
SELECT * FROM a SEMI JOIN b USING (k)
SELECT * FROM a ANTI JOIN b USING (k) ORDER BY x
SELECT * FROM a SEMI JOIN b ON a.k = b.k
SELECT * FROM a ANTI JOIN b ON a.k = b.k ORDER BY x
SELECT a.x, b.x AS bx FROM a POSITIONAL JOIN b
SELECT a.x, q.x AS bx FROM a POSITIONAL JOIN (SELECT x FROM b) q
SELECT a.x, c.v FROM a ASOF JOIN c ON a.x >= c.x ORDER BY ALL
SELECT a.x, c.v FROM a ASOF LEFT JOIN c ON a.x > c.x ORDER BY ALL
SELECT a.x, c.v FROM a ASOF JOIN c USING (x) ORDER BY ALL
SELECT a.x, q.y FROM a, LATERAL (SELECT a.x + 1 AS y) q ORDER BY ALL
SELECT a.x, y FROM a, (SELECT a.x * 2 AS y) ORDER BY ALL
SELECT a.x, q.y FROM a LEFT JOIN LATERAL (SELECT b.x AS y FROM b WHERE b.k = a.k) q ON true ORDER BY ALL
SELECT a.x, u FROM a, unnest([a.x, a.x + 1]) t(u) ORDER BY ALL
SELECT a.x, g FROM a, generate_series(1, a.x) t(g) ORDER BY ALL
SELECT a.x, r.range FROM a, range(a.x) r ORDER BY ALL
SELECT * FROM (a JOIN b USING (k)) ORDER BY ALL
SELECT * FROM (a CROSS JOIN (SELECT 1 AS one)) ORDER BY ALL
SELECT a.x FROM (a LEFT JOIN (b JOIN c USING (x)) ON a.x = b.x) ORDER BY ALL
SELECT one.x, two.x AS y FROM a AS one JOIN a AS two ON one.x < two.x ORDER BY ALL
SELECT one.x, two.x AS y FROM a one, a two WHERE one.x = two.x + 1 ORDER BY ALL
SELECT a.x FROM a JOIN b b2 ON a.x = b2.x JOIN c ON c.x = a.x
SELECT a.x, "b".x AS y FROM "a" JOIN "b" ON "a"."k" = "b"."k"
SELECT A.X FROM A JOIN B USING (K) ORDER BY ALL
SELECT t.* FROM a AS t(n, m) ORDER BY ALL
SELECT a FROM a ORDER BY ALL
SELECT a.* FROM a ORDER BY ALL
SELECT transform.a.x FROM transform.a ORDER BY ALL
SELECT a.x FROM transform.a ORDER BY ALL
SELECT "a".x FROM "transform"."a" ORDER BY ALL
SELECT transform.a.* FROM transform.a ORDER BY ALL
SELECT a.x, y.x AS yx FROM transform.a JOIN transform.b y USING (k) ORDER BY ALL
SELECT x FROM transform . a ORDER BY ALL
SELECT x FROM transform /* c */ . /* d */ a ORDER BY ALL
FROM transform.a SELECT x ORDER BY x
""",
    "starts": r"""
FROM a
FROM a SELECT x ORDER BY x
FROM a WHERE x > 1 ORDER BY x
FROM a, b SELECT a.x, b.x AS y ORDER BY ALL
FROM a t SELECT t.x ORDER BY ALL
FROM (FROM a) ORDER BY x
FROM (FROM a SELECT x) q SELECT q.x ORDER BY ALL
TABLE a
TABLE "a"
TABLE transform.a
(SELECT x FROM a) ORDER BY x
((SELECT x FROM a ORDER BY x))
(TABLE a) ORDER BY x
VALUES (1, 'a'), (2, 'b')
(VALUES (1), (2))
SELECT * FROM (VALUES (1, 2)) v(p, q)
SELECT * FROM (TABLE a) ORDER BY ALL
SELECT (TABLE date).x
SUMMARIZE a
SUMMARIZE transform.a
SUMMARIZE SELECT x FROM a
SUMMARIZE FROM a
SUMMARIZE TABLE a
SUMMARIZE "a"
SELECT column_name, max FROM (SUMMARIZE a) ORDER BY ALL
SELECT column_name FROM (SUMMARIZE SELECT x FROM a)
FROM (SUMMARIZE FROM b) SELECT column_name, min ORDER BY ALL
DESCRIBE a
DESCRIBE SELECT x FROM a
DESCRIBE FROM a
DESC a
DESCRIBE TABLE a
SELECT column_name FROM (DESCRIBE a) ORDER BY ALL
SELECT column_name FROM (DESCRIBE SELECT * FROM a) ORDER BY ALL
FROM (DESCRIBE TABLE a)
SELECT 1
SELECT
SELECT 1 AS one, 2 AS two
SELECT 1 one
SELECT one: 1, two: x FROM a ORDER BY ALL
SELECT "a b": 1
FROM t: a SELECT t.x ORDER BY ALL
SELECT t.x FROM t: a JOIN u: b ON t.k = u.k
SELECT t.x FROM t: (SELECT x FROM a) ORDER BY ALL
SELECT ALL x FROM a ORDER BY x
SELECT DISTINCT k FROM a ORDER BY k
SELECT DISTINCT ON (k) k, x FROM (FROM a UNION ALL FROM b) ORDER BY k, x
SELECT x, FROM a ORDER BY x
SELECT x, k, FROM a ORDER BY x
""",
    "ctes": r"""
WITH q AS (SELECT x FROM a) SELECT x FROM q ORDER BY x
WITH a AS (SELECT 99 AS x) SELECT x FROM a
WITH a AS (SELECT x + 1 AS x FROM a) SELECT x FROM a ORDER BY x
WITH a AS (SELECT x * 2 AS x FROM a WHERE x > 1) SELECT x FROM a ORDER BY x
WITH c1 AS (SELECT x FROM b), b AS (SELECT 99 AS x) SELECT c1.x AS y, b.x AS z FROM c1, b ORDER BY ALL
WITH b AS (SELECT 99 AS x), c1 AS (SELECT x FROM b) SELECT c1.x AS y FROM c1
WITH q(n) AS (SELECT x FROM a) SELECT n FROM q ORDER BY n
WITH q AS MATERIALIZED (SELECT x FROM a) SELECT x FROM q ORDER BY x
WITH q AS NOT MATERIALIZED (SELECT x FROM a) SELECT x FROM q ORDER BY x
WITH q AS (WITH r AS (SELECT x FROM b) SELECT x FROM r) SELECT x FROM q ORDER BY x
WITH q AS (WITH b AS (SELECT 7 AS x) SELECT x FROM b) SELECT q.x, b.x AS bx FROM q, b ORDER BY ALL
WITH q AS (WITH a AS (SELECT 7 AS x) SELECT x FROM a) SELECT q.x, a.x AS ax FROM q, a ORDER BY ALL
SELECT * FROM (WITH a AS (SELECT 7 AS x) SELECT x FROM a) q, a ORDER BY ALL
SELECT (WITH a AS (SELECT 7 AS x) SELECT x FROM a) AS s, x FROM a ORDER BY ALL
SELECT x, (SELECT max(x) FROM b) AS m FROM a WHERE x IN (WITH a AS (SELECT 2 AS x) SELECT x FROM a) ORDER BY ALL
WITH a AS (SELECT 5 AS x) SELECT (SELECT max(x) FROM a) AS m, (WITH a AS (SELECT 6 AS x) SELECT x FROM a) AS n
WITH a AS (SELECT 5 AS x) SELECT * FROM (WITH b AS (SELECT x FROM a) SELECT x FROM b) q
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r ORDER BY n
WITH RECURSIVE r(n) AS (SELECT min(x) FROM a UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r ORDER BY n
WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a WHERE n < 3) SELECT n FROM a ORDER BY n
WITH RECURSIVE b AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM b WHERE n < 3), q AS (SELECT n FROM b) SELECT n FROM q ORDER BY n
WITH RECURSIVE q AS (SELECT x FROM b), b AS (SELECT 99 AS x) SELECT q.x, b.x AS bx FROM q, b ORDER BY ALL
WITH RECURSIVE q AS (SELECT x FROM a) SELECT x FROM q ORDER BY x
WITH RECURSIVE a AS (SELECT x FROM a) SELECT x FROM a ORDER BY x
WITH RECURSIVE a AS (SELECT x FROM a UNION ALL SELECT x + 100 FROM a WHERE x < 100) SELECT x FROM a ORDER BY x
WITH RECURSIVE r AS (SELECT 1 AS n UNION SELECT n % 3 + 1 FROM r) SELECT n FROM r ORDER BY n
WITH RECURSIVE r(i, v) USING KEY (i) AS (SELECT 1, 10 UNION SELECT i, v + 1 FROM r WHERE v < 13) SELECT * FROM r ORDER BY ALL
WITH RECURSIVE r(i, v) USING KEY (i) AS (SELECT x, x FROM a UNION SELECT r.i, r.v + recurring.r.v FROM r JOIN recurring.r USING (i) WHERE r.v < 9) SELECT * FROM r ORDER BY ALL
WITH RECURSIVE r AS ((SELECT 1 AS n) UNION ALL (SELECT n + 1 FROM r WHERE n < 3)) SELECT n FROM r ORDER BY n
WITH RECURSIVE t AS (SELECT x, k FROM a WHERE x = 1 UNION ALL SELECT a.x, a.k FROM a JOIN t ON a.x = t.x + 1) SELECT * FROM t ORDER BY ALL
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT * FROM (SELECT n + 1 FROM r WHERE n < 3)) SELECT n FROM r ORDER BY n
WITH q AS (SELECT 1 AS x UNION ALL SELECT x FROM b) SELECT x FROM q ORDER BY x
WITH "A" AS (SELECT 5 AS x) SELECT x FROM a
WITH A AS (SELECT 5 AS x) SELECT x FROM "a"
WITH q AS (FROM a), r AS (FROM q) FROM r ORDER BY ALL
WITH q AS (TABLE a) TABLE q
WITH q AS (VALUES (1), (2)) FROM q
WITH a AS (SELECT 5 AS x) SELECT x FROM transform.a ORDER BY x
WITH a AS (SELECT 5 AS x) SELECT a.x, t.x AS tx FROM a, transform.a t ORDER BY ALL
WITH q AS (SELECT x FROM a), SELECT x FROM q ORDER BY x
WITH q AS (SUMMARIZE a) SELECT column_name FROM q ORDER BY ALL
WITH q AS (DESCRIBE a) SELECT column_name FROM q ORDER BY ALL
WITH q AS (SELECT * FROM a), p AS (PIVOT q ON k IN ('p', 'q') USING sum(x)) SELECT * FROM p
WITH a AS (SELECT * FROM b) PIVOT a ON k IN ('p', 'q') USING sum(x)
WITH q AS (SELECT x FROM a) (SELECT x FROM q) UNION ALL (SELECT x FROM b) ORDER BY x
WITH a AS (SELECT 1 AS x) SELECT x FROM a UNION ALL SELECT x FROM a
(WITH a AS (SELECT 1 AS x) SELECT x FROM a) UNION ALL SELECT x FROM a ORDER BY x
SELECT x FROM a UNION ALL (WITH a AS (SELECT 1 AS x) SELECT x FROM a) ORDER BY x
WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS x FROM a), c AS (SELECT x + 1 AS x FROM b) SELECT a.x, b.x AS bx, c.x AS cx FROM a, b, c
SELECT * FROM a WHERE EXISTS (WITH a AS (SELECT 2 AS x) SELECT 1 FROM a WHERE a.x = 2) ORDER BY ALL
WITH a AS (SELECT 2 AS y) SELECT * FROM b WHERE EXISTS (SELECT 1 FROM a WHERE a.y = b.x) ORDER BY ALL
WITH q AS (SELECT x FROM a ORDER BY x DESC LIMIT 1) SELECT q.x, (SELECT count(*) FROM q) AS n FROM q
""",
    "sets": r"""
SELECT x FROM a UNION SELECT x FROM b ORDER BY x
SELECT x FROM a UNION ALL SELECT x FROM b ORDER BY x
SELECT x, k FROM a UNION BY NAME SELECT k, x FROM b ORDER BY ALL
SELECT x FROM a UNION ALL BY NAME SELECT k FROM b ORDER BY ALL
SELECT x FROM a EXCEPT SELECT x FROM b ORDER BY x
SELECT x FROM a EXCEPT ALL SELECT x FROM b ORDER BY x
SELECT x FROM a INTERSECT SELECT x FROM b
SELECT x FROM a INTERSECT ALL SELECT x FROM b
SELECT x FROM a EXCEPT SELECT x FROM b UNION SELECT x FROM c ORDER BY x
(SELECT x FROM a) EXCEPT (SELECT x FROM b INTERSECT SELECT x FROM c) ORDER BY x
FROM a UNION FROM b ORDER BY ALL
FROM a UNION ALL BY NAME FROM b ORDER BY ALL
TABLE a UNION ALL TABLE b
VALUES (1) UNION ALL SELECT x FROM a ORDER BY ALL
SELECT x FROM a UNION ALL VALUES (9) ORDER BY x
(SELECT x FROM a ORDER BY x LIMIT 1) UNION ALL (SELECT x FROM b ORDER BY x DESC LIMIT 1) ORDER BY x
SELECT x FROM a UNION ALL SELECT x FROM b ORDER BY x LIMIT 2 OFFSET 1
SELECT * FROM (SELECT x FROM a UNION SELECT x FROM b) ORDER BY x
""",
    "clauses": r"""
SELECT x FROM a ORDER BY x DESC NULLS LAST
SELECT x FROM a ORDER BY ALL DESC
SELECT x FROM a ORDER BY x LIMIT 1
SELECT x FROM a ORDER BY x LIMIT 50%
SELECT x FROM a ORDER BY x LIMIT (SELECT count(*) FROM b) - 1
SELECT x FROM a ORDER BY x OFFSET 1
SELECT x FROM a ORDER BY x OFFSET 1 ROWS FETCH FIRST 1 ROWS ONLY
SELECT x FROM a ORDER BY x FETCH FIRST 2 ROWS ONLY
SELECT k, count(*) AS n FROM a GROUP BY k ORDER BY ALL
SELECT k, count(*) AS n FROM a GROUP BY ALL ORDER BY ALL
SELECT k, count(*) AS n FROM a GROUP BY 1 ORDER BY ALL
SELECT k, sum(x) AS s FROM a GROUP BY k HAVING sum(x) > 1 ORDER BY ALL
SELECT k, x, count(*) AS n FROM a GROUP BY GROUPING SETS ((k), (x), ()) ORDER BY ALL
SELECT k, x, count(*) AS n FROM a GROUP BY ROLLUP (k, x) ORDER BY ALL
SELECT k, x, grouping(k) AS g FROM a GROUP BY CUBE (k, x) ORDER BY ALL
SELECT k, x, grouping_id(k, x) AS g FROM a GROUP BY CUBE (k, x) ORDER BY ALL
SELECT count(*) FILTER (WHERE k IS NOT NULL) AS n FROM a
SELECT sum(x) FILTER (x > 1) AS n FROM a
SELECT x, row_number() OVER (ORDER BY x DESC) AS r FROM a ORDER BY x
SELECT x, sum(x) OVER w AS s FROM a WINDOW w AS (ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) ORDER BY x
SELECT x, sum(x) OVER (PARTITION BY k ORDER BY x RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) AS s FROM a ORDER BY x
SELECT x, lag(x, 1, 0) IGNORE NULLS OVER (ORDER BY x) AS l FROM a ORDER BY x
SELECT x, lag(x IGNORE NULLS) OVER (ORDER BY x) AS l FROM a ORDER BY x
SELECT x, first_value(x) OVER (ORDER BY x GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) AS l FROM a ORDER BY x
SELECT x FROM a QUALIFY row_number() OVER (ORDER BY x) = 2
SELECT x, rank() OVER w AS r FROM a WINDOW w AS (ORDER BY x), v AS (ORDER BY k) QUALIFY r < 3 ORDER BY x
SELECT x FROM a WHERE x IN (SELECT x FROM b)
SELECT x FROM a WHERE x NOT IN (1, 2)
SELECT x FROM a WHERE (x, k) IN (SELECT x, k FROM b)
SELECT x FROM a WHERE x = ANY (SELECT x FROM b)
SELECT x FROM a WHERE x < ALL (SELECT x FROM b WHERE x > 2) ORDER BY x
SELECT x FROM a WHERE x = ANY ([1, 2]) ORDER BY x
SELECT x FROM a WHERE EXISTS (FROM b WHERE b.k = a.k) ORDER BY x
SELECT x FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.k = a.k) ORDER BY x
SELECT x, (SELECT max(b.x) FROM b WHERE b.k = a.k) AS m FROM a ORDER BY x
SELECT ARRAY (SELECT x FROM a ORDER BY x) AS xs
SELECT x FROM a WHERE k IS DISTINCT FROM 'p' ORDER BY x
SELECT x FROM a WHERE k IS NOT DISTINCT FROM 'p'
SELECT x FROM a WHERE k IS DISTINCT FROM 'g.csv' ORDER BY x
SELECT x, CASE WHEN k IS DISTINCT FROM 'p' THEN 1 ELSE 0 END AS c FROM a ORDER BY x
SELECT x, CASE k WHEN 'p' THEN 'from' WHEN 'q' THEN 'join' END AS c FROM a ORDER BY x
SELECT count(*) FILTER (WHERE k IS NOT DISTINCT FROM 'p') AS n FROM a
SELECT * EXCLUDE (k) FROM a ORDER BY x
SELECT * EXCLUDE k FROM a ORDER BY x
SELECT a.* EXCLUDE (k) FROM a ORDER BY x
SELECT * REPLACE (x + 1 AS x) FROM a ORDER BY x
SELECT * RENAME (x AS y) FROM a ORDER BY y
SELECT * EXCLUDE (k) REPLACE (x * 2 AS x) FROM a ORDER BY x
SELECT * LIKE 'x%' FROM a ORDER BY x
SELECT * SIMILAR TO 'x' FROM a ORDER BY x
SELECT * NOT LIKE 'k%' FROM a ORDER BY x
SELECT COLUMNS(*) FROM a ORDER BY x
SELECT COLUMNS('x|k') FROM a ORDER BY x
SELECT min(COLUMNS(*)) FROM a
SELECT COLUMNS(c -> c LIKE 'x%') FROM a ORDER BY x
SELECT COLUMNS(lambda c: c = 'x') FROM a ORDER BY x
SELECT COLUMNS('(x)') AS 'm_\1' FROM a ORDER BY ALL
SELECT COLUMNS(* EXCLUDE (k)) + 1 FROM a ORDER BY ALL
SELECT coalesce(*COLUMNS(*)) AS z FROM (SELECT 1 AS p, 2 AS q)
SELECT x FROM a USING SAMPLE 100%
SELECT count(*) AS n FROM a TABLESAMPLE 100%
SELECT count(*) AS n FROM a TABLESAMPLE reservoir(2 ROWS)
SELECT count(*) AS n FROM a USING SAMPLE reservoir(2 ROWS) REPEATABLE (1)
SELECT count(*) AS n FROM a TABLESAMPLE system(100 PERCENT) REPEATABLE (7)
SELECT #1 AS f FROM a ORDER BY 1
SELECT x AS y FROM a WHERE y > 1 ORDER BY y
SELECT x AS y, y + 1 AS z FROM a GROUP BY ALL HAVING z > 2 ORDER BY ALL
SELECT x, rowid IS NULL AS r FROM (SELECT x, 1 AS rowid FROM a) ORDER BY x
SELECT string_agg(k, ',' ORDER BY x DESC) AS s FROM a
SELECT list(x ORDER BY x DESC) AS s FROM a
SELECT quantile_cont(x, 0.5) AS q, percentile_cont(0.5) WITHIN GROUP (ORDER BY x) AS p, mode() WITHIN GROUP (ORDER BY k) AS m FROM a
SELECT any_value(k), arg_max(k, x), max(x, 2) FROM a
SELECT count(DISTINCT k) AS n FROM a
SELECT sum(DISTINCT x) AS s, count() AS n FROM a
""",
    "froms in expressions": r"""
SELECT trim(both 'x' from 'xax') AS t
SELECT trim(leading 'x' from 'xax') AS t
SELECT trim(trailing from 'a  ') AS t
SELECT trim(from ' a ') AS t
SELECT trim('x' from 'xax') AS t
SELECT extract(year from DATE '2020-05-05') AS y
SELECT extract(year from '2020-05-05'::DATE) AS y
SELECT extract('month' from d) AS y FROM c ORDER BY ALL
SELECT x FROM c WHERE extract(month from d) = 1
SELECT substring('abc' from 2) AS s
SELECT substring('abc' from 2 for 1) AS s
SELECT substring(k from 1 for 1) AS s FROM a ORDER BY ALL
SELECT overlay('abcd' placing 'xx' from 2 for 2) AS s
SELECT position('b' in 'abc') AS s
SELECT extract(epoch from INTERVAL '1 day') AS e
SELECT extract(day from d) AS e, x FROM c WHERE d IS DISTINCT FROM DATE '2024-01-05' ORDER BY ALL
SELECT date_part('year', d) AS y FROM c ORDER BY ALL
SELECT 'from a' AS t, "k" FROM a ORDER BY ALL
SELECT 'x' IS DISTINCT FROM 'f.csv' AS t
SELECT * FROM a WHERE 'x.csv' IS NOT DISTINCT FROM k
SELECT x AS "from" FROM a ORDER BY ALL
SELECT "from" FROM (SELECT 1 AS "from")
SELECT x AS from_ FROM a ORDER BY ALL
SELECT [f FOR f IN [1, 2] IF f > 1] AS from_a FROM a
""",
    "nested": r"""
SELECT s.a, s.b.c FROM l ORDER BY ALL
SELECT l.s.a FROM l ORDER BY ALL
SELECT (l).s AS s FROM l ORDER BY ALL
SELECT s['a'] AS z, s.b['c'] AS y FROM l ORDER BY ALL
SELECT s.* FROM l WHERE x = 1
SELECT unnest(s) FROM l WHERE x = 1
SELECT unnest(s, recursive := true) FROM l WHERE x = 1
SELECT x, unnest(xs) AS e FROM l ORDER BY ALL
SELECT xs[1] AS f, xs[-1] AS g, xs[1:2] AS h, xs[:2] AS i, xs[2:] AS j, xs[:-:2] AS q FROM l ORDER BY ALL
SELECT m['m'] AS v, map_keys(m) AS k FROM l ORDER BY ALL
SELECT {'x': 1, 'y': [1, 2]} AS s
SELECT {x: 1, "y z": 2} AS s
SELECT MAP {'a': 1, 'b': 2} AS m
SELECT MAP {1: {'a': [2]}} AS m
SELECT [1, 2, 3] AS l, [] AS e, [[1], [2]] AS n
SELECT ROW(1, 2) AS r, (1, 2) AS t
SELECT struct_pack(x := 1, y := 2) AS s
SELECT list_transform([1, 2], x -> x + 1) AS l
SELECT list_transform([1, 2], lambda x: x + 1) AS l
SELECT list_transform(xs, lambda e, i: e * i) AS l FROM l ORDER BY ALL
SELECT list_filter(xs, e -> e > 1) AS l FROM l ORDER BY ALL
SELECT [e * 2 FOR e IN xs] AS l FROM l ORDER BY ALL
SELECT [e FOR e IN xs IF e > 1] AS l FROM l ORDER BY ALL
SELECT [e + i FOR e, i IN xs] AS l FROM l ORDER BY ALL
SELECT [(SELECT max(x) FROM b) + e FOR e IN xs] AS l FROM l ORDER BY ALL
SELECT list_reduce([1, 2, 3], lambda p, q: p + q) AS r
SELECT xs.list_transform(lambda e: e + 1).list_sum() AS s FROM l ORDER BY ALL
SELECT 'abc'.upper().lower() AS s
SELECT j -> '$.a' AS p, j ->> '$.a[0]' AS q, j -> 'a' -> 1 ->> 'b' AS r FROM l ORDER BY ALL
SELECT (j ->> 'a') IS NULL AS p FROM l ORDER BY ALL
SELECT j::JSON.a[0] AS p FROM l ORDER BY ALL
SELECT x::VARCHAR AS s, CAST(x AS DOUBLE) AS d, TRY_CAST(k AS INTEGER) AS t FROM a ORDER BY ALL
SELECT [1]::INTEGER[3] IS NULL AS q WHERE false
SELECT {'a': 1}::STRUCT(a VARCHAR) AS s
SELECT 1::UNION(n INTEGER, s VARCHAR) AS u
SELECT union_value(n := 1).n AS u
SELECT array_value(1, 2)::INTEGER[2] AS r
SELECT x FROM a WHERE x BETWEEN 1 AND 2 ORDER BY x
SELECT 1 IN [1, 2] AS b, 3 IN (1, 2) AS c
SELECT [1, 2] && [2] AS a, [1, 2] @> [1] AS b, [1] <@ [1, 2] AS c
SELECT 'abc' ^@ 'ab' AS a, 'abc' ~ 'a.c' AS b, 'abc' !~ 'z' AS c, 'abc' ~~ 'a%' AS d, 'abc' !~~ 'a%' AS e, 'ABC' ~~* 'a%' AS f
SELECT 2 ** 3 AS p, 2 ^ 3 AS q, 5 // 2 AS d, 5 % 2 AS m, 1 << 3 AS s, 8 >> 1 AS t, 5 & 3 AS u, 5 | 3 AS v, xor(5, 3) AS w, ~5 AS x
SELECT 'a' || 'b' AS c, 1 <> 2 AS n, 1 != 2 AS m, 1 == 1 AS e, NOT true AS f, - 1 AS g, + 1 AS h, -(-1) AS i, - -1 AS j
SELECT k LIKE 'p%' AS a, k ILIKE 'P%' AS b, k GLOB 'p*' AS c, k SIMILAR TO 'p.*' AS d, k LIKE 'p$%' ESCAPE '$' AS e FROM a ORDER BY ALL
SELECT k COLLATE NOCASE = 'P' AS c FROM a ORDER BY ALL
SELECT x IS NULL AS a, k ISNULL AS b, k NOTNULL AS c, (x > 1) IS TRUE AS d, (k = 'p') IS UNKNOWN AS e FROM a ORDER BY ALL
SELECT DATE '2020-01-01' + INTERVAL 1 DAY AS a, TIMESTAMP '2020-01-01' + INTERVAL '1 month' AS b, INTERVAL (1 + 1) HOUR AS c
SELECT TIMESTAMPTZ '2020-01-01 00:00:00+02' AS t, TIMESTAMP '2020-01-01' AT TIME ZONE 'Europe/Berlin' AS u
SELECT TIME '12:00' AS t, '2020-01-01'::DATE AS d, x'41'::BLOB IS NOT NULL AS b
SELECT 1e3 AS a, .5 AS b, 1_000 AS c, 5. AS d, 1.5e-3 AS e
SELECT 'it''s' AS a, e'a\n\'b' AS b, $$it's$$ AS c, $q$ $$ $q$ AS d, 'a--b' AS e, 'a/*b' AS f
SELECT "x" AS "a ""b"" c", 'y' AS "FROM" FROM a ORDER BY ALL
SELECT 1 AS "ä ö", 'ü 漢字' AS 漢字
SELECT x AS é FROM a ORDER BY é
SELECT if(x > 1, 'm', 'n') AS i, ifnull(k, '-') AS j, nullif(x, 1) AS n, greatest(x, 2) AS g FROM a ORDER BY ALL
SELECT 1 AS a, a + 1 AS b, b * 2 AS c
SELECT CASE WHEN x > 1 THEN 'a' END AS c FROM a ORDER BY ALL
SELECT format('{} {}', x, k) AS f, printf('%d', x) AS p FROM a ORDER BY ALL
SELECT getvariable('nothing') AS v
SELECT alias(x) AS a, typeof(x) AS t FROM a
SELECT hash(x) = hash(x) AS h, md5('a') AS m FROM a
SELECT try(1 / 0) AS t
SELECT nested.a.x FROM (SELECT {'x': 1} AS a) nested
SELECT b.x FROM (SELECT {'x': 1} AS b)
SELECT a.b.x FROM (SELECT {'b': {'x': 1}} AS a)
SELECT a.x FROM (SELECT {'x': 1} AS a) t
SELECT (SELECT {'x': b.x} FROM b WHERE b.x = 2).x AS z
SELECT a.x FROM b AS a ORDER BY ALL
SELECT b.x FROM a AS b ORDER BY ALL
SELECT a.x, b.x AS y FROM b AS a, a AS b WHERE a.k = b.k ORDER BY ALL
""",
    "pivots": r"""
PIVOT a ON k USING sum(x)
PIVOT a ON k USING sum(x) AS s, count(*) AS n
PIVOT a ON k IN ('p', 'q') USING sum(x)
PIVOT b ON k USING sum(x) GROUP BY x ORDER BY x
PIVOT b ON k USING sum(x) GROUP BY x ORDER BY x LIMIT 2
PIVOT b ON k
PIVOT (SELECT x, k FROM a UNION ALL SELECT x, k FROM b) ON k USING sum(x)
PIVOT transform.a ON k USING sum(x)
PIVOT a ON k || '_', x > 1 USING sum(x)
PIVOT a ON (k, x) USING count(*)
PIVOT a ON k, x USING count(*)
PIVOT_WIDER a ON k USING sum(x)
PIVOT c JOIN b USING (x) ON k USING count(*)
SELECT * FROM (PIVOT a ON k USING sum(x))
SELECT * FROM (PIVOT a ON k IN ('p') USING sum(x)) q
SELECT q.* FROM (PIVOT a ON k USING sum(x) GROUP BY x) q JOIN b USING (x)
FROM (PIVOT a ON k USING sum(x)) SELECT *
FROM a PIVOT (sum(x) FOR k IN ('p', 'q'))
SELECT * FROM a PIVOT (sum(x) FOR k IN ('p', 'q'))
SELECT * FROM a PIVOT (sum(x) AS s, max(x) AS m FOR k IN ('p' AS pp, 'q'))
SELECT * FROM b PIVOT (sum(x) FOR k IN ('p', 'q') GROUP BY x) ORDER BY ALL
SELECT * FROM (SELECT k, x FROM a) PIVOT (sum(x) FOR k IN ('p')) AS z
WITH q AS (FROM a) PIVOT q ON k USING sum(x)
WITH p AS (PIVOT a ON k USING sum(x)) SELECT * FROM p
SELECT * FROM a WHERE x IN (SELECT p FROM (PIVOT a ON k IN ('p') USING sum(x)))
UNPIVOT (SELECT x, x + 1 AS y FROM a) ON x, y
UNPIVOT (SELECT x, x + 1 AS y FROM a) ON x, y INTO NAME n VALUE v
UNPIVOT (SELECT x, x + 1 AS y, k FROM a) ON COLUMNS(* EXCLUDE (k)) INTO NAME n VALUE v
UNPIVOT c ON x, v INTO NAME n VALUE w ORDER BY ALL
UNPIVOT c ON (x, v) AS xv INTO NAME n VALUE o, p
UNPIVOT INCLUDE NULLS (SELECT x, NULL::INTEGER AS y FROM a) ON x, y
PIVOT_LONGER (SELECT x, x + 1 AS y FROM a) ON x, y
SELECT * FROM (SELECT x, x + 1 AS y FROM a) UNPIVOT (v FOR n IN (x, y)) ORDER BY ALL
SELECT * FROM (SELECT x, x + 1 AS y FROM a) UNPIVOT INCLUDE NULLS (v FOR n IN (x AS ex, y)) ORDER BY ALL
FROM (SELECT x, x + 1 AS y FROM a) UNPIVOT (v FOR n IN (x, y))
SELECT * FROM (UNPIVOT (SELECT x FROM a) ON x) ORDER BY ALL
FROM (UNPIVOT a ON x) ORDER BY ALL
WITH q AS (UNPIVOT (SELECT x FROM a) ON x) FROM q
PIVOT (UNPIVOT (SELECT x, x + 1 AS y FROM a) ON x, y INTO NAME n VALUE v) ON n USING sum(v)
UNPIVOT (PIVOT b ON k IN ('p', 'q') USING sum(x)) ON p, q
PIVOT a ON k USING sum(x) ORDER BY ALL
PIVOT a ON k USING max(x) + 1
PIVOT a ON k IN ('p', 'q') USING sum(x) UNION ALL SELECT 1, 2
PIVOT a ON k IN (SELECT 'p') USING sum(x)
""",
    "before": r"""
CREATE TEMP TABLE t AS SELECT x FROM a; SELECT x FROM t ORDER BY x
CREATE TEMP TABLE t AS FROM a; FROM t ORDER BY ALL
CREATE TEMPORARY TABLE t AS SELECT x FROM a; SELECT x FROM temp.t ORDER BY x
CREATE OR REPLACE TEMP TABLE t AS SELECT x FROM a; SELECT t.x FROM t ORDER BY x
CREATE TEMP TABLE IF NOT EXISTS t AS SELECT x FROM a; SELECT t.x FROM t ORDER BY x
CREATE TEMP TABLE b AS SELECT x * 2 AS x FROM b; SELECT x FROM b ORDER BY x
CREATE TEMP TABLE b AS SELECT x * 2 AS x FROM b; SELECT x FROM transform.b ORDER BY x
CREATE TEMP TABLE b AS SELECT x * 2 AS x FROM b; CREATE OR REPLACE TEMP TABLE b AS SELECT x + 1 AS x FROM b; SELECT x FROM b ORDER BY x
CREATE TEMP TABLE a AS SELECT x * 2 AS x FROM b; CREATE TEMP TABLE b AS SELECT x FROM a; SELECT a.x, b.x AS y FROM a, b ORDER BY ALL
CREATE TEMP TABLE temp.t AS SELECT x FROM a; SELECT x FROM t ORDER BY x
CREATE TEMP TABLE "b" AS SELECT 1 AS x; SELECT x FROM B
CREATE TEMP TABLE T AS SELECT 1 AS x; SELECT x FROM "t"
CREATE TEMP TABLE t (x INTEGER); SELECT * FROM t
CREATE TEMP TABLE t (x INTEGER DEFAULT 3, b VARCHAR); SELECT * FROM t
CREATE TEMP TABLE b (x INTEGER); SELECT count(*) AS n FROM b
CREATE TEMP VIEW v AS SELECT x FROM a; SELECT x FROM v ORDER BY x
CREATE TEMP VIEW v(n) AS SELECT x FROM a; SELECT n FROM v ORDER BY n
CREATE OR REPLACE TEMP VIEW v AS FROM b; SELECT v.x FROM v, a WHERE a.k = v.k ORDER BY ALL
CREATE TEMP VIEW v AS SELECT x FROM a; CREATE TEMP VIEW w AS SELECT x + 1 AS x FROM v; SELECT x FROM w ORDER BY x
CREATE TEMP TABLE b AS SELECT 1 AS x; CREATE TEMP VIEW v AS SELECT x FROM b; SELECT x FROM v
CREATE TEMP VIEW v AS SELECT x FROM b; CREATE TEMP TABLE b AS SELECT 1 AS x; SELECT x FROM v ORDER BY x
CREATE TEMP MACRO twice(n) AS 2 * n; SELECT twice(x) AS y FROM a ORDER BY y
CREATE TEMP MACRO most() AS (SELECT max(x) FROM b); SELECT most() AS m
CREATE TEMP MACRO most(n) AS (SELECT max(b.x) + n FROM b); SELECT most(x) AS m FROM a ORDER BY m
CREATE TEMP FUNCTION f(n) AS n + 1; SELECT f(x) AS y FROM a ORDER BY y
CREATE TEMP MACRO rows_of(n) AS TABLE SELECT x FROM a WHERE x > n; SELECT x FROM rows_of(1) ORDER BY x
CREATE TEMP MACRO both_of() AS TABLE SELECT x FROM a UNION ALL SELECT x FROM b; FROM both_of() ORDER BY ALL
CREATE TEMP MACRO f(n, m := 2) AS n * m; SELECT f(x) AS y, f(x, m := 3) AS z FROM a ORDER BY ALL
CREATE TEMP MACRO f(n) AS n + 1, (n, m) AS n * m; SELECT f(x) AS y, f(x, 3) AS z FROM a ORDER BY ALL
CREATE TEMP MACRO f(n) AS TABLE (SELECT x FROM a WHERE x > n), (n, m) AS TABLE (SELECT x FROM b WHERE x > n + m); FROM f(1, 2) ORDER BY ALL
CREATE TEMP MACRO b(n) AS n + 1; SELECT b(x) AS y FROM b ORDER BY y
CREATE TEMP MACRO b() AS TABLE SELECT 1 AS x; SELECT x FROM b ORDER BY x
CREATE TEMP MACRO b() AS TABLE SELECT 1 AS x; SELECT x FROM b() ORDER BY x
CREATE TEMP MACRO m() AS TABLE SELECT x FROM t; CREATE TEMP TABLE t AS SELECT x FROM a; FROM m() ORDER BY ALL
CREATE TEMP TABLE b AS SELECT 7 AS x; CREATE TEMP MACRO m() AS (SELECT max(x) FROM b); SELECT m() AS m
CREATE TEMP MACRO m() AS (SELECT max(x) FROM b); CREATE TEMP TABLE b AS SELECT 7 AS x; SELECT m() AS m
CREATE TEMP MACRO f(n := (SELECT max(x) FROM b)) AS n; SELECT f() AS y
CREATE TEMP MACRO f(n INTEGER) AS n + 1; SELECT f(x) AS y FROM a ORDER BY y
CREATE TEMP TYPE mood AS ENUM ('p', 'q'); SELECT k::mood AS k FROM a WHERE x < 3 ORDER BY x
CREATE TEMP TYPE mood AS ENUM (SELECT DISTINCT k FROM b ORDER BY k); SELECT 'p'::mood AS k
CREATE TEMP TYPE t AS STRUCT(a INTEGER); SELECT {'a': 1}::t AS s
CREATE TEMP TYPE b AS INTEGER; SELECT x::b AS x FROM b ORDER BY x
CREATE TEMP SEQUENCE q START 5; SELECT nextval('q') AS n
CREATE TEMP SEQUENCE b; SELECT count(*) AS n FROM b
CREATE TEMP TABLE t AS PIVOT a ON k IN ('p', 'q') USING sum(x); FROM t
CREATE TEMP TABLE t AS PIVOT a ON k USING sum(x); FROM t
CREATE TEMP TABLE t AS FROM b; PIVOT t ON k USING sum(x)
CREATE TEMP TABLE t AS UNPIVOT (SELECT x FROM a) ON x; FROM t ORDER BY ALL
CREATE TEMP TABLE t AS SUMMARIZE a; SELECT column_name FROM t ORDER BY ALL
CREATE TEMP TABLE t AS WITH b AS (SELECT 3 AS x) SELECT x FROM b; SELECT t.x, b.x AS y FROM t, b ORDER BY ALL
CREATE TEMP TABLE t AS TABLE a; TABLE t
CREATE TEMP TABLE t AS VALUES (1), (2); FROM t
CREATE TEMP TABLE t AS (SELECT x FROM a); FROM t ORDER BY ALL
CREATE TEMP TABLE t AS SELECT x FROM a WITH NO DATA; SELECT count(*) AS n FROM t
CREATE TEMP TABLE t AS SELECT x FROM a WITH DATA; FROM t ORDER BY ALL
CREATE TEMP TABLE t(y) AS SELECT x FROM a; SELECT y FROM t ORDER BY y
;;SELECT x FROM a ORDER BY x;;
SELECT x FROM b; SELECT x FROM a ORDER BY x;
""",
    "comments and quotes": r"""
/* a /* b */ c; */ SELECT x FROM b ORDER BY x
SELECT x -- FROM b⏎FROM a ORDER BY x
SELECT x -- it's⏎FROM a ORDER BY x
SELECT x /* it's */ FROM a ORDER BY x
SELECT x FROM /* b */ a ORDER BY x
SELECT x FROM -- b⏎ a ORDER BY x
SELECT x FROM a -- FROM 'g.csv'
SELECT x FROM a /* FROM 'g.csv' */ ORDER BY x
-- start⏎SELECT x FROM a ORDER BY x -- end
SELECT x/**/FROM/**/a ORDER BY x
SELECT x FROM a⇥ORDER BY x
SELECT⍽x⍽FROM⍽a ORDER BY x
SELECT x FROM a -- c␍ ORDER BY x DESC
SELECT x, -- c␍ k FROM a ORDER BY x
SELECT 1 -- c␍ + 1 AS x
SELECT x FROM b -- '␍ WHERE x > 2 -- '⏎ ORDER BY x
SELECT 'a'⏎'b' AS s, k FROM a ORDER BY ALL
SELECT 'FROM b' AS s FROM a
SELECT $$ FROM b $$ AS s, x FROM a ORDER BY ALL
SELECT $t$ ' " $t$ AS s, x FROM a ORDER BY ALL
SELECT e'\'' AS s, x FROM a ORDER BY ALL
SELECT E'a\\' AS s, x FROM a -- ' ORDER BY ALL
SELECT x'4142' AS s, x FROM a ORDER BY ALL
SELECT 'a\' AS s, x FROM a ORDER BY ALL
SELECT "k" || '"' AS s, x FROM a ORDER BY ALL
SELECT 1 AS "'", x FROM a ORDER BY ALL
SELECT 1 AS "a--b", x FROM a ORDER BY ALL
SELECT 1 AS "a;b", ';' AS s, x FROM a ORDER BY ALL
SELECT x FROM "a" AS "b" ORDER BY "b"."x"
SELECT "b c".x FROM a AS "b c" ORDER BY ALL
SELECT x FROM a AS 'b' ORDER BY ALL
SELECT x AS 'y z' FROM a ORDER BY ALL
SELECT x FROM 'a' ORDER BY ALL
SELECT 🦆 FROM (SELECT x AS 🦆 FROM a) ORDER BY ALL
SELECT 🦆x FROM (SELECT x AS 🦆x FROM a) ORDER BY ALL
SELECT '漢字 🦆' AS s, x FROM a ORDER BY ALL
SELECT '漢字 🦆' AS s FROM b SEMI JOIN a USING (x) UNION ALL BY NAME SELECT k AS s FROM a ORDER BY ALL
SELECT '🦆' AS s, x FROM a POSITIONAL JOIN (SELECT '漢' AS h) ORDER BY ALL
""",
    "words as names": r"""
SELECT x FROM date
SELECT date.x FROM date
SELECT x FROM transform.date
SELECT x FROM "order"
SELECT "order".x FROM "order" ORDER BY ALL
SELECT o.x FROM "order" o
SELECT x FROM transform.order
SELECT x FROM transform."order"
SELECT "order".k FROM transform."order"
SELECT x AS date, k AS text FROM a ORDER BY ALL
SELECT x date FROM a ORDER BY ALL
SELECT date FROM date
SELECT DATE '2020-01-01' AS d FROM date
SELECT date.k AS date FROM date, a WHERE a.x = date.x
SELECT x AS Index, k AS Value FROM a ORDER BY ALL
SELECT x AS year, year + 1 AS month FROM a ORDER BY ALL
WITH date AS (SELECT 3 AS x) SELECT x FROM date
WITH "order" AS (SELECT 3 AS x) SELECT x FROM "order"
SELECT first.x FROM a AS first JOIN b AS last USING (k) ORDER BY ALL
SELECT x FROM a AS values ORDER BY ALL
SELECT x FROM a AS range ORDER BY ALL
SELECT range FROM range(3) ORDER BY ALL
SELECT range.range FROM range(3) ORDER BY ALL
SELECT * FROM generate_series(1, 3) AS g(n) ORDER BY ALL
SELECT * FROM repeat('a', 3)
SELECT * FROM unnest([1, 2]) WITH ORDINALITY
SELECT * FROM unnest([1, 2]) AS t(u)
SELECT unnest([1, 2]) AS u
SELECT key, value FROM json_each('{"a": 1}')
SELECT l.x, e.key FROM l, json_each(l.j) e ORDER BY ALL
SELECT * FROM values(1, 2)
SELECT * FROM (VALUES (1), (2)) AS a(x), b ORDER BY ALL
SELECT * FROM repeat_row(1, 'a', num_rows = 2)
""",
    "refs": r"""
SELECT x FROM ref('a') ORDER BY x
SELECT x FROM ref('transform.a') ORDER BY x
SELECT x FROM REF('a') AS t ORDER BY x
SELECT t.x, u.x AS y FROM ref('a') t JOIN ref("b") u USING (k) ORDER BY ALL
WITH a AS (SELECT 9 AS x) SELECT a.x, t.x AS y FROM a, ref('a') t ORDER BY ALL
SELECT x FROM a WHERE x IN (SELECT x FROM ref('b')) ORDER BY x
SELECT x FROM a WHERE k = 'ref(''b'')' ORDER BY x
""",
    "files": r"""
FROM 'f.csv'
FROM "f.csv"
FROM f.csv
SELECT * FROM 'f.csv' ORDER BY ALL
SELECT f.x FROM 'f.csv' ORDER BY ALL
SELECT "f".x FROM "f.csv" ORDER BY ALL
SELECT "f.csv".x FROM 'f.csv' ORDER BY ALL
SELECT max(f.x) AS m FROM a, 'f.csv' f
SELECT f.x FROM a JOIN 'f.csv' f USING (x) ORDER BY ALL
SELECT x FROM /* c */ 'f.csv' ORDER BY ALL
SELECT x FROM a WHERE x IN (SELECT x FROM 'f.csv') ORDER BY x
SELECT x FROM a WHERE x IN (FROM 'f.csv' SELECT x) ORDER BY x
WITH q AS (SELECT * FROM 'f.csv') SELECT x FROM q ORDER BY x
WITH f AS (SELECT 9 AS x) SELECT f.x, g.x AS y FROM f, 'f.csv' g ORDER BY ALL
SELECT x FROM $$f.csv$$ ORDER BY x
SELECT x FROM e'f.csv' ORDER BY x
SUMMARIZE 'f.csv'
SUMMARIZE "f.csv"
SUMMARIZE FROM 'f.csv'
SUMMARIZE TABLE 'f.csv'
DESCRIBE 'f.csv'
DESCRIBE FROM 'f.csv'
DESCRIBE TABLE 'f.csv'
SELECT column_name FROM (SUMMARIZE 'f.csv') ORDER BY ALL
SELECT column_name FROM (DESCRIBE 'f.csv') ORDER BY ALL
TABLE 'f.csv'
TABLE "f.csv"
PIVOT 'f.csv' ON k USING sum(x)
PIVOT "f.csv" ON k USING sum(x)
PIVOT read_csv('f.csv') ON k USING sum(x)
PIVOT (FROM 'f.csv') ON k IN ('b') USING sum(x)
UNPIVOT 'f.csv' ON x
UNPIVOT read_csv('f.csv') ON x ORDER BY ALL
SELECT * FROM 'f.csv' PIVOT (sum(x) FOR k IN ('b')) ORDER BY ALL
SELECT * FROM 'f.csv' UNPIVOT (v FOR n IN (x)) ORDER BY ALL
FROM read_csv('f.csv')
FROM READ_CSV('f.csv')
FROM "read_csv"('f.csv')
FROM main.read_csv('f.csv')
FROM read_csv_auto('f.csv')
FROM read_csv("f.csv")
FROM read_csv($$f.csv$$)
FROM read_csv(e'f.csv')
FROM read_csv(['f.csv'])
FROM read_csv(['f.csv', 'h.csv'])
FROM read_csv(['f.csv', 'h.csv'], union_by_name = true)
FROM read_csv(array['f.csv'])
FROM read_csv(list_value('f.csv'))
FROM read_csv('f' || '.csv')
FROM read_csv('f'⏎'.csv')
FROM read_csv(('f.csv'))
FROM read_csv('f.csv'::VARCHAR)
FROM read_csv((SELECT 'f.csv'))
FROM read_csv(getvariable('f'))
SELECT x, k FROM read_csv('f.csv', nullstr=['NA','b']) ORDER BY x
SELECT x, k FROM read_csv('f.csv', nullstr='NA') ORDER BY x
SELECT * FROM read_csv('f.csv', types={'x': 'BIGINT', 'k': 'VARCHAR'}) ORDER BY x
SELECT * FROM read_csv('f.csv', columns={'x': 'BIGINT', 'k': 'VARCHAR'}) ORDER BY x
SELECT * FROM read_csv('f.csv', force_not_null=['k'], header := true, delim => ',') ORDER BY x
SELECT * FROM read_csv(header = true, 'f.csv') ORDER BY x
SELECT * FROM read_csv('f.csv', names=['h.csv', 'g.csv']) ORDER BY ALL
SELECT * FROM read_csv('d/*.csv') ORDER BY ALL
SELECT * FROM 'd/*.csv' ORDER BY ALL
SELECT * FROM 'd/?.csv' ORDER BY ALL
SELECT * FROM 'd/[12].csv' ORDER BY ALL
SELECT * FROM '**/1.csv' ORDER BY ALL
SELECT * FROM read_csv('d/**') ORDER BY ALL
SELECT * FROM read_csv(['d/1.csv', 'd/[2].csv']) ORDER BY ALL
SELECT * FROM 'odd [1].csv' ORDER BY ALL
SELECT * FROM 'it''s.csv' ORDER BY ALL
SELECT * FROM "it's.csv" ORDER BY ALL
SELECT * FROM e'it\'s.csv' ORDER BY ALL
SELECT * FROM $$it's.csv$$ ORDER BY ALL
SELECT * FROM read_csv('it''s.csv') ORDER BY ALL
SELECT * FROM './f.csv' ORDER BY ALL
SELECT * FROM 'd/../f.csv' ORDER BY ALL
FROM 'p.parquet' ORDER BY ALL
FROM read_parquet('p.parquet') ORDER BY ALL
FROM parquet_scan('p.parquet') ORDER BY ALL
FROM parquet_scan(['p.parquet']) ORDER BY ALL
SELECT name FROM parquet_schema('p.parquet') ORDER BY ALL
SELECT num_rows FROM parquet_file_metadata('p.parquet')
SELECT num_values FROM parquet_metadata('p.parquet')
FROM 'j.json' ORDER BY ALL
FROM read_json('j.json') ORDER BY ALL
FROM read_json_auto('j.json') ORDER BY ALL
FROM read_json_objects('j.json') ORDER BY ALL
FROM read_ndjson('n.ndjson') ORDER BY ALL
FROM 'n.ndjson' ORDER BY ALL
SELECT content FROM read_text('t.txt')
SELECT content FROM read_blob('t.txt')
SELECT Columns FROM sniff_csv('f.csv')
SELECT count(*) AS n FROM glob('*.csv')
CREATE TEMP TABLE t AS FROM 'f.csv'; FROM t ORDER BY ALL
CREATE TEMP VIEW v AS FROM 'f.csv'; FROM v ORDER BY ALL
CREATE TEMP MACRO m() AS TABLE FROM 'f.csv'; FROM m() ORDER BY ALL
CREATE TEMP MACRO m() AS (SELECT max(x) FROM 'f.csv'); SELECT m() AS m
CREATE TEMP MACRO m(f) AS TABLE FROM read_csv(f); FROM m('f.csv') ORDER BY ALL
CREATE TEMP MACRO read_csv(x) AS x; FROM read_csv('f.csv')
CREATE TEMP MACRO read_csv(x) AS TABLE SELECT x AS y; FROM read_csv('f.csv')
CREATE TEMP TABLE t AS FROM read_csv('f.csv'); CREATE TEMP MACRO read_csv(x) AS TABLE SELECT x AS y; FROM t
CREATE TEMP VIEW read_csv AS SELECT 1 AS x; FROM read_csv('f.csv')
CREATE TEMP MACRO m(f := (SELECT max(x) FROM 'f.csv')) AS f; SELECT m() AS m
CREATE TEMP MACRO m(f := (SELECT max(x) AS x FROM 'f.csv'), g := 1) AS f + g, (a, b) AS a; SELECT m() AS m
CREATE TEMP TYPE e AS ENUM (SELECT DISTINCT x::VARCHAR FROM 'f.csv'); SELECT '1'::e AS v
FROM a SEMI JOIN 'f.csv' USING (x)
FROM a POSITIONAL JOIN 'h.csv' h SELECT a.x, h.x AS y
SELECT * FROM a ASOF JOIN 'h.csv' h ON a.x >= h.x ORDER BY ALL
FROM 'f.csv' UNION ALL BY NAME FROM 'h.csv' ORDER BY ALL
FROM ('f.csv' JOIN 'h.csv' USING (k))
FROM a, ('f.csv') ORDER BY ALL
FROM t: 'f.csv' SELECT t.x ORDER BY ALL
SELECT (SELECT max(x) FROM 'f.csv') AS m, [e FOR e IN (SELECT list(x) FROM 'h.csv')] AS l
SELECT list_transform([1], lambda v: v + (SELECT max(x) FROM 'f.csv')) AS l
SELECT x FROM a ORDER BY (SELECT max(x) FROM 'f.csv'), x LIMIT (SELECT count(*) FROM 'h.csv')
SELECT x FROM a GROUP BY x HAVING x <= (SELECT max(x) FROM 'f.csv') ORDER BY x
SELECT x FROM a QUALIFY x <= (SELECT max(x) FROM 'f.csv') ORDER BY x
SELECT x, sum(x) OVER (ORDER BY x ROWS (SELECT count(*) FROM 'f.csv') PRECEDING) AS s FROM a ORDER BY x
SELECT x FROM a TABLESAMPLE 100% WHERE x IN (SELECT x FROM 'f.csv') ORDER BY x
SELECT * FROM a, LATERAL (SELECT y.x AS z FROM 'f.csv' y WHERE y.x = a.x) ORDER BY ALL
SELECT * REPLACE ((SELECT max(x) FROM 'f.csv') AS k) FROM a ORDER BY x
SELECT {'a': (SELECT max(x) FROM 'f.csv')} AS s, MAP {1: (SELECT min(x) FROM 'f.csv')} AS m
SELECT count(*) FILTER (WHERE x IN (SELECT x FROM 'f.csv')) AS n FROM a
SELECT CASE WHEN EXISTS (FROM 'f.csv') THEN 1 END AS c
SELECT x FROM a WHERE x = ANY (SELECT x FROM 'f.csv') ORDER BY x
SELECT * FROM a WHERE (x, k) IN (FROM 'f.csv') ORDER BY ALL
VALUES ((SELECT max(x) FROM 'f.csv'))
FROM range((SELECT max(x) FROM 'f.csv')) ORDER BY ALL
FROM query('FROM a')
FROM query_table('a')
FROM query_table(['a', 'b'])
FROM duckdb_tables()
FROM pragma_table_info('a')
FROM sql_auto_complete('S')
FROM information_schema.tables
FROM duckdb_tables
FROM sqlite_master
FROM temp.csv
FROM (SHOW TABLES)
SHOW TABLES
DESCRIBE
FROM test_all_types() SELECT count(*) AS n
FROM 'nowhere.csv'
FROM nowhere
SELEC 1
SELECT FROM WHERE
SELECT x FROM a WHERE
""",
}
"""One body a line; in it ⏎ and ␍ stand for the two signs of a line's end, ⇥ for a tab, ⍽ for a blank that is no ASCII."""


_SIGNS = str.maketrans({"⏎": "\n", "␍": "\r", "⇥": "\t", "⍽": "\u00a0"})
STATEMENTS = {name: [line.translate(_SIGNS) for line in text.strip().split("\n")] for name, text in _SECTIONS.items()}


def database(*, bare: bool = True) -> duckdb.DuckDBPyConnection:
    """The tables under the names of the nodes and, as a plain database has them, under their ``bare`` ones."""
    made = duckdb.connect(config={"python_enable_replacements": "false", "autoinstall_known_extensions": "false"})
    made.execute("SET GLOBAL TimeZone = 'UTC'; CREATE SCHEMA transform")
    for name, select in TABLES.items():
        made.execute(f'CREATE TABLE transform."{name}" AS {select}')
        made.execute(f'CREATE TABLE main."{name}" AS {select}' if bare else "SELECT 1")
    made.execute("CREATE MACRO ref(name) AS TABLE FROM query_table(name)" if bare else "SELECT 1")
    return made


@dataclass(frozen=True)
class Rows:
    """Columns with their types, and rows; sorted where the body has no ORDER BY."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[str, ...]


def rows_of(made: duckdb.DuckDBPyConnection, sql: str) -> Rows | str:
    """What a body gives in a session of its own; a text where it fails."""
    with made.cursor() as session:
        try:
            for statement in duckdb.extract_statements(sql):
                result = session.execute(statement)
            columns = tuple((name, str(kind)) for name, kind, *_ in result.description)
            found = [repr(row) for row in result.fetchall()]
        except duckdb.Error as error:
            return f"{type(error).__name__}: {error}"
    return Rows(columns, tuple(found if "ORDER BY" in sql.upper() else sorted(found)))


class Writer:
    """Random bodies over a, b and e: names that collide, spelled in all ways, between comments and texts that look like SQL."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def body(self) -> str:
        """A SELECT, perhaps with temporary tables and macros before it."""
        before, known = "", set[str]()
        for number in range(self._one_of(0, 0, 0, 1, 2)):
            name, known_now = self._one_of("a", "b", "q", "tmp"), sorted(known)
            if self._chance(0.6):
                before += f"CREATE{self._gap()}OR REPLACE TEMP TABLE {self._spelled(name)} AS {self._query(1, known_now)};{self._gap()}"
                known.add(name)
            elif self._chance(0.5):
                before += f"CREATE TEMP MACRO m{number}() AS TABLE {self._query(1, known_now)}; CREATE TEMP TABLE n{number} AS FROM m{number}();"
                known.add(f"n{number}")
            else:
                before += f"CREATE TEMP MACRO f{number}(p) AS p + (SELECT max(x) FROM {self._table(known_now)});"
        return before + self._query(2, sorted(known))

    def _one_of(self, *choices: Any) -> Any:
        return self._random.choice(choices)

    def _chance(self, of: float) -> bool:
        return self._random.random() < of

    def _gap(self) -> str:
        comments = (" -- FROM 'f.csv' b\n", " -- it's \"\n", " -- c\r", " /* it's */ ", " /* /* FROM a */ x; */ ", " /*+ b */ ")
        return str(self._one_of(" ", " ", " ", "\n", "\t", *comments))

    def _value(self) -> str:
        texts = ("'FROM b'", "$$ FROM a $$", "e'\\'FROM b'", "'it''s'", "$t$ ' $t$", "x'41'", "'/*'", "'--'", "'a'\n'b'", "'漢'", "x || '🦆'")
        froms = ("extract(year FROM DATE '2020-01-01')", "trim(both 'b' FROM 'abc')", "'a' IS DISTINCT FROM 'b.csv'")
        return str(self._one_of(*texts, *froms, "{'FROM': 1}", "{x: 1}.x", "[1, 2][1]", "1.5e3", "-- \n1", "x::VARCHAR || ';'"))

    def _spelled(self, name: str) -> str:
        return str(self._one_of(name, name, name.upper(), f'"{name}"'))

    def _table(self, known: Iterable[str]) -> str:
        name = self._one_of("a", "b", "e", *known)
        if name in known or self._chance(0.7):
            return self._spelled(name)
        return str(self._one_of(f"transform.{name}", f'"transform".{name}', f'transform."{name}"', f"Transform . {name}"))

    def _source(self, depth: int, known: Iterable[str], alias: str) -> str:
        if depth <= 0 or self._chance(0.6):
            table = self._table(known)
            return str(self._one_of(f"{table} AS {alias}", f"{table} {alias}", f"{alias}: {table}", f"(FROM {table}) {alias}"))
        return f"({self._query(depth - 1, known)}) {self._one_of('AS ', '')}{alias}"

    def _joined(self, depth: int, known: Iterable[str], first: str, second: str) -> str:
        kind = self._one_of("", "", *(f"{one}JOIN" for one in ("", "LEFT ", "SEMI ", "ANTI ", "FULL ", "CROSS ", "POSITIONAL ", "ASOF ")), ",")
        if not kind:
            return f"{self._gap()},{self._gap()}LATERAL (SELECT {first}.x + 1 AS y) z" if self._chance(0.3) else ""
        on = "" if kind in (",", "CROSS JOIN", "POSITIONAL JOIN") else f" ON {first}.x >= {second}.x" if kind == "ASOF JOIN" else " USING (k)"
        return f"{self._gap()}{kind}{self._gap()}{self._source(depth - 1, known, second)}{on}"

    def _where(self, depth: int, known: Iterable[str], alias: str) -> str:
        if depth > 0 and self._chance(0.2):
            return f"{self._gap()}WHERE{self._gap()}{alias}.x IN (SELECT x FROM ({self._query(depth - 1, known)}) s)"
        if depth > 0 and self._chance(0.2):
            return f"{self._gap()}WHERE EXISTS (SELECT 1 FROM ({self._query(depth - 1, known)}) s WHERE s.x >= {alias}.x)"
        return f"{self._gap()}WHERE {alias}.k IS DISTINCT FROM 'b'" if self._chance(0.2) else ""

    def _select(self, depth: int, known: Iterable[str]) -> str:
        first, second = self._random.sample(("t", "u", "a", "b", "v"), 2)
        start = f"FROM{self._gap()}{self._source(depth, known, first)}{self._joined(depth, known, first, second)}"
        columns = f"SELECT{self._gap()}{first}.x AS x,{self._gap()}{first}.k AS k"
        columns += f",{self._gap()}{self._value()} AS l" if self._chance(0.3) else ""
        columns += f", (SELECT max(m.x) FROM {self._table(known)} m) AS mx" if self._chance(0.15) else ""
        where = self._where(depth, known, first)
        return f"{start}{self._gap()}{columns}{where}" if self._chance(0.2) else f"{columns}{self._gap()}{start}{where}"

    def _plain(self, depth: int, known: Iterable[str]) -> str:
        if self._chance(0.2):
            return f"{self._one_of('FROM', 'TABLE')} {self._table(known)}"
        if depth > 0 and self._chance(0.25):
            one, other = (f"SELECT x, k FROM ({self._query(depth - 1, known)}) z{number}" for number in (1, 2))
            return f"{one}{self._gap()}{self._one_of('UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT', 'UNION BY NAME')}{self._gap()}{other}"
        return self._select(depth, known)

    def _query(self, depth: int, known: Iterable[str]) -> str:
        if depth <= 0 or self._chance(0.6):
            return self._plain(depth, known)
        recursive, within, parts = self._chance(0.3), set(known), []
        for name in self._random.sample(("a", "b", "q", "r", "e"), self._one_of(1, 2, 3)):
            if recursive and self._chance(0.4):
                itself = f"SELECT 1 AS x, 'p' AS k UNION ALL SELECT x + 1, k FROM {self._spelled(name)} WHERE x < 3"
                parts.append(f"{self._spelled(name)} AS ({itself})")
            else:
                how = self._one_of("", "MATERIALIZED ", "NOT MATERIALIZED ")
                # a union that reads itself could go on for ever
                query = self._select(0, sorted(within)) if recursive else self._query(depth - 1, sorted(within))
                parts.append(f"{self._spelled(name)} AS {how}({query})")
            within.add(name)
        start = f"WITH{self._gap()}{'RECURSIVE ' if recursive else ''}{', '.join(parts)}"
        return f"{start}{self._gap()}{self._plain(depth - 1, sorted(within))}"
