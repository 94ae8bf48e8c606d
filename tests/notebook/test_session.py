"""Cell identity: a cell that is run again, renamed, copied, moved or deleted; by ids in a real shell, as messages in a real kernel."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.utils.capture import capture_output
from shells import Cell, Notebook, execute

A = "%%seeknal transform a\nSELECT 1 AS x"
B = "%%seeknal transform b\nSELECT 1 AS x"
READS_A = "%%seeknal transform reader\nSELECT x FROM a"


class Cells(Notebook):
    """Runs cells under ids, as a front end does."""

    def run(self, cell_id: str | None, source: str) -> Cell:
        with capture_output() as seen:
            found = self.shell.run_cell(source, store_history=False, cell_id=cell_id)
        return Cell(found, seen)

    def says(self, cell_id: str | None, source: str) -> list[str]:
        """All lines that a cell which must work answers, but for the one of the node itself and what a run shows."""
        cell = self.run(cell_id, source)
        assert cell.error is None, cell.error
        answer = self.bundle(cell.value)["text/plain"] if cell.value is not None else ""
        shown = "\n".join(one["data"].get("text/plain", "") for one in cell.shown)
        return [line for line in f"{answer}\n{shown}".splitlines() if " is gone: " in line or " stays: " in line]

    def cell_of(self, node_id: str) -> str | None:
        return self.shell.magics_manager.registry["SeeknalMagics"].session.cell_of(node_id)

    def cell_id_of(self, node_id: str) -> str | None:
        return self.shell.magics_manager.registry["SeeknalMagics"].session.cell_id_of(node_id)


@pytest.fixture
def cells(nb):
    return Cells(nb.shell)


# A cell that is run again


def test_a_cell_whose_name_changed_renames_its_node(cells):
    """No ghost after a rename, and the answer says so."""
    cells.run("1", "%%seeknal transform old\nSELECT 1 AS x")
    assert cells.says("1", "%%seeknal transform new\nSELECT 1 AS x") == ["transform.old is gone: this cell now defines transform.new"]
    assert cells.nodes == ["transform.new"]
    assert cells.says("1", "%%seeknal transform new\nSELECT 2 AS x") == []


def test_a_note_is_shown_as_html_and_as_text_after_the_nodes_line(cells):
    cells.run("1", A)
    bundle = cells.bundle(cells.run("1", B).value)
    assert bundle["text/plain"].splitlines()[0].startswith("transform.b")
    assert bundle["text/html"].count("<div>") == 2
    assert "transform.a is gone" in bundle["text/html"]


YAML = "%%seeknal\nkind: transform\nname: {}\nsql: SELECT 1 AS x\n---\nkind: transform\nname: {}\nsql: SELECT 1 AS x"
RERUNS = {
    "a kind": (A, "%%seeknal aggregation a\nSELECT 1 AS x", {"aggregation.a"}, ["transform.a"], "aggregation.a"),
    "a document of several": (YAML.format("a", "b"), YAML.format("a", "c"), {"transform.a", "transform.c"}, ["transform.b"], "transform.a, transform.c"),
    "all documents": (YAML.format("a", "b"), YAML.format("c", "d"), {"transform.c", "transform.d"}, ["transform.a", "transform.b"],
                      "transform.c, transform.d"),
    "fewer documents": (YAML.format("a", "b"), B, {"transform.b"}, ["transform.a"], "transform.b"),
    "more documents": (B, YAML.format("a", "b"), {"transform.a", "transform.b"}, [], ""),
    "a line of several": ("%seeknal source a a.csv\n%seeknal source b b.csv", "%seeknal source a a.csv\nx = %seeknal source c b.csv",
                          {"source.a", "source.c"}, ["source.b"], "source.a, source.c"),
    "the first line": ("%seeknal source a a.csv\n%seeknal source b b.csv", "%seeknal source c a.csv\n%seeknal source b b.csv",
                       {"source.c", "source.b"}, ["source.a"], "source.b, source.c"),
    "a line that is gone": ("%seeknal source a a.csv\n%seeknal source b b.csv", "%seeknal source b b.csv\n%seeknal ls", {"source.b"},
                            ["source.a"], "source.b"),
    "lines that became a cell": ("%seeknal source a a.csv\n%seeknal source b b.csv", A, {"transform.a"}, ["source.a", "source.b"], "transform.a"),
    "a loop": ("for n in 'ab':\n    get_ipython().run_line_magic('seeknal', f'source {n} {n}.csv')",
               "for n in 'bc':\n    get_ipython().run_line_magic('seeknal', f'source {n} {n}.csv')", {"source.b", "source.c"}, ["source.a"],
               "source.b, source.c"),
    "a line and a loop": ("%seeknal source a a.csv\nfor n in 'bc':\n    get_ipython().run_line_magic('seeknal', f'source {n} {n}.csv')",
                          "%seeknal source a a.csv\nfor n in 'cd':\n    get_ipython().run_line_magic('seeknal', f'source {n} {n}.csv')",
                          {"source.a", "source.c", "source.d"}, ["source.b"], "source.a"),
    "a line that was not reached": ("%seeknal source a a.csv\n%seeknal source b b.csv",
                                    "%seeknal source a a.csv\nif False:\n    %seeknal source b b.csv", {"source.a"}, ["source.b"], "source.a"),
    "a cell in a cell": ("ip = get_ipython()\nip.run_cell('%seeknal source a a.csv')\nip.run_cell('%seeknal source b b.csv');",
                         "ip = get_ipython()\nip.run_cell('%seeknal source c a.csv')\nip.run_cell('%seeknal source b b.csv');",
                         {"source.b", "source.c"}, ["source.a"], "source.b, source.c"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "nodes", "gone", "now"), RERUNS.values(), ids=RERUNS)
def test_a_cell_run_again_replaces_all_that_it_defined(cells, before, after, nodes, gone, now):
    cells.says("1", before)
    notes = cells.says("1", after)
    assert set(cells.nodes) == nodes
    assert sorted(note.partition(" is gone: ")[0] for note in notes) == gone
    for note in notes:
        said = note.partition("defines ")[2].split(", ")
        assert sorted(said) == sorted(now.split(", "))


def test_a_cell_that_defines_nothing_any_more_leaves_no_ghost(cells):
    cells.run("1", A)
    assert cells.says("1", "# %%seeknal transform a\nx = 1") == ["transform.a is gone: this cell defines it no longer"]
    assert cells.nodes == []


def test_what_follows_in_a_renamed_cell_does_not_meet_the_old_node(cells, tmp_path):
    """A cell may define and run: the run must neither build the old node nor fail over it."""
    (tmp_path / "a.csv").write_text("x\n1\n")
    cells.says("1", "%seeknal source a a.csv\n%seeknal source b a.csv\nsummary = %seeknal run")
    (tmp_path / "a.csv").rename(tmp_path / "c.csv")
    cells.says("1", "%seeknal source c c.csv\n%seeknal source d c.csv\nsummary = %seeknal run")
    assert {r.node_id: r.status for r in cells.shell.user_ns["summary"].results} == {"source.c": "success", "source.d": "success"}


def test_a_note_is_shown_where_the_node_is_run_at_once(cells):
    cells.run("1", A)
    cell = cells.run("1", "%%seeknal transform b --run\nSELECT 1 AS x")
    assert cell.value.frame["x"].tolist() == [1]
    assert cells.nodes == ["transform.b"]
    assert "transform.a is gone: this cell now defines transform.b" in cell.shown[-1]["data"]["text/plain"]


# What others read stays


def test_a_node_that_another_one_reads_stays_until_that_one_reads_something_else(cells):
    """Nothing is lost, and the answer says who reads it and what to do; that is then enough."""
    cells.run("1", A)
    cells.run("2", READS_A)
    number = cells.shell.execution_count
    expected = (f"! transform.a stays: transform.reader (cell [{number}]) reads it, but this cell now defines transform.b. "
                "Fix: change what reads it and run that: transform.a goes when nothing reads it")  # fmt: skip
    assert cells.says("1", B) == [expected]
    assert cells.nodes == ["transform.a", "transform.reader", "transform.b"]
    assert cells("%seeknal run").successful_nodes == 3
    assert cells.says("1", B) == [expected]
    assert cells.says("2", READS_A.replace("FROM a", "FROM b")) == ["transform.a is gone: nothing reads it any more"]
    assert cells.nodes == ["transform.reader", "transform.b"]


def test_a_node_that_stayed_and_is_defined_again_is_that_cells_own(cells):
    cells.run("1", A)
    cells.run("2", READS_A)
    cells.run("1", B)
    cells.run("3", A)
    assert cells.says("2", READS_A.replace("FROM a", "FROM b")) == []
    assert set(cells.nodes) == {"transform.a", "transform.reader", "transform.b"}


def test_a_renamed_node_that_reads_its_former_self_keeps_it(cells):
    cells.run("1", A)
    assert cells.says("1", "%%seeknal transform b\nSELECT x FROM a")[0].startswith("! transform.a stays: transform.b (cell [")
    assert cells.nodes == ["transform.a", "transform.b"]


def test_nodes_that_only_each_other_read_go_together(cells):
    chain = "%%seeknal\n" + "---\n".join(
        f"kind: transform\nname: {name}\nsql: SELECT {f'x FROM {below}' if below else '1 AS x'}\n"
        for name, below in (("a", ""), ("b", "a"), ("c", "b"))
    )
    cells.run("1", chain)
    notes = cells.says("1", "%%seeknal transform d\nSELECT 1 AS x")
    assert [note.split(":")[0] for note in notes] == ["transform.a is gone", "transform.b is gone", "transform.c is gone"]
    assert cells.nodes == ["transform.d"]


def test_what_a_node_that_stays_reads_stays_too(cells):
    cells.run("1", YAML.format("a", "free").replace("name: free\nsql: SELECT 1 AS x", "name: b\nsql: SELECT x FROM a"))
    cells.run("2", "%%seeknal transform reader\nSELECT x FROM b")
    notes = cells.says("1", "%%seeknal transform d\nSELECT 1 AS x")
    assert [note.partition(" (cell ")[0] for note in notes] == [
        "! transform.a stays: transform.b", "! transform.b stays: transform.reader",
    ]  # fmt: skip
    assert set(cells.nodes) == {"transform.a", "transform.b", "transform.reader", "transform.d"}


# Who owns a node


def test_of_two_cells_that_define_a_node_the_last_one_run_owns_it(cells):
    cells.run("1", A)
    cells.run("2", A)
    assert cells.says("1", B) == []
    assert cells.nodes == ["transform.a", "transform.b"]
    assert cells.says("2", B.replace("b", "c")) == ["transform.a is gone: this cell now defines transform.c"]


def test_two_cells_may_swap_their_names(cells):
    cells.run("1", A)
    cells.run("2", B)
    assert cells.says("1", B) == ["transform.a is gone: this cell now defines transform.b"]
    assert cells.says("2", A) == []
    assert set(cells.nodes) == {"transform.a", "transform.b"}


def test_without_ids_the_name_is_the_identity(cells):
    """nbclient, papermill and a terminal send none."""
    cells.run(None, A)
    assert cells.says(None, B) == []
    assert cells.says("1", B) == []
    assert cells.says(None, B) == []
    assert cells.says("1", B.replace("b", "c")) == []
    assert cells.nodes == ["transform.a", "transform.b", "transform.c"]


@pytest.mark.parametrize("broken", [
    "%%seeknal transform b\nSELECT * FROM nowhere", "%%seeknal transform b-c\nSELECT 1", "%%seeknal transform b --nope\nSELECT 1",
    "%%seeknal\nkind: transform\nname: b\nsql: SELECT 1 AS x\n---\nkind: nope", "%seeknal source b b.csv\n%seeknal source c --nope",
    "def f(:", "%seeknal ls\n1 / 0", "%%seeknal transform b\n",
])  # fmt: skip
def test_a_cell_that_fails_takes_nothing_away(cells, broken):
    cells.run("1", A)
    text = cells.cell_of("transform.a")
    cell = cells.run("1", broken)
    assert cell.error is not None
    assert "transform.a" in cells.nodes
    assert cells.cell_of("transform.a") == text == A
    assert cells.says("1", B)[0] == "transform.a is gone: this cell now defines transform.b"


def test_a_node_that_was_removed_or_defined_otherwise_meanwhile_is_nobodys(cells):
    cells.run("1", A)
    cells("%seeknal remove a")
    assert cells.says("1", B) == []
    cells("seeknal.transform('b', sql='SELECT 2 AS x')")
    assert cells.cell_of("transform.b") is None
    assert cells.says("1", A) == []
    assert set(cells.nodes) == {"transform.a", "transform.b"}


def test_another_projects_nodes_are_not_touched(cells, tmp_path):
    (tmp_path / "other").mkdir()
    cells.run("1", A)
    cells("%config SeeknalMagics.project = 'other'")
    try:
        assert cells.says("1", B) == []
        assert cells.nodes == ["transform.b"]
    finally:
        cells("%config SeeknalMagics.project = '.'")


def test_the_text_of_the_cell_that_defines_a_node_is_known(cells):
    below = "# a note\n\n" + A + "\n-- more\n"
    lines = "n = 1\n%seeknal source b b.csv\nx = %seeknal source c c.csv"
    cells.run("1", below)
    cells.run(None, lines)
    assert (cells.cell_of("transform.a"), cells.cell_of("source.b"), cells.cell_of("source.c")) == (below, lines, lines)
    assert cells.cell_of("transform.nope") is None
    assert [cells.cell_id_of(name) for name in ("transform.a", "source.b", "transform.nope")] == ["1", None, None]
    cells.run("2", A)
    assert (cells.cell_of("transform.a"), cells.cell_id_of("transform.a")) == (A, "2")
    cells.run("2", B)
    assert cells.cell_of("transform.a") is None


def test_a_cell_that_has_nothing_to_do_with_us_shows_nothing_and_makes_no_project(cells):
    for cell_id in ("1", None):
        cell = cells.run(cell_id, "x = 1")
        assert (cell.out, cell.err, cell.shown, cell.error) == ("", "", [], None)
    assert "seeknal" not in cells.shell.user_ns


def test_unloading_forgets_the_cells(cells):
    before = {event: list(found) for event, found in cells.shell.events.callbacks.items()}
    cells("%unload_ext seeknal_nb")
    ours = [f for found in cells.shell.events.callbacks.values() for f in found if "seeknal" in getattr(f, "__module__", "")]
    assert ours == []
    cells("%load_ext seeknal_nb")
    assert {e: len(found) for e, found in cells.shell.events.callbacks.items()} == {e: len(found) for e, found in before.items()}


NAMES = ["a", "b", "c", "d"]
STEPS = st.lists(st.tuples(st.sampled_from(["1", "2", "3", None]), st.lists(st.sampled_from(NAMES), unique=True, max_size=3), st.booleans()),
                 min_size=1, max_size=8)  # fmt: skip


@settings(max_examples=60)
@given(steps=STEPS)
def test_the_pipeline_is_what_the_cells_define_that_were_run_last(cells, steps):
    """Whatever is run, copied and renamed: a node is there if the cell that defined it last still does."""
    cells("%reload_ext seeknal_nb")
    owner: dict[str, str | None] = {}
    for cell_id, names, as_yaml in steps:
        documents = "---\n".join(f"kind: source\nname: {name}\npath: {name}.csv\n" for name in names)
        lines = "\n".join(f"%seeknal source {name} {name}.csv" for name in names)
        cells.says(cell_id, f"%%seeknal\n{documents}" if as_yaml and names else lines or "pass")
        owner = {name: by for name, by in owner.items() if by is None or by != cell_id or name in names}
        owner.update(dict.fromkeys(names, cell_id))
        project = cells.shell.user_ns.get("seeknal")
        assert {n.removeprefix("source.") for n in (project.manifest.nodes if project else ())} == set(owner)


# A real kernel, as JupyterLab speaks to it


class Lab:
    """Sends cells with ids, and names deleted ones with the next request."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def run(self, cell_id: str | None, code: str, deleted: object = (), *, good: bool = True) -> list[str]:
        """The notes that the cell's outputs hold."""
        metadata = {"deletedCells": deleted, "cellId": cell_id} if cell_id else {}
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": False}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        sent, lines = message["header"]["msg_id"], []
        while (reply := self.client.get_shell_msg())["parent_header"].get("msg_id") != sent:
            pass
        assert (reply["content"]["status"] == "ok") is good, reply["content"]
        while True:
            shown = self.client.get_iopub_msg()
            if shown["parent_header"].get("msg_id") != sent:
                continue
            if shown["content"].get("execution_state") == "idle":
                break
            assert shown["msg_type"] != "stream" or "Error in callback" not in shown["content"]["text"], shown["content"]["text"]
            lines += shown["content"].get("data", {}).get("text/plain", "").splitlines()
        return [line for line in lines if " is gone: " in line or " stays: " in line]

    @property
    def nodes(self) -> list[str]:
        return execute(self.client, "0", "list(seeknal.manifest.nodes)")


