"""The magics in a real shell: what a cell answers, shows, refuses and leaves; and interrupts in a real kernel."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from hostile import PAYLOADS, inspect_bundle
from kinds import status
from shells import HEAVY, PIPELINE, ROOT, execute
from waiting import eventually

from seeknal_nb.authoring.cell import define, definition_grammar
from seeknal_nb.errors import RunFailed, SeeknalError, StateError, UsageError
from seeknal_nb.workflow.stores import open_store

# The extension


def test_loading_the_extension_imports_nothing_heavy():
    """It is idempotent and quick; nothing registers on import."""
    program = f"""
import sys
import seeknal_nb
assert not [m for m in ("IPython", *{HEAVY!r}) if m in sys.modules], "on import"
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
shell = InteractiveShell(config=Config({{"HistoryManager": {{"enabled": False}}}}))
before = {{m for m in {HEAVY!r} if m in sys.modules}}
assert "seeknal" not in shell.magics_manager.magics["line"]
shell.run_line_magic("load_ext", "seeknal_nb")
shell.run_line_magic("load_ext", "seeknal_nb")
assert "seeknal" in shell.magics_manager.magics["line"] and "seeknal" in shell.magics_manager.magics["cell"]
late = [m for m in {HEAVY!r} if m in sys.modules and m not in before]
assert not late, late
"""
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def test_what_the_system_refuses_is_an_error_of_ours(nb, tmp_path, monkeypatch):
    """A line that names the file and the remedy, where a traceback would show frames of ours; a folder that is gone is one, too."""
    nb("%%seeknal transform a\nSELECT 1 AS x")
    (tmp_path / "target/state/execution_state.json").mkdir(parents=True)
    for line in ("status", "plan", "run"):
        error = str(nb.error(f"%seeknal {line}", StateError))
        assert "execution_state.json: " in error
        assert "Fix: take " in error
    nb("%unload_ext seeknal_nb")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    nb("%load_ext seeknal_nb")
    assert str(nb.error("%seeknal ls", StateError)).startswith("the working directory is gone")


def test_unloading_takes_everything_away_and_loading_brings_it_back(nb):
    nb("%%seeknal transform a\nSELECT 1 AS x")
    nb("%unload_ext seeknal_nb")
    assert "seeknal" not in nb.shell.magics_manager.magics["line"]
    assert "seeknal" not in nb.shell.magics_manager.magics["cell"]
    assert "seeknal" not in nb.shell.user_ns
    assert "SeeknalMagics" not in [type(c).__name__ for c in nb.shell.configurables]
    nb("%load_ext seeknal_nb")
    assert nb("%seeknal ls").rows == ()


def test_loading_twice_and_reloading_keep_the_magics_working(nb):
    nb("%%seeknal transform a\nSELECT 1 AS x")
    nb("%load_ext seeknal_nb")
    assert nb.nodes == ["transform.a"]
    nb("%reload_ext seeknal_nb")
    nb("%%seeknal transform b\nSELECT 1 AS x")
    assert "transform.b" in nb.nodes


def test_the_project_is_the_variable_seeknal_and_is_no_variable_of_the_user(nb):
    nb("%%seeknal transform a\nSELECT 1 AS x")
    nb("summary = seeknal.run(progress=False)")
    assert nb.shell.user_ns["summary"].successful_nodes == 1
    assert nb("seeknal['a']")["x"].tolist() == [1]
    assert nb("%who_ls") == ["summary"]


# Commands


COMMANDS = {
    "%seeknal run": "2 nodes", "%seeknal run --full": "2 nodes", "%seeknal run --dry-run": "2 nodes",
    "%seeknal run --nodes users,names": "2 nodes", "%seeknal run --nodes users --only": "2 nodes",
    "%seeknal run --types transform --exclude-tags core": "2 nodes", "%seeknal run --retry 2 --continue-on-error": "2 nodes",
    "%seeknal run --workers 2": "2 nodes", "%seeknal plan": "transform.users", "%seeknal plan --full": "RUN",
    "%seeknal ls": "transform.users", "%seeknal ls tag:core": "1 node", "%seeknal show users": "2 rows",
    "%seeknal show transform.users --limit 1": "2 rows", "%seeknal status": "transform.users", "%seeknal diff": "",
    "%seeknal graph": "2 nodes, 1 edge", "%seeknal history": "1 run", "%seeknal history --limit 1": "1 run",
    "%seeknal clean": "", "%seeknal clean --dry-run --keep 1": "", "%seeknal parse": "", "%seeknal remove names": "removed",
    "%seeknal retry": "2 nodes",
}  # fmt: skip


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_gives_something_that_shows_itself(nb, line):
    """Every command returns something worth assigning."""
    nb(PIPELINE)
    if "parse" in line.split()[1]:
        Path("seeknal").mkdir()
        Path("seeknal", "more.yml").write_text("kind: source\nname: more\nsql: SELECT 1 AS x\n")
    if "retry" in line.split()[1]:
        nb("%%seeknal transform bad\nSELECT error('x') AS x FROM users")
        nb("%seeknal run --no-raise")
        nb("%%seeknal transform bad\nSELECT 1 AS x FROM users")
        nb("%seeknal remove names")
    else:
        nb("%seeknal run")
    cell = nb.cell(line)
    assert cell.error is None, cell.error
    assert cell.value is not None
    bundle = nb.bundle(cell.value)
    assert COMMANDS[line] in bundle["text/plain"]
    assert bundle["text/plain"].strip()
    assert "text/html" in bundle or "image/svg+xml" in bundle
    if "remove" in line:
        return
    nb(f"kept = {line}")
    assert type(nb.shell.user_ns["kept"]) is type(cell.value)


def test_a_run_gives_its_summary_and_shows_nothing_twice(nb):
    """One live output a run, and what the notebook keeps of it; the summary where the line stands alone."""
    nb(PIPELINE)
    assigned = nb.cell("summary = %seeknal run")
    assert (assigned.out, assigned.err) == ("", "")
    summary = nb.shell.user_ns["summary"]
    assert status(summary) == {"transform.users": "success", "transform.names": "success"}
    live, kept, *updates = assigned.shown
    assert "application/vnd.jupyter.widget-view+json" in live["data"]
    assert not live.get("update")
    assert updates
    assert all(o["update"] and o["transient"] == kept["transient"] for o in updates)
    assert "2 of 2" in assigned.shown[-1]["data"]["text/plain"]
    bare = nb.cell("%seeknal run --full")
    everything = bare.out + "".join(o["data"].get("text/plain", "") for o in bare.shown if not o.get("update"))
    assert everything.count(str(bare.value).splitlines()[0]) == 1
    assert bare.value is nb.shell.user_ns["seeknal"].summary


def test_a_summary_has_the_fields_of_the_spec_and_a_frame(nb):
    nb(PIPELINE)
    summary = nb("summary = %seeknal run\nsummary")
    assert (summary.total_nodes, summary.changed_nodes, summary.successful_nodes, summary.failed_nodes) == (2, 2, 2, 0)
    frame = summary.to_frame()
    assert frame["node_id"].tolist() == ["transform.users", "transform.names"]
    assert frame["status"].tolist() == ["success", "success"]
    assert summary["transform.users"].row_count == 2


def test_a_second_run_executes_nothing_and_says_so(nb):
    nb(PIPELINE)
    nb("%seeknal run")
    assert set(status(nb("%seeknal run")).values()) == {"cached"}
    assert "0 would run" in str(nb("%seeknal plan")) or "CACHED" in str(nb("%seeknal plan"))


def test_a_failed_run_ends_the_cell_in_a_short_error(nb):
    """Node, line, cause, remedy; so that "run all" and nbconvert stop."""
    nb("%%seeknal transform bad\na = 1\nb = 0\nresult = a / b")
    nb("%%seeknal transform below\nSELECT * FROM bad")
    nb.shell.user_ns["summary"] = "before"
    error = nb.error("summary = %seeknal run", RunFailed)
    assert nb.shell.user_ns["summary"] == "before"  # assigned only on success
    text = "\n".join(error._render_traceback_())
    for part in ("transform.bad", "ZeroDivisionError", "line 3", "division by zero", "Fix: "):
        assert part in text, text
    assert error.exit_code == 1
    assert isinstance(error.summary.failed[0].error.__cause__, ZeroDivisionError)
    assert status(error.summary) == {"transform.bad": "failed", "transform.below": "skipped"}


def test_no_raise_gives_the_summary_of_a_failed_run(nb):
    nb("%%seeknal transform bad\n1 / 0")
    summary = nb("%seeknal run --no-raise")
    assert summary.failed_nodes == 1
    assert isinstance(summary.failed[0].error.__cause__, ZeroDivisionError)
    nb("%config SeeknalMagics.raise_on_failure = False")
    try:
        assert nb("%seeknal run").failed_nodes == 1
    finally:
        nb("%config SeeknalMagics.raise_on_failure = True")


@pytest.mark.parametrize("configured", [False, True])
def test_a_notebook_s_state_is_where_its_settings_or_the_shell_s_say(nb, tmp_path, configured):
    settings = "" if configured else "state = 'sqlite:///kept.db'"
    (tmp_path / "pyproject.toml").write_text(f"[tool.seeknal_nb]\nname = 'orders'\n{settings}\n")
    if configured:
        nb("%config SeeknalMagics.state = 'sqlite:///kept.db'")
    try:
        nb("%%seeknal transform a\nSELECT 1 AS x")
        assert nb("%seeknal run").successful_nodes == 1
        assert nb("%seeknal run").cached_nodes == 1
    finally:
        nb("%config SeeknalMagics.state = ''")
    assert list(open_store("sqlite:///kept.db", root=tmp_path, project="orders").load()) == ["transform.a"]


@pytest.mark.parametrize(("name", "value"), [("state", "'sqlite:///late.db'"), ("workers", 3), ("engine", "'other'")])
def test_what_is_set_after_the_project_was_opened_is_refused_and_not_passed_over(nb, tmp_path, name, value):
    nb("%%seeknal transform t\nSELECT 1 AS x")
    nb(f"%config SeeknalMagics.{name} = {value}")
    try:
        with pytest.raises(AssertionError, match=f"UsageError.*SeeknalMagics.{name} has no effect now"):
            nb("%seeknal run")
        assert not (tmp_path / "target").exists()
    finally:
        nb(f"%config SeeknalMagics.{name} = {0 if name == 'workers' else repr('')}")
    assert nb("%seeknal run").failed == []



def test_what_a_node_prints_is_shown_with_the_run_and_nowhere_else(nb):
    nb("%%seeknal transform a\nprint('hello from a')\nresult = [{'x': 1}]")
    cell = nb.cell("summary = %seeknal run")
    assert cell.out == ""
    assert "hello from a" in cell.shown[-1]["data"]["text/plain"]


@pytest.mark.parametrize(("line", "parts"), [
    ("%seeknal -h", ["run", "plan", "graph"]), ("%seeknal --help", ["run"]), ("%seeknal help", ["run", "history"]),
    ("%seeknal run -h", ["--full", "--nodes", "--retry"]), ("%seeknal help run", ["--full", "--continue-on-error"]),
    ("%seeknal source -h", ["--csv", "--input"]), ("%seeknal help source", ["--csv", "--input"]), ("%seeknal", ["run"]),
    ("x = %seeknal run -h", ["--full"]), ("%%seeknal transform -h\nSELECT 1", ["--materialized"]),
])  # fmt: skip
def test_help_is_shown_and_nothing_else_happens(nb, line, parts):
    """-h prints help and returns; plain argparse would raise SystemExit."""
    cell = nb.cell(line)
    assert cell.error is None
    (shown,) = cell.shown
    for part in parts:
        assert part in shown["data"]["text/plain"]


def test_the_docstring_names_the_commands_help(nb):
    assert "%seeknal -h" in nb.shell.find_line_magic("seeknal").__doc__


USAGE = {
    "an unbalanced quote": ('%seeknal run --nodes "a', "unbalanced quote"),
    "an unbalanced quote in a cell": ('%%seeknal transform t --description "a\nSELECT 1 AS x', "unbalanced quote"),
    "an unknown command": ("%seeknal rnu", "did you mean run"),
    "an unknown kind": ("%%seeknal transfrom t\nSELECT 1 AS x", "did you mean transform"),
    "an unknown option": ("%seeknal run --ful", "did you mean --full"),
    "an unknown option of a kind": ("%%seeknal transform t --tgas a\nSELECT 1 AS x", "did you mean --tags"),
    "an option of a reader": ("%seeknal source s --csv a.csv --encoding latin-1", "--param NAME=VALUE"),
    "checks below a rule's line": ("%%seeknal rule r --on users\nchecks:\n  - not_null: [id]", 'kind: "rule", name: "r", on: "users"'),
    "one check below a rule's line": ("%%seeknal rule r --on users\nnot_null: [id]", "%%seeknal alone"),
    "a list of checks below a rule's line": ("%%seeknal rule r --on users\n- expression: id > 0", "%%seeknal alone"),
    "a table by an unknown parameter": ("%%seeknal transform t\nFROM {{ nope }}", "parameter 'nope' is not defined"),
    "no abbreviations": ("%seeknal run --cont", "unknown option '--cont'"),
    "an unknown node": ("%seeknal run --nodes userz", "users"),
    "an unknown type": ("%seeknal run --types transfrom", "transform"),
    "an unknown tag": ("%seeknal run --exclude-tags cre", "core"),
    "an unknown node to show": ("%seeknal show userz", "users"),
    "an empty name in a list": ("%seeknal run --types a,,b", "empty name"),
    "a retry that is no number": ("%seeknal run --retry abc", "no whole number"),
    "a negative retry": ("%seeknal run --retry -1", ""),
    "a node without a name": ("%%seeknal transform\nSELECT 1 AS x", "NAME"),
    "a cell of blanks": ("%%seeknal\n  \n \n", "empty"),
    "a cell of comments": ("%%seeknal\n# nothing\n", "empty"),
    "a command with a body": ("%%seeknal run\nSELECT 1", "takes no body"),
    "a notebook": ("%seeknal run other.ipynb", "notebook"),
    "a bad name": ("%%seeknal transform a-b\nSELECT 1 AS x", "name"),
    "a name with a dot": ("%%seeknal transform ../x\nSELECT 1 AS x", "name"),
    "two names": ("%%seeknal transform a b\nSELECT 1 AS x", "'b'"),
    "two things to read": ("%seeknal source s --csv a.csv --input df", "one thing"),
    "parameters that are no JSON": ("%seeknal run --params '{\"a\": }'", "JSON"),
    "a parameter without a value": ("%seeknal run --params a", "name=value"),
    "YAML under a name": ("%%seeknal transform t\nkind: transform\nname: t", "YAML"),
    "YAML with an unknown key": ("%%seeknal\nkind: transform\nname: t\ndepend_on: [users]\nsql: SELECT 1 AS x", "depends_on"),
    "YAML without a kind": ("%%seeknal\nname: t\nsql: SELECT 1 AS x", "kind"),
    "an unknown table": ("%%seeknal transform t\nSELECT * FROM userz", "users"),
    "a notebook variable as a table": ("%%seeknal transform t\nSELECT * FROM frame", "frame"),
    "a body that names itself": ("%%seeknal transform t\nSELECT * FROM transform.t", "t"),
    "Python that is not Python": ("%%seeknal transform t\ndef t(users)\n    return users", "Python"),
    "an IPython command in a body": ("%%seeknal transform t\n%time x = 1\nresult = users", "IPython"),
    "a NUL byte in a cell": ("%%seeknal\nkind: transform\nname: a\x00b\nsql: SELECT 1", "NUL"),
    "no body": ("%seeknal transform t", "no body"),
}  # fmt: skip


@pytest.mark.parametrize(("source", "fragment"), USAGE.values(), ids=USAGE)
def test_wrong_use_is_one_short_error_with_a_remedy_and_changes_nothing(nb, tmp_path, source, fragment):
    """No traceback, the nearest name, nothing registered, nothing run."""
    nb(PIPELINE)
    nb.shell.user_ns["frame"] = pd.DataFrame({"a": [1]})
    before = (list(nb.nodes), list(nb.shell.user_ns["seeknal"].manifest.edges))
    error = nb.error(source)
    assert fragment in str(error), str(error)
    assert error.remedy, str(error)
    assert (nb.nodes, nb.shell.user_ns["seeknal"].manifest.edges) == before
    assert not list(tmp_path.iterdir())


def test_an_error_in_a_cell_of_yaml_names_the_line_of_the_cell(nb):
    """The notebook counts from the magic's own line; so do unknown keys and what fails in a run."""
    assert "cell:5" in str(nb.error("%%seeknal\nkind: transform\nname: t\nsql: SELECT 1 AS x\ndepend_on: [users]"))
    nb("%%seeknal\nkind: transform\nname: t\nsql: |\n  SELECT 1 AS x,\n    nosuch AS y")
    assert str(nb.cell("%seeknal run").error.place) == "cell:6"


