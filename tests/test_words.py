"""What a newcomer types: a name for a command, words of other tools, a help text; each answer says what to write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from shells import Notebook

from seeknal_nb.arguments import parse_words
from seeknal_nb.cli import main
from seeknal_nb.commands import COMMANDS
from seeknal_nb.errors import ManifestError, UsageError
from seeknal_nb.grammar import Help, split_line
from seeknal_nb.notebook.commands import NOTEBOOK_COMMANDS
from seeknal_nb.words import COMMANDS_ELSEWHERE, OPTIONS_ELSEWHERE

ONE = "kind: transform\nname: a\nsql: SELECT 1 AS x\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: Any) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seeknal").mkdir()
    (tmp_path / "seeknal/a.yml").write_text(ONE)
    return tmp_path


@pytest.mark.parametrize("word", COMMANDS_ELSEWHERE)
def test_a_command_of_another_tool_is_answered_with_ours(word: str) -> None:
    assert word not in COMMANDS
    with pytest.raises(UsageError) as caught:
        parse_words([word], COMMANDS, prog="seeknal", shell=True)
    assert caught.value.remedy == COMMANDS_ELSEWHERE[word]


@pytest.mark.parametrize("word", OPTIONS_ELSEWHERE)
@pytest.mark.parametrize("form", ["{} x", "{}=x"])
def test_an_option_of_another_tool_is_answered_with_ours_where_a_command_has_none_of_that_name(word: str, form: str) -> None:
    for commands, shell in ((COMMANDS, True), (NOTEBOOK_COMMANDS, False)):
        try:
            found = parse_words(["run", *form.format(word).split()], commands, prog="seeknal", shell=shell)
        except UsageError as error:
            assert error.remedy == OPTIONS_ELSEWHERE[word]
        else:
            assert word in ("--state", "--state-dir", "--outputs", "--project"), found


def test_what_the_answers_name_is_there() -> None:
    """Options of run that they name; a word that is no longer known here would lead astray."""
    with pytest.raises(Help) as caught:
        parse_words(["run", "-h"], COMMANDS, prog="seeknal", shell=True)
    text = str(caught.value)
    for remedy in OPTIONS_ELSEWHERE.values():
        for option in (word.strip(",;") for word in remedy.split() if word.startswith("--")):
            assert option in text or option == "--save", option


@pytest.mark.parametrize("words", [["-h"], ["--help"]])
def test_a_help_text_begins_with_an_example_and_lists_the_kinds(words: list[str], capsys: Any, nb: Notebook) -> None:
    assert main(words) == 0
    shell = capsys.readouterr().out
    notebook = nb.cell(f"%seeknal {' '.join(words)}").shown[0]["data"]["text/plain"]
    for text in (shell, notebook):
        for kind in ("source", "transform", "feature_group", "model", "aggregation", "rule", "exposure"):
            assert f"\n  {kind} " in text
        assert text.index("run\n") < text.index("positional arguments")
    assert "%%seeknal transform" in notebook
    assert "kind: transform" in shell
    assert nb.cell("%seeknal").shown[0]["data"]["text/plain"] == notebook


@pytest.mark.parametrize(("line", "words"), [
    ("run --full # all of it", ["run", "--full"]),
    ("run --full #all", ["run", "--full"]),
    ("# nothing", []),
    ("source a --csv x#y.csv", ["source", "a", "--csv", "x#y.csv"]),
    ("rule r --expression 'a # b' # c", ["rule", "r", "--expression", "a # b"]),
    ("rule r --expression \"it's # b\"", ["rule", "r", "--expression", "it's # b"]),
    ("run # it's all", ["run"]),
])  # fmt: skip
def test_a_comment_behind_a_line_is_one(line: str, words: list[str]) -> None:
    assert split_line(line) == words


def test_a_name_behind_run_offers_nodes(home: Path, nb: Notebook, capsys: Any) -> None:
    nb("%%seeknal transform a\nSELECT 1 AS x")
    assert "--nodes a" in nb.error("%seeknal run a", UsageError).remedy
    assert main(["run", "a"]) == 2
    assert "--nodes a" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["run", "plan", "retry"])
def test_where_there_is_no_node_it_is_said_where_nodes_are_written(home: Path, nb: Notebook, capsys: Any, word: str) -> None:
    (home / "seeknal/a.yml").unlink()
    assert main([word]) == 2
    assert "no nodes in" in capsys.readouterr().err
    assert "run the cells that define them" in nb.error(f"%seeknal {word}", ManifestError).remedy
    nb("%%seeknal transform a\nSELECT 1 AS x")
    nb("%seeknal run")
    nb("%seeknal remove a")
    assert "had 1 node" in nb.error(f"%seeknal {word}", ManifestError).why
    assert nb("%seeknal status").rows == ()


def test_a_file_that_is_missing_is_said_when_its_source_is_registered(nb: Notebook, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/customers.csv").write_text("x\n1\n")
    assert "data/custmers.csv is missing: did you mean customers.csv?" in str(nb("%seeknal source c --csv data/custmers.csv"))
    assert "is missing" in str(nb("%seeknal plan"))
    assert "is missing" not in str(nb("%seeknal source c --csv data/customers.csv"))
    assert "nowhere/x.csv is missing" in str(nb("%seeknal source d --csv nowhere/x.csv"))
    assert "y.csv is missing" in str(nb("%%seeknal transform e\nSELECT * FROM read_csv('y.csv')"))


def test_several_lines_of_a_cell_each_answer(nb: Notebook) -> None:
    cell = nb.cell("x = 1\n%seeknal source a --csv a.csv\n%seeknal ls\nkept = %seeknal ls\nfor _ in 'ab':\n    %seeknal ls\n%seeknal status")
    told = [shown["data"]["text/plain"].partition("\n")[0] for shown in cell.shown]
    assert [text.partition(" ")[0] for text in told] == ["source.a", "1"]
    assert str(cell.value).startswith("1 node: 1 to run")
    assert nb.shell.user_ns["kept"].rows


def test_a_saved_graph_is_not_printed(home: Path, capsys: Any, nb: Notebook) -> None:
    for words in (["graph", "--save", "g.html"], ["graph", "--format", "html", "--save", "g.html"], ["graph", "--format", "json", "--save", "g.svg"]):
        assert main(words) == 0
        out = capsys.readouterr().out
        assert f"{words[-1]}: " in out
        assert len(out) < 300
    nb("%%seeknal transform a\nSELECT 1 AS x")
    assert nb("%seeknal graph --format html --save h.html").startswith("h.html: ")


def test_a_query_without_a_database_is_told_by_its_cause(nb: Notebook) -> None:
    error = nb.error("%seeknal source a --query 'SELECT 1 AS x'", ManifestError)
    assert "a query without a database" in error.what


def test_the_lines_of_an_error_stand_below_each_other_so_that_a_caret_points(home: Path, capsys: Any) -> None:
    (home / "seeknal/a.yml").write_text("kind: transform\nname: a\nsql: |\n  SELECT x\n  FROM range(3) FROM\n")
    assert main(["plan"]) == 2
    lines = capsys.readouterr().err.splitlines()
    at = next(number for number, line in enumerate(lines) if "LINE 2" in line)
    assert lines[at].rindex("FROM") == lines[at + 1].index("^")
    assert sum(line.startswith("Error: ") for line in lines) == 1


def test_all_errors_of_a_pass_begin_likewise(home: Path, capsys: Any) -> None:
    (home / "seeknal/a.yml").write_text("kind: transform\nname: a\n---\nkind: transfrom\nname: b\n")
    assert main(["plan"]) == 2
    assert [line.partition(" ")[0] for line in capsys.readouterr().err.splitlines()] == ["Error:", "Error:"]


def test_a_kind_or_kinds_behind_ls_are_selectors_unless_a_node_has_that_name(home: Path, nb: Notebook, capsys: Any) -> None:
    nb("%%seeknal transform a\nSELECT 1 AS x")
    nb("%%seeknal transform rules\nSELECT 1 AS x")
    nb("%seeknal source s --csv s.csv")
    assert [row[0] for row in nb("%seeknal ls transforms").rows] == ["transform.a", "transform.rules"]
    assert [row[0] for row in nb("%seeknal ls source").rows] == ["source.s"]
    assert [row[0] for row in nb("%seeknal ls rules").rows] == ["transform.rules"]
    assert main(["ls", "transforms"]) == 0
    assert "transform.a" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["build", "test", "compile", "list"])
def test_a_foreign_command_is_answered_in_a_notebook_too(nb: Notebook, word: str) -> None:
    assert nb.error(f"%seeknal {word}", UsageError).remedy == COMMANDS_ELSEWHERE[word]


def test_a_semicolon_behind_a_line_is_ipython_s(nb: Notebook) -> None:
    nb("%%seeknal transform a\nSELECT 1 AS x")
    for line in ("%seeknal ls;", "%seeknal ls ;"):
        assert nb.cell(line).error is None
