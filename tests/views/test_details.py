"""What a panel tells of one node: what it is, what it gave, what went wrong; read from where runs have left it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from graphs import place, snapshot
from hostile import PAYLOADS
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import MINUTES, Gate

from seeknal_nb.engines.duckdb import DuckDB
from seeknal_nb.errors import SelectionError
from seeknal_nb.project import Project
from seeknal_nb.views.brief import cause_of
from seeknal_nb.views.checks import CELL, shown_check, shown_value
from seeknal_nb.views.details import LONGEST_LOG, Details, Inspector
from seeknal_nb.views.printed import LONGEST, last_printed
from seeknal_nb.views.reading import Reader
from seeknal_nb.workflow.events import ExecutionStatus, NodeResult
from seeknal_nb.workflow.reasons import Reason, Why
from seeknal_nb.workflow.runner import DAGRunner

PANEL = {
    "facts", "definition", "inputs", "outputs", "schema", "columns", "rows", "more", "change", "checks", "error", "log", "history", "note",
    "last_run", "why", "changed",
}  # fmt: skip


@pytest.fixture
def project() -> Iterator[Project]:
    with place() as here:
        made = Project(here.root)
        yield made
        made.close()


def panel(project: Project, name: str, **options: Any) -> dict[str, Any]:
    """What the page is sent, after making sure that it can be."""
    numbers = {node_id: number for number, node_id in enumerate(project.manifest.nodes)}
    found = project.details(name, **options).to_dict(numbers)
    assert found.keys() == PANEL
    assert json.loads(json.dumps(found, allow_nan=False)).keys() == PANEL
    return found


def text_of(found: dict[str, Any]) -> str:
    """The definition as the panel shows it."""
    return "\n".join("".join(words for _, words in line) for line in found["definition"]["lines"])


# Every kind


def everything(project: Project) -> None:
    """A node of every kind, in every form of body; all of them work."""
    (project.directory / "a.csv").write_text("id,x,y\n" + "".join(f"{n},{n % 7},{n % 2}\n" for n in range(40)))
    project.source("a", csv="a.csv", description="forty rows", owner="ann", tags=["raw", "core"])
    project.source("s", sql="SELECT 1 AS id")
    project.transform("t", sql="SELECT id, x FROM a -- all of them", tags=["core"])
    project.transform("p", python="def p(t):\n    return t.head(3)")
    project.transform("v", sql="SELECT id FROM t", materialized="view")
    project.feature_group("f", sql="SELECT id, x FROM t", entity={"name": "user", "join_keys": ["id"]})
    project.aggregation("g", inputs=["t"], id_col="id", features=[{"name": "x", "basic": ["sum"]}])
    project.node("second_order_aggregation", "o", "SELECT sum(x_sum) AS n FROM g")
    project.model("m", inputs=["a"], training={"algorithm": "random_forest", "target": "y", "key": ["id"], "params": {"n_estimators": 3}})
    project.rule("r", on="transform.t", sql="id >= 0")
    project.exposure("e", inputs=["t"], to="out.csv")
    project.node("profile", "q", inputs=["t"])
    project.node("semantic_model", "sm", inputs=["t"])
    project.node("metric", "mt", inputs=["sm"])


LANGUAGES = {
    "source.a": "json", "source.s": "sql", "transform.t": "sql", "transform.p": "python", "transform.v": "sql", "feature_group.f": "sql",
    "aggregation.g": "json", "second_order_aggregation.o": "sql", "model.m": "json", "rule.r": "sql", "exposure.e": "json",
    "profile.q": "json", "semantic_model.sm": "json", "metric.mt": "json",
}  # fmt: skip
TABLES = {"source.a": 40, "source.s": 1, "transform.t": 40, "transform.p": 3, "feature_group.f": 40, "aggregation.g": 40, "model.m": 40}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """All kinds, built."""
    made = Project(tmp_path_factory.mktemp("whole"))
    everything(made)
    summary = made.run(progress=False)
    assert not summary.failed, summary
    yield made
    made.close()


@pytest.mark.parametrize("node_id", LANGUAGES)
def test_every_kind_of_node_has_a_panel(whole: Project, node_id: str) -> None:
    found, node = panel(whole, node_id), whole.manifest.nodes[node_id]
    assert found["definition"]["language"] == LANGUAGES[node_id]
    body = node.config.get("sql") or node.config.get("python")
    assert (text_of(found) == body) if body else (json.loads(text_of(found)) == node.config)
    assert (found["error"], found["definition"]["mark"]) == ("", 0)
    assert [(one["status"], one["reason"]) for one in found["history"]] == [("success", "never built")]
    assert time.time() - 3600 < found["history"][0]["when"] <= found["last_run"] <= time.time()
    assert (found["why"], found["changed"]) == ({"then": "never built", "causes": [], "note": ""}, [])
    if node_id in TABLES:
        assert len(found["rows"]) == min(TABLES[node_id], 10)
        assert all(len(row) == len(found["columns"]) == len(found["schema"]) for row in found["rows"])
        assert found["change"].startswith(f"{TABLES[node_id]} row")
        assert found["more"] == (f"first 10 of {TABLES[node_id]}" if TABLES[node_id] > 10 else "")
        assert found["history"][0]["rows"] == TABLES[node_id]


@pytest.mark.parametrize("node_id", LANGUAGES)
def test_a_node_that_was_never_built_has_a_panel_and_looking_writes_nothing(project: Project, node_id: str) -> None:
    everything(project)
    before = snapshot(project.directory)
    found = panel(project, node_id)
    assert (found["schema"], found["rows"], found["columns"], found["change"], found["more"]) == ([], [], [], "", "")
    assert (found["history"], found["error"], found["log"]) == ([], "", "")
    assert found["last_run"] is None
    assert snapshot(project.directory) == before


def test_neighbours_are_numbers_of_the_picture_in_the_order_of_the_edges(whole: Project) -> None:
    numbers = {node_id: number for number, node_id in enumerate(whole.manifest.nodes)}
    found = panel(whole, "t")
    assert found["inputs"] == [numbers["source.a"]]
    assert {list(numbers)[at] for at in found["outputs"]} == {
        "transform.p", "transform.v", "feature_group.f", "aggregation.g", "rule.r", "exposure.e", "profile.q", "semantic_model.sm",
    }  # fmt: skip
    shown_in_part = whole.details("t").to_dict({"transform.t": 0})
    assert (shown_in_part["inputs"], shown_in_part["outputs"]) == ([], [])


def test_facts_are_what_somebody_wrote_and_nothing_that_is_empty(whole: Project) -> None:
    facts = dict(panel(whole, "a")["facts"])
    assert (facts["description"], facts["owner"], facts["tags"]) == ("forty rows", "ann", "raw, core")
    assert panel(whole, "s")["facts"] == []


def test_a_node_is_found_by_its_name_and_an_unknown_one_is_an_error(whole: Project) -> None:
    assert whole.details("t").node_id == whole.details("transform.t").node_id == "transform.t"
    with pytest.raises(SelectionError, match="nowhere"):
        whole.details("nowhere")


def test_looking_at_everything_executes_and_writes_nothing(whole: Project) -> None:
    before = snapshot(whole.directory)
    for node_id in whole.manifest.nodes:
        panel(whole, node_id)
    assert snapshot(whole.directory) == before


def test_a_body_is_never_executed_to_be_looked_at(project: Project) -> None:
    """Whoever opens a strange notebook may look at it."""
    project.transform("t", python="open('pwn', 'w').close()\nresult = [{'x': 1}]")
    project.transform("v", sql="SELECT error('executed') AS x", materialized="view")
    panel(project, "t"), panel(project, "v")
    assert list(project.directory.iterdir()) == []


# Rows


def test_rows_are_cut_and_told_as_text(project: Project) -> None:
    """A panel is small: ten rows, so many characters a cell, and the page has no types."""
    project.transform("t", sql="""SELECT i, repeat('x', 5000) AS long, NULL AS nothing, '<b>' AS markup, 1.50::DECIMAL(9, 2) AS d,
        [1, NULL] AS l, {'k': 'v'} AS s, TIMESTAMPTZ '2024-02-29 12:00:00+00' AS ts, 'a\nb' AS lines, 'NaN'::DOUBLE AS nan, 'a\\x00'::BLOB AS b, true AS yes
        FROM range(1234) t(i)""")  # fmt: skip
    project.run(progress=False)
    found = panel(project, "t")
    assert len(found["rows"]) == 10
    row = dict(zip(found["columns"], found["rows"][3], strict=True))
    assert (row["i"], row["nothing"], row["markup"], row["d"], row["yes"]) == ("3", None, "<b>", "1.50", "True")
    assert (len(row["long"]), row["long"][-1]) == (CELL, "…")
    assert row["ts"].startswith("2024-02-29 12:00:00")
    assert (row["l"], row["s"], row["nan"]) == ("[1, None]", "{'k': 'v'}", "nan")
    assert (row["lines"], row["b"]) == ("a\nb", "b'a\\x00'")
    assert (found["more"], found["change"]) == ("first 10 of 1,234", "1,234 rows, 12 columns")
    assert dict(found["schema"])["d"] == "DECIMAL(9,2)"
    assert len(panel(project, "t", rows=3)["rows"]) == 3
    assert panel(project, "t", rows=2000)["more"] == ""


def test_a_table_without_rows_has_columns_and_says_none(project: Project) -> None:
    project.transform("t", sql="SELECT 1 AS x WHERE false")
    project.run(progress=False)
    found = panel(project, "t")
    assert (found["schema"], found["rows"], found["change"], found["more"]) == ([["x", "INTEGER"]], [], "0 rows, 1 column", "")


def test_no_rows_are_asked_for_and_no_data_is_read(project: Project) -> None:
    """A saved page never has rows, and to write it for a thousand nodes must not open a thousand files, nor an engine."""
    project.transform("t", sql="SELECT 1 AS x, 'y' AS y")
    project.run(progress=False)
    runner = DAGRunner(project.manifest, root=project.directory)
    found = Inspector(Reader(runner)).details("t", rows=0).to_dict({})
    assert (found["rows"], found["columns"], found["note"], found["more"]) == ([], [], "", "")
    assert (found["change"], found["schema"]) == ("1 row, 2 columns", [["x", "INTEGER"], ["y", "VARCHAR"]])
    assert runner.engine.opened is None
    assert Inspector(Reader(runner)).details("t").rows == (("1", "y"),)
    runner.engine.close()


def test_a_build_that_is_gone_leaves_the_rest(project: Project) -> None:
    project.transform("t", sql="SELECT 1 AS x")
    project.run(progress=False)
    for file in project.directory.glob("target/outputs/transform/t/*/*"):
        file.unlink()
    found = panel(project, "t")
    assert (found["rows"], found["schema"]) == ([], [])
    assert text_of(found) == "SELECT 1 AS x"
    assert found["history"][0]["status"] == "success"


def test_a_view_stores_no_rows_and_says_so(whole: Project) -> None:
    found = panel(whole, "v")
    assert (found["rows"], found["columns"]) == ([], [])
    assert "a view stores no rows" in found["note"]


def test_the_change_is_told_since_the_build_before(project: Project) -> None:
    for rows, expected in (
        (3, "3 rows, 1 column"), (7, "7 rows (+4 since the build before), 1 column"),
        (2, "2 rows (-5 since the build before), 1 column"), ("2 + 0", "2 rows (as the build before), 1 column"),
    ):  # fmt: skip
        project.transform("t", sql=f"SELECT i FROM range({rows}) t(i)")
        project.run(progress=False)
        assert panel(project, "t")["change"] == expected


def test_rows_are_those_of_the_last_good_build(project: Project) -> None:
    """After a change that nobody has run, and after a failure: what is stored is what is shown, and the error stands beside it."""
    project.transform("t", sql="SELECT 1 AS x")
    project.run(progress=False)
    project.transform("t", sql="SELECT error('broken') AS x")
    assert (panel(project, "t")["rows"], panel(project, "t")["error"]) == ([["1"]], "")
    project.run(progress=False)
    found = panel(project, "t")
    assert found["rows"] == [["1"]]
    assert "broken" in found["error"]
    assert [one["status"] for one in found["history"]] == ["failed", "success"]
    project.transform("t", sql="SELECT 2 AS x")
    project.run(progress=False)
    found = panel(project, "t")
    assert (found["rows"], found["error"], found["definition"]["mark"]) == ([["2"]], "", 0)


def test_a_reader_whose_statement_is_interrupted_is_told_so(project: Project) -> None:
    """An interrupt stops all that an engine does; a reader has its rows or is told, but never an exception."""
    project.transform("t", sql="SELECT i FROM range(1000) t(i)")
    project.run(progress=False)
    over = threading.Event()
    engine = DuckDB()
    runner = DAGRunner(project.manifest, root=project.directory, engine=engine)

    def stop() -> None:
        while not over.is_set():
            engine.interrupt()

    stopping = threading.Thread(target=stop)
    stopping.start()
    try:
        found = [Inspector(Reader(runner)).details("t") for _ in range(50)]
    finally:
        over.set()
        stopping.join()
    assert {len(one.rows) for one in found if not one.note} <= {10}
    assert {one.note for one in found} <= {"", "reading its rows was interrupted"}
    assert len(Inspector(Reader(runner)).details("t").rows) == 10
    engine.close()


def test_looking_goes_on_while_somebody_stops_a_run(project: Project) -> None:
    """Looking has an engine of its own."""
    project.transform("t", sql="SELECT i FROM range(1000) t(i)")
    project.run(progress=False)
    project.transform("slow", sql=MINUTES)
    run = project.start(nodes=["slow"])
    assert len(panel(project, "t")["rows"]) == 10
    run.cancel()
    assert len(panel(project, "t")["rows"]) == 10
    run.wait()
    assert len(panel(project, "t")["rows"]) == 10


# Errors

MARKS = {
    "SQL, the first line": ("sql", "SELECT nothing FROM range(3)", 1),
    "SQL, a later line": ("sql", "SELECT\n  1 AS a,\n  nothing AS b\nFROM range(3)", 3),
    "SQL, below a comment": ("sql", "-- note\n/* more\n of it */\nSELECT nothing", 4), "SQL, the second statement": (
        "sql", "CREATE TEMP TABLE q AS SELECT 1 AS x;\n\nSELECT x,\n  nothing FROM q", 4),
    "SQL, the first of two": ("sql", "CREATE TEMP TABLE q AS\nSELECT nothing;\nSELECT 1 AS x FROM q", 2),
    "SQL, an error of a value": ("sql", "SELECT 1 AS x,\n  error('no line') AS y", 0),
    "Python": ("python", "a = 1\nb = 0\n\nresult = a / b", 4),
    "Python, a function": ("python", "def t(ctx):\n    x = []\n    return x[1]", 3),
    "Python, an inner function": ("python", "def inner(x):\n    return x[1]\n\nresult = inner([])", 2),
    "Python, in a library": ("python", "import json\n\nresult = json.loads('{')", 3),
    "Python, no table": ("python", "x = 1\nresult = 7", 0),
    "Python, a line that lies": ("python", "x = 1\nraise ValueError('at line 99 of its body')", 2),
}  # fmt: skip


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(("language", "body", "mark"), MARKS.values(), ids=MARKS)
def test_the_line_that_failed_is_marked_in_the_body(project: Project, language: str, body: str, mark: int, ends: str) -> None:
    project.transform("t", **{language: body.replace("\n", ends)})
    summary = project.run(progress=False)
    assert summary.failed_nodes == 1, summary
    found = panel(project, "t")
    assert found["definition"]["mark"] == mark, found["error"]
    assert found["error"] == summary.failed[0].error_message
    assert len(found["definition"]["lines"]) == body.count("\n") + 1
    assert text_of(found) == body


def test_a_mark_is_a_line_of_the_body_or_none(project: Project) -> None:
    """An error may say anything; a body may have become shorter since."""
    project.kinds["work"] = lambda _: {"row_count": 1 // 0}
    project.node("work", "w")
    project.transform("t", python="\n\n\nresult = 1 / 0")
    project.kinds["loud"] = lambda _: (_ for _ in ()).throw(ValueError("at line 99 of its body"))
    project.node("loud", "l")
    project.run(progress=False, continue_on_error=True)
    assert panel(project, "w")["definition"]["mark"] == 0
    assert panel(project, "l")["definition"]["mark"] <= len(panel(project, "l")["definition"]["lines"])
    project.transform("t", python="result = 1")
    found = panel(project, "t")
    assert found["definition"]["mark"] <= len(found["definition"]["lines"])


# History and log


def test_history_is_the_nodes_own_runs_the_newest_first(project: Project) -> None:
    project.transform("other", sql="SELECT 1 AS x")
    for number in range(13):
        project.transform("t", sql=f"SELECT {number} AS x FROM range({number})" if number != 11 else "SELECT error('no') AS x")
        project.run(progress=False)
    project.run(progress=False)  # cached: no execution
    found = panel(project, "t")["history"]
    assert [one["rows"] for one in found] == [12, None, *range(10, 2, -1)]
    assert [one["status"] for one in found] == ["success", "failed", *["success"] * 8]
    assert [one["reason"] for one in found[:3]] == ["failed last time", "SQL changed", "SQL changed"]
    assert [one["when"] for one in found] == sorted((one["when"] for one in found), reverse=True)
    assert all(one["seconds"] > 0 for one in found)
    assert len(panel(project, "other")["history"]) == 1


def test_the_log_is_of_the_last_execution_and_has_an_end(project: Project) -> None:
    project.transform("t", python="print('first')\nresult = [{'x': 1}]")
    project.run(progress=False)
    project.run(progress=False)
    assert panel(project, "t")["log"] == "first\n"
    project.transform("t", python="print('<b>second</b>\\x1b[31m')\nresult = [{'x': 1}]")
    project.run(progress=False)
    assert panel(project, "t")["log"] == "<b>second</b>\\x1b[31m\n"
    project.transform("t", python="result = [{'x': 2}]")
    project.run(progress=False)
    assert panel(project, "t")["log"] == ""
    project.transform("t", python="print('y' * 300_000)\nresult = [{'x': 1}]")
    project.run(progress=False)
    assert len(panel(project, "t")["log"]) <= LONGEST_LOG


def test_what_a_failed_body_printed_is_its_log(project: Project) -> None:
    """It is most wanted then."""
    project.transform("t", python="print('on the way')\nresult = 1 / 0")
    project.run(progress=False)
    assert panel(project, "t")["log"] == "on the way\n"


def test_while_a_body_runs_its_log_is_the_last_lines_that_it_has_printed_until_now(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A progress bar that draws itself anew is one line, as in a terminal; afterwards too."""
    gate = Gate()
    monkeypatch.setattr("seeknal_nb.gate", gate, raising=False)
    bar = "".join(f"\r{part} %" for part in range(101))
    project.transform("t", python=f"import seeknal_nb\nprint('x' * {LONGEST})\nprint({bar!r})\nprint('on it')\nseeknal_nb.gate.wait()\nresult = [{{'x': 1}}]")
    run = project.start()
    gate.reached.wait()
    assert panel(project, "t")["log"] == last_printed("transform.t") == "100 %\non it\n"
    gate.opened.set()
    run.wait()
    assert last_printed("transform.t") == ""
    assert panel(project, "t")["log"].endswith("x\n100 %\non it\n")