# Definitions


@pytest.mark.parametrize(("cell", "expected"), [
    ("%seeknal source s a.csv", {"path": "a.csv"}),
    ("%seeknal source s --csv a.csv --null NA --tags raw,daily", {"source": "csv", "path": "a.csv", "params": {"nullstr": "NA"}}),
    ("%seeknal source s --csv 'my data.csv'", {"source": "csv", "path": "my data.csv"}),
    ("%seeknal source s --sqlite a.db --table t", {"source": "sqlite", "path": "a.db", "params": {"table": "t"}}),
    ("%seeknal source s --input df", {"source": "dataframe", "input": "df"}),
    ("%seeknal exposure s --inputs t --to out.csv", {"inputs": ["t"], "to": "out.csv"}),
    ("%%seeknal rule s --on transform.t\nx > 3", {"on": "transform.t", "sql": "x > 3"}),
    ("%%seeknal rule s --severity warn\nSELECT * FROM t", {"severity": "warn", "sql": "SELECT * FROM t"}),
    ("%%seeknal transform s --materialized view\nSELECT * FROM t", {"materialized": "view", "sql": "SELECT * FROM t"}),
    ("%%seeknal transform s --as arrow --inputs t\nresult = t", {"as": "arrow", "inputs": ["t"], "python": "result = t"}),
    ("%%seeknal feature_group s --entity user --key x --event-time ts --ttl 7d\nSELECT 1 AS x, now() AS ts",
     {"entity": {"name": "user", "join_keys": ["x"]}, "materialization": {"event_time_col": "ts", "ttl": "7d"}}),
    ("%%seeknal model s --algorithm random_forest --target y --key a,b --test-size 0.3 --param max_depth=3\nSELECT * FROM t",
     {"training": {"algorithm": "random_forest", "target": "y", "key": ["a", "b"], "test_size": 0.3, "params": {"max_depth": 3}}}),
    ("%seeknal model s --inputs t --algorithm random_forest --target y --split-time d --train-until 2024-01-01",
     {"training": {"algorithm": "random_forest", "target": "y", "split": {"time_column": "d", "train_until": "2024-01-01"}}}),
])  # fmt: skip
def test_a_line_says_what_yaml_would_say(nb, cell, expected):
    nb.shell.user_ns["df"] = pd.DataFrame({"a": [1]})
    nb("%%seeknal transform t\nSELECT 1 AS x")
    nb(cell)
    node = nb.shell.user_ns["seeknal"].manifest.nodes[nb.nodes[-1]]
    assert {key: node.config.get(key) for key in expected} == expected
    if "--tags" in cell:
        assert node.tags == ["raw", "daily"]


