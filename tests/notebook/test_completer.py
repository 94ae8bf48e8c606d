"""Completion in a real shell, as its front ends ask for it, and once through a real kernel."""

from __future__ import annotations

import re
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.completer import CompletionContext, provisionalcompleter
from shells import HEAVY, PIPELINE, ROOT, Notebook, execute
from waiting import eventually

from seeknal_nb.kinds import KINDS
from seeknal_nb.notebook.commands import NOTEBOOK_COMMANDS

NODES = """
%%seeknal
kind: source
name: users
tags: [core, raw]
sql: SELECT 1 AS id
---
kind: source
name: orders
tags: [raw, "two words"]
sql: SELECT 1 AS id
---
kind: transform
name: orders
transform: SELECT id FROM source.orders
""".lstrip()
IDS = ["source.users", "source.orders", "transform.orders"]
NAMES = ["users", *IDS]
METHODS = ["tag:", "type:", "path:", "state:", "result:"]


def completions(notebook: Notebook, text: str) -> list[str]:
    """The cell's line as each completion at ``|`` would leave it."""
    before, _, after = text.partition("|")
    with provisionalcompleter():
        found = list(notebook.shell.Completer.completions(before + after, len(before)))
    assert {c._origin for c in found} <= {"seeknal_nb"}, found
    assert all(c.end == len(before) for c in found)
    line = before.rfind("\n") + 1
    return [before[line : c.start] + c.text for c in found]


def elsewhere(notebook: Notebook, text: str) -> bool:
    """Whether we leave the place to the other matchers."""
    before, _, after = text.partition("|")
    line, column = before.count("\n"), len(before.rpartition("\n")[2])
    found = notebook.shell.magics_manager.registry["SeeknalMagics"].completer.matcher(
        CompletionContext(token="", full_text=before + after, cursor_position=column, cursor_line=line, limit=500)
    )
    assert bool(found["suppress"]) == bool(found["completions"])
    return not found["suppress"]


@pytest.fixture
def known(nb, tmp_path):
    for name in ("a.csv", "b.parquet", "it's.csv", "my data.csv", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "c.csv").touch()
    nb("import pandas as pd\nframe = pd.DataFrame({'a': [1]})\nplain = 3")
    nb(NODES)
    return nb


COMMANDS = list(NOTEBOOK_COMMANDS)
FILES = ["a.csv", "b.parquet", "data/"]
ALL = [*KINDS]

# In these tables ^ is where what is replaced begins, and | is the cursor.