KEYS = ("run_id", "started", "command", "totals", "results", "node_id", "status", "duration", "row_count", "reason")
WORDS = st.sampled_from(["transform.t", "../../x", "success"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), WORDS, st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)),
    max_leaves=10,
)
RESULT = st.fixed_dictionaries({"node_id": st.just("transform.t")}, optional=dict.fromkeys(KEYS[-4:], VALUES))
RECORDS = st.fixed_dictionaries({
    "run_id": VALUES, "started": st.one_of(VALUES, st.floats()), "command": VALUES, "totals": st.just({"duration": 1.0}),
    "results": st.one_of(VALUES, st.lists(st.one_of(VALUES, RESULT), max_size=3)),
})  # fmt: skip


@settings(max_examples=100)
@given(record=RECORDS)
def test_a_record_that_somebody_else_wrote_does_not_hide_the_node(project: Project, record: Any) -> None:
    """``target/`` may come from another version, a merge, or a half-written copy: nothing is decided by it, and nothing breaks on it."""
    project.transform("t", sql="SELECT 1 AS x")
    folder = project.directory / "target" / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "20990101T000000-abcdef.json").write_text(json.dumps(record))
    found = panel(project, "t")
    assert text_of(found) == "SELECT 1 AS x"
    for one in found["history"]:
        assert one.keys() == {"when", "status", "seconds", "rows", "reason"}
        assert isinstance(one["seconds"], (int, float, type(None)))
        assert isinstance(one["rows"], (int, type(None)))