def test_registering_answers_with_inputs_what_it_would_do_and_what_is_downstream(nb):
    nb("%%seeknal transform users\nSELECT 1 AS id")
    nb("%%seeknal transform a\nSELECT * FROM users")
    nb("%%seeknal transform b\nSELECT * FROM a")
    nb("%seeknal run")
    answer = str(nb("%%seeknal transform a\nSELECT id + 1 AS id FROM users"))
    assert "transform.a <- transform.users" in answer
    assert "SQL changed" in answer
    assert "1 node downstream" in answer
    assert "\n" not in answer
    assert "up to date" in str(nb("%%seeknal transform users\nSELECT 1  AS id -- the same"))


def test_sql_that_gives_another_result_each_time_is_told_where_it_is_defined_and_in_the_plan(nb):
    answer = str(nb("%%seeknal transform a\nSELECT random() AS x, now() AS at"))
    assert answer == "transform.a · will run: never built · volatile: random(), now(), what is stored stands until something changes"
    nb("%%seeknal transform b\nSELECT 'now()' AS x")
    nb("%seeknal run")
    plan = nb("%seeknal plan")
    assert [step.why for step in plan] == ["up to date; volatile: random(), now()", "up to date"]
    assert nb("seeknal.plan()")["transform.a"].reason == "up to date"