LINES = {
    "commands, kinds and help": ("%seeknal ^|", [*COMMANDS, *ALL, "help"]),
    "a command": ("%seeknal ^sh|", ["show"]),
    "commands and kinds that begin alike": ("%seeknal ^r|", ["run", "retry", "rename", "remove", "rule"]),
    "a command in an assignment": ("summary = %seeknal ^hi|", ["history"]),
    "a command in an assignment to an item": ("found['x'] = %seeknal ^hi|", ["history"]),
    "a line that is indented": ("if True:\n    %seeknal ^hi|", ["history"]),
    "a line among others": ("a = 1\n%seeknal ^hi|\nb = 2", ["history"]),
    "a word with the cursor in it": ("%seeknal ^hi|story", ["history"]),
    "what help is asked for": ("%seeknal help ^hi|", ["history"]),
    "kinds only, above a body": ("%%seeknal ^|", ALL),
    "a kind below a comment": ("# a comment\n\n%%seeknal ^agg|", ["aggregation"]),
    "options of a command": ("%seeknal run ^--no|", ["--nodes", "--no-cutoff", "--no-raise"]),
    "options of a kind": ("%%seeknal feature_group f ^--e|", ["--entity", "--event-time"]),
    "options behind others": ("%seeknal run --full --nodes users ^--exclude-|", ["--exclude-tags"]),
    "choices": ("%%seeknal transform t --lang ^|", ["sql", "python", "yaml"]),
    "choices that begin alike": ("%seeknal graph --format ^m|", ["mermaid"]),
    "choices behind =": ("%seeknal graph --format=^s|", ["svg"]),
    "names that mean one node, ids, methods": ("%seeknal run --nodes ^|", [*NAMES, *METHODS]),
    "nodes, a blank apart": ("%seeknal run --nodes users ^transform.|", ["transform.orders"]),
    "nodes, a comma apart": ("%seeknal run --nodes users,^t|", ["transform.orders", "tag:", "type:"]),
    "nodes in quotes": ("%seeknal run --nodes 'users ^source.|", ["source.users", "source.orders"]),
    "nodes behind =": ("%seeknal run --nodes=^us|", ["users"]),
    "nodes that are left out": ("%seeknal plan --exclude ^u|", ["users"]),
    "what is upstream": ("%seeknal run --nodes +^u|", ["users"]),
    "two steps upstream": ("%seeknal run --nodes 2+^u|", ["users"]),
    "what it takes": ("%seeknal run --nodes users,@^u|", ["users"]),
    "selectors of ls": ("%seeknal ls ^u|", ["users"]),
    "more selectors of ls": ("%seeknal ls users ^so|", ["source.users", "source.orders"]),
    "tags of a method": ("%seeknal ls ^tag:|", ["tag:core", "tag:raw", "'tag:two words'"]),
    "one tag of a method": ("%seeknal ls +^tag:c|", ["tag:core"]),
    "types of a method": ("%seeknal ls users,^type:|", ["type:source", "type:transform"]),
    "the node to show": ("%seeknal show ^|", NAMES),
    "the node to show, behind options": ("%seeknal show --limit 3 ^us|", ["users"]),
    "nodes to remove": ("%seeknal remove users,^so|", ["source.users", "source.orders"]),
    "more nodes to remove": ("%seeknal remove users ^t|", ["transform.orders"]),
    "inputs": ("%%seeknal transform t --inputs users,^source.o|", ["source.orders"]),
    "the table of a rule": ("%%seeknal rule r --on ^t|", ["transform.orders"]),
    "tags": ("%seeknal run --tags ^|", ["core", "raw", "'two words'"]),
    "tags in quotes": ("%seeknal run --tags 'core,^two |", ["two words"]),
    "tags to leave out": ("%seeknal run --exclude-tags core,^r|", ["raw"]),
    "tags of a definition": ("%%seeknal transform t --tags ^c|", ["core"]),
    "types": ("%seeknal plan --types ^|", ["source", "transform"]),
    "files": ("%seeknal source s --csv ^|", [*FILES, "'it'\"'\"'s.csv'", "'my data.csv'"]),
    "files of another form": ("%%seeknal source s --parquet ^b|", ["b.parquet"]),
    "a file without an option": ("%seeknal source s ^a|", ["a.csv"]),
    "a file behind a switch": ("%seeknal source s --run ^a|", ["a.csv"]),
    "files of a folder": ("%seeknal source s --csv ^data/|", ["data/c.csv", "data/deep/"]),
    "files of a folder above": ("%seeknal source s --csv ^data/../a|", ["data/../a.csv"]),
    "files behind =": ("%seeknal source s --csv=^data/c|", ["data/c.csv"]),
    "files in quotes": ("%seeknal source s --csv '^m|", ["my data.csv"]),
    "a quote that cannot hold a name": ("%seeknal source s --csv ^'i|", ["'i"]),
    "hidden files, where they are asked for": ("%seeknal source s --csv ^.h|", [".hidden"]),
    "where a drawing goes": ("%seeknal graph --save ^da|", ["data/"]),
    "frames": ("%seeknal source s --input ^|", ["frame"]),
    "a line that goes on": ("%seeknal run \\\n  --full \\\n  --nodes ^us|", ["users"]),
    "an option below": ("%seeknal run \\\n  ^--verif|", ["--verify"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), LINES.values(), ids=LINES)
def test_a_line_is_completed_from_the_grammar_and_the_nodes(known, text, expected):
    """Names are what a user of notebooks completes first."""
    kept = text.partition("^")[0].rpartition("\n")[2]
    assert completions(known, text.replace("^", "")) == [kept + one for one in expected]


NOTHING = {
    "a number": "%seeknal run --retry |", "a new name": "%%seeknal transform |", "free text": "%%seeknal transform t --desc us|",
    "text in quotes": "%%seeknal transform t --desc 'of us|", "an unknown option": "%seeknal run --nope|",
    "an unknown command": "%seeknal nope us|", "an unknown command alone": "%seeknal nope|", "behind a name": "%seeknal show users us|",
    "quotes in quotes": "%seeknal run --nodes 'a'us|", "an escape": "%seeknal run --nodes \\us|", "no such folder": "%seeknal source s --csv nope/|",
    "a file that is no folder": "%seeknal source s --csv a.csv/|", "a NUL": "%seeknal source s --csv a\0/|", "an unknown method": "%seeknal ls tog:|",
    "behind help": "%seeknal help run us|",
}  # fmt: skip


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING)
def test_where_nothing_fits_the_word_stays_and_no_python_is_offered(known, text):
    """IPython suppresses the other matchers only for one that has something; Jedi would offer ``users`` as a variable."""
    known("users = 3")
    before = text.partition("|")[0]
    assert completions(known, text) == [before]


