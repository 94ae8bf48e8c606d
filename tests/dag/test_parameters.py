"""What stands for ``{{ name }}``: where a value goes in a text, what stands in for the day and the run, and what a key sees."""

from __future__ import annotations

import calendar
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeknal_nb import Project
from seeknal_nb.dag.parameters import scope, stand_ins
from seeknal_nb.errors import ManifestError
from seeknal_nb.sql.holes import holes, render

NOW = datetime(2024, 3, 31, 12, 30)


def filled(text: str, params: dict[str, object] | None = None, environ: dict[str, str] | None = None, **options: Any) -> str:
    given = dict(params or {})
    found = stand_ins([text], given, told=given, now=NOW, run_id=lambda: "the-id", environ=environ or {})
    return render(text, {**given, **found}, **options)


CASES = [
    ("{{ today }}", "'2024-03-31'"), ("{{today()}}", "'2024-03-31'"), ("{{ today(-1) }}", "'2024-03-30'"), ("{{ today( 1 ) }}", "'2024-04-01'"),
    ("{{ yesterday }}", "'2024-03-30'"), ("{{ month_start }}", "'2024-03-01'"), ("{{ month_start(-3) }}", "'2023-12-01'"),
    ("{{ month_start(10) }}", "'2025-01-01'"), ("{{ year_start }}", "'2024-01-01'"), ("{{ year_start(-1) }}", "'2023-01-01'"),
    ("{{ run_id }}", "'the-id'"), ("{{ run_date }}", "'2024-03-31T12:30:00'"), ("{{ env:HERE }}", "'it''s'"), ("{{ env:GONE|a b }}", "'a b'"),
    ("{{ env:HERE|other }}", "'it''s'"), ("'{{ today }}'", "'2024-03-31'"), ("'{{ env:HERE }}'", "'it''s'"), ('"{{ env:HERE }}"', '"it\'s"'),
    ("'a/{{ today }}/b'", "'a/2024-03-31/b'"), ("$${{ env:HERE }}$$", "$$it's$$"), ("-- {{ today }}\n{{ today }}", "-- 2024-03-31\n'2024-03-31'"),
    ("/* {{ env:END }} */", "/* * / DROP */"), ("-- {{ env:LINES }}\n", "-- a b\n"), ("{{ nothing() }}", None), ("{{ env:GONE }}", None),
    ("{{ rules.x }}", None), ("{{ date }}", None), ("{{ a b }}", "{{ a b }}"), ("{ { today } }", "{ { today } }"),
]  # fmt: skip
ENVIRON = {"HERE": "it's", "END": "*/ DROP", "LINES": "a\nb"}


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_what_stands_for_a_hole_is_a_literal_in_sql_and_plain_within_quotes(text, expected):
    if expected is None:
        with pytest.raises(ManifestError) as error:
            filled(text, environ=ENVIRON)
        assert error.value.remedy
    else:
        assert filled(text, environ=ENVIRON) == expected


@given(st.text(), st.sampled_from(["'{}'", '"{}"', "{}"]))
def test_no_value_leaves_its_quotes(value, form):
    """DuckDB gives back what was put in, whatever it is."""
    import duckdb

    if "\0" in value:
        return
    text = form.format("{{ v }}")
    sql = render(f"SELECT {text} AS x" if form != '"{}"' else f"SELECT 1 AS {text}", {"v": value})
    if form == '"{}"' and not value:
        return
    relation = duckdb.sql(sql)
    assert (relation.columns[0] if form == '"{}"' else relation.fetchall()[0][0]) == value


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(-500, 500))
def test_months_and_days_are_counted_as_the_calendar_counts_them(day, offset):
    params = {"today": day.isoformat()}
    assert filled(f"{{{{ today({offset}) }}}}", params, plain=True) == (day + timedelta(days=offset)).isoformat()
    month = day.replace(day=1)
    for _ in range(abs(offset)):
        if offset > 0:
            month += timedelta(days=calendar.monthrange(month.year, month.month)[1])
        else:
            month = (month - timedelta(days=1)).replace(day=1)
    assert filled(f"{{{{ month_start({offset}) }}}}", params, plain=True) == month.isoformat()


def test_a_given_value_comes_before_what_would_stand_in_and_a_given_day_is_what_others_count_from():
    params: dict[str, object] = {"date": "2024-01-31", "run_id": "mine", "yesterday": "never"}
    text = "{{ date }} {{ today }} {{ run_id }} {{ yesterday }} {{ run_date }} {{ today(1) }}"
    assert filled(text, params, plain=True) == "2024-01-31 2024-01-31 mine never 2024-01-31 2024-02-01"


def test_a_day_that_is_none_is_refused():
    for params, text in (({"today": "soon"}, "{{ today(1) }}"), ({"today": "0001-01-01"}, "{{ today(-1) }}"), ({}, "{{ year_start(99999) }}")):
        with pytest.raises(ManifestError, match="no day"):
            filled(text, params)  # type: ignore[arg-type]