@pytest.mark.parametrize("body", ["g = globals()\n    return [{'x': g.get('K', 0)}]", "return [{'x': n} for n in globals()]"])
def test_a_body_that_searches_the_notebook_is_refused_as_a_helper_is(nb, body):
    nb("K = 1")
    assert "what the body finds by globals() nobody can tell" in str(nb(f"%%seeknal transform t\ndef t():\n    {body}"))
    assert "will run" in str(nb("%%seeknal transform t\ndef t():\n    return [{'x': globals()['K']}]"))


def test_a_cell_after_one_that_cannot_run_says_whose_fault_it_is(nb):
    first = str(nb("%%seeknal transform typo\nSELECT {{ minimun }} AS x")).splitlines()[-1]
    assert first.startswith("! not yet to be run: parameter 'minimun' is not defined")
    later = str(nb("%%seeknal transform other\nSELECT 1 AS x")).splitlines()
    assert later[0] == "transform.other"
    assert later[1].startswith("! nothing can be run yet, because of transform.typo, which another cell defines: parameter 'minimun' is not defined")
    assert "Fix" not in later[1]
    assert " In," not in str(nb("%seeknal source frame --input frme"))
    several = str(nb("%%seeknal transform other\nSELECT 1 AS x")).splitlines()
    assert [line.partition(", which")[0] for line in several[1:]] == [
        f"! nothing can be run yet, because of {one}" for one in ("transform.typo", "source.frame")]  # fmt: skip
    nb("%seeknal remove typo")
    assert "because of source.frame" in str(nb("%%seeknal transform other\nSELECT 1 AS x"))