# Hostile text


@pytest.mark.parametrize("payload", PAYLOADS, ids=[p[:16].encode("unicode_escape").decode() for p in PAYLOADS])
def test_hostile_text_stays_text(project: Project, payload: str) -> None:
    """The page writes text, so that nothing need be escaped here, and nothing may be: it would be seen."""
    project.namespace = {"payload": payload}
    told = {"description": payload, "owner": payload, "tags": [payload]}
    project.transform("t", python="print(payload)\nresult = [{payload[:200]: payload, 'y': payload}]", **told)
    project.transform("bad", python="raise ValueError(payload)")
    project.transform("sql", f"SELECT '{payload.replace(chr(39), chr(39) * 2)}' AS x" if "{{" not in payload else "SELECT 1 AS x")
    project.run(progress=False, continue_on_error=True)
    found = panel(project, "t")
    facts = dict(found["facts"])
    assert (facts["description"], facts["owner"], facts["tags"]) == (payload, payload, payload)
    assert found["columns"][0] == payload[:200]
    assert found["rows"][0][1] in (payload, f"{payload[: CELL - 1]}…")
    if "\x1b" not in payload and not {"\u2028", "\u202e"} & set(payload):
        assert payload[:50] in panel(project, "bad")["error"]
        assert payload[:50] in found["log"]
    assert "\x1b" not in found["log"]
    for name, body in (("t", "python"), ("bad", "python"), ("sql", "sql")):
        assert text_of(panel(project, name)) == project.manifest.nodes[f"transform.{name}"].config[body]


