"""What exposures deliver, read back by other programs than the one that wrote it; and when they deliver again."""

from __future__ import annotations

import builtins
import csv
import gzip
import importlib.util
import json
import os
import re
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import duckdb
import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinds import failure, good, run, status
from seeknal_nb import Project
from seeknal_nb.authoring.cell import define
from seeknal_nb.errors import ManifestError, UsageError
from seeknal_nb.kinds.exposures import pages, writers


def needs(*modules):
    left = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(left), reason=f"without {', '.join(left)}")


xlsx = needs("xlsxwriter", "openpyxl")
altair = needs("altair", "vl_convert")
matplotlib = needs("matplotlib")

TYPED = """SELECT * FROM (VALUES
  (1, 'a "b", c', 1.5::DOUBLE, true, DATE '2024-02-29', TIMESTAMP '2024-02-29 12:30:15', 12.34::DECIMAL(10,2)),
  (2, NULL, NULL, NULL, NULL, NULL, NULL),
  (3, 'é <b>&x</b>' || chr(10) || '=1+1', -2.0::DOUBLE, false, DATE '1999-12-31', TIMESTAMP '1999-12-31 00:00:00', -0.01::DECIMAL(10,2))
) t(id, name, v, ok, d, moment, amount)"""
NAMES = ["id", "name", "v", "ok", "d", "moment", "amount"]
VALUES = [
    (1, 'a "b", c', 1.5, True, date(2024, 2, 29), datetime(2024, 2, 29, 12, 30, 15), Decimal("12.34")),
    (2, None, None, None, None, None, None),
    (3, "é <b>&x</b>\n=1+1", -2.0, False, date(1999, 12, 31), datetime(1999, 12, 31), Decimal("-0.01")),
]  # fmt: skip


def plain(value):
    """A value as JSON and CSV of DuckDB write it."""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return value.isoformat() if isinstance(value, date) else value


def texts(rows):
    return [["" if v is None else str(plain(v)).lower() if isinstance(v, bool) else str(plain(v)) for v in r] for r in rows]


def with_csv(path, opener=open, **options):
    with opener(path, "rt", newline="", encoding="utf-8") as file:
        return list(csv.reader(file, **options))


def leftovers(directory):
    return [p.name for p in directory.rglob("*") if p.name.startswith(".tmp-") or "__new" in p.name or p.name.endswith("-journal")]


def names_in(directory):
    return sorted(p.name for p in directory.iterdir() if p.name != "target")


# Files of rows


@pytest.mark.parametrize(("name", "params", "opener", "options"), [
    ("x.csv", {}, open, {}), ("x.tsv", {}, open, {"delimiter": "\t"}), ("x.csv.gz", {}, gzip.open, {}),
    ("x.csv", {"compression": "gzip"}, gzip.open, {}), ("x.tsv.gz", {"compression": "gz"}, gzip.open, {"delimiter": "\t"}),
    ("x.data", {"format": "csv", "compression": "none"}, open, {}),
])  # fmt: skip
def test_csv_is_read_back_by_the_csv_module(project, tmp_path, name, params, opener, options):
    project.transform("t", sql=TYPED)
    project.node("exposure", "e", inputs=["t"], params={"path": f"out/{name}", **params})
    good(project)
    assert with_csv(tmp_path / "out" / name, opener, **options) == [NAMES, *texts(VALUES)]


@pytest.mark.parametrize(("name", "opener"), [("x.json", open), ("x.json.gz", gzip.open), ("x.jsonl", open), ("x.ndjson.gz", gzip.open)])
def test_json_is_read_back_by_the_json_module(project, tmp_path, name, opener):
    project.transform("t", sql=TYPED)
    project.exposure("e", inputs=["t"], to=name)
    good(project)
    with opener(tmp_path / name, "rt", encoding="utf-8") as file:
        found = json.load(file) if ".json." in f"{name}." else [json.loads(line) for line in file]
    expected = [[float(v) if isinstance(v, Decimal) else plain(v) for v in row] for row in VALUES]
    assert [list(row.values()) for row in found] == expected
    assert [list(row) for row in found] == [NAMES] * 3


@pytest.mark.parametrize(("compression", "stored"), [
    (None, "SNAPPY"), ("zstd", "ZSTD"), ("gzip", "GZIP"), ("brotli", "BROTLI"), ("lz4", "LZ4"), ("uncompressed", "UNCOMPRESSED"),
])  # fmt: skip
def test_parquet_is_read_back_by_arrow(project, tmp_path, compression, stored):
    project.transform("t", sql=TYPED)
    project.exposure("e", inputs=["t"], params={"path": "x.parquet", "compression": compression})
    good(project)
    assert [tuple(row.values()) for row in pq.read_table(tmp_path / "x.parquet").to_pylist()] == VALUES
    assert pq.ParquetFile(tmp_path / "x.parquet").metadata.row_group(0).column(0).compression == stored


def test_the_summary_tells_rows_bytes_digest_and_when(project, tmp_path):
    import hashlib

    project.transform("t", sql=TYPED)
    project.exposure("e", inputs=["t"], to="x.csv")
    before = datetime.now(UTC).replace(microsecond=0)
    result = good(project)["exposure.e"]
    content = (tmp_path / "x.csv").read_bytes()
    found = result.metadata
    assert (result.row_count, found["target"], found["format"]) == (3, "x.csv", "csv")
    assert found["metrics"] == {"rows": 3, "bytes": len(content)}
    assert found["sha256"] == hashlib.sha256(content).hexdigest()
    assert before <= datetime.fromisoformat(found["delivered_at"]) <= datetime.now(UTC)
    assert "warnings" not in found


@pytest.mark.parametrize(("name", "content"), [("x.csv", "a,b\n"), ("x.tsv", "a\tb\n"), ("x.jsonl", "")])
def test_no_rows_are_a_header_and_a_warning(project, tmp_path, name, content):
    project.exposure("e", sql="SELECT 1 AS a, 2 AS b WHERE false", to=name)
    result = good(project)["exposure.e"]
    assert (tmp_path / name).read_text() == content
    assert result.row_count == 0
    assert "no rows" in result.metadata["warnings"][0]


# Workbooks


def sheet(path, name=None):
    import openpyxl

    book = openpyxl.load_workbook(path)
    return book[name] if name else book.active


@xlsx
def test_a_workbook_has_dates_numbers_truth_and_texts(project, tmp_path):
    project.transform("t", sql=TYPED)
    project.exposure("e", inputs=["t"], params={"path": "x.xlsx", "sheet": "My rows"})
    good(project)
    found = sheet(tmp_path / "x.xlsx", "My rows")
    values = [tuple(cell.value for cell in row) for row in found.iter_rows()]
    expected = [
        tuple(float(v) if isinstance(v, Decimal) else datetime(v.year, v.month, v.day) if type(v) is date else v for v in row)
        for row in VALUES
    ]
    assert values == [tuple(NAMES), *expected]
    assert [cell.data_type for cell in found[4]] == ["n", "s", "n", "b", "d", "d", "n"]  # =1+1 is a text, no formula
    assert (found.freeze_panes, found["A1"].font.bold) == ("A2", True)


@xlsx
def test_what_excel_cannot_hold_exactly_is_text_and_said(project, tmp_path):
    sql = """SELECT 9007199254740993 AS big, 1234567890123456.78::DECIMAL(18,2) AS d, 'NaN'::DOUBLE AS n, DATE '1850-01-01' AS old,
             [1, NULL] AS l, {'a': 'x'} AS s, TIMESTAMPTZ '2024-01-01 01:00:00+01' AS z, TIME '10:00:00' AS t, 5::UBIGINT AS u,
             [TIMESTAMP '2024-01-01'] AS ts"""
    project.exposure("e", sql=sql, to="x.xlsx")
    result = good(project)["exposure.e"]
    found = sheet(tmp_path / "x.xlsx")
    assert [cell.value for cell in found[2]] == [
        "9007199254740993", "1234567890123456.78", "nan", "1850-01-01", "[1,null]", '{"a":"x"}', datetime(2024, 1, 1), "10:00:00", 5,
        '["2024-01-01 00:00:00"]',
    ]  # fmt: skip
    assert result.metadata["warnings"] == ["4 values that Excel cannot hold exactly were written as text"]
    assert found.title == "e"


@xlsx
def test_no_text_becomes_a_formula_or_a_link(project, tmp_path):
    texts = ["=1+1", "https://e.org", "{=A1}", "+1", "007", ""]
    project.exposure("e", python=f"return {{'s': {texts}}}", to="x.xlsx")
    good(project)
    found = [row[0] for row in sheet(tmp_path / "x.xlsx").iter_rows(min_row=2)]
    assert [(cell.value or "", cell.data_type if cell.value else "s", cell.hyperlink) for cell in found] == [(text, "s", None) for text in texts]


@xlsx
@pytest.mark.parametrize(("sql", "fragment"), [
    ("SELECT range AS x FROM range(1048576)", "a sheet 1,048,576"), ("SELECT repeat('x', 32768) AS x", "a cell has 32,767"),
])  # fmt: skip
def test_a_workbook_that_excel_cannot_open_is_not_written(project, tmp_path, sql, fragment):
    project.exposure("e", sql=sql, to="x.xlsx")
    assert fragment in failure(project, "exposure.e").error_message
    assert names_in(tmp_path) == []