@pytest.mark.parametrize(("kind", "said"), [("aggregation", "an aggregation"), ("exposure", "an exposure"), ("rule", "a rule"),
                                            ("feature_group", "a feature group")])  # fmt: skip
def test_a_help_has_the_right_article(kind, said):
    assert f"Define {said};" in definition_grammar(kind).format_help()


def test_a_view_is_shown_as_one(nb):
    """Nobody has counted its rows."""
    nb("%%seeknal transform v --materialized view\nSELECT 1 AS a, 2 AS b")
    nb("%seeknal run")
    assert str(nb("%seeknal show v")).splitlines()[0] == "transform.v: a view, 2 columns"


def test_a_yaml_cell_registers_every_document_or_none(nb):
    answer = nb(PIPELINE)
    assert nb.nodes == ["transform.users", "transform.names"]
    assert str(answer).splitlines()[1].startswith("transform.names <- transform.users")
    broken = PIPELINE.replace("name: users", "name: others").replace("name: names", "name: bad-name")
    nb.error(broken)
    assert nb.nodes == ["transform.users", "transform.names"]
    nb.error(PIPELINE.replace("FROM transform.users", "FROM transform.nowhere").replace("core", "changed"))
    assert nb.shell.user_ns["seeknal"].manifest.nodes["transform.users"].tags == ["core"]


def test_a_yaml_cell_may_name_nodes_before_they_are_defined(nb):
    first, second = PIPELINE.removeprefix("%%seeknal\n").split("---\n")
    nb(f"%%seeknal\n{second}---\n{first}")
    assert status(nb("%seeknal run")) == {"transform.users": "success", "transform.names": "success"}


LANGUAGES = {
    "yaml": ["kind: source\nname: x", "kind : source\nname: x", "# note\nkind: source\nname: x", "---\nkind: source\nname: x",
             "\n\nkind: transform"],
    "sql": ["SELECT 1", "select 1 as x", "Select\n1", "VALUES (1)", "values (1)", "VALUES(1)", "SELECT(1)", "(SELECT 1)", "FROM t",
            "from t select x", "FROM transform.t LIMIT 3", "WITH a AS (SELECT 1) SELECT * FROM a", "with a as (select 1) select * from a",
            "-- note\nSELECT 1", "/* note */ SELECT 1", "PIVOT t ON c USING sum(v)", "SUMMARIZE t", "DESCRIBE t",
            "CREATE TEMP TABLE a AS SELECT 1; SELECT * FROM a", "select", "SELEC 1", "SELECT 'def f(): return 1'",
            "SELECT {{ a }} AS x", "SELECT * FROM ref('users')", "FROM read_csv('a.csv')", "SELECT x -- # not Python\nFROM t",
            "-- kind: of\nSELECT 1", "SELECT\n  a,\n  b\nFROM t", "with recursive r as (select 1) from r", "table t"],
    "python": ["from pandas import DataFrame\nresult = 1", "with open('f') as f:\n    x = f.read()", "import pandas as pd\npd",
               "def t(a):\n    return a", "result = 1", "return users", "users[users.id > 1]", "# note\nx = 1", '"""doc"""\nresult = 1',
               "@cache\ndef t(): ...", "class A: ...", "if x:\n    y = 1", "for i in x:\n    y = i", "users", "x: int = 3\nresult = x",
               "lambda: 1", "def t(a)\n    return a", "import pandas as", "%time x", "!ls", "kind = 3\nresult = kind",
               "x = 'SELECT 1'\nresult = x", "f(\n  users)", "while x:\n    break", "try:\n    x\nfinally:\n    y", "(users\n .head())",
               "def t(selected):\n    select = 1\n    return selected", "sql = '''\nSELECT 1\n'''\nresult = sql"],
}  # fmt: skip
BODIES = [(language, body) for language, bodies in LANGUAGES.items() for body in bodies]


@pytest.mark.parametrize(("language", "body"), BODIES, ids=[f"{language} {body[:24]!r}" for language, body in BODIES])
def test_the_language_of_a_body_is_found(language, body):
    """KINDS § 1.0: kind: is YAML; what parses as Python, and does not begin with VALUES or SELECT, is Python; else SQL."""
    if language == "yaml":
        with pytest.raises(UsageError, match="YAML"):
            define("transform", ["t"], body)
    else:
        assert define("transform", ["t"], body).config == {language: body}


def test_a_body_of_checks_says_what_to_write_instead():
    with pytest.raises(UsageError, match=r'kind: "rule", name: "r", on: "a", severity: "warn", checks: above the list$'):
        define("rule", ["r", "--on", "a", "--severity", "warn"], "- not_null: x\n- unique: g")


@pytest.mark.parametrize(("lang", "key"), [("sql", "sql"), ("python", "python")])
def test_lang_overrules_what_is_found(lang, key):
    assert define("transform", ["t", "--lang", lang], "values").config == {key: "values"}


