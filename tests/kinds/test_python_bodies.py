"""Python bodies: what they are given, what they may give, and what comes of their errors."""

from __future__ import annotations

import json
import logging
from typing import Any

import pandas as pd
import pytest

from kinds import USERS, build_of, failure, good, rows, run, status
from seeknal_nb.errors import ManifestError

BODIES: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "function": ("def t(users):\n    return users[['id']]", [(1,), (2,), (3,)]),
    "function with ctx": ("def t(users, ctx):\n    return users[users.id >= ctx.params['least']][['id']]", [(2,), (3,)]),
    "function with a default": ("def t(users, n=2):\n    return users[['id']].head(n)", [(1,), (2,)]),
    "function with a helper": ("def first(f):\n    return f.head(1)\n\ndef t(users):\n    return first(users[['id']])", [(1,)]),
    "last expression": ("users[['id']]", [(1,), (2,), (3,)]),
    "statements and a last expression": ("keep = users.id != 2\nusers[keep][['id']]", [(1,), (3,)]),
    "result": ("result = users[['id']].head(1)", [(1,)]),
    "the node's own name": ("t = users[['id']].tail(1)", [(3,)]),
    "return": ("if len(users) > 2:\n    return users[['id']].head(1)\nreturn users", [(1,)]),
    "an input assigned again": ("users = users.assign(id=users.id * 10)\nusers = users[['id']]\nusers", [(10,), (20,), (30,)]),
    "import": ("import pandas as pd\nresult = pd.concat([users, users])[['id']]", [(1,), (2,), (3,), (1,), (2,), (3,)]),
    "ref": ("ref('transform.users')[['id']]", [(1,), (2,), (3,)]),
    "ctx.ref": ("result = ctx.ref('users')[['id']]", [(1,), (2,), (3,)]),
    "ctx.ref as arrow": (("import pyarrow as pa\nframe = ctx.ref('users', as_='arrow')\nassert isinstance(frame, pa.Table)\n"
                          "result = frame.select(['id'])"), [(1,), (2,), (3,)]),
    "params": ("result = [{'v': ctx.params['least'] * 2}]", [(4,)]),
    "node id": ("result = [{'v': ctx.node_id}]", [("transform.t",)]),
    "a class": ("class A:\n    x = 5\nresult = [{'v': A.x}]", [(5,)]),
    "a closure": ("k = 3\ndef add(x):\n    return x + k\nresult = [{'v': add(1)}]", [(4,)]),
    "recursion": ("def f(n):\n    return 1 if n == 0 else n * f(n - 1)\nresult = [{'v': f(5)}]", [(120,)]),
    "a comprehension": ("names = [n for n in users.name if n != 'bob']\nresult = [{'v': n} for n in names]", [("ann",), ("cyd",)]),
    "a relation of duckdb": ("import duckdb\nresult = duckdb.sql('SELECT 7 AS v')", [(7,)]),
    "an arrow reader": ("result = ctx.ref('users', as_='arrow').select(['id']).to_reader()", [(1,), (2,), (3,)]),
    "a dataclass": ("from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\nresult = [{'v': A(2).x}]", [(2,)]),
    "walrus": ("if (n := len(users)) > 1:\n    result = [{'v': n}]", [(3,)]),
    "try": ("try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    word = str(error)\nresult = [{'v': word}]",
            [("division by zero",)]),
}  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES)
def test_a_python_body_gives_its_table(project, body, expected):
    project.transform("users", sql=USERS)
    project.transform("t", python=body, inputs=["users"])
    good(project, params={"least": 2})
    assert rows(project, "transform.t") == expected


def test_polars_frames_come_and_go(project):
    pytest.importorskip("polars")
    project.transform("users", sql=USERS)
    project.transform("t", python="import polars as pl\nresult = users.filter(pl.col('id') > 1).select('id')", **{"as": "polars"})
    project.transform("lazy", python="return ref('t').lazy().with_columns(b=1)", **{"as": "polars"})
    good(project)
    assert rows(project, "transform.t") == [(2,), (3,)]
    assert rows(project, "transform.lazy") == [(2, 1), (3, 1)]


def test_inputs_come_as_the_node_says(project):
    project.transform("users", sql=USERS)
    project.transform("t", python="result = [{'v': type(users).__module__ + '.' + type(users).__name__}]", **{"as": "arrow"})
    good(project)
    assert rows(project, "transform.t") == [("pyarrow.lib.Table",)]


def test_a_helper_of_the_notebook_is_taken_and_its_change_is_a_change(project):
    space: dict[str, Any] = {}
    exec("def double(x):\n    return x * 2\nFACTOR = 3", space)
    project.namespace = space
    project.transform("users", sql=USERS)
    project.transform("t", python="result = users.assign(v=double(users.id) * FACTOR)[['v']]")
    good(project)
    assert rows(project, "transform.t") == [(6,), (12,), (18,)]
    space["FACTOR"] = 4
    assert status(good(project)) == {"transform.users": "cached", "transform.t": "success"}
    exec("def double(x):\n    return x * 20", space)
    assert status(good(project)) == {"transform.users": "cached", "transform.t": "success"}
    assert rows(project, "transform.t") == [(80,), (160,), (240,)]


def test_a_frame_of_the_notebook_is_refused_with_the_way_to_pass_it(project):
    """KINDS § 5, Purity: an input that no key sees."""
    project.namespace = {"lookup": pd.DataFrame({"a": [1]})}
    with pytest.raises(ManifestError, match=r"lookup.*DataFrame.*--input"):
        project.transform("t", python="result = lookup")
        run(project)