@xlsx
def test_the_same_rows_give_the_same_workbook(project, tmp_path):
    project.exposure("e", sql=TYPED, to="x.xlsx")
    first = good(project)["exposure.e"].metadata["sha256"]
    assert good(project, full=True)["exposure.e"].metadata["sha256"] == first


# Pages


class Cells(HTMLParser):
    """The cells of a page's tables, as a browser reads them."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.text, self.tags = [], "", []
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag):
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data):
        self.text += data
        if self._cell:
            self.rows[-1][-1] += data


def test_a_page_shows_the_rows_escaped(project, tmp_path):
    project.transform("t", sql=TYPED)
    project.exposure("e", inputs=["t"], params={"path": "x.html", "title": "a <title>"})
    good(project)
    found = Cells((tmp_path / "x.html").read_text(encoding="utf-8"))
    expected = [["NULL" if cell == "" else cell for cell in row] for row in texts(VALUES)]
    assert found.rows == [NAMES, *expected]
    assert "b" not in found.tags
    assert "a <title>" in found.text
    assert "3 rows" in found.text
    assert "http" not in (tmp_path / "x.html").read_text()


def test_a_page_says_when_it_does_not_show_all_rows(project, tmp_path):
    project.exposure("e", sql="SELECT range AS x FROM range(10001)", to="x.html")
    result = good(project)["exposure.e"]
    found = Cells((tmp_path / "x.html").read_text())
    assert len(found.rows) == 10_001
    assert "first 10,000 of 10,001 rows" in found.text
    assert "first 10,000 of 10,001 rows" in result.metadata["warnings"][0]
    assert result.row_count == 10_001


DRAWN = """
class Drawn:
    def _repr_html_(self):
        return '<p id="p">three</p>'
"""


def test_a_report_shows_its_parts_in_order(project, tmp_path):
    project.transform("t", sql="SELECT 1 AS x, '<i>' AS s")
    project.node("exposure", "e", type="report", params={"path": "r.html", "title": "Numbers"}, python=f"{DRAWN}\nreturn ['# One\\n*two* <script>', t, Drawn()]")
    result = good(project)["exposure.e"]
    text = (tmp_path / "r.html").read_text()
    parts = ["<h1>Numbers</h1>", "<h1>One</h1>", "<p><em>two</em> &lt;script&gt;</p>", "&lt;i&gt;", '<p id="p">three</p>']
    assert [text.index(part) for part in parts] == sorted(text.index(part) for part in parts)
    assert result.row_count == 1


def test_a_report_without_a_body_shows_its_inputs(project, tmp_path):
    project.transform("a", sql="SELECT 1 AS x")
    project.transform("b", sql="SELECT 2 AS y")
    project.node("exposure", "e", type="report", to="r.html", inputs=["a", "b"])
    good(project)
    found = Cells((tmp_path / "r.html").read_text())
    assert found.rows == [["x"], ["1"], ["y"], ["2"]]
    assert found.text.index("transform.a") < found.text.index("transform.b")


def test_a_report_of_sql_shows_its_rows(project, tmp_path):
    project.node("exposure", "e", type="report", to="r.html", sql="SELECT 7 AS x")
    good(project)
    assert Cells((tmp_path / "r.html").read_text()).rows == [["x"], ["7"]]


@pytest.mark.parametrize(("text", "html"), [
    ("# A *title*", "<h1>A <em>title</em></h1>\n"), ("x <b>y</b> & z", "<p>x &lt;b&gt;y&lt;/b&gt; &amp; z</p>\n"),
    ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>\n"), ("  <p>x</p>", "<p>&lt;p&gt;x&lt;/p&gt;</p>\n"),
])  # fmt: skip
def test_a_text_is_markdown_in_which_no_tag_is_one(text, html):
    assert pages.text_of(text) == html


def test_a_table_of_markdown_becomes_a_table():
    found = Cells(pages.text_of("| a | b |\n|---|:-:|\n| 1 | *2* |\n| 3 | 4 |\n\nafter"))
    assert found.rows == [["a", "b"], ["1", "2"], ["3", "4"]]
    assert found.tags.count("em") == 1


@settings(max_examples=150)
@given(st.text(alphabet="ab <>&\"'*_`#-|[]()1.\n:~\t", max_size=60))
def test_no_markdown_brings_a_tag_of_its_own(text):
    allowed = {"h1", "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "pre", "code", "em", "strong", "a", "hr", "br", "img", "blockquote", "table", "thead", "tbody", "tr", "th", "td"}
    for whole in (text, f"x\n\n{text}", f"<b>{text}"):
        assert set(Cells(pages.text_of(whole)).tags) <= allowed


@pytest.mark.parametrize("body", ["return [df.x[0], df]", "return df.x[0]", "return (df.x[0],)"])
@pytest.mark.parametrize("cell", ["<script>alert(1)</script>", "<!DOCTYPE html><html><script>alert(1)</script></html>"])
def test_no_cell_brings_a_tag_to_a_report(project, tmp_path, cell, body):
    project.transform("t", sql=f"SELECT '{cell}' AS x")
    project.node("exposure", "e", type="report", to="r.html", python=f"df = ref('t')\n{body}")
    result = good(project)["exposure.e"]
    found = Cells((tmp_path / "r.html").read_text())
    assert "script" not in found.tags
    assert "<script>alert(1)</script>" in found.text
    assert "IPython.display.HTML" in result.metadata["warnings"][0]


def test_an_address_at_the_beginning_of_a_text_is_a_link(project, tmp_path):
    project.node("exposure", "e", type="report", to="r.html", python="return ['<https://e.org/x>', '<a.b@e.org>', '< 3', 'x <b>']")
    assert "warnings" not in good(project)["exposure.e"].metadata
    assert Cells((tmp_path / "r.html").read_text()).tags.count("a") == 2


def test_html_of_ones_own_is_an_object_that_draws_itself(project, tmp_path):
    python = "from IPython.display import HTML\nreturn [HTML('<p id=\"mine\">x</p>'), HTML('<!DOCTYPE html><html><p>whole</p></html>')]"
    project.node("exposure", "e", type="report", to="r.html", python=python)
    result = good(project)["exposure.e"]
    text = (tmp_path / "r.html").read_text()
    assert '<p id="mine">x</p>' in text
    assert text.count("<!DOCTYPE html>") == 1  # a whole page stands in a frame
    assert 'srcdoc="&lt;!DOCTYPE html' in text
    assert "warnings" not in result.metadata


# Figures

ALTAIR = """
import altair as alt
import duckdb
import pandas as pd
return alt.Chart(pd.DataFrame({'a': [1, 2], 'b': [3, 4]})).mark_bar().encode(x='a', y='b')
"""
FIGURE = """
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([1, 2], [3, 4])
return {what}
"""
BEGINS = {"svg": (b"<svg", b"<?xml"), "png": b"\x89PNG", "pdf": b"%PDF", "html": b"<!DOCTYPE html"}


def figure(library, what="fig"):
    return ALTAIR if library == "altair" else FIGURE.replace("{what}", what)


@pytest.mark.parametrize("library", [pytest.param("altair", marks=altair), pytest.param("matplotlib", marks=matplotlib)])
@pytest.mark.parametrize("form", BEGINS)
def test_a_figure_is_delivered_as_it_was_asked_for(project, tmp_path, library, form):
    project.node("exposure", "e", type="chart", to=f"x.{form}", python=figure(library))
    first = good(project)["exposure.e"].metadata["sha256"]
    content = (tmp_path / f"x.{form}").read_bytes()
    assert content.startswith(BEGINS[form])
    if form == "html":
        assert b'src="http' not in content
        assert b"<svg" in content or b"vegaEmbed" in content
    if (library, form) != ("altair", "pdf"):  # whose objects have a random order
        assert good(project, full=True)["exposure.e"].metadata["sha256"] == first


@matplotlib
def test_axes_stand_for_their_figure_and_pyplot_forgets_it(project, tmp_path):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    backend = sys.modules["matplotlib"].get_backend()
    salt = sys.modules["matplotlib"].rcParams["svg.hashsalt"]
    project.exposure("e", to="x.svg", python=figure("matplotlib", "ax"))
    good(project)
    assert (tmp_path / "x.svg").read_bytes().startswith(BEGINS["svg"])
    assert plt.get_fignums() == before
    assert (sys.modules["matplotlib"].get_backend(), sys.modules["matplotlib"].rcParams["svg.hashsalt"]) == (backend, salt)


@altair
@matplotlib
def test_a_report_holds_figures(project, tmp_path):
    python = FIGURE.replace("return {what}", "") + ALTAIR.replace("return ", "chart = ") + "return ['# T', fig, chart]"
    project.node("exposure", "e", type="report", to="r.html", python=python)
    good(project)
    text = (tmp_path / "r.html").read_text()
    assert text.count("<figure><svg") == 2
    assert "<?xml" not in text


def test_what_draws_itself_as_html_is_delivered(project, tmp_path):
    python = "class Styled:\n    def to_html(self):\n        return '<p>styled</p>'\nreturn Styled()"
    project.exposure("e", to="x.html", python=python)
    good(project)
    assert (tmp_path / "x.html").read_text() == "<p>styled</p>"


def test_plotly_brings_its_script(project, tmp_path):
    """By duck-typing: a class that lies in a package called plotly."""
    python = (
        "class Figure:\n    def to_html(self, **options):\n        return f'<html>{sorted(options.items())}</html>'\n"
        "Figure.__module__ = 'plotly.graph_objs'\nreturn Figure()"
    )
    project.node("exposure", "e", type="chart", to="x.html", python=python)
    good(project)
    assert "('include_plotlyjs', True)" in (tmp_path / "x.html").read_text()


@pytest.mark.parametrize(("python", "to", "fragment"), [
    ("return 3", "x.svg", "the body gave a int, which cannot be delivered as svg"), ("return None", "x.html", "the body gave nothing"),
    ("return 'x'", "x.png", "the body gave a str"), ("return {'a': [1]}", "x.svg", "a table cannot be delivered as svg"),
    ("class S:\n    def to_html(self):\n        return ''\nreturn S()", "x.svg", "a S cannot be delivered as svg"),
    ("class S:\n    def to_html(self):\n        raise ValueError('no font')\nreturn S()", "x.html", "no font"),
])  # fmt: skip
def test_what_is_no_figure_is_refused(project, tmp_path, python, to, fragment):
    project.exposure("e", to=to, python=python)
    assert fragment in failure(project, "exposure.e").error_message
    assert names_in(tmp_path) == []


# Parquet in folders


def folders(path):
    return sorted(str(p.parent.relative_to(path)) for p in path.rglob("*.parquet"))


def test_folders_are_called_by_their_values(project, tmp_path):
    project.transform("t", sql="SELECT range AS x, CASE WHEN range % 3 > 0 THEN 'k/ ' || range % 3 END AS k, INTERVAL 1 DAY AS i FROM range(10)")
    project.exposure("e", inputs=["t"], params={"path": "out/t", "format": "parquet", "partition_by": ["K"], "compression": "zstd"})
    result = good(project)["exposure.e"]
    assert folders(tmp_path / "out/t") == ["k=__HIVE_DEFAULT_PARTITION__", "k=k%2F%201", "k=k%2F%202"]
    found = ds.dataset(tmp_path / "out/t", partitioning="hive").to_table().sort_by("x").to_pylist()
    assert [(row["x"], row["k"]) for row in found] == [(n, f"k/ {n % 3}" if n % 3 else None) for n in range(10)]
    assert (result.row_count, result.metadata["metrics"]["files"]) == (10, 3)
    one = next((tmp_path / "out/t").rglob("*.parquet"))
    assert pq.ParquetFile(one).metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_new_delivery_takes_the_place_of_all_folders(project, tmp_path):
    project.exposure("e", sql="SELECT 1 AS x, unnest(['a', 'b']) AS k", params={"path": "out", "partition_by": "k"})
    good(project)
    project.exposure("e", sql="SELECT 2 AS x, unnest(['b', 'c']) AS k", params={"path": "out", "partition_by": "k"})
    good(project)
    assert folders(tmp_path / "out") == ["k=b", "k=c"]
    assert leftovers(tmp_path) == []


def test_folders_are_delivered_again_when_a_file_is_added_edited_or_gone(project, tmp_path):
    project.exposure("e", sql="SELECT 1 AS x, unnest(['a', 'b']) AS k", params={"path": "out", "partition_by": "k"})
    good(project)
    one, other = sorted((tmp_path / "out").rglob("*.parquet"))
    assert status(good(project))["exposure.e"] == "cached"
    for change, reason in (
        (lambda: (one.parent / one.name.replace("-0.", "-7.")).write_bytes(one.read_bytes()), "target altered: out"),
        (lambda: one.write_bytes(one.read_bytes() + b"x"), f"target altered: {one.name}"),
        (other.unlink, f"target missing: {other.name}"),
    ):
        change()
        assert good(project)["exposure.e"].reason == reason
        assert read_all(tmp_path / "out") == [1, 1]
    assert status(good(project))["exposure.e"] == "cached"


def test_no_rows_in_folders_are_still_a_table(project, tmp_path):
    project.exposure("e", sql="SELECT 1 AS x, 'a' AS k WHERE false", params={"path": "out", "partition_by": "k"})
    good(project)
    found = duckdb.sql(f"FROM read_parquet('{tmp_path}/out/**/*.parquet', hive_partitioning = true)")
    assert (found.columns, found.fetchall()) == (["x", "k"], [])


@pytest.mark.parametrize("name", [
    "notes.txt", "precious.parquet", "k=2/p.parquet", "k=2/other-0123456789abcdef-0.parquet", "k=2/e-0123456789abcdeg-0.parquet",
    "e-0123456789abcdef.parquet.bak", "sub/e-0123456789abcdef-0.parquet",
])  # fmt: skip
def test_a_directory_with_other_files_is_never_replaced(project, tmp_path, name):
    file = tmp_path / "out" / name
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    project.exposure("e", sql="SELECT 1 AS x, 2 AS k", params={"path": "out", "partition_by": "k"})
    error = failure(project, "exposure.e").error_message
    assert "out holds what was not delivered" in error
    assert name.partition("/")[0] in error
    assert [p for p in (tmp_path / "out").rglob("*") if p.is_file()] == [file]


def test_what_came_into_a_directory_while_the_body_ran_is_never_replaced(project, tmp_path):
    python = f"""