def test_quotes_go_as_in_a_shell(nb):
    """'{"a": 1}' arrives whole."""
    nb("%%seeknal transform t --description 'two words' --owner \"it's me\"\nSELECT {{ a }} AS a, {{ b }} AS b")
    node = nb.shell.user_ns["seeknal"].manifest.nodes["transform.t"]
    assert (node.description, node.owner) == ("two words", "it's me")
    nb("""%seeknal run --params '{"a": 1, "b": "x y"}'""")
    assert nb("seeknal['t']").to_dict("records") == [{"a": 1, "b": "x y"}]
    nb("""%seeknal run --params a=2 'b=it''s'""")
    assert nb("seeknal['t']").to_dict("records") == [{"a": 2, "b": "its"}]


@pytest.mark.parametrize("text", ["{x}", "$x", "${HOME}", "{{x}}", "{1/0}", "{__import__('os').system('touch pwn')}", "$HOME/a", "{", "}"])
def test_a_line_is_taken_literally(nb, tmp_path, text):
    """IPython would evaluate ``$x`` and ``{x}``, in lines and cells of magics too."""
    nb.shell.user_ns["x"] = "expanded"
    nb(f"""%%seeknal transform t --description "{text}"\nSELECT '{text.replace("'", "''")}' IS NOT NULL AS a, 'a' AS b""" if "{{" not in text
       else f'%%seeknal transform t --description "{text}"\nSELECT 1 AS a')  # fmt: skip
    assert nb.shell.user_ns["seeknal"].manifest.nodes["transform.t"].description == text
    nb.cell(f'%seeknal ls "{text}"')
    nb.cell(f"%seeknal run --nodes {text}")
    assert not (tmp_path / "pwn").exists()


def test_a_variable_of_the_notebook_fills_a_hole_and_its_change_is_a_change(nb):
    """{{ name }} from --params, the project's params, then the notebook."""
    nb("cutoff = 2")
    nb("%%seeknal transform t\nSELECT {{ cutoff }} AS c")
    assert status(nb("%seeknal run")) == {"transform.t": "success"}
    assert status(nb("%seeknal run")) == {"transform.t": "cached"}
    nb("cutoff = 3")
    assert status(nb("%seeknal run")) == {"transform.t": "success"}
    assert nb("seeknal['t']")["c"].tolist() == [3]
    nb("%seeknal run --params cutoff=4")
    assert nb("seeknal.show('t').frame")["c"].tolist() == [4]