@settings(max_examples=150)
@given(
    body=st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=80),
    language=st.sampled_from(["sql", "python", "json", "klingon", ""]),
)
def test_a_definition_is_shown_as_it_was_written_line_by_line(body: str, language: str) -> None:
    """Colours are marks on the text; they take nothing away, and a marked line is the line of its number."""
    found = Details("transform.t", language=language, body=body).to_dict({})
    shown = "\n".join("".join(words for _, words in line) for line in found["definition"]["lines"])
    assert shown == body or shown + "\n" == body


CHECKS = {
    "rows": (
        {"check": "order", "severity": "warn", "passed": False, "failed_rows": 412, "rows": 327_346, "sample": '[{"id": 1, "at": null}]'},
        {"name": "order", "severity": "warn", "ok": False, "text": "412 of 327,346 rows", "of": 412, "columns": ["id", "at"],
         "types": ["BIGINT", ""], "rows": [["1", None]]},
    ),
    "a text of its own": (
        {"check": "count", "severity": "error", "passed": False, "failed_rows": 1, "rows": None, "sample": "3 rows"},
        {"name": "count", "severity": "error", "ok": False, "text": "3 rows", "of": 1, "columns": [], "types": [], "rows": []},
    ),
    "held": (
        {"check": "x", "severity": "error", "passed": True, "failed_rows": 0, "rows": 9, "sample": None},
        {"name": "x", "severity": "error", "ok": True, "text": "", "of": 0, "columns": [], "types": [], "rows": []},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("check", "shown"), CHECKS.values(), ids=CHECKS)
def test_a_check_is_told_in_words_and_with_the_rows_that_break_it(check, shown):
    assert shown_check(check, {"id": "BIGINT"}) == shown


def test_null_is_no_text_and_a_float_has_twelve_digits():
    assert [shown_value(value) for value in (None, "", 0.1 + 0.2, 1e300, 7)] == [None, "", "0.3", "1e+300", "7"]
    assert shown_value([0.1 + 0.2, None, {"a": 1 / 3, "b": "x"}]) == "[0.3, None, {'a': 0.333333333333, 'b': 'x'}]"


def test_the_rows_that_break_a_rule_stand_in_its_details(tmp_path):
    """Whether it failed or warned; a page that is passed on has none of them."""
    project = Project(tmp_path)
    project.transform("t", sql="SELECT unnest([1, 2, NULL]) AS x")
    project.node("rule", "warns", inputs=["t"], severity="warn", checks=[{"not_null": "x"}])
    project.run(progress=False)
    (check,) = project.details("warns").to_dict({})["checks"]
    assert (check["of"], check["types"]) == (1, ["INTEGER"])
    assert (check["ok"], check["text"], check["columns"], check["rows"]) == (False, "1 of 3 rows", ["x"], [[None]])
    assert project.graph().picture.marks[1].look == "warning"
    (told,) = project.graph().details()[1]["checks"]
    assert (told["text"], told["rows"]) == ("1 of 3 rows", [])
    project.node("rule", "warns", inputs=["t"], checks=[{"not_null": "x"}])
    project.run(progress=False)
    assert project.details("warns").to_dict({})["checks"][0]["rows"] == [[None]]
    mark = project.graph().picture.marks[1]
    assert (mark.look, mark.why) == ("failed", "1 check failed")
    project.close()


CAUSES = {
    'SQL failed: node "transform.b": at line 1 of its SQL: Binder Error: Referenced column "arr_dely" not found in FROM clause!\nC': "no column arr_dely",
    "SQL failed: Catalog Error: Table with name x does not exist!\nDid you mean": "no table x",
    'SQL failed: node "transform.c": Invalid Input Error: no luck. Fix: mend the SQL, then run again': "no luck",
    "ValueError: a text that is so long that no card in the world has room for it": "",
    "Conversion Error: Could not convert string 'abc' to INT32\n\nLINE 1": "'abc' is no INT32",
    'ValueError at line 2 of its body: node "t.f": the file of May: row 17: the amount is negative: -5. Fix: mend the body': "the file of May: row 17",
    'AssertionError at line 2 of its body: node "t.f": too few rows: 10 of at least 100 that were expected': "too few rows",
    "KeyError at line 2 of its body: node \"t.f\": 'nope'. Fix: mend the body, then run again": "KeyError: 'nope'",
    'the file is not there: node "source.u": /data/none.csv. Fix: put it there': "the file is not there",
    'the body gave a int, not a table: node "t.f"': "the body gave a int, not a table",
    'RuntimeError at line 2 of its body: node "t.f": it does not (yet) work on weekdays or in winter, they say': "",
    'AssertionError at line 2 of its body: node "t.f": . Fix: mend the body': "AssertionError",
    'ValueError: node "t.f": Error': "ValueError: Error",
}


@pytest.mark.parametrize(("error", "cause"), CAUSES.items(), ids=range(len(CAUSES)))
def test_the_cause_of_a_failure_is_a_few_words_or_none(error, cause):
    assert cause_of(NodeResult("transform.b", ExecutionStatus.FAILED, error_message=error)) == cause


def test_a_node_that_was_left_out_or_is_due_says_why():
    for reason, cause in ((Reason(Why.UPSTREAM_FAILED, "a"), "input failed"), (Reason(Why.NOT_SELECTED), "not selected")):
        assert cause_of(NodeResult("t", ExecutionStatus.SKIPPED, reason=reason)) == cause
    for reason, cause in ((Reason(Why.SQL_CHANGED), "SQL changed"), (Reason(Why.NEVER_BUILT), ""), (Reason(Why.INPUT_CHANGED, "a"), "input changed")):
        assert cause_of(NodeResult("t", ExecutionStatus.PENDING, reason=reason)) == cause