import pathlib
pathlib.Path({str(tmp_path)!r}, 'out').mkdir()
pathlib.Path({str(tmp_path)!r}, 'out/mine.parquet').write_text('mine')
return {{'x': [1], 'k': [2]}}
"""
    project.exposure("e", python=python, params={"path": "out", "partition_by": "k"})
    assert "mine.parquet is there" in failure(project, "exposure.e").error_message
    assert names_in(tmp_path / "out") == ["mine.parquet"]
    assert leftovers(tmp_path) == []


def test_a_link_to_a_directory_is_never_replaced(project, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    project.exposure("e", sql="SELECT 1 AS x, 2 AS k", params={"path": "out", "partition_by": "k"})
    assert "out is a link" in failure(project, "exposure.e").error_message
    assert (tmp_path / "out").is_symlink()
    (tmp_path / "out").unlink()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/k=2").symlink_to("../real")
    assert "k=2 is there" in failure(project, "exposure.e").error_message


def test_rows_are_added_beside_the_parquet_of_others(project, tmp_path):
    (tmp_path / "out").mkdir()
    pd.DataFrame({"x": [7]}).to_parquet(tmp_path / "out/mine.parquet")
    project.exposure("e", sql="SELECT 1 AS x", params={"path": "out", "format": "parquet", "mode": "append"})
    good(project)
    assert read_all(tmp_path / "out") == [1, 7]


def test_directories_are_swapped_where_the_system_cannot_exchange_them(project, tmp_path, monkeypatch):
    monkeypatch.setattr(writers, "_EXCHANGE", 1 << 20)  # a flag that no kernel has
    for number in (1, 2):
        project.exposure("e", sql=f"SELECT {number} AS x, {number} AS k", params={"path": "out", "partition_by": "k"})
        good(project)
    assert folders(tmp_path / "out") == ["k=2"]
    assert leftovers(tmp_path) == []


def read_all(path):
    return sorted(ds.dataset(path, partitioning="hive").to_table().column("x").to_pylist())


def added(result):
    """How many rows a delivery tells that it added, and whether it says that it was there already."""
    warnings = result.metadata.get("warnings", [])
    assert result.metadata["metrics"]["rows"] == result.row_count
    return result.row_count, any("there already" in text for text in warnings)


@pytest.mark.parametrize("partition_by", [None, ["k"]])
def test_an_append_adds_each_delivery_once(project, tmp_path, partition_by):
    """The same key is the same delivery, however often it is made."""
    params = {"path": "out", "format": "parquet", "mode": "append", "partition_by": partition_by}

    def deliver(number, **options):
        project.exposure("e", sql=f"SELECT {number} AS x, unnest(['a', 'b']) AS k", params=params)
        return good(project, **options)["exposure.e"]

    assert added(deliver(1)) == (2, False)
    assert read_all(tmp_path / "out") == [1, 1]
    assert added(deliver(2)) == (2, False)
    assert read_all(tmp_path / "out") == [1, 1, 2, 2]
    assert added(deliver(2, full=True)) == (0, True)
    assert read_all(tmp_path / "out") == [1, 1, 2, 2]
    assert added(deliver(1)) == (0, True)
    assert read_all(tmp_path / "out") == [1, 1, 2, 2]
    assert deliver(1).status == "cached"
    for path in (tmp_path / "out").rglob("*.parquet"):
        path.unlink()
    assert deliver(1).reason.startswith("target missing")
    assert read_all(tmp_path / "out") == [1, 1]


def test_a_delivery_that_is_made_again_replaces_its_files(project, tmp_path):
    project.exposure("e", sql="SELECT now() AS x, 1 AS k", params={"path": "out", "mode": "append", "partition_by": "k"})
    good(project)
    before = read_all(tmp_path / "out")
    good(project, full=True)
    after = read_all(tmp_path / "out")
    assert len(after) == len(before) == 1
    assert after > before


def test_rows_of_a_folder_are_one_file_in_their_order(project, tmp_path):
    sql = "SELECT x, x % 1100 AS k FROM (SELECT unnest(range(11000)) AS x) ORDER BY x DESC"
    project.exposure("e", sql=sql, params={"path": "out", "partition_by": "k"})
    good(project)
    found = {path.parent.name: pq.read_table(path).column("x").to_pylist() for path in (tmp_path / "out").rglob("*.parquet")}
    assert len(list((tmp_path / "out").rglob("*.parquet"))) == len(found) == 1100
    assert found["k=7"] == list(range(7, 11_000, 1100))[::-1]


def test_a_column_of_too_many_values_is_refused(project, tmp_path):
    project.exposure("e", sql="SELECT range AS x, range AS k FROM range(5001)", params={"path": "out", "partition_by": "k"})
    assert "5,001 folders" in failure(project, "exposure.e").error_message
    assert names_in(tmp_path) == []


def test_deliveries_to_one_directory_at_a_time_all_arrive(project, tmp_path):
    for number in range(8):
        params = {"path": "out", "format": "parquet", "mode": "append", "partition_by": ["k"]}
        project.node("exposure", f"e{number}", sql=f"SELECT {number} AS x, unnest([1, 2]) AS k", params=params)
    good(project, workers=8)
    assert read_all(tmp_path / "out") == sorted([*range(8), *range(8)])
    assert set(status(good(project)).values()) == {"cached"}


# SQLite


def ask(path, query, *values):
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query, values).fetchall()


def test_a_table_of_sqlite_has_the_types_it_can_have(project, tmp_path):
    sql = """SELECT 1::TINYINT AS i, 5::UBIGINT AS u, sum(9007199254740993::BIGINT) AS h, 1.5::FLOAT AS f, true AS b, 'x' AS s, 'ab'::BLOB AS bl,
             DATE '2024-02-29' AS d, TIMESTAMP '2024-02-29 12:30:15.5' AS at, TIMESTAMPTZ '2024-01-01 01:00:00+01' AS z, 12.30::DECIMAL(10,2) AS n,
             12345678901234567.89::DECIMAL(20,2) AS w, [1, NULL] AS l, {'a': 'x'} AS st, INTERVAL 1 DAY AS iv,
             'b5a3cd5e-0000-4000-8000-000000000001'::UUID AS id, NULL AS none"""
    project.exposure("e", sql=sql, params={"path": "out/db.sqlite", "table": "t"})
    result = good(project)["exposure.e"]
    path = tmp_path / "out/db.sqlite"
    assert ask(path, "SELECT * FROM t") == [(
        1, 5, 9007199254740993, 1.5, 1, "x", b"ab", "2024-02-29", "2024-02-29 12:30:15.5", "2024-01-01 00:00:00+00", 12.3,
        "12345678901234567.89", "[1,null]", '{"a":"x"}', "1 day", "b5a3cd5e-0000-4000-8000-000000000001", None,
    )]  # fmt: skip
    types = dict(ask(path, "SELECT name, type FROM pragma_table_info('t')"))
    assert [types[n] for n in ("i", "f", "b", "s", "bl", "d", "n", "w")] == ["INTEGER", "REAL", "INTEGER", "TEXT", "BLOB", "TEXT", "NUMERIC", "TEXT"]
    assert ask(path, "SELECT date(at), n + 1 FROM t") == [("2024-02-29", 13.3)]
    assert result.row_count == 1
    assert result.metadata["target"] == "out/db.sqlite:t"
    assert leftovers(tmp_path) == []


def prepared(path):
    """A database with a table of somebody else, and one of ours with an index and a view."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE other (a)")
        database.execute("INSERT INTO other VALUES (1)")
        database.execute('CREATE TABLE "my table" (x INTEGER, "q""q" TEXT)')
        database.execute('CREATE INDEX ix ON "my table" (x)')
        database.execute('CREATE VIEW v AS SELECT x FROM "my table"')


