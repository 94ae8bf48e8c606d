"""Modules stand on floors: none reaches itself through others, neither for its types, nor later, nor by a class's name.

The tables of kinds and engines do not count: they name what an entry point of another distribution could name as well.
"""

import ast
import graphlib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import grimp
import pytest

PACKAGE = "seeknal_nb"
Edge = tuple[str, str]

ALLOWED: dict[Edge, str] = {}
"""Importer and imported, with the reason. It only shrinks: a line whose circle is gone fails too."""


@cache
def edges() -> frozenset[Edge]:
    """Which module knows which, each without the package's name."""
    graph = grimp.build_graph(PACKAGE, exclude_type_checking_imports=False)  # it sees imports within functions too
    modules = graph.modules - {PACKAGE}
    imported = {(one, other) for one in modules for other in graph.find_modules_directly_imported_by(one)}
    trees = {module: ast.parse(path_of(module).read_text(encoding="utf-8")) for module in modules}
    homes = {part.name: module for module, tree in trees.items() for part in tree.body if isinstance(part, ast.ClassDef)}
    named = {(module, home) for module, tree in trees.items() for home in named_in(tree, homes) if home != module}
    return frozenset((short(one), short(other)) for one, other in imported | named)


def path_of(module: str) -> Path:
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


def short(module: str) -> str:
    return module.removeprefix(f"{PACKAGE}.")


def named_in(tree: ast.Module, homes: dict[str, str]) -> Iterator[str]:
    """The modules whose classes are asked for by name, as of a registry."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            texts = [part.value for part in call.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            yield from (homes[text] for text in texts if text in homes)


def circle(found: frozenset[Edge] | set[Edge]) -> list[str]:
    """The modules of one circle, from and to the same one; none, where there is none."""
    above: dict[str, set[str]] = {}
    for one, other in sorted(found):
        above.setdefault(one, set()).add(other)
    try:
        graphlib.TopologicalSorter(above).prepare()
    except graphlib.CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_no_module_reaches_itself_through_others() -> None:
    """Who reads one module of a circle must read them all, and none of them can be taken out or moved."""
    found = " -> ".join(circle(edges() - ALLOWED.keys()))
    assert not found


@pytest.mark.parametrize("edge", ALLOWED, ids=" -> ".join)
def test_a_circle_that_is_gone_is_no_longer_allowed(edge: Edge) -> None:
    assert edge in edges(), "take its line away"
    assert circle((edges() - ALLOWED.keys()) | {edge}), "take its line away"


def test_circles_are_seen_wherever_they_are_written() -> None:
    """For types, within a function, and as a name in a registry."""
    assert {("kinds.task", "engines"), ("notebook.project", "notebook.widget.widget")} <= edges()
    assert list(named_in(ast.parse('registry.get("Magics")'), {"Magics": "notebook.magics"})) == ["notebook.magics"]
    assert set(circle({("a", "b"), ("b", "c"), ("c", "a"), ("a", "d")})) == {"a", "b", "c"}