@pytest.fixture
def lab(kernel, tmp_path):
    _, client = kernel
    execute(client, f"import os\nos.chdir({str(tmp_path)!r})\n%load_ext seeknal_nb\n%reload_ext seeknal_nb")
    return Lab(client)


GONE = "transform.a is gone: its cell was deleted; if it was only moved, run it again"


def test_a_kernel_tells_which_cell_is_run_again(lab):
    lab.run("1", A)
    assert lab.run("1", B) == ["transform.a is gone: this cell now defines transform.b"]
    assert lab.nodes == ["transform.b"]


def test_the_node_of_a_deleted_cell_is_gone_with_the_next_answer(lab):
    lab.run("1", A)
    lab.run("2", B)
    assert lab.run("2", B, ["1", "of-a-text-cell"]) == [GONE]
    assert lab.nodes == ["transform.b"]
    assert lab.run("2", B, ["1"]) == []


def test_the_node_of_a_deleted_cell_is_gone_before_a_run(lab):
    lab.run("1", A)
    lab.run("2", B)
    assert lab.run("3", "summary = %seeknal run", ["1"]) == [GONE]
    assert execute(lab.client, "0", "[r.node_id for r in summary.results]") == ["transform.b"]


def test_a_note_waits_for_a_cell_that_is_ours(lab):
    lab.run("1", A)
    assert lab.run("2", "x = 1", ["1"]) == []
    assert lab.nodes == []
    assert lab.run("3", B) == [GONE]
    assert lab.run("3", B) == []