def test_other_tables_indexes_and_views_stay(project, tmp_path):
    prepared(tmp_path / "a.db")
    project.exposure("e", sql="SELECT range AS x, 'y' AS \"q\"\"q\" FROM range(25000)", params={"path": "a.db", "table": "my table"})
    good(project)
    assert ask(tmp_path / "a.db", "SELECT a FROM other") == [(1,)]
    assert ask(tmp_path / "a.db", "SELECT count(*), sum(x) FROM v") == [(25_000, 25_000 * 24_999 // 2)]
    assert ask(tmp_path / "a.db", "SELECT name FROM sqlite_master WHERE type = 'index'") == [("ix",)]
    assert ask(tmp_path / "a.db", "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1") == [("my table",), ("other",)]


def test_what_fails_leaves_the_database_as_it_was(project, tmp_path):
    prepared(tmp_path / "a.db")
    for sql in ("SELECT 1 AS x, 'y' AS \"q\"\"q\"", "SELECT 1 AS y"):  # the index needs x
        project.exposure("e", sql=sql, params={"path": "a.db", "table": "my table"})
        error = run(project)["exposure.e"].error_message
    assert "SQLite refuses: a.db" in error
    assert ask(tmp_path / "a.db", "SELECT * FROM \"my table\"") == [(1, "y")]
    project.exposure("e", sql="SELECT 1 AS y", params={"path": "a.db", "table": "v"})
    assert "view" in failure(project, "exposure.e").error_message
    (tmp_path / "b.db").write_text("this is no database, whatever its name says " * 20)
    project.exposure("e", sql="SELECT 1 AS y", params={"path": "b.db", "table": "t"})
    assert "SQLite refuses: b.db" in failure(project, "exposure.e").error_message
    assert (tmp_path / "b.db").read_text().startswith("this is no database")


def test_a_database_that_was_not_there_is_not_left_half_made(project, tmp_path):
    project.exposure("e", sql="SELECT error('stop') AS y", params={"path": "a.db", "table": "t"})
    failure(project, "exposure.e")
    project.exposure("e", sql="SELECT 18446744073709551615::UBIGINT AS y", params={"path": "a.db", "table": "t"})
    failure(project, "exposure.e")
    assert names_in(tmp_path) == []


def test_a_table_is_delivered_again_when_it_is_another(project, tmp_path):
    project.transform("t", sql="SELECT 1 AS x")
    project.exposure("e", inputs=["t"], params={"path": "a.db", "table": "t"})
    path = tmp_path / "a.db"
    good(project)
    assert status(good(project))["exposure.e"] == "cached"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE other (a)")
    assert status(good(project))["exposure.e"] == "cached"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE t SET x = 7")
    assert good(project)["exposure.e"].reason == "target altered: a.db, table t"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP TABLE t")
    assert good(project)["exposure.e"].reason == "target missing: a.db, table t"
    path.unlink()
    assert good(project)["exposure.e"].reason == "target missing: a.db, table t"
    project.transform("t", sql="SELECT 2 AS x")
    good(project)
    assert ask(path, "SELECT x FROM t") == [(2,)]


def test_an_append_to_sqlite_adds_each_delivery_once(project, tmp_path):
    path, params = tmp_path / "a.db", {"path": "a.db", "table": "t", "mode": "append"}

    def deliver(number, **options):
        project.exposure("e", sql=f"SELECT {number} AS x, now()::VARCHAR AS loaded", params=params)
        return good(project, **options)["exposure.e"]

    assert [added(deliver(1)), added(deliver(2))] == [(1, False)] * 2
    assert [added(deliver(2, full=True)), added(deliver(1))] == [(0, True)] * 2
    assert ask(path, "SELECT x FROM t") == [(1,), (2,)]
    assert deliver(1).status == "cached"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP TABLE t")
    assert deliver(1).reason.startswith("target missing")
    deliver(2)
    assert ask(path, "SELECT x FROM t") == [(1,), (2,)]
    project.exposure("e", sql="SELECT 3 AS x, 4 AS strange", params=params)
    assert "strange" in failure(project, "exposure.e").error_message
    assert ask(path, "SELECT count(*) FROM t") == [(2,)]


def test_deliveries_to_one_new_database_at_a_time_all_arrive(project, tmp_path):
    for number in range(6):
        sql = f"SELECT {number} AS x" if number else "SELECT 18446744073709551615::UBIGINT AS x"  # the first one fails
        project.node("exposure", f"e{number}", sql=sql, params={"path": "a.db", "table": f"t{number}"})
    assert [r.node_id for r in run(project, workers=6, continue_on_error=True).failed] == ["exposure.e0"]
    assert [ask(tmp_path / "a.db", f"SELECT x FROM t{n}") for n in range(1, 6)] == [[(n,)] for n in range(1, 6)]


# What may not be written


@pytest.mark.parametrize(("params", "fragment"), [
    ({"path": "../x.db", "table": "t"}, "outside the project"), ({"path": "link.db", "table": "t"}, "outside the project"),
    ({"path": "target/outputs/x.csv"}, "among the builds"), ({"path": "target/x.csv"}, "among the builds"),
    ({"path": ".", "format": "parquet", "partition_by": "x"}, "own folder"), ({"path": "dir", "format": "csv"}, "is a directory"),
    ({"path": "in.csv"}, "is what it reads"), ({"path": "sub/../in.csv"}, "is what it reads"), ({"path": "in.csv", "format": "parquet", "partition_by": "x"}, "is a file"),
    ({"path": "out", "partition_by": "z"}, "no column 'z'"), ({"path": "out", "partition_by": ["x", "y"]}, "names every column"),
])  # fmt: skip
def test_where_nothing_may_be_delivered_the_body_does_not_run(tmp_path, params, fragment):
    home = tmp_path / "home"
    (home / "dir").mkdir(parents=True)
    (home / "in.csv").write_text("x,y\n1,2\n")
    (tmp_path / "other.db").touch()
    (home / "link.db").symlink_to(tmp_path / "other.db")
    project = Project(home, namespace={})
    project.exposure("e", sql="SELECT * FROM read_csv('in.csv')", params=params)
    assert fragment in failure(project, "exposure.e").error_message
    assert names_in(home) == ["dir", "in.csv", "link.db"]
    assert (home / "in.csv").read_text() == "x,y\n1,2\n"
    assert (tmp_path / "other.db").stat().st_size == 0
    assert leftovers(home) == []
    project.close()


def test_a_folder_of_target_that_is_not_the_program_s_own_is_free(project, tmp_path):
    project.exposure("e", sql="SELECT 1 AS x", to="target/exports/x.csv")
    good(project)
    assert (tmp_path / "target/exports/x.csv").read_text() == "x\n1\n"
    assert status(good(project))["exposure.e"] == "cached"


@pytest.mark.parametrize("to", ["out/x.csv", "out/x.html"])
def test_a_body_that_fails_leaves_no_folder(project, tmp_path, to):
    project.exposure("e", python="raise ValueError('stop')", to=to)
    failure(project, "exposure.e")
    project.exposure("e", sql="SELECT error('stop') AS x", to=to)
    failure(project, "exposure.e")
    assert names_in(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_keeps_its_file(project, tmp_path):
    project.exposure("e", sql="SELECT 1 AS x", to="out/x.csv")
    good(project)
    (tmp_path / "out").chmod(0o500)
    project.exposure("e", sql="SELECT 2 AS x", to="out/x.csv")
    assert "cannot write" in failure(project, "exposure.e").error_message
    (tmp_path / "out").chmod(0o700)
    assert (tmp_path / "out/x.csv").read_text() == "x\n1\n"


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown option": ({"params": {"path": "x.csv", "compresion": "gzip"}}, "unknown option 'compresion' of an exposure as csv.*compression"),
    "an option of another format": ({"params": {"path": "x.csv", "sheet": "a"}}, "unknown option 'sheet'"),
    "an unknown key": ({"to": "x.csv", "severity": "warn"}, "unknown key 'severity' of an exposure"),
    "a key beside params": ({"to": "x.csv", "mode": "append"}, "unknown key 'mode' of an exposure.*params"),
    "a table that is stored": ({"to": "x.csv", "materialized": "table"}, "unknown key 'materialized' of an exposure"),
    "an unknown type": ({"to": "x.csv", "type": "fille"}, "unknown type 'fille'.*file"),
    "a type that is only declared": ({"type": "dashboard", "to": "x.csv"}, "type dashboard is not delivered"),
    "an API": ({"type": "api", "params": {"path": "x.json"}}, "type api is not delivered"),
    "a URL": ({"to": "sqlite:///rows.db", "params": {"table": "t"}}, "sqlite:///rows.db is no path"),
    "two targets": ({"to": "x.csv", "params": {"path": "y.csv"}}, "two targets"),
    "two formats": ({"to": "x.csv", "format": "csv", "params": {"format": "json"}}, "two formats"),
    "an unknown format": ({"to": "x.cvs"}, "unknown format 'cvs'.*csv"),
    "no format": ({"to": "x"}, "unknown format ''"),
    "no path": ({"params": {"format": "csv"}}, "no target"),
    "a path that is no text": ({"params": {"path": 3}}, "path of params must be text"),
    "an unknown compression": ({"params": {"path": "x.csv", "compression": "snappy"}}, "csv is not compressed by snappy"),
    "compression of json's neighbour": ({"params": {"path": "x.parquet", "compression": "zst1"}}, "not compressed by zst1.*zstd"),
    "a packed workbook": ({"to": "x.xlsx.gz"}, "xlsx is not compressed by gzip"),
    "two compressions": ({"params": {"path": "x.csv.gz", "compression": "zstd"}}, "says gzip"),
    "a file that is appended to": ({"params": {"path": "x.csv", "mode": "append"}}, "csv cannot be appended to"),
    "an unknown mode": ({"params": {"path": "x.csv", "mode": "apend"}}, "unknown mode 'apend'.*append"),
    "folders of csv": ({"params": {"path": "x.csv", "partition_by": "a"}}, "unknown option 'partition_by'"),
    "folders that are no names": ({"params": {"path": "x", "format": "parquet", "partition_by": [1]}}, "partition_by must name columns"),
    "a folder twice": ({"params": {"path": "x", "format": "parquet", "partition_by": ["a", "A"]}}, "names a column twice"),
    "no table": ({"params": {"path": "x.db"}}, "no table"),
    "a table of the program": ({"params": {"path": "x.db", "table": "seeknal_deliveries"}}, "bookkeeping"),
    "a table in three parts": ({"params": {"format": "postgres", "table": "a.b.c", "connection": "w"}}, "'a.b.c' is no table"),
    "PostgreSQL in a file": ({"params": {"format": "postgres", "table": "t", "path": "x", "connection": "w"}}, "postgresql is no file"),
    "PostgreSQL nowhere": ({"params": {"format": "postgresql", "table": "t"}}, "no connection named"),
    "a password": ({"params": {"table": "t", "connection_string": "postgresql://u:secret99@h/d"}}, "written out"),
    "a database of csv": ({"type": "database", "params": {"path": "x.csv", "table": "t"}}, "a database is not delivered as csv"),
    "a report of csv": ({"type": "report", "to": "x.csv"}, "a report is not delivered as csv"),
    "a chart of SQL": ({"type": "chart", "to": "x.svg", "sql": "SELECT 1"}, "a chart without Python"),
    "a table as svg": ({"to": "x.svg"}, "a table cannot be delivered as svg"),
    "a table as text": ({"to": "x.md", "sql": "SELECT 1"}, "a table cannot be delivered as text"),
    "a sheet that Excel refuses": ({"params": {"path": "x.xlsx", "sheet": "a/b"}}, "no name of a sheet"),
    "a body that goes nowhere": ({"sql": "SELECT 1"}, "no target"),
    "two bodies": ({"to": "x.csv", "sql": "SELECT 1", "python": "return 1"}, "two bodies"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_delivered_is_refused_at_definition(project, case):
    config, fragment = BAD[case]
    project.transform("t", sql="SELECT 1 AS x")
    with pytest.raises(ManifestError, match=fragment) as caught:
        project.node("exposure", "e", **({} if "sql" in config or "python" in config else {"inputs": ["t"]}), **config)
    assert "secret99" not in str(caught.value)
    assert "Fix: " in str(caught.value)


@pytest.mark.parametrize("config", [
    {"type": "dashboard", "url": "https://e.org", "maturity": "high", "owner": "ann"}, {"type": "notebook", "url": "https://e.org/n.ipynb"},
    {"type": "api", "url": "https://e.org/api"}, {"url": "https://e.org"}, {"type": "file"},
])  # fmt: skip
def test_a_declaration_keeps_what_it_says_and_delivers_nothing(project, tmp_path, config):
    project.transform("t", sql="SELECT 1 AS x")
    project.node("exposure", "e", inputs=["t"], **config)
    result = good(project)["exposure.e"]
    note = {"notebook": "the notebook is not executed", "api": "nothing is sent"}.get(config.get("type"), "nothing is delivered")
    assert result.metadata == {"note": f"a declaration: {note}", **config}
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("config", [{"to": "x.csv"}, {"to": "x.html", "type": "report"}, {"params": {"path": "a.db", "table": "t"}}])
def test_nothing_to_deliver_is_an_error_and_never_sample_data(project, tmp_path, config):
    project.node("exposure", "e", **config)
    assert "input" in failure(project, "exposure.e").error_message
    assert names_in(tmp_path) == []


# The line of a cell


@pytest.mark.parametrize(("line", "config"), [
    ("e --to x.csv.gz", {"to": "x.csv.gz"}),
    ("e --sqlite a.db --table t --mode append", {"params": {"format": "sqlite", "path": "a.db", "table": "t", "mode": "append"}}),
    ("e --postgres mart.daily --connection wh", {"params": {"format": "postgresql", "table": "mart.daily", "connection": "wh"}}),
    ("e --to out --partition-by a,b --compression zstd", {"to": "out", "params": {"partition_by": ["a", "b"], "compression": "zstd"}}),
    ("e --to x.xlsx --sheet 'My rows'", {"to": "x.xlsx", "params": {"sheet": "My rows"}}),
    ("e --type report --to x.html --title 'A b'", {"type": "report", "to": "x.html", "params": {"title": "A b"}}),
    ("e --type dashboard --url u --maturity high", {"type": "dashboard", "url": "u", "maturity": "high"}),
])  # fmt: skip
def test_the_options_of_a_line_are_the_keys_of_yaml(project, line, config):
    import shlex

    found = define("exposure", shlex.split(line), "")
    assert found.config == config
    project.transform("t", sql="SELECT 1 AS a")
    project.node("exposure", "e", inputs=["t"], **found.config)


@pytest.mark.parametrize("line", ["e --to x.csv --sqlite a.db", "e --postgres t --table u", "e --mode add", "e --compresion gzip"])
def test_a_line_that_contradicts_itself_is_refused(line):
    with pytest.raises(UsageError):
        define("exposure", line.split(), "")


# Laws

ROWS = st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)),
                          st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))), min_size=1, max_size=12)  # fmt: skip


