"""A function that becomes a node is taken out of its cell with everything that makes it what it is, but our decorators."""

from __future__ import annotations

import linecache
from typing import Any

import pytest

from seeknal_nb import Project
from seeknal_nb.authoring import decorators as declare
from seeknal_nb.errors import ManifestError

DOUBLE = """\
import functools
import pandas as pd
def double(f):
    @functools.wraps(f)
    def wrapper(*args, **inputs):
        return f(*args, **inputs) * 2
    return wrapper
"""


def cell(project: Project, source: str) -> dict[str, Any]:
    """Run a cell that may say ``transform`` and ``project``, and put in what it declares."""
    file = f"<cell {hash(source)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace: dict[str, Any] = project.namespace  # type: ignore[assignment]
    namespace.update({"transform": declare.transform, "declare": declare, "project": project})
    with declare.collecting() as found:
        exec(compile(source, file, "exec"), namespace)
    for declared in found:
        project.declare(declared)
    return namespace


STACKS = [
    ("@transform\n@double\ndef t(): return pd.DataFrame({'x': [1]})", 2),
    ("@double\n@transform\ndef t(): return pd.DataFrame({'x': [1]})", 2),
    ("@transform(description='the def of x')\ndef t(): return pd.DataFrame({'x': [1]})", 1),
    ("@declare.transform(\n    description='def t(',\n    tags=['def'],\n)\n@double\n@double\ndef t():\n    return pd.DataFrame({'x': [1]})", 4),
    ("@project.transform('t', inputs=[])\n@double\ndef other(): return pd.DataFrame({'x': [1]})", 2),
    ("@double\ndef other(): return pd.DataFrame({'x': [1]})\nproject.transform('t', other)", 2),
    ("@transform(name='t')\ndef other(n=3): return pd.DataFrame({'x': [n + other(n - 1).x[0] if n else 0]})", 6),
    ("if True:\n    @transform  # def\n    @double\n    def t():\n        return pd.DataFrame({'x': [1]})", 2),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), STACKS)
def test_a_cells_function_keeps_its_other_decorators(tmp_path, source, expected):
    project = Project(tmp_path, namespace={"__name__": "__main__"})
    cell(project, DOUBLE + source)
    assert project.run(progress=False).failed == []
    assert project["t"].x.tolist() == [expected]


def test_a_project_that_is_a_local_variable_is_no_decorator_of_the_body(tmp_path):
    mine = Project(tmp_path)

    @mine.transform("t", inputs=[])
    def t():
        import pandas as pd

        return pd.DataFrame({"x": [1]})

    assert mine.manifest.nodes["transform.t"].config["python"].startswith("def t():")


@pytest.mark.parametrize("source", [
    "project.transform('t', lambda ctx: 'def ')", "project.transform('t', \n  *[lambda ctx:\n  'def '])",
    "class T: 'def '\nproject.transform('t', T)",
    "@transform\nasync def t(): return pd.DataFrame({'x': [1]})",
])  # fmt: skip
def test_what_is_no_function_is_refused_with_a_remedy(tmp_path, source):
    project = Project(tmp_path, namespace={"__name__": "__main__"})
    with pytest.raises(ManifestError) as error:
        cell(project, DOUBLE + source)
    assert "def" in (error.value.remedy or "")
    assert project.manifest.nodes == {}