def test_the_node_of_a_deleted_cell_stays_where_another_one_reads_it(lab):
    lab.run("1", A)
    lab.run("2", READS_A)
    (said,) = lab.run("3", "%seeknal ls", ["1"])
    assert re.fullmatch(r"! transform.a stays: transform.reader \(cell \[\d+\]\) reads it, but its cell was deleted. "
                        "Fix: change what reads it and run that: transform.a goes when nothing reads it", said)  # fmt: skip
    assert lab.run("4", B, ["1"]) == []
    assert set(lab.nodes) == {"transform.a", "transform.reader", "transform.b"}
    assert lab.run("2", READS_A.replace("FROM a", "FROM b")) == ["transform.a is gone: nothing reads it any more"]
    assert set(lab.nodes) == {"transform.reader", "transform.b"}


def test_a_reader_that_is_deleted_too_keeps_nothing(lab):
    lab.run("1", A)
    lab.run("2", READS_A)
    assert [note.split(":")[0] for note in lab.run("3", "%seeknal ls", ["1", "2"])] == ["transform.a is gone", "transform.reader is gone"]
    assert lab.nodes == []


def test_a_cell_that_was_cut_and_pasted_keeps_its_node(lab):
    """JupyterLab pastes it under the same id, and still names it as deleted."""
    lab.run("1", A)
    assert lab.run("1", A, ["1"]) == []
    lab.run("1", "%%seeknal transform a\nSELECT * FROM nowhere", ["1"], good=False)
    assert lab.run("3", "%seeknal ls") == []
    assert lab.run("2", "x = 1", ["1"]) == []
    assert lab.run("1", A, ["1"]) == []
    assert lab.nodes == ["transform.a"]