@settings(max_examples=15)
@given(ROWS)
def test_what_is_delivered_is_what_was_given(tmp_path_factory, table):
    """Over texts of any alphabet and numbers of any size, by files and by SQLite."""
    home = tmp_path_factory.mktemp("given")
    frame = pd.DataFrame({
        "n": pd.Series([r[0] for r in table], dtype="int64"), "s": pd.Series([r[1] for r in table], dtype="object"),
        "f": pd.Series([r[2] for r in table], dtype="float64"),
    })  # fmt: skip
    with closing(Project(home, namespace={"frame": frame})) as project:
        project.node("source", "given", source="dataframe", input="frame")
        for name in ("x.parquet", "x.jsonl"):
            project.node("exposure", name.replace(".", "_"), inputs=["given"], to=name)
        project.node("exposure", "db", inputs=["given"], params={"path": "x.db", "table": "t"})
        good(project)
    assert [tuple(r.values()) for r in pq.read_table(home / "x.parquet").to_pylist()] == table
    assert [tuple(json.loads(line).values()) for line in (home / "x.jsonl").read_text("utf-8").split("\n")[:-1]] == table
    assert ask(home / "x.db", "SELECT * FROM t") == table


def test_a_run_that_is_stopped_delivers_nothing(project, tmp_path):
    import threading

    cancelled = threading.Event()
    project.namespace["stop"] = None
    project.exposure("e", sql="SELECT range AS x FROM range(100000)", params={"path": "a.db", "table": "t"})
    cancelled.set()
    summary = run(project, cancelled=cancelled)
    assert summary["exposure.e"].status == "pending"
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("params", [{"path": "a.db", "table": "t"}, pytest.param({"path": "x.xlsx"}, marks=xlsx)])
def test_a_delivery_that_is_stopped_in_the_middle_leaves_nothing(project, tmp_path, params):
    """The stop comes when rows are being written, and long before the last one is."""
    import threading

    cancelled, over = threading.Event(), threading.Event()

    def stop():
        while not over.is_set() and not (tmp_path / "a.db").exists() and len(list(tmp_path.glob("target/outputs/.staging/*/*"))) < 2:
            over.wait(0.01)
        cancelled.set()

    project.exposure("e", sql="SELECT range AS x, range::VARCHAR AS s FROM range(1000000)", params=params)
    watch = threading.Thread(target=stop)
    watch.start()
    summary = run(project, cancelled=cancelled)
    over.set()
    watch.join()
    assert summary["exposure.e"].status == "pending"
    assert names_in(tmp_path) == []
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("params", [{"path": "x.csv"}, {"path": "x.txt"}, {"path": "a.db", "table": "t"}, {"path": "o", "partition_by": "k"}])
def test_a_body_that_ends_after_the_stop_delivers_nothing(project, tmp_path, monkeypatch, params):
    import threading

    cancelled = threading.Event()
    monkeypatch.setattr(builtins, "stop", cancelled.set, raising=False)
    value = "'text'" if params["path"] == "x.txt" else "pd.DataFrame({'x': [1][:0], 'k': [1][:0]})"
    project.exposure("e", python=f"import builtins\nimport pandas as pd\nbuiltins.stop()\nreturn {value}", params=params)
    summary = run(project, cancelled=cancelled)
    assert cancelled.is_set()
    assert summary["exposure.e"].status == "pending"
    assert names_in(tmp_path) == []