BODIES = {
    "ids in a reference": ("%%seeknal transform t\nSELECT * FROM ref('^|", IDS),
    "ids that begin alike": ("%%seeknal transform t\nSELECT * FROM ref('^source.|')", ["source.users", "source.orders"]),
    "ids whose names begin alike": ("%%seeknal transform t\nSELECT * FROM ref( \"^o|", ["source.orders", "transform.orders"]),
    "a reference in Python": ("%%seeknal transform t\nresult = ref('^u|", ["source.users"]),
    "a reference in YAML": ("%%seeknal\nkind: transform\nname: t\ntransform: SELECT * FROM ref('^u|", ["source.users"]),
    "names of a kind": ("%%seeknal transform t\nSELECT * FROM source.^|", ["users", "orders"]),
    "names of a kind that begin alike": ("%%seeknal transform t\nSELECT *\nFROM source.users JOIN transform.^o|\nWHERE true", ["orders"]),
    "names of a kind in capitals": ("%%seeknal transform t\nFROM SOURCE.^u|", ["users"]),
    "names of a kind in YAML": ("%%seeknal\nkind: transform\nname: t\ninputs: [source.^u|", ["users"]),
    "names of a kind below a comment": ("# note\n%%seeknal transform t\nFROM source.^u|", ["users"]),
    "SQL that somebody says is SQL": ("%%seeknal transform t --lang sql\nsource.^u|", ["users"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), BODIES.values(), ids=BODIES)
def test_node_names_are_completed_in_a_body(known, text, expected):
    kept = text.partition("^")[0].rpartition("\n")[2]
    assert completions(known, text.replace("^", "")) == [kept + one for one in expected]


ELSEWHERE = {
    "Python": "source.|", "a name": "us|", "another magic": "%time us|", "another cell": "%%sql\nSELECT * FROM source.|",
    "a magic of a like name": "%seeknals run|", "no blank yet": "%seeknal|", "no blank yet in a cell": "%%seeknal|",
    "a comment": "# %seeknal ru|", "a comparison": "x == %seeknal ru|", "a modulo": "x %seeknal ru|", "below a line": "%seeknal run\nsource.|",
    "Python in a body": "%%seeknal transform t\nresult = source.|", "a function": "%%seeknal transform t\ndef t(users):\n    return source.|",
    "Python that somebody says is Python": "%%seeknal transform t --lang=python\nSELECT source.|",
    "an alias": "%%seeknal transform t\nSELECT a.|", "a column of a node": "%%seeknal transform t\nSELECT source.users.|",
    "text": "%%seeknal transform t\nSELECT 'source.|", "a kind without nodes": "%%seeknal transform t\nSELECT * FROM model.|",
    "an unknown reference": "%%seeknal transform t\nSELECT * FROM ref('nope|", "SQL": "%%seeknal transform t\nSELECT us|", "": "|",
}  # fmt: skip


@pytest.mark.parametrize("text", ELSEWHERE.values(), ids=ELSEWHERE)
def test_elsewhere_the_other_matchers_answer(known, text):
    assert elsewhere(known, text)


@pytest.mark.parametrize("word", [*NOTEBOOK_COMMANDS, *KINDS])
def test_every_option_that_help_lists_is_completed(nb, word):
    (shown,) = nb.cell(f"%seeknal {word} -h").shown
    listed = set(re.findall(r"(?<![\w-])--[\w-]+", shown["data"]["text/plain"].partition("options:")[2]))
    assert listed
    assert listed <= {line.split()[-1] for line in completions(nb, f"%seeknal {word} --|")}


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_the_older_way_of_asking_gives_the_same(known):
    assert known.shell.complete("", "%seeknal run --nodes +us", 24) == ("us", ["users"])
    assert known.shell.complete("hi", "x = %seeknal hi", 15) == ("hi", ["history"])


def test_completing_makes_no_project(nb, tmp_path):
    for text in ("%seeknal |", "%seeknal run --nodes |", "%seeknal show |", "%%seeknal transform t\nSELECT * FROM ref('|", "x|"):
        elsewhere(nb, text)
    assert "seeknal" not in nb.shell.user_ns
    assert not list(tmp_path.iterdir())


def test_the_notebook_may_take_the_projects_name(known):
    known.shell.user_ns["seeknal"] = 3
    assert completions(known, "%seeknal show us|") == ["%seeknal show us"]
    assert completions(known, "%seeknal hi|") == ["%seeknal history"]


def test_files_are_those_of_the_projects_folder(nb, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "here.csv").touch()
    nb("%config SeeknalMagics.project = 'other'")
    try:
        assert completions(nb, "%seeknal source s --csv |") == ["%seeknal source s --csv here.csv"]
        assert completions(nb, f"%seeknal source s --csv {tmp_path}/o|") == [f"%seeknal source s --csv {tmp_path}/other/"]
    finally:
        nb("%config SeeknalMagics.project = '.'")


def test_the_name_of_a_kind_of_the_users_own_is_completed(known):
    known("seeknal.kinds['audit'] = lambda node: {}")
    assert completions(known, "%seeknal aud|") == ["%seeknal audit"]


def test_a_variable_that_answers_with_code_is_not_asked(known):
    known("class Trap:\n    def __getattr__(self, name):\n        raise SystemExit\ntrap = Trap()")
    assert completions(known, "%seeknal source s --input |") == ["%seeknal source s --input frame"]


TEXT = st.lists(
    st.sampled_from(["%seeknal ", "%%seeknal ", "run ", "source ", "transform t ", "--nodes ", "--csv ", "--csv=", "show ", "x = ", "'", '"',
                     "\\", "\n", " ", ",", "+", "@", "tag:", "ref('", "source.", "users", "/", "..", "\0", "\ud800", "é", "help ", "-", "--", "#"])
    | st.text(max_size=3),
    max_size=12,
)  # fmt: skip


@settings(max_examples=400)
@given(parts=TEXT, rest=st.text(max_size=4))
def test_completing_never_raises_and_replaces_only_what_is_there(known, parts, rest):
    before = "".join(parts)
    line, column = before.count("\n"), len(before.rpartition("\n")[2])
    found = known.shell.magics_manager.registry["SeeknalMagics"].completer.matcher(
        CompletionContext(token="", full_text=before + rest, cursor_position=column, cursor_line=line, limit=500)
    )
    assert before.endswith(found.get("matched_fragment", ""))
    assert all(isinstance(one.text, str) and one.type for one in found["completions"])


def test_nodes_are_completed_while_a_run_goes_on(known, tmp_path):
    known("%%seeknal transform slow\nimport os, time\nopen('begun', 'w').close()\nwhile not os.path.exists('go'):\n    time.sleep(0.01)\n"
          "result = [{'x': 1}]")  # fmt: skip
    project = known.shell.user_ns["seeknal"]
    runs = threading.Thread(target=project.run, kwargs={"progress": False, "nodes": ["slow"]})
    runs.start()
    try:
        eventually((tmp_path / "begun").exists)
        assert completions(known, "%seeknal show sl|") == ["%seeknal show slow"]
        assert runs.is_alive()
    finally:
        (tmp_path / "go").touch()
        runs.join()
    assert project.summary["transform.slow"].status == "success"


def test_unloading_takes_the_completer_away(known):
    known("%unload_ext seeknal_nb")
    assert not known.shell.Completer.custom_matchers
    known("%load_ext seeknal_nb\n%load_ext seeknal_nb")
    known("%reload_ext seeknal_nb")
    assert len(known.shell.Completer.custom_matchers) == 1
    assert completions(known, "%seeknal hi|") == ["%seeknal history"]


def test_the_first_completion_imports_nothing_heavy():
    program = f"""
import sys
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
shell = InteractiveShell(config=Config({{"HistoryManager": {{"enabled": False}}}}))
shell.run_line_magic("load_ext", "seeknal_nb")
assert "seeknal_nb.commands" not in sys.modules
with provisionalcompleter():
    assert list(shell.Completer.completions("%seeknal run --nodes ", 21))
    assert list(shell.Completer.completions("%%seeknal transform t --l", 25))
late = [m for m in (*{HEAVY!r}, "jedi") if m in sys.modules]
assert not late, late
"""
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def test_a_kernel_completes_for_its_front_end(kernel, tmp_path):
    _, client = kernel
    execute(client, f"import os\nos.chdir({str(tmp_path)!r})\n%load_ext seeknal_nb\n%reload_ext seeknal_nb")
    execute(client, PIPELINE)
    for text, expected in {
        "%seeknal run --nodes +us|": "%seeknal run --nodes +users", "a = 1\nx = %seeknal hi|\nb = 2": "a = 1\nx = %seeknal history\nb = 2",
        "%%seeknal transform t\nFROM transform.n|": "%%seeknal transform t\nFROM transform.names", "%seeknal run --retry |": "%seeknal run --retry ",
    }.items():  # fmt: skip
        code = text.replace("|", "")
        sent = client.complete(code, text.index("|"))
        while (reply := client.get_shell_msg())["parent_header"].get("msg_id") != sent:
            pass
        found = reply["content"]
        assert [code[: found["cursor_start"]] + one + code[found["cursor_end"] :] for one in found["matches"]] == [expected]