def test_lines_of_a_deleted_cell_that_stand_in_another_one_now_are_no_loss(lab):
    """Two cells merged: JupyterLab deletes one of them."""
    lab.run("1", "%seeknal source a a.csv")
    lab.run("2", "%seeknal source b b.csv")
    lab.run("3", "%%seeknal transform reader\nSELECT * FROM source.b")
    assert lab.run("1", "%seeknal source a a.csv\n%seeknal source b b.csv", ["2"]) == []
    assert lab.nodes == ["source.a", "source.b", "transform.reader"]
    assert lab.run("1", "%seeknal source a a.csv", ["3"]) != []
    assert lab.nodes == ["source.a"]


def test_a_cell_that_fails_does_not_hide_what_was_deleted(lab):
    lab.run("1", A)
    lab.run("2", "%%seeknal transform b\nSELECT * FROM nowhere", ["1"], good=False)
    assert lab.run("3", "%seeknal ls") == [GONE]
    assert lab.nodes == []


def test_a_cell_that_loads_the_extension_itself_is_known_by_its_id(lab):
    code = "%load_ext seeknal_nb\n%reload_ext seeknal_nb\n%seeknal source {0} {0}.csv"
    lab.run("1", code.format("a"))
    assert execute(lab.client, "0", "get_ipython().magics_manager.registry['SeeknalMagics'].session.cell_of('source.a')") == code.format("a")
    assert lab.run("1", "%seeknal source b b.csv") == ["source.a is gone: this cell now defines source.b"]
    assert lab.nodes == ["source.b"]


def test_a_cell_that_awaits_is_known_by_its_id(lab):
    lab.run("1", "import asyncio\nawait asyncio.sleep(0)\n%seeknal source a a.csv")
    assert lab.run("1", "await asyncio.sleep(0)\n%seeknal source b b.csv") == ["source.a is gone: this cell now defines source.b"]


@pytest.mark.parametrize("deleted", [None, "1", 3, [None, 3, ["1"], {}], {"1": 2}])
def test_odd_metadata_is_no_error(lab, deleted):
    lab.run("1", A)
    lab.run("2", B, deleted)
    lab.run(None, B)
    assert "transform.b" in lab.nodes


def test_a_silent_request_belongs_to_no_cell(lab):
    """As front ends and extensions send them."""
    lab.run("1", A)
    lab.client.execute_interactive(B, silent=True)
    assert lab.run("1", A) == []
    assert lab.nodes == ["transform.a", "transform.b"]