# PostgreSQL


def deliver(project, sql, table="t", **options):
    mode = options.pop("mode", None)
    project.node("exposure", "e", sql=sql, params={"format": "postgresql", "table": table, "connection": "wh", "mode": mode})
    return good(project, **options)["exposure.e"]


def test_postgresql_gets_its_own_types(project, warehouse):
    sql = """SELECT 1::TINYINT AS i, 2::UINTEGER AS ui, 18446744073709551615::UBIGINT AS ub, sum(9007199254740993::BIGINT) AS h, 12.30::DECIMAL(10,2) AS n,
             1.5::DOUBLE AS f, true AS b, 'é ''q''' AS s, 'ab'::BLOB AS bl, DATE '2024-02-29' AS d, TIMESTAMP '2024-02-29 12:30:15.5' AS at,
             TIMESTAMPTZ '2024-01-01 01:00:00+01' AS z, TIME '10:11:12' AS ti, [1, NULL, 3] AS l, ['a', NULL] AS ls, {'a': 'x'} AS st,
             [{'a': 1}] AS ll, MAP {'k': 1} AS m, INTERVAL 90 MINUTE AS iv, 'b5a3cd5e-0000-4000-8000-000000000001'::UUID AS id, 'u'::ENUM('u', 'v') AS e,
             NULL AS none, 'p' AS "Odd ""name" """
    result = deliver(project, sql)
    types = dict(warehouse.ask("SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 't'"))
    assert types == {
        "i": "smallint", "ui": "bigint", "ub": "numeric", "h": "bigint", "n": "numeric", "f": "double precision", "b": "boolean", "s": "text",
        "bl": "bytea", "d": "date", "at": "timestamp without time zone", "z": "timestamp with time zone", "ti": "time without time zone",
        "l": "ARRAY", "ls": "ARRAY", "st": "jsonb", "ll": "jsonb", "m": "jsonb", "iv": "interval", "id": "uuid", "e": "text", "none": types["none"],
        'Odd "name': "text",
    }  # fmt: skip
    names = ", ".join('"' + name.replace('"', '""') + '"::TEXT' for name in types)
    found = dict(zip(types, warehouse.ask(f"SELECT {names} FROM (SELECT * FROM t) x, (SELECT set_config('TimeZone', 'UTC', true)) tz")[0], strict=True))
    assert found == {
        "i": "1", "ui": "2", "ub": "18446744073709551615", "h": "9007199254740993", "n": "12.30", "f": "1.5", "b": "true", "s": "é 'q'",
        "bl": "\\x6162", "d": "2024-02-29", "at": "2024-02-29 12:30:15.5", "z": "2024-01-01 00:00:00+00", "ti": "10:11:12", "l": "{1,NULL,3}",
        "ls": "{a,NULL}", "st": '{"a": "x"}', "ll": '[{"a": 1}]', "m": '{"k": 1}', "iv": "01:30:00", "id": "b5a3cd5e-0000-4000-8000-000000000001",
        "e": "u", "none": None, 'Odd "name': "p",
    }  # fmt: skip
    assert (result.row_count, result.metadata["target"]) == (1, "postgresql:t")


def test_a_table_of_postgresql_is_swapped_whole(project, warehouse):
    warehouse.execute('CREATE SCHEMA "My Mart"', "CREATE TABLE other AS SELECT 1 AS a")
    deliver(project, "SELECT range AS x FROM range(25000)", 'My Mart.Daily "x"')
    deliver(project, "SELECT 'new' AS y", 'My Mart.Daily "x"')
    assert warehouse.ask('SELECT * FROM "My Mart"."Daily ""x"""') == [("new",)]
    query = "SELECT table_name FROM information_schema.tables WHERE table_schema IN ('My Mart', 'public') ORDER BY 1"
    assert warehouse.ask(query) == [('Daily "x"',), ("other",)]


def test_a_table_of_the_same_columns_keeps_what_belongs_to_it(project, warehouse):
    deliver(project, "SELECT 1 AS x, 'a' AS k")
    warehouse.execute(
        "DROP ROLE IF EXISTS reader", "CREATE ROLE reader", "GRANT SELECT ON t TO reader", "CREATE UNIQUE INDEX ti ON t(x)",
        "CREATE VIEW v AS SELECT x FROM t", "COMMENT ON TABLE t IS 'kept'",
    )  # fmt: skip
    query = """SELECT oid::TEXT, relacl::TEXT, obj_description(oid), (SELECT string_agg(indexname, ',') FROM pg_indexes WHERE tablename = 't')
               FROM pg_class WHERE relname = 't'"""
    before = warehouse.ask(query)
    deliver(project, "SELECT range::INTEGER AS x, 'b' AS k FROM range(3)")
    assert warehouse.ask(query) == before
    assert warehouse.ask("SELECT * FROM t ORDER BY x") == [(0, "b"), (1, "b"), (2, "b")]
    assert warehouse.ask("SELECT count(*) FROM v") == [(3,)]
    warehouse.execute("DROP VIEW v", "REVOKE ALL ON t FROM reader", "DROP ROLE reader")
    deliver(project, "SELECT 'b' AS k, 1 AS x")
    assert warehouse.ask("SELECT * FROM t") == [("b", 1)]