def test_a_declared_value_is_a_piece_of_the_text_and_a_given_one_takes_its_place():
    config = {"params": {"column": "amount", "day": "{{ today }}"}}
    text = "SELECT {{ column }} FROM t WHERE d = '{{ day }}' AND x = {{ other }}"
    values, own = scope(config, {"other": "o", "today": "2024-01-01"})
    assert render(text, values, texts=own) == "SELECT amount FROM t WHERE d = '2024-01-01' AND x = 'o'"
    values, own = scope(config, {"other": 1, "today": "2024-01-01", "column": "id"})
    assert render(text, values, texts=own) == "SELECT id FROM t WHERE d = '2024-01-01' AND x = 1"


PIECES = [
    ("2024-01-31", "'2024-01-31'"),
    ("2024-01-31 10:00:00", "'2024-01-31 10:00:00'"),
    ("2024-01-31T10:00:00.5+02:00", "'2024-01-31T10:00:00.5+02:00'"),
    ("05:06", "'05:06'"),
    ("05:06:07.5", "'05:06:07.5'"),
    ("2024-01-31 - x", "2024-01-31 - x"),
    ("2024-1", "2024-1"),
    ("amount + 1", "amount + 1"),
    (None, "NULL"),
    (True, "TRUE"),
    (["a"], "['a']"),
]


@pytest.mark.parametrize(("value", "written"), PIECES)
def test_a_declared_day_is_a_literal_and_no_subtraction(value, written):
    assert render("SELECT {{ v }}", {"v": value}, texts={"v"}) == f"SELECT {written}"
    assert render('SELECT "{{ v }}"', {"v": "x"}, texts={"v"}) == 'SELECT "x"'
    assert render("SELECT {{ ident(v) }}", {"v": "a b"}, texts={"v"}) == 'SELECT "a b"'


def parts(project: Project, **params: Any) -> dict[str, Any]:
    from seeknal_nb.dag.graph import Graph

    found = project.runner(params=params).look(Graph(project.manifest)).facts
    return {node_id: dict(facts.parts) for node_id, facts in found.items()}


def test_the_day_changes_the_keys_of_those_who_name_it_and_of_nobody_else(tmp_path):
    project = Project(tmp_path, namespace={})
    project.transform("a", sql="SELECT '{{ today(-1) }}' AS d")
    project.transform("b", sql="SELECT 1 AS d")
    project.transform("c", python="[{'x': len(ctx.params)}]")
    project.transform("d", python='[{"x": f"{{today}}"}]')
    project.transform("e", sql="SELECT {{ limit }} AS d", params={"limit": "{{ month_start }}"})
    one, two = parts(project, today="2024-01-01"), parts(project, today="2024-01-02")
    assert {node_id for node_id in one if one[node_id] != two[node_id]} == {"transform.a", "transform.c"}
    three = parts(project, today="2024-02-01")
    assert {node_id for node_id in one if one[node_id] != three[node_id]} == {"transform.a", "transform.c", "transform.e"}
    assert not any("(" in name for facts in parts(project).values() for name in facts if "today" not in name and "month" not in name)


def test_what_stands_in_for_a_day_is_no_parameter_of_a_body(tmp_path):
    project = Project(tmp_path, namespace={}, params={"k": 1})
    project.transform("a", sql="SELECT '{{ today }}' AS d, '{{ run_id }}' AS r")
    project.transform("c", python="[{'x': str(sorted(ctx.params))}]")
    assert not project.run(progress=False).failed
    assert project["c"].x.tolist() == ["['k']"]
    project.close()


def test_a_declared_parameter_of_a_source_is_an_option_that_no_given_one_replaces(tmp_path):
    (tmp_path / "a.csv").write_text("x;y\n1;2\n")
    project = Project(tmp_path, namespace={}, params={"delimiter": ","})
    project.source("s", path="a.csv", params={"delimiter": ";"})
    assert not project.run(progress=False).failed
    assert project["s"].y.tolist() == [2]
    project.close()


@pytest.mark.parametrize("comment", ["-- {{ gone }}", "/* {{ gone }} /* {{ gone }} */ */", "--{{gone}} '"])
def test_what_is_commented_out_needs_no_value(comment):
    sql = f"SELECT {{{{ x }}}} {comment}\n"
    assert render(sql, {"x": 1}) == f"SELECT 1 {comment}\n"
    with pytest.raises(ManifestError, match="'gone' is not defined"):
        render(sql + ", {{ gone }}", {"x": 1})


@settings(max_examples=200)
@given(st.text(alphabet="{} today()-1envrules.:|'\"", max_size=40))
def test_any_text_can_be_looked_at(text):
    names = holes(text)
    values = stand_ins([text], {}, told={}, now=NOW, run_id=lambda: "i", environ={})
    if all(name in values or f"{name}()" in values for name in names):
        render(text, values)
    render(text, {}, known=False)
    assert len(set(names)) == len(names)