def test_nothing_of_a_body_leaks_into_the_notebook(project):
    project.namespace = {"settings": {"a": [1]}}
    project.transform("t", python="settings['a'].append(2)\nleak = 1\nresult = [{'n': len(settings['a'])}]")
    good(project)
    assert rows(project, "transform.t") == [(2,)]
    assert project.namespace == {"settings": {"a": [1]}}


@pytest.mark.parametrize("workers", [1, 4])
def test_what_a_body_prints_and_logs_stays_with_its_node(project, capsys, workers):
    """A print from a thread lands in whatever cell is running."""
    for number in range(6):
        project.transform(f"t{number}", python=(
            "import logging, sys, time\n"
            f"for _ in range(3):\n    print('out {number}')\n    time.sleep(0.01)\n"
            f"sys.stderr.write('err {number}\\n')\n"
            f"logging.getLogger('mine').warning('log %s', {number})\n"
            f"result = [{{'n': {number}}}]"
        ))  # fmt: skip
    summary = good(project, workers=workers)
    for number in range(6):
        output = summary[f"transform.t{number}"].metadata["output"]
        expected = [f"out {number}"] * 3 + [f"err {number}", f"WARNING mine: log {number}"]
        assert output.splitlines() == expected
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")
    assert not [h for h in logging.getLogger().handlers if type(h).__module__.startswith("seeknal_nb")]


RAISES = {
    "an exception": ("1 / 0", "ZeroDivisionError"),
    "its own exception": ("class Mine(Exception): ...\nraise Mine('why so')", "why so"),
    "sys.exit(0)": ("import sys\nsys.exit(0)", "SystemExit"),
    "sys.exit(text)": ("import sys\nsys.exit('enough')", "enough"),
    "exit()": ("raise SystemExit(3)", "SystemExit"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "KeyboardInterrupt with a text": ("def f():\n    raise KeyboardInterrupt('mine')\nf()", "KeyboardInterrupt"),
    "GeneratorExit": ("raise GeneratorExit", "GeneratorExit"),
    "a BaseException": ("class Odd(BaseException): ...\nraise Odd('odd')", "Odd"),
    "a broken __str__": ("class E(Exception):\n    def __str__(self):\n        raise ValueError('no')\nraise E", "E"),
    "__str__ gives no text": ("class E(Exception):\n    def __str__(self):\n        return 3\nraise E", "E"),
    "a long text": ("raise ValueError('x' * 10_000_000)", "ValueError"),
    "half a surrogate": (r"raise ValueError('\ud800')", "ValueError"),
    "its own cause": ("e = ValueError('a')\ne.__cause__ = e\nraise e", "ValueError"),
    "a group": ("raise ExceptionGroup('many', [ValueError('a'), TypeError('b')])", "many"),
    "recursion": ("def f(n):\n    return f(n + 1)\nf(0)", "RecursionError"),
    "memory": ("raise MemoryError", "MemoryError"),
    "StopIteration": ("next(iter([]))", "StopIteration"),
    "an assertion": ("assert len([]) == 1, 'empty'", "empty"),
    "an escape": (r"raise ValueError('\x1b[31mred\x07')", "red"),
}


@pytest.mark.parametrize(("body", "fragment"), RAISES.values(), ids=RAISES)
def test_whatever_a_body_raises_is_that_nodes_failure_and_the_run_goes_on(project, tmp_path, body, fragment):
    """FAILED, at most 4 kB kept, state valid."""
    project.transform("bad", python=f"{body}\nresult = [{{'n': 1}}]")
    project.transform("below", sql="SELECT * FROM bad")
    project.transform("other", sql="SELECT 1 AS x")
    summary = run(project, continue_on_error=True)
    assert status(summary) == {"transform.bad": "failed", "transform.below": "skipped", "transform.other": "success"}
    message = summary["transform.bad"].error_message
    assert fragment in message
    assert len(message) <= 4500
    state = json.loads((tmp_path / "target" / "state" / "execution_state.json").read_text())
    assert state["transform.bad"]["status"] == "failed"
    assert str(summary)
    assert summary._repr_mimebundle_()["text/html"]


def test_a_failure_names_the_line_of_the_body_and_keeps_the_users_own_error(project):
    project.transform("t", python="a = 1\nb = 0\nc = a / b\nresult = c")
    result = failure(project, "transform.t")
    assert "line 3" in result.error_message
    assert isinstance(result.error.__cause__, ZeroDivisionError)


def test_in_place_edits_of_an_input_reach_nobody_else(project):
    """Each body gets a frame of its own: neither the stored input nor a sibling sees the edit."""
    project.transform("users", sql=USERS)
    edit = "users.loc[:, 'id'] = 0\nusers['new'] = 1\nusers.drop(users.index[0], inplace=True)\nresult = users"
    project.transform("a", python=f"import warnings\nwarnings.simplefilter('ignore')\n{edit}")
    project.transform("b", python="result = users[['id']]")
    project.transform("c", sql="SELECT id FROM users")
    project.transform("twice", python="x = ref('users')\nx.loc[:, 'id'] = 0\nresult = ref('users')[['id']]")
    before_and_after = []
    for _ in range(2):
        good(project, full=True)
        before_and_after.append(build_of(project, "transform.users").read_bytes())
    for node_id in ("transform.b", "transform.c", "transform.twice", "transform.users"):
        assert [row[0] for row in rows(project, node_id)] == [1, 2, 3]
    assert before_and_after[0] == before_and_after[1]


def test_a_body_that_gives_nothing_says_what_it_may_give(project):
    project.transform("t", python="x = 1")
    assert "not a table" in failure(project, "transform.t").error_message


def test_a_parameter_of_a_function_that_is_no_node_is_an_error_at_definition(project):
    project.transform("users", sql=USERS)
    with pytest.raises(ManifestError, match=r"usrs.*did you mean .*users"):
        project.transform("t", python="def t(usrs):\n    return usrs")