def test_the_partitions_of_a_table_stay_and_its_heirs_keep_their_rows(project, warehouse):
    warehouse.execute(
        "CREATE TABLE t (x INTEGER) PARTITION BY LIST (x)", "CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1)", "CREATE TABLE t2 PARTITION OF t DEFAULT",
        "INSERT INTO t VALUES (1), (5)", "CREATE TABLE u (x INTEGER)", "CREATE TABLE heir (y INTEGER) INHERITS (u)", "INSERT INTO heir VALUES (7, 8)",
    )  # fmt: skip
    deliver(project, "SELECT unnest([1, 2]) AS x")
    assert (warehouse.ask("SELECT * FROM t1"), warehouse.ask("SELECT * FROM t2")) == ([(1,)], [(2,)])
    deliver(project, "SELECT 3 AS x", "u")
    assert warehouse.ask("SELECT x FROM u ORDER BY x") == [(3,), (7,)]
    assert deliver(project, "SELECT 3 AS x", "u").status == "cached"


def test_deliveries_to_one_table_at_a_time_are_one_after_the_other(project, warehouse):
    """Of two that replace the same rows, the second one takes away what the first one put there."""
    warehouse.execute("CREATE TABLE t AS SELECT 0 AS x")
    params = {"format": "postgresql", "table": "t", "connection": "wh"}

    def deliver_from(number):
        with closing(Project(project.directory / f"p{number}", namespace={})) as own:
            (own.directory).mkdir(exist_ok=True)
            (own.directory / "profiles.yml").write_text((project.directory / "profiles.yml").read_text())
            own.node("exposure", "e", sql=f"SELECT {number} AS x FROM range(2000)", params=params)
            good(own)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(deliver_from, range(4)))
    assert warehouse.ask("SELECT count(*), count(DISTINCT x) FROM t") == [(2000, 1)]


ALTERED = {
    "gone": ("DROP TABLE t", "target missing: t"), "emptied": ("TRUNCATE t", "target altered: t"),
    "changed": ("UPDATE t SET x = x", "target altered: t"), "longer": ("INSERT INTO t VALUES (9)", "target altered: t"),
    "another": ("DROP TABLE t; CREATE TABLE t AS SELECT 1 AS x", "target altered: t"),
    "a view": ("ALTER TABLE t RENAME TO o; CREATE VIEW t AS SELECT * FROM o", "target unreadable: t"),
}


@pytest.mark.parametrize(("change", "reason"), ALTERED.values(), ids=ALTERED)
def test_a_table_of_postgresql_is_delivered_again_when_it_is_another(project, warehouse, change, reason):
    deliver(project, "SELECT 1 AS x")
    for _ in range(2):
        assert deliver(project, "SELECT 1 AS x").status == "cached"
    warehouse.execute("CREATE INDEX ti ON t(x)", "VACUUM FULL t")
    assert deliver(project, "SELECT 1 AS x").status == "cached"
    warehouse.execute(*change.split("; "))
    result = run(project)["exposure.e"]
    assert result.reason == reason
    if "VIEW" not in change:
        assert (result.status, warehouse.ask("SELECT * FROM t")) == ("success", [(1,)])
        assert deliver(project, "SELECT 1 AS x").status == "cached"


def test_a_delivery_that_is_no_longer_noted_is_made_again(project, warehouse):
    sql = "SELECT 1 AS x, 'a' AS s"
    deliver(project, sql, mode="append")
    warehouse.execute("INSERT INTO t VALUES (2, 'theirs')")
    assert deliver(project, sql, mode="append").status == "cached"
    warehouse.execute("DROP TABLE t")
    assert deliver(project, sql, mode="append").reason == "target missing: t"
    assert warehouse.ask("SELECT x FROM t") == [(1,)]
    warehouse.execute("DROP TABLE seeknal_deliveries")
    assert deliver(project, sql, mode="append").reason == "target altered: t"


def test_to_look_at_a_project_asks_no_server(project, warehouse, tmp_path):
    deliver(project, "SELECT 1 AS x")
    warehouse.execute("DROP TABLE t")
    assert [step.reason for step in project.plan().steps] == ["up to date"]
    (tmp_path / "profiles.yml").write_text(json.dumps({"connections": {"wh": {"type": "postgresql", **warehouse.fields, "user": "nobody"}}}))
    result = failure(project, "exposure.e")
    assert (result.reason, "cannot be reached" in result.error_message) == ("target unreadable: t", True)


def test_an_append_to_postgresql_adds_each_delivery_once(project, warehouse):
    one, two = "SELECT 1 AS x, now()::VARCHAR AS loaded", "SELECT 2 AS x, now()::VARCHAR AS loaded"
    assert [added(deliver(project, sql, mode="append")) for sql in (one, two)] == [(1, False)] * 2
    assert added(deliver(project, two, mode="append", full=True)) == (0, True)
    assert added(deliver(project, one, mode="append")) == (0, True)
    assert warehouse.ask("SELECT x FROM t ORDER BY x") == [(1,), (2,)]
    assert deliver(project, one, mode="append").status == "cached"
    warehouse.execute("DROP TABLE t")
    deliver(project, one, mode="append", full=True)
    assert warehouse.ask("SELECT x FROM t") == [(1,)]
    query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
    assert warehouse.ask(query) == [("seeknal_deliveries",), ("t",)]


@pytest.mark.parametrize(("before", "sql", "params", "fragment"), [
    ("SELECT 1", "SELECT 1 AS x", {"table": "nowhere.t"}, "nowhere"),
    ("CREATE VIEW v AS SELECT x FROM t", "SELECT 'a' AS x", {"table": "t"}, "depend.*Fix: deliver the columns that it has"),
    ("ALTER TABLE t ADD UNIQUE (x); CREATE TABLE child (x INTEGER REFERENCES t(x) ON DELETE CASCADE)", "SELECT 2 AS x", {"table": "t"}, "depend"),
    ("ALTER TABLE t ADD CHECK (x < 2)", "SELECT 2 AS x", {"table": "t"}, "check constraint"),
    ("SELECT 1", "SELECT 2 AS x, 3 AS strange", {"table": "t", "mode": "append"}, "strange"),
    ("SELECT 1", "SELECT 'a' || chr(0) AS x", {"table": "t"}, "UTF8"),
    ("ALTER TABLE t RENAME TO u; CREATE VIEW t AS SELECT * FROM u", "SELECT 2 AS x", {"table": "t"}, "not a table"),
])  # fmt: skip
def test_what_postgresql_refuses_changes_nothing(project, warehouse, before, sql, params, fragment):
    warehouse.execute("CREATE TABLE t AS SELECT 1 AS x", *before.split("; "))
    project.node("exposure", "e", sql=sql, params={"format": "postgresql", "connection": "wh", **params})
    error = failure(project, "exposure.e").error_message
    assert re.search(fragment, error, re.DOTALL)
    assert warehouse.password not in error
    assert warehouse.ask("SELECT * FROM t") == [(1,)]
    query = "SELECT count(*) FROM information_schema.tables WHERE table_name LIKE '%new%' OR table_name = 'seeknal_deliveries'"
    assert warehouse.ask(query) == [(0,)]


def test_a_connection_that_fails_tells_no_password(project, warehouse, tmp_path, monkeypatch):
    monkeypatch.setenv("SEEKNAL_TEST_PASSWORD", "wrong-secret-17")
    string = f"postgresql://owner:${{SEEKNAL_TEST_PASSWORD}}@127.0.0.1:{warehouse.port}/{warehouse.database}"
    project.node("exposure", "e", sql="SELECT 1 AS x", params={"table": "t", "connection_string": string})
    error = failure(project, "exposure.e").error_message
    assert "cannot be reached" in error
    monkeypatch.delenv("SEEKNAL_TEST_PASSWORD")
    assert "has no SEEKNAL_TEST_PASSWORD" in failure(project, "exposure.e").error_message
    texts = [path.read_bytes() for path in (tmp_path / "target").rglob("*") if path.is_file()]
    assert not any(b"wrong-secret-17" in text for text in texts)
    assert "wrong-secret-17" not in error


def test_no_rows_make_an_empty_table_of_postgresql(project, warehouse):
    result = deliver(project, "SELECT 1 AS x, 'a' AS s WHERE false")
    assert warehouse.ask("SELECT count(*) FROM t") == [(0,)]
    assert warehouse.ask("SELECT data_type FROM information_schema.columns WHERE table_name = 't' ORDER BY ordinal_position") == [("integer",), ("text",)]
    assert "no rows" in result.metadata["warnings"][0]