def test_a_hole_in_the_line_is_filled_as_in_the_body(nb, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("x\n7\n")
    nb("folder = 'data'")
    nb("%seeknal source s --csv '{{ folder }}/a.csv'")
    nb("%seeknal run")
    assert nb("seeknal['s']")["x"].tolist() == [7]


def test_a_hole_without_a_value_is_named(nb):
    nb("%%seeknal transform t\nSELECT {{ cutof }} AS c")
    assert "cutof" in str(nb.error("%seeknal run"))


def test_a_definition_again_takes_the_place_of_the_first(nb):
    nb("%%seeknal transform a --tags one\nSELECT 1 AS x")
    nb("%%seeknal transform b\nSELECT x FROM a")
    nb("%%seeknal transform a --tags two\nSELECT 2 AS x")
    assert nb.nodes == ["transform.a", "transform.b"]
    assert nb.shell.user_ns["seeknal"].manifest.nodes["transform.a"].tags == ["two"]
    nb("%seeknal run")
    assert nb("seeknal['b']")["x"].tolist() == [2]


@pytest.mark.parametrize("again", [
    "SELECT * FROM nowhere", "SELECT * FROM b", "def a(nowhere):\n    return nowhere", "def a(:\n    pass", "kind: x",
])  # fmt: skip
def test_a_definition_that_fails_leaves_the_old_one(nb, again):
    nb("%%seeknal transform a\nSELECT 1 AS x")
    nb("%%seeknal transform b\nSELECT x FROM a")
    edges = list(nb.shell.user_ns["seeknal"].manifest.edges)
    nb.error(f"%%seeknal transform a\n{again}")
    assert nb.shell.user_ns["seeknal"].manifest.nodes["transform.a"].config["sql"] == "SELECT 1 AS x"
    assert nb.shell.user_ns["seeknal"].manifest.edges == edges
    assert status(nb("%seeknal run")) == {"transform.a": "success", "transform.b": "success"}


def test_edges_follow_the_new_body(nb):
    nb("%%seeknal transform a\nSELECT 1 AS x")
    nb("%%seeknal transform b\nSELECT 2 AS x")
    nb("%%seeknal transform c\nSELECT x FROM a")
    nb("%%seeknal transform c\nSELECT x FROM b")
    assert nb.shell.user_ns["seeknal"].manifest.get_upstream_nodes("transform.c") == {"transform.b"}


def test_a_changed_helper_reruns_who_uses_it_and_only_them(nb):
    nb("def tax(x):\n    return x * 2")
    nb("%%seeknal transform a\nresult = [{'x': tax(3)}]")
    nb("%%seeknal transform b\nresult = [{'x': 1}]")
    nb("%seeknal run")
    nb("def tax(x):\n    '''With a docstring, and the same code.'''\n    return x * 2  # the same")
    assert status(nb("%seeknal run")) == {"transform.a": "cached", "transform.b": "cached"}
    nb("def tax(x):\n    return x * 5")
    assert status(nb("%seeknal run")) == {"transform.a": "success", "transform.b": "cached"}
    assert nb("seeknal['a']")["x"].tolist() == [15]


def test_a_frame_of_the_notebook_is_a_source(nb):
    nb("import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})")
    nb("%seeknal source s --input df")
    nb("%%seeknal transform t\nSELECT sum(a) AS a FROM s")
    nb("%seeknal run")
    nb("df.loc[0, 'a'] = 10")
    assert status(nb("%seeknal run")) == {"source.s": "success", "transform.t": "success"}
    assert nb("seeknal['t']")["a"].tolist() == [12]


def test_run_with_a_definition_shows_its_first_rows(nb):
    nb("%%seeknal transform a\nSELECT 1 AS x")
    preview = nb("%%seeknal transform b --run\nSELECT x + 1 AS y FROM a")
    assert preview.frame.to_dict("records") == [{"y": 2}]
    assert "transform.b: 1 row" in nb.bundle(preview)["text/plain"]
    nb.error("%%seeknal transform c --run\nSELECT error('no') AS x FROM a", RunFailed)


def test_show_computes_nothing(nb):
    nb("%%seeknal transform a\nSELECT 1 AS x")
    assert "never built" in str(nb.error("%seeknal show a"))
    nb("%seeknal run")
    nb("%%seeknal transform a\nSELECT 2 AS x")
    assert nb("%seeknal show a").frame["x"].tolist() == [1]


def test_a_node_that_others_read_is_not_removed(nb):
    nb(PIPELINE)
    assert "names" in str(nb.error("%seeknal remove users"))
    nb("%seeknal remove names,users")
    assert nb.nodes == []


def test_formats_give_plain_values(nb):
    nb(PIPELINE)
    nb("%seeknal run")
    assert nb("%seeknal ls --format json")["rows"][0]["node_id"] == "transform.users"
    assert [s["action"] for s in nb("%seeknal plan --format json")["steps"]] == ["cached", "cached"]
    assert nb("%seeknal graph --format mermaid").startswith(("flowchart", "graph"))
    ET.fromstring(nb("%seeknal graph --format svg"))


# Hostile text


@pytest.mark.parametrize("payload", PAYLOADS, ids=[p[:16].encode("unicode_escape").decode() for p in PAYLOADS])
def test_hostile_text_is_text_in_everything_that_is_shown(nb, payload):
    """Names, tags, descriptions, errors, SQL, columns, cells."""
    nb("%seeknal ls")
    nb.shell.user_ns["payload"] = payload
    nb("import pandas as pd\nframe = pd.DataFrame({payload or 'x': [payload], 'y': [payload]})")
    nb("seeknal.source('s', input='frame', source='dataframe', description=payload, owner=payload, tags=[payload])")
    nb("seeknal.transform('bad', python='raise ValueError(payload)', inputs=['s'], tags=[payload])")
    nb("seeknal.transform('loud', python='print(payload)\\nresult = [{\"x\": payload}]')")
    nb("seeknal.transform('sql', sql='SELECT ' + \"'\" + payload.replace(\"'\", \"''\") + \"'\" + '::INTEGER AS x')"
       if "{{" not in payload else "0")  # fmt: skip
    cell = nb.cell("%seeknal run --no-raise --continue-on-error")
    assert cell.error is None, cell.error
    assert cell.value["transform.bad"].status == "failed"
    texts = [inspect_bundle(shown["data"]) for shown in cell.shown]
    assert payload[:8].strip("\x1b\u2028\u202e") in "".join(texts)
    for line in ("ls", "plan --full", "status", "graph", "diff", "history", "show s", "show loud", "run --no-raise --continue-on-error"):
        inspect_bundle(nb.bundle(nb(f"%seeknal {line}")))
    inspect_bundle(nb.bundle(cell.value))
    failed = nb.cell("%seeknal run --continue-on-error")
    assert isinstance(failed.error, RunFailed)
    inspect_bundle({"text/plain": "\n".join(failed.error._render_traceback_())})


@pytest.mark.parametrize("name", ["<b>x</b>", "a b", "a;drop", 'a"b', "a'b", "x:y", "a\nb", "é", "🦆", "", ".", "a" * 101, "CON\x00"])
def test_a_hostile_name_is_refused_and_its_error_is_text(nb, name):
    """Names are SQL identifiers, so an id is never an injection, a path or a collision."""
    nb.shell.user_ns["name"] = name
    cell = nb.cell("seeknal.transform(name, sql='SELECT 1 AS x')") if nb("%seeknal ls") is not None else None
    assert isinstance(cell.error, SeeknalError), cell.error
    assert not [c for c in cell.out if ord(c) < 32 and c not in "\n\t\r"]
    assert nb.nodes == []


@pytest.mark.parametrize("sql", [
    "SELECT 1 AS x; DROP VIEW transform.a", "SELECT 1 AS \"<script>alert(1)</script>\"", "SELECT '<img src=x onerror=alert(1)>' AS x",
    "SELECT chr(27) || '[31m' AS x",
])  # fmt: skip
def test_hostile_sql_and_data_are_shown_as_text(nb, sql):
    nb("%%seeknal transform a\nSELECT 1 AS x")
    nb(f"%%seeknal transform t\n{sql}")
    cell = nb.cell("%seeknal run --no-raise")
    for shown in cell.shown:
        inspect_bundle(shown["data"])
    if not cell.value.failed:
        inspect_bundle(nb.bundle(nb("%seeknal show t")))


def test_looking_at_a_hostile_project_executes_nothing(nb, tmp_path):
    """What is only opened, planned or drawn never runs a body."""
    nb("%%seeknal transform t\nopen('pwn', 'w').close()\nresult = [{'x': 1}]")
    for line in ("ls", "plan", "plan --full", "status", "graph", "diff", "history", "run --dry-run", "clean --dry-run"):
        nb(f"%seeknal {line}")
    assert not list(tmp_path.iterdir())


# A real kernel


def wait_for_build(folder: Path, name: str) -> None:
    journal = folder / "target" / "state" / "journal.jsonl"
    eventually(lambda: journal.exists() and f"transform.{name}" in journal.read_text())


def test_the_node_that_is_running_is_shown_while_it_runs(kernel, tmp_path):
    """One live output; whoever waits for a minute must see for what."""
    _, client = kernel
    execute(client, f"import os\nos.chdir({str(tmp_path)!r})\n%load_ext seeknal_nb\n%reload_ext seeknal_nb")
    execute(client, "%%seeknal transform before\nSELECT 1 AS x")
    execute(client, "%%seeknal transform slow --inputs before\nimport os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.01)\nresult = [{'x': 1}]")
    sent = client.execute("%seeknal run", stop_on_error=False)
    now = None
    while now != [1]:
        message = client.get_iopub_msg()
        if message["parent_header"].get("msg_id") == sent:
            told = message["content"].get("data", {})
            now = told.get("content", {}).get("run", {}).get("now") or told.get("state", {}).get("snapshot", {}).get("run", {}).get("now")
    (tmp_path / "go").touch()
    while client.get_shell_msg()["parent_header"].get("msg_id") != sent:
        pass


LONG = {
    "a scan": "SELECT count(*) AS x FROM range(1000000000000000) a",
    "a join": "SELECT sum(a.range * b.range) AS x FROM range(10000000) a, range(10000000) b",
    "a sort": "SELECT range AS x FROM range(200000000) ORDER BY hash(range)",
    "recursion": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1000000000) SELECT max(n) AS x FROM r",
    "a Python loop": "while True:\n    pass",
    "a sleep": "import time\ntime.sleep(100_000)\nresult = [{'x': 1}]",
    "a loop that catches Exception": "while True:\n    try:\n        sum(range(1000))\n    except Exception:\n        pass",
}
RESULTS = "{r.node_id: (str(r.status), r.reason, r.attempts) for r in seeknal.summary.results}"


