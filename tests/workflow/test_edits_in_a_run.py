"""What was keyed is what ran: cells, other nodes and files may change what a body reads while it runs."""

from __future__ import annotations

import importlib
import linecache
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import Gate

from seeknal_nb import Project
from seeknal_nb.workflow.events import ExecutionSummary


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Of a module that bodies import, to say that they have come there, and to wait."""
    made, module = Gate(), types.ModuleType("zz_gate")
    vars(module)["wait"] = made.wait
    monkeypatch.setitem(sys.modules, "zz_gate", module)
    return made


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path, namespace={"__name__": "__main__"})
    yield made
    made.close()


def cell(project: Project, source: str) -> None:
    """Run a cell, with its source in linecache as IPython does it."""
    file = f"<cell {hash(source)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec", dont_inherit=True), project.namespace)  # type: ignore[arg-type]


def told(summary: ExecutionSummary) -> dict[str, tuple[str, str]]:
    return {one.node_id: (one.status.name, one.error_message or "") for one in summary.results}


EDITS = {
    "a global of a helper": ("K = 1\ndef f(): return K", "f()", "K = 2"),
    "a dict of a helper": ("D = {'k': 1}\ndef f(): return D['k']", "f()", "D['k'] = 2"),
    "the helper": ("def g(): return 1\ndef f(): return g()", "f()", "def g(): return 2"),
    "a class attribute": ("class C:\n  k = 1\n  def f(self): return self.k", "C().f()", "C.k = 2"),
    "what a method reads": ("K = 1\nclass C:\n  def f(self): return K", "C().f()", "K = 2"),
    "what an enum's method reads": ("import enum\nK = 1\nclass E(enum.Enum):\n  A = 1\n  def f(self): return K", "E.A.f()", "K = 2"),
    "a method": ("class C:\n  def f(self): return 1", "C().f()", "C.f = lambda self: 2"),
    "a variable of an outer function": (
        "def m():\n  n = 1\n  def f(): return n\n  def put(v):\n    nonlocal n\n    n = v\n  return f, put\nf, put = m()", "f()", "put(2)",
    ),
    "a default": ("def f(x=1): return x", "f()", "f.__defaults__ = (2,)"),
    "a list that is a default": ("def f(x=[1]): return x[0]", "f()", "f.__defaults__[0][0] = 2"),
    "an attribute of a function": ("def f(): return f.k\nf.k = 1", "f()", "f.k = 2"),
    "an object": ("import dataclasses\n@dataclasses.dataclass\nclass C:\n  k: int\nc = C(1)", "c.k", "c.k = 2"),
    "a partial's argument": ("from functools import partial\nx = [1]\nf = partial(max, x)", "f()", "x[0] = 2"),
    "what a text reads": ("K = 1\ndef f(): return eval('K')", "f()", "K = 2"),
    "a name of the body": ("K = 1", "K", "K = 2"),
}  # fmt: skip


@pytest.mark.parametrize("case", EDITS)
def test_a_cell_that_runs_meanwhile_changes_no_build(project: Project, gate: Gate, case: str) -> None:
    setup, read, edit = EDITS[case]
    cell(project, setup)
    project.transform("t", python=f"import zz_gate\nzz_gate.wait()\n[{{'x': {read}}}]")
    going = project.start()
    assert gate.reached.wait()
    cell(project, edit)
    gate.opened.set()
    assert told(going.wait()) == {"transform.t": ("SUCCESS", "")}
    assert project["t"].x.tolist() == [1]
    assert told(project.run(progress=False)) == {"transform.t": ("SUCCESS", "")}  # the edit is seen
    assert project["t"].x.tolist() == [2]


def test_bodies_at_the_same_time_have_each_their_own(project: Project, gate: Gate) -> None:
    cell(project, "D = {'n': 0}\ndef f():\n  D['n'] += 1\n  return D['n']")
    for name in "abc":
        project.transform(name, python="[{'x': max(f() for _ in range(500))}]")
    project.run(progress=False, workers=3)
    assert [project[name].x.tolist() for name in "abc"] == [[500]] * 3
    assert project.namespace["D"] == {"n": 0}
    assert {one.status.name for one in project.run(progress=False).results} == {"CACHED"}


def test_a_module_that_changes_while_a_body_runs_leaves_no_build(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key was made of the file as it was; what the body imported was perhaps another one."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file = tmp_path / "zz_late.py"
    file.write_text("K = 1")
    late = f"import pathlib\npath = pathlib.Path({str(file)!r})\nif path.read_text() == 'K = 1':\n    path.write_text('K = 22')\n"
    project.transform("t", python=late + "import zz_late\n[{'x': zz_late.K}]")
    try:
        status, message = told(project.run(progress=False))["transform.t"]
        assert status == "FAILED"
        assert "changed while it ran" in message
        sys.modules.pop("zz_late", None)
        importlib.invalidate_caches()
        assert told(project.run(progress=False)) == {"transform.t": ("SUCCESS", "")}
        assert project["t"].x.tolist() == [22]
    finally:
        sys.modules.pop("zz_late", None)


def test_a_class_that_cannot_be_copied_and_changes_leaves_no_build(project: Project, gate: Gate) -> None:
    pytest.importorskip("sklearn")
    cell(project, "from sklearn.base import TransformerMixin\nK = 1\nclass T(TransformerMixin):\n  def f(self): return K")
    project.transform("t", python="import zz_gate\nzz_gate.wait()\n[{'x': T().f()}]")
    going = project.start()
    assert gate.reached.wait()
    cell(project, "K = 2")
    gate.opened.set()
    assert "changed while it ran" in told(going.wait())["transform.t"][1]
    assert told(project.run(progress=False)) == {"transform.t": ("SUCCESS", "")}
    assert project["t"].x.tolist() == [2]


@pytest.mark.parametrize(("setup", "read", "warning"), [
    ("", "__import__('js' + 'on').dumps(1)", "import_module(...)"),
    ("def f(n): return __import__(n).dumps(1)", "f('json')", "import_module(...)"),
    ("M = {0: 0}\ndef f(n):\n  M[n] = n\n  return n", "f(2)", "'f' keeps results in 'M'"),
])  # fmt: skip
def test_what_a_key_may_lack_is_a_warning_of_every_result(project: Project, setup: str, read: str, warning: str) -> None:
    cell(project, setup)
    project.transform("t", python=f"[{{'x': {read}}}]")
    for status in ("SUCCESS", "CACHED"):
        (result,) = project.run(progress=False).results
        found: Any = result.metadata.get("warnings")
        assert (result.status.name, [warning in one for one in found]) == (status, [True])