# Targets that are not their own


def test_two_exposures_cannot_share_a_target(project):
    project.transform("a", sql="SELECT 1 AS x")
    project.exposure("one", inputs=["a"], to="out/x.csv")
    project.exposure("two", inputs=["a"], to="./out/../out/x.csv")
    with pytest.raises(ManifestError, match=r"exposure\.one delivers there too"):
        project.run(progress=False)
    assert not (project.directory / "out").exists()
    project.exposure("two", inputs=["a"], to="out/y.csv")
    good(project)


@pytest.mark.parametrize("target", [{"to": "data/x.csv"}, {"params": {"path": "data", "format": "parquet", "partition_by": ["x"]}}])
def test_no_exposure_overwrites_what_another_node_reads(project, target):
    (project.directory / "data").mkdir()
    (project.directory / "data/x.csv").write_text("x\n1\n")
    project.source("s", csv="data/x.csv")
    project.transform("a", sql="SELECT x + 1 AS x FROM s")
    project.exposure("e", inputs=["a"], **target)
    with pytest.raises(ManifestError, match=r"source\.s reads it"):
        project.run(progress=False)
    assert (project.directory / "data/x.csv").read_text() == "x\n1\n"


LOGIN = "postgresql://u:${PW}@h"
FIELDS = {"host": "h", "user": "u", "table": "t"}
FOLDER = {"format": "parquet", "partition_by": ["x"]}
SHARED = {
    "a table by fields": (FIELDS, {**FIELDS, "port": 5432}),
    "a table with and without its schema": ({**FIELDS, "table": "public.t"}, FIELDS),
    "a table of two names of a server": ({"connection": "w", "table": "t"}, {"connection": "same", "table": "t"}),
    "a table by a name and by fields": ({"connection": "w", "table": "t"}, {"host": "A", "database": "d", "user": "u", "table": "t"}),
    "a table of a profile's schema": ({"connection": "mart", "table": "t"}, {"connection": "w", "table": "mart.t"}),
    "a table by strings": ({"connection_string": f"{LOGIN}:5432/d", "table": "t"}, {"connection_string": "host=h dbname=d", "table": "t"}),
    "a table of a name that nothing tells": ({"connection": "none", "table": "t"}, {"connection": "none", "table": "t"}),
    "rows added to a table that is replaced": ({"connection": "w", "table": "t", "mode": "append"}, {"connection": "w", "table": "t"}),
    "a table of SQLite": ({"path": "x.db", "table": "T"}, {"path": "./x.db", "table": "t"}),
    "rows added to a table of SQLite that is replaced": ({"path": "x.db", "table": "t"}, {"path": "x.db", "table": "t", "mode": "append"}),
    "a file of SQLite and a file": ({"path": "x.db", "table": "t"}, {"path": "x.db", "format": "csv"}),
    "a folder and an appended one": ({"path": "out", **FOLDER}, {"path": "out", "format": "parquet", "mode": "append"}),
    "a folder and a file in it": ({"path": "out", **FOLDER}, {"path": "out/b.csv"}),
    "a file in a folder": ({"path": "out/sub/b.db", "table": "t"}, {"path": "out", "format": "parquet", "mode": "append"}),
}
OWN = {
    "two hosts": (FIELDS, {**FIELDS, "host": "i"}),
    "two ports": (FIELDS, {**FIELDS, "port": 5433}),
    "two databases": ({**FIELDS, "database": "d"}, {**FIELDS, "database": "e"}),
    "the databases of two users": (FIELDS, {**FIELDS, "user": "v"}),
    "two tables": ({"connection": "w", "table": "t"}, {"connection": "w", "table": "T"}),
    "two schemas": ({"connection": "w", "table": "t"}, {"connection": "mart", "table": "t"}),
    "two names that nothing tells": ({"connection": "none", "table": "t"}, {"connection": "nil", "table": "t"}),
    "two strings": ({"connection_string": f"{LOGIN}/d", "table": "t"}, {"connection_string": f"{LOGIN}/e", "table": "t"}),
    "rows added to one table": ({"connection": "w", "table": "t", "mode": "append"}, {"connection": "same", "table": "t", "mode": "append"}),
    "two tables of SQLite": ({"path": "x.db", "table": "t"}, {"path": "x.db", "table": "u", "mode": "append"}),
    "one folder appended to": ({"path": "out", "format": "parquet", "mode": "append"}, {"path": "out", "format": "parquet", "mode": "append"}),
    "folders with one beginning": ({"path": "out", **FOLDER}, {"path": "out.csv"}),
}


def two_targets(project, one, two):
    """Two exposures with those params, among connections of which ``w`` and ``same`` are one server's."""
    server = {"host": "a", "user": "u", "database": "d"}
    named = {"w": server, "same": {**server, "port": 5432, "user": "other"}, "mart": {**server, "schema": "mart"}}
    (project.directory / "profiles.yml").write_text(json.dumps({"connections": named}))
    project.transform("a", sql="SELECT 1 AS x, 2 AS y")
    for name, params in (("one", one), ("two", two)):
        form = {} if "path" in params else {"format": "postgresql"}
        project.node("exposure", name, inputs=["a"], params={**form, **params})


@pytest.mark.parametrize(("one", "two"), SHARED.values(), ids=SHARED)
def test_what_would_undo_another_delivery_is_refused(project, monkeypatch, one, two):
    monkeypatch.setenv("HOME", str(project.directory / "home"))
    two_targets(project, one, two)
    with pytest.raises(ManifestError, match=r"its target is not its own: .*exposure\.(one|two) delivers there too"):
        project.plan()


@pytest.mark.parametrize(("one", "two"), OWN.values(), ids=OWN)
def test_targets_that_are_apart_are_not_mixed_up(project, monkeypatch, one, two):
    monkeypatch.setenv("HOME", str(project.directory / "home"))
    two_targets(project, one, two)
    assert len(project.plan().steps) == 3


@pytest.mark.parametrize("target", ["profiles.yml", "seeknal_project.yml", "pyproject.toml", "seeknal", "seeknal/sources/x.yml", "conf/real.yml"])
def test_no_exposure_overwrites_what_the_project_is_read_from(project, tmp_path, target):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/real.yml").write_text("connections: {}\n")
    (tmp_path / "profiles.yml").symlink_to("conf/real.yml")
    project.exposure("e", sql="SELECT 1 AS x", to=target, params={"format": "csv"})
    assert "what the project is read from" in failure(project, "exposure.e").error_message
    assert (names_in(tmp_path), (tmp_path / "profiles.yml").read_text()) == (["conf", "profiles.yml"], "connections: {}\n")


def test_what_is_called_almost_as_the_project_s_files_is_free(project, tmp_path):
    project.exposure("e", sql="SELECT 1 AS x", to="out/seeknal/profiles.yml", params={"format": "csv"})
    good(project)
    assert (tmp_path / "out/seeknal/profiles.yml").read_text() == "x\n1\n"


def in_schema(tmp_path, server, schema):
    fields = {"type": "postgresql", **server.fields, "schema": schema}
    (tmp_path / "profiles.yml").write_text(json.dumps({"connections": {"wh": fields}}))


def test_what_a_connection_has_come_to_mean_is_delivered_to(project, warehouse, tmp_path, monkeypatch):
    monkeypatch.setenv("MART_NOW", "one")
    warehouse.execute("CREATE SCHEMA one", "CREATE SCHEMA two", "CREATE SCHEMA three")
    in_schema(tmp_path, warehouse, "${MART_NOW}")
    deliver(project, "SELECT 1 AS x")
    assert deliver(project, "SELECT 1 AS x").status == "cached"
    monkeypatch.setenv("MART_NOW", "two")
    assert deliver(project, "SELECT 1 AS x").status == "success"
    in_schema(tmp_path, warehouse, "three")
    assert deliver(project, "SELECT 1 AS x").status == "success"
    assert deliver(project, "SELECT 1 AS x").status == "cached"
    query = "SELECT table_schema FROM information_schema.tables WHERE table_name = 't' ORDER BY 1"
    assert warehouse.ask(query) == [("one",), ("three",), ("two",)]


def test_a_table_of_the_same_name_in_another_schema_stays(project, warehouse, tmp_path):
    warehouse.execute("CREATE SCHEMA mart", "CREATE TABLE public.t AS SELECT 'public' AS x")
    in_schema(tmp_path, warehouse, "mart")
    for mode in ("overwrite", "append"):
        deliver(project, f"SELECT '{mode}' AS x", mode=mode)
    assert warehouse.ask("SELECT * FROM public.t") == [("public",)]
    assert warehouse.ask("SELECT * FROM mart.t ORDER BY x") == [("append",), ("overwrite",)]


def test_an_exposure_is_planned_where_its_profiles_are_missing(project, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    project.node("exposure", "e", sql="SELECT 1 AS x", params={"format": "postgresql", "table": "t", "connection": "wh"})
    assert len(project.plan().steps) == 1
    assert "no connection 'wh'" in failure(project, "exposure.e").error_message