@pytest.mark.parametrize("body", LONG.values(), ids=LONG)
def test_an_interrupt_stops_the_node_and_keeps_what_is_finished(kernel, tmp_path, body):
    """Finished nodes stay, the rest is PENDING, the kernel lives, the next run goes on."""
    manager, client = kernel
    execute(client, f"import os\nos.chdir({str(tmp_path)!r})\n%load_ext seeknal_nb\n%reload_ext seeknal_nb")
    execute(client, "%%seeknal transform before\nSELECT 1 AS x")
    execute(client, f"%%seeknal transform slow --inputs before\n{body}")
    execute(client, "%%seeknal transform below\nSELECT x FROM slow")
    sent = client.execute("%seeknal run --retry 3 --continue-on-error", stop_on_error=False)
    wait_for_build(tmp_path, "before")
    time.sleep(0.3)  # it is in the slow node by now, or about to be: both must do
    manager.interrupt_kernel()
    while (reply := client.get_shell_msg())["parent_header"].get("msg_id") != sent:
        pass
    assert (reply["content"]["status"], reply["content"].get("ename")) == ("error", "KeyboardInterrupt")
    found = execute(client, "0", RESULTS)
    assert found["transform.before"][0] == "success"
    assert found["transform.slow"][:2] == ("pending", "interrupted")
    assert found["transform.below"][0] == "pending"
    execute(client, "%%seeknal transform slow --inputs before\nSELECT 7 AS x")
    found = execute(client, "summary = %seeknal run", RESULTS)
    assert {k: v[0] for k, v in found.items()} == {
        "transform.before": "cached", "transform.slow": "success", "transform.below": "success",
    }  # fmt: skip
    assert execute(client, "0", "seeknal['below']['x'].tolist()") == [7]


def test_an_interrupted_run_can_go_on_without_a_change(kernel, tmp_path):
    manager, client = kernel
    execute(client, f"import os\nos.chdir({str(tmp_path)!r})\n%load_ext seeknal_nb\n%reload_ext seeknal_nb")
    execute(client, "%%seeknal transform before\nSELECT 1 AS x")
    execute(client, "%%seeknal transform slow --inputs before\nimport os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.01)\nresult = [{'x': 2}]")
    sent = client.execute("%seeknal run", stop_on_error=False)
    wait_for_build(tmp_path, "before")
    manager.interrupt_kernel()
    while client.get_shell_msg()["parent_header"].get("msg_id") != sent:
        pass
    (tmp_path / "go").touch()
    found = execute(client, "summary = %seeknal run", RESULTS)
    assert {k: v[0] for k, v in found.items()} == {"transform.before": "cached", "transform.slow": "success"}


def test_a_restarted_kernel_finds_what_was_built(kernel, tmp_path):
    """What finished is on the disk, and not in the kernel."""
    manager, client = kernel
    cells = [f"import os\nos.chdir({str(tmp_path)!r})\n%load_ext seeknal_nb\n%reload_ext seeknal_nb",
             "%%seeknal transform a\nSELECT 1 AS x", "%%seeknal transform b\nresult = a.assign(y=2)"]  # fmt: skip
    for cell in [*cells, "%seeknal run"]:
        execute(client, cell)
    manager.restart_kernel(now=True)
    client.wait_for_ready()
    for cell in cells:
        execute(client, cell)
    found = execute(client, "summary = %seeknal run", RESULTS)
    assert {k: v[0] for k, v in found.items()} == {"transform.a": "cached", "transform.b": "cached"}
