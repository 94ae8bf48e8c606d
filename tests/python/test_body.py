"""The laws of a Python body: what it reads, when its text is the same, how it runs, what it takes from the notebook."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import importlib
import json
import linecache
import logging
import os
import re
import subprocess
import sys
import traceback
from pathlib import Path

import pandas as pd
import pytest
from cells import bare, cells, digest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from seeknal_nb.errors import ManifestError
from seeknal_nb.python.body import canonical, load, read_body
from seeknal_nb.python.capture import captured

READS = [
    # plain order
    ("flights", "flights"),
    ("flights.merge(weather)", "flights weather"),
    ("x = 1\nx", ""),
    ("x\nx = 1", "x"),
    ("flights = flights.assign(a=1)\nflights", "flights"),
    ("b + a + b", "b a"),
    ("print(len(rows))", "rows"),
    ("ctx.ref('a.b')\nref('c.d')", ""),
    ("t['a'] = 1", "t"),
    ("t.a = u", "u t"),
    ("a, (b, *c) = t\na, b, c", "t"),
    ("x: int = 1\nx", ""),
    ("x: pd.DataFrame\nx", "pd x"),
    ("from __future__ import annotations\nx: Frame = 1", ""),
    # augmented assignment, del
    ("x += 1", "x"),
    ("x = 0\nx += y", "y"),
    ("t[i] += 1", "t i"),
    ("del x", "x"),
    ("x = 1\ndel x\nx", "x"),
    # branches
    ("if a:\n    x = 1\nx", "a x"),
    ("if a:\n    x = 1\nelse:\n    x = 2\nx", "a"),
    ("if a:\n    x = 1\nelif b:\n    x = 2\nelse:\n    x = 3\nx", "a b"),
    ("if a:\n    x = 1\nelse:\n    raise ValueError\nx", "a"),
    ("x = (y := a) if b else y", "b a y"),
    ("a and (x := 1)\nx", "a x"),
    ("if a and (x := b):\n    x", "a b"),
    ("if not (a and (x := b)):\n    pass\nelse:\n    x", "a b"),
    ("if a or (x := b):\n    x", "a b x"),
    ("if a or (x := b):\n    pass\nelse:\n    x", "a b"),
    ("assert (x := a), x\nx", "a"),
    ("return a\nb", "a"),
    # loops
    ("for i in rows:\n    x = i\nx, i", "rows x i"),
    ("for i in rows:\n    i", "rows"),
    ("for i in rows:\n    if i:\n        x = i\n        break\nelse:\n    x = 0\nx", "rows"),
    ("for i in rows:\n    if i:\n        break\n    x = 1\nx", "rows x"),
    ("for i in rows:\n    if i:\n        continue\n    x = 1\n    x", "rows"),
    ("for i in rows:\n    if i:\n        break\nelse:\n    x = 1\nx", "rows x"),
    ("while a:\n    x = 1\nx", "a x"),
    ("while True:\n    x = a\n    if x:\n        break\nx", "a"),
    ("while (line := read()):\n    line\nline", "read"),
    # try
    ("try:\n    import numpy as np\nexcept ImportError:\n    np = None\nnp", ""),
    ("try:\n    x = a\nexcept ValueError as e:\n    e\nx", "a x"),
    ("try:\n    x = a\nexcept ValueError:\n    raise\nx", "a"),
    ("try:\n    pass\nexcept E as e:\n    x = e\ne", "E e"),
    ("e = 1\ntry:\n    pass\nexcept E as e:\n    pass\ne", "E e"),
    ("try:\n    x = a\nfinally:\n    x", "a x"),
    ("try:\n    pass\nfinally:\n    x = 1\nx", ""),
    ("try:\n    x = 1\nexcept E:\n    x = 2\nelse:\n    y = 1\nx, y", "E y"),
    ("try:\n    x = 1\nexcept* E:\n    x = 2\nx", "E"),
    # with, match
    ("with open(path) as f:\n    x = f.read()\nf, x", "path"),
    ("with a as (b, c), b.d() as e:\n    e", "a"),
    ("match a:\n    case {'k': v, **rest}:\n        v, rest\n    case [x, *y]:\n        x, y\n    case _:\n        pass", "a"),
    ("match a:\n    case Point(x=x):\n        x\n    case mod.K:\n        pass\nx", "a Point mod x"),
    ("match a:\n    case 1:\n        x = 1\n    case _:\n        x = 2\nx", "a"),
    ("match a:\n    case b if b > c:\n        b", "a c"),
    # What imports bind
    ("import os.path\nos", ""),
    ("import a.b as c\nc, a", "a"),
    ("from m import x, y as z\nx, z, y", "y"),
    # comprehensions
    ("[i for i in rows]\ni", "rows i"),
    ("[x for x in x]", "x"),
    ("[a for a in b for b in c]", "b c"),
    ("[i * k for i in rows if i > low]", "rows low k"),
    ("{k: v for k, v in t.items()}", "t"),
    ("[y for x in a if (y := x)]\ny", "a y"),
    ("sum(x for x in a) + x", "a x"),
    ("[[j for j in i] for i in rows]", "rows"),
    # functions
    ("def f(a, b=c):\n    return a + b + d\nf(1)", "c d"),
    ("def f():\n    return g()\ndef g():\n    return 1\nf()", ""),
    ("def f():\n    return g()\nf()\ndef g():\n    return 1", "g"),
    ("def f():\n    x = 1\n    def g():\n        return x + y\n    return g", "y"),
    ("def f():\n    return x\n    x = 1", ""),
    ("def even(n):\n    return n and odd(n)\ndef odd(n):\n    return n and even(n)\neven(3)", ""),
    ("def f():\n    global n\n    n = 1\n    return n\nf()", ""),
    ("def f():\n    n = 0\n    def g():\n        nonlocal n\n        n += 1\n    return g", ""),
    ("def f(*args: A, k: B = b, **kw: C) -> D:\n    pass\n0", "b A B C D"),
    ("def f():\n    x: Unknown = 1\n    return x", ""),
    ("@deco(a)\ndef f():\n    pass", "deco a"),
    ("async def f():\n    async with a as b:\n        return [c async for c in b]\n0", "a"),
    ("def f():\n    yield a", "a"),
    ("f = lambda x, y=k: x + y + z\nf(1)", "k z"),
    ("f = lambda: g()\ndef g():\n    pass\nf()", ""),
    ("rows.map(lambda r: r.a + b)", "rows b"),
    ("sorted(rows, key=lambda r, s=s: s[r])", "rows s"),
    # classes
    ("class A(Base, metaclass=M):\n    x = y\n    z = x\nA", "Base M y"),
    ("class A:\n    x = x", "x"),
    ("class A:\n    n = 1\n    def f(self):\n        return n, __class__\nA()", "n"),
    ("class A:\n    def f(self):\n        return B()\nclass B:\n    pass\nA()", ""),
    ("class A:\n    v: Decimal = d", "d Decimal"),
    # f-strings
    ("f'{a} {b!r:{w}}'", "a b w"),
    ("f'{(x := a)} {x}'", "a"),
    # shadowed builtins
    ("list = 3\nlist", ""),
    ("_", "_"),
]


@pytest.mark.parametrize(("source", "expected"), READS)
def test_a_body_reads_the_names_that_it_has_not_certainly_assigned(source: str, expected: str) -> None:
    assert read_body(source, name="node").reads == tuple(expected.split())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("for i in rows:\n    last = i\nlast", "last"),
        ("for i in rows:\n    if i:\n        i - last\n    last = i", "last"),
        ("if a:\n    x = 1\nx", "x"),
        ("x\nif a:\n    x = 1\nx", ""),
        ("any((hit := r) for r in rows)\nhit", "hit"),
        ("def f():\n    global g\n    g = 1\nf()\ng", "g"),
        ("{'k': lambda: h()}\ndef h():\n    pass", "h"),
        ("[i for i in rows]\ni", ""),
    ],
)
def test_a_name_that_the_body_may_have_assigned_is_read_perhaps(source: str, expected: str) -> None:
    """Such a program may run well without the name: nobody may refuse it for want of that."""
    assert read_body(source, name="node").perhaps == frozenset(expected.split())


@given(st.text(alphabet="abc=+:\n ()[]{}.,'\"\\#@*fors intrygx", max_size=60))
def test_any_text_is_a_body_or_a_manifest_error(source: str) -> None:
    try:
        body = read_body(source, name="node")
    except ManifestError as error:
        assert error.remedy
        assert error.spot.line
    else:
        canonical(body.source)


def test_reading_imports_and_refs() -> None:
    body = read_body("import a.b\nfrom c import d\nref('x.y')\nctx.ref('z.w', as_='polars')\nref('x.y')", name="n")
    assert body.refs == ("x.y", "z.w")
    assert body.imports == ("a.b", "c", "c.d")
    assert read_body("def ref(x):\n    pass\nref('x.y')", name="n").refs == ()


# The function form.


def test_a_def_of_the_nodes_name_is_the_function_form() -> None:
    body = read_body("import m\nK = 1\ndef h(x):\n    return x\ndef clean(a, b, ctx, n=3, *, k):\n    return h(a)", name="clean")
    assert (body.function, body.params, body.optional) == ("clean", ("a", "b", "ctx", "n", "k"), {"n"})
    assert body.reads == ()


@pytest.mark.parametrize(
    "source",
    ["def clean(a):\n    return a\nclean(b)", "def clean(a):\n    return a\nreturn clean(b)"],
)
def test_a_body_with_another_result_is_no_function_form(source: str) -> None:
    body = read_body(source, name="clean")
    assert (body.function, body.params) == (None, ())


# Errors.


@pytest.mark.parametrize(
    ("source", "what", "line"),
    [
        ("a = 1\nb = (", "not valid Python", 2),
        ("a = 1\nbreak", "not valid Python", 2),
        ("def f(a, a):\n    pass", "not valid Python", 1),
        ("%time x = 1", "IPython command", 1),
        ("x = 1\n!ls", "IPython command", 2),
        ("files = !ls", "IPython command", 1),
        ("df?", "IPython command", 1),
        ("import os\nfrom os import *", "import *", 2),
        ("x = 1\nyield x", "yield", 2),
        ("await x", "await", 1),
        ("async def node(a):\n    return a", "async", 1),
        ("def node(*frames):\n    pass", "by name", 1),
        ("def node(a, /):\n    pass", "by name", 1),
        ("x = '\0'", "cannot be read|not valid", 1),
    ],
)
def test_what_is_no_body_says_where_and_what_to_do(source: str, what: str, line: int) -> None:
    with pytest.raises(ManifestError, match=what if "|" in what else re.escape(what)) as caught:
        read_body(source, name="node")
    assert caught.value.remedy
    assert (caught.value.spot.path, caught.value.spot.line) == (("python",), line)


def test_a_percent_sign_inside_an_expression_is_python() -> None:
    assert read_body("x = (a\n% b)", name="n").reads == ("a", "b")


def test_nesting_too_deep_for_python_is_a_manifest_error() -> None:
    with pytest.raises(ManifestError, match=r"cannot be read|not valid Python"):
        read_body("+".join(["1"] * 20_000), name="n")


# The canonical form.


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x=1", "x  =  1  # why"),
        ("f(a,\n  b)", "f(a, b)"),
        ("x = 'a'", 'x = "a"'),
        ("def f():\n    'doc'\n    return 1", "def f():\n\n    return 1"),
        ("class A:\n    'doc'", "class A:\n    pass"),
        ("'doc'\nx", "x"),
        ("async def f():\n    'doc'\n    return 1", "async def f(): return 1"),
        ("x = 1_000", "x = 1000"),
        ("if a:\n    b\nelse:\n    if c:\n        d", "if a:\n  b\nelif c:\n  d"),
    ],
)
def test_layout_comments_and_docstrings_do_not_change_the_canonical_form(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 2"),
        ("x = 1", "x = 1.0"),
        ("x = 'a'", "x = b'a'"),
        ("a - b", "b - a"),
        ("x: int = 1", "x = 1"),
        ("def f(a: int): pass", "def f(a): pass"),
        ("def f(a=1): pass", "def f(a=2): pass"),
        ("'a'", "'b'"),
        ("x = 1\n'doc'", "x = 1\n'other'"),
        ("a\nb", "b\na"),
        ("f'{a}'", "f'{a!r}'"),
        ("(a, b)", "[a, b]"),
        ("return x", "x"),
    ],
)
def test_any_change_of_the_code_changes_the_canonical_form(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


# Running.


def run(source: str, inputs: dict[str, object] | None = None, *, name: str = "node") -> object:
    return load(read_body(source, name=name), {}, filename=f"<seeknal transform.{name}>")(inputs or {})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1 + 1", 2),
        ("x = 3\nx * 2", 6),
        ("result = 4", 4),
        ("node = 5", 5),
        ("result = 6\nnode = 7", 6),
        ("result = 8\nprint(end='')", 8),
        ("result = 9\nresult + 1", 10),
        ("return 11", 11),
        ("if True:\n    return 12\n13", 12),
        ("if False:\n    return 12\n13", 13),
        ("if False:\n    return 12\nresult = 14", 14),
        ("result = 1\nif True:\n    return", 1),
        ("from __future__ import annotations\nx: int = 1\nreturn x", 1),
        ("x: list[int]\nfor x in [1, 2]:\n    with open(__import__('os').devnull) as f:\n        return x, f.closed", (1, False)),
        ("global n\nn = 15\ndef f():\n    return n\nreturn f()", 15),
        ("x = 1\ndel x\nreturn 'x' in globals()", False),
        ("class A:\n    pass\nreturn A.__qualname__", "A"),
        ("x = 1\n[x for _ in 'ab']", [1, 1]),
        ("x = 1\nreturn [x for _ in 'ab']", [1, 1]),
        ("x = 1", None),
        ("", None),
        ("'text'", "text"),
        ("def node():\n    return 16", 16),
        ("def f():\n    return 17\ndef node():\n    return f()", 17),
        ("from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: t.Any = 1\nA().x", 1),
    ],
)
def test_a_body_gives_its_result(source: str, expected: object) -> None:
    assert run(source) == expected


def test_an_input_is_a_variable_of_the_module_level() -> None:
    """In a function this most usual line of a notebook is an UnboundLocalError."""
    flights = pd.DataFrame({"a": [1]})
    for end in ("flights", "return flights", "def f():\n    return flights\nf()"):
        made = run(f"flights = flights.assign(b=2)\n{end}", {"flights": flights})
        assert list(made) == ["a", "b"]  # type: ignore[call-overload]
    assert list(flights) == ["a"]


def test_an_input_named_result_is_no_result() -> None:
    assert run("x = result", {"result": 1}) is None
    assert run("x = node", {"node": 1}) is None


def test_the_function_form_takes_its_inputs_by_name() -> None:
    source = "def node(b, a, ctx, n=3):\n    return a, b, ctx, n, other"
    assert run(source, {"a": 1, "b": 2, "ctx": 4, "other": 5}) == (1, 2, 4, 3, 5)


def test_return_commits_a_transaction() -> None:
    """``return`` is not an exception: sqlite3 rolls back when one leaves its block."""
    source = (
        "import sqlite3\ncon = sqlite3.connect(':memory:')\ncon.execute('create table t (x)')\nkeep.append(con)\n"
        "with con:\n    con.execute('insert into t values (1)')\n    return 1"
    )
    keep: list[object] = []
    assert run(source, {"keep": keep}) == 1
    con = keep[0]
    con.rollback()  # type: ignore[attr-defined]
    assert con.execute("select * from t").fetchall() == [(1,)]  # type: ignore[attr-defined]
    con.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("x = 1\n\nboom()", 3),
        ("x = 1\nboom()\nx", 2),
        ("# why\ndef node():\n    x = 1\n    boom()", 4),
        ("if boom():\n    pass\nreturn 1", 1),
        ("def f():\n    boom()\nreturn f()", 2),
        ("return 1 if False else (\n    boom())", 2),
    ],
)
def test_a_traceback_shows_the_bodys_own_line(source: str, line: int) -> None:
    with pytest.raises(NameError) as caught:
        run(source)
    linecache.checkcache()
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.filename, last.lineno) == ("<seeknal transform.node>", line)
    assert "boom()" in (last.line or "")
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__) if frame.filename[0] == "<"]
    assert frames[0] in {"<module>", "node"}


def test_warnings_about_the_users_text_are_not_raised_by_us(recwarn: pytest.WarningsRecorder) -> None:
    assert run("'\\d'") == "\\d"
    assert not recwarn


# What a body takes from the notebook.


HELPERS = [
    ("a helper", "def f(): return 1", "def f(): return 2"),
    ("a helper's helper", "def g(): return 1\ndef f(): return g()", "def g(): return 2\ndef f(): return g()"),
    ("three deep", "def h(): return 1\ndef g(): return h()\ndef f(): return g()",
     "def h(): return 2\ndef g(): return h()\ndef f(): return g()"),
    ("a constant", "K = 1\ndef f(): return K", "K = 2\ndef f(): return K"),
    ("the type of a constant", "K = 1\ndef f(): return K", "K = True\ndef f(): return K"),
    ("a constant of an inner function", "K = 1\ndef f():\n  def g(): return K\n  return g", "K = 2\ndef f():\n  def g(): return K\n  return g"),
    ("a constant of a comprehension", "K = 1\ndef f(): return [K for _ in 'a']", "K = 2\ndef f(): return [K for _ in 'a']"),
    ("a constant of an inner class", "K = 1\ndef f():\n  class A:\n    x = K\n  return A",
     "K = 2\ndef f():\n  class A:\n    x = K\n  return A"),
    ("recursion", "K = 1\ndef f(): return K and f()", "K = 2\ndef f(): return K and f()"),
    ("a cycle", "K = 1\ndef f(): return g()\ndef g(): return K and f()", "K = 2\ndef f(): return g()\ndef g(): return K and f()"),
    ("a closure", "def m(n):\n  def f(): return n\n  return f\nf = m(1)", "def m(n):\n  def f(): return n\n  return f\nf = m(2)"),
    ("a helper in a closure", "def g(): return 1\ndef m(n):\n  def f(): return n()\n  return f\nf = m(g)",
     "def g(): return 2\ndef m(n):\n  def f(): return n()\n  return f\nf = m(g)"),
    ("a default", "K = 1\ndef f(n=K): return n", "K = 2\ndef f(n=K): return n"),
    ("a keyword default", "K = 1\ndef f(*, n=K): return n", "K = 2\ndef f(*, n=K): return n"),
    ("an attribute", "def f(): return f.k\nf.k = 1", "def f(): return f.k\nf.k = 2"),
    ("a lambda", "f = lambda: 1", "f = lambda: 2"),
    ("one of two lambdas in a line", "f, g = lambda: 1, lambda: 2", "f, g = lambda: 3, lambda: 2"),
    ("the other of two lambdas in a line", "g, f = lambda: 2, lambda: 1", "g, f = lambda: 2, lambda: 3"),
    ("a partial's argument", "from functools import partial\nf = partial(max, 1)", "from functools import partial\nf = partial(max, 2)"),
    ("a partial's function", "from functools import partial\ndef g(): return 1\nf = partial(g)",
     "from functools import partial\ndef g(): return 2\nf = partial(g)"),
    ("a wrapped function", "import functools\ndef d(g):\n  @functools.wraps(g)\n  def w(): return g()\n  return w\n@d\ndef f(): return 1",
     "import functools\ndef d(g):\n  @functools.wraps(g)\n  def w(): return g()\n  return w\n@d\ndef f(): return 2"),
    ("a wrapper", "import functools\ndef d(g):\n  @functools.wraps(g)\n  def w(): return g()\n  return w\n@d\ndef f(): return 1",
     "import functools\ndef d(g):\n  @functools.wraps(g)\n  def w(): return -g()\n  return w\n@d\ndef f(): return 1"),
    ("a cached function", "import functools\n@functools.cache\ndef f(): return 1", "import functools\n@functools.cache\ndef f(): return 2"),
    ("a single dispatch", "import functools\n@functools.singledispatch\ndef f(x): return 1\n@f.register\ndef _(x: int): return 1",
     "import functools\n@functools.singledispatch\ndef f(x): return 1\n@f.register\ndef _(x: int): return 2"),
    ("a package's wrapper", "import contextlib\n@contextlib.contextmanager\ndef f(): yield 1", "import contextlib\n@contextlib.contextmanager\ndef f(): yield 2"),
    ("a method", "class f:\n  def g(self): return 1", "class f:\n  def g(self): return 2"),
    ("a helper of a method", "def h(): return 1\nclass f:\n  def g(self): return h()", "def h(): return 2\nclass f:\n  def g(self): return h()"),
    ("a class method", "class f:\n  @classmethod\n  def g(cls): return 1", "class f:\n  @classmethod\n  def g(cls): return 2"),
    ("a static method", "class f:\n  @staticmethod\n  def g(): return 1", "class f:\n  @staticmethod\n  def g(): return 2"),
    ("a property", "class f:\n  @property\n  def g(self): return 1", "class f:\n  @property\n  def g(self): return 2"),
    ("a cached property", "import functools as t\nclass f:\n  @t.cached_property\n  def g(self): return 1",
     "import functools as t\nclass f:\n  @t.cached_property\n  def g(self): return 2"),
    ("a class attribute", "class f:\n  x = 1", "class f:\n  x = 2"),
    ("a private class attribute", "class f:\n  _x = 1", "class f:\n  _x = 2"),
    ("a base", "class B:\n  x = 1\nclass f(B):\n  pass", "class B:\n  x = 2\nclass f(B):\n  pass"),
    ("a metaclass", "class M(type):\n  x = 1\nclass f(metaclass=M):\n  pass", "class M(type):\n  x = 2\nclass f(metaclass=M):\n  pass"),
    ("super()", "class B:\n  pass\nclass f(B):\n  def g(self): return super().__init__(), 1",
     "class B:\n  pass\nclass f(B):\n  def g(self): return super().__init__(), 2"),
    ("a dataclass default", "import dataclasses as d\n@d.dataclass\nclass f:\n  x: int = 1", "import dataclasses as d\n@d.dataclass\nclass f:\n  x: int = 2"),
    ("a dataclass type", "import dataclasses as d\n@d.dataclass\nclass f:\n  x: int = 1", "import dataclasses as d\n@d.dataclass\nclass f:\n  x: float = 1"),
    ("a dataclass factory", "import dataclasses as d\n@d.dataclass\nclass f:\n  x: list = d.field(default_factory=lambda: [1])",
     "import dataclasses as d\n@d.dataclass\nclass f:\n  x: list = d.field(default_factory=lambda: [2])"),
    ("a dataclass's order", "import dataclasses as d\n@d.dataclass\nclass f:\n  x: int\n  y: int", "import dataclasses as d\n@d.dataclass\nclass f:\n  y: int\n  x: int"),
    ("a dataclass's setting", "import dataclasses as d\n@d.dataclass\nclass f:\n  x: int", "import dataclasses as d\n@d.dataclass(frozen=True)\nclass f:\n  x: int"),
    ("a slotted dataclass", "import dataclasses as d\n@d.dataclass(slots=True)\nclass f:\n  x: int = 1",
     "import dataclasses as d\n@d.dataclass(slots=True)\nclass f:\n  x: int = 2"),
    ("a dataclass's method", "import dataclasses as d\n@d.dataclass\nclass f:\n  x: int\n  def g(self): return 1",
     "import dataclasses as d\n@d.dataclass\nclass f:\n  x: int\n  def g(self): return 2"),
    ("a named tuple", "import typing as t\nclass f(t.NamedTuple):\n  x: int = 1", "import typing as t\nclass f(t.NamedTuple):\n  x: int = 2"),
    ("an enum member", "import enum\nclass f(enum.Enum):\n  A = 1", "import enum\nclass f(enum.Enum):\n  A = 2"),
    ("an enum method", "import enum\nclass f(enum.Enum):\n  A = 1\n  def g(self): return 1", "import enum\nclass f(enum.Enum):\n  A = 1\n  def g(self): return 2"),
    ("an import in a helper", "def f():\n  import json\n  return json", "def f():\n  import csv as json\n  return json"),
    ("a bound method", "class A:\n  def g(self): return 1\n  @classmethod\n  def h(cls): return 1\nf = A.h",
     "class A:\n  def g(self): return 1\n  @classmethod\n  def h(cls): return 2\nf = A.h"),
    ("a helper that comes later", "def f(): return g()", "def f(): return g()\ndef g(): return 1"),
    ("a shadowed builtin", "def f(): return len('')", "def len(x): return 1\ndef f(): return len('')"),
    ("a list that holds itself", "f = [1]\nf.append(f)", "f = [2]\nf.append(f)"),
    ("a table of functions that read it", "def g(): return T, 1\nT = {'g': g}\ndef f(): return T",
     "def g(): return T, 2\nT = {'g': g}\ndef f(): return T"),
    ("a function in a dict", "def g(): return 1\nf = {'a': g}", "def g(): return 2\nf = {'a': g}"),
]  # fmt: skip


@pytest.mark.parametrize("space", [cells, bare])
@pytest.mark.parametrize(("what", "one", "other"), HELPERS, ids=[row[0] for row in HELPERS])
def test_a_change_in_what_the_body_uses_changes_its_text(what: str, one: str, other: str, space: object) -> None:
    del what
    assert callable(space)
    assert digest(space(one)) == digest(space(one))
    assert digest(space(one)) != digest(space(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(): return 1", "def f():\n    # why\n    return (1)"),
        ("def f(): return 1", "def f():\n    'What.'\n    return 1"),
        ("def f(): return 1", "\n\n\ndef f(): return 1"),
        ("def g(): return 1\ndef f(): return g()", "def g():\n  'What.'\n  return 1 # why\ndef f(): return g()"),
        ("def g(): return 1\ndef f(): return g()", "def f(): return g()\ndef g(): return 1"),
        ("class f:\n  def g(self): return 1", "class f:\n  'What.'\n  def g(self):\n    'What.'\n    return 1"),
        ("class f:\n  x = 1\n  y = 2", "class f:\n  y = 2\n  x = 1"),
        ("f = lambda: 1", "f = (\n  lambda:\n    1)"),
        ("K = 1\ndef f(): return 1", "K = 2\ndef f(): return 1"),
        ("mean = object()\ndef f(): return f.mean", "mean = 3\ndef f(): return f.mean"),
        ("def f(): return 1", "other = print\ndef f(): return 1"),
    ],
)
def test_what_means_the_same_leaves_the_text_as_it_is(one: str, other: str) -> None:
    assert digest(cells(one)) == digest(cells(other))


def test_a_function_that_has_run_has_the_same_text() -> None:
    """The interpreter rewrites byte code as it runs hot."""
    space = bare("def f(n=0):\n    x = 0\n    for i in range(n):\n        x += i * 2\n    return x")
    before = digest(space)
    assert space["f"](100_000)  # type: ignore[operator]
    assert digest(space) == before


def test_source_that_is_not_the_codes_is_not_believed() -> None:
    """A file that %run ran may have changed since."""
    space = cells("def f(): return 1")
    file = space["f"].__code__.co_filename  # type: ignore[attr-defined]
    before = digest(space)
    linecache.cache[file] = (1, None, ["def f(): return 2\n"], file)
    assert "return 2" not in digest(space)
    assert before != digest(space)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass(frozen=True)
class Setting:
    low: int
    high: object = None


Pair = collections.namedtuple("Pair", "a b")  # noqa: PYI024

PLAIN = [
    None, True, 1, 1.0, -0.0, float("nan"), 1j, "1", b"1", (), (1,), [1], {1}, frozenset({1}), {1: 2}, {2: 1}, {"a": [1, (2,)]},
    dt.date(2020, 1, 1), dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.timedelta(1), dt.time(1),
    decimal.Decimal("1.0"), decimal.Decimal("1.00"), Path("a"), Path("b"), Colour.RED, Colour.BLUE, Setting(1), Setting(2),
    Pair(1, 2), Pair(2, 1), re.compile("a"), re.compile("b"), re.compile("a", re.IGNORECASE), range(3), range(4),
    collections.defaultdict(list), collections.defaultdict(set), collections.Counter("a"), collections.OrderedDict(a=1),
    {"a": 1, "b": 2}, {"b": 2, "a": 1}, pd.Timestamp("2020-01-01 00:00:00.000000001"), pd.Series([1.5]).sum(), ...,
    list[int], int | None, print, len, functools.partial(max, 1), logging.getLogger("a"), logging.getLogger("b"), json, re,
    pd.DataFrame, pd.concat, math_sin := importlib.import_module("numpy").sin, importlib.import_module("random").random,
]  # fmt: skip


def test_every_plain_value_has_a_text_of_its_own() -> None:
    texts = [digest({"x": value}, "x") for value in PLAIN]
    assert len(set(texts)) == len(PLAIN)
    assert all(" at 0x" not in text for text in texts)
    assert all(digest({"x": value}, "x") == text for value, text in zip(PLAIN, texts, strict=True))


def test_a_set_has_one_text_in_whatever_order_it_was_filled() -> None:
    assert digest({"x": {"a", "b", "c"}}, "x") == digest({"x": {"c", "b", "a"}}, "x")


def test_the_values_are_copies_but_for_modules_and_what_stands_in_them() -> None:
    """Nothing leaks back from a body into the notebook."""
    space = cells("import json\nfrom json import dumps\ndef f(): return 1\nclass A: pass\nk = {'a': [1]}\nn = 3")
    values = captured(read_body("json, dumps, f, A, k, n", name="node"), space, inputs=()).values
    assert set(values) == {"json", "dumps", "f", "A", "k", "n"}
    assert all((values[name] is space[name]) == (name in {"json", "dumps", "n"}) for name in values)
    assert values["k"] == space["k"]
    load(read_body("k['a'].append(2)", name="node"), dict(values), filename="<seeknal x.y>")({})
    assert space["k"] == {"a": [1]}


def test_a_container_that_holds_itself_is_copied_as_it_is() -> None:
    space = cells("k = [1, ({},)]\nk[1][0]['k'] = k")
    made = captured(read_body("k", name="n"), space, inputs=()).values["k"]
    assert made is not space["k"]
    assert made[1][0]["k"] is made  # type: ignore[index]


def test_inputs_and_what_every_body_has_are_not_taken() -> None:
    space: dict[str, object] = {"flights": pd.DataFrame(), "ctx": 1, "ref": 2, "k": 3}
    taken = captured(read_body("ctx, ref, flights, k, len", name="n"), space, inputs={"flights"})
    assert taken.values == {"k": 3}


def test_a_name_read_perhaps_is_taken_only_where_it_can_be() -> None:
    body = read_body("for i in ():\n    last = i\nlast", name="n")
    assert captured(body, {}, inputs=()).values == {}
    assert captured(body, {"last": pd.DataFrame()}, inputs=()).values == {}
    assert captured(body, {"last": 3}, inputs=()).values == {"last": 3}


@pytest.mark.parametrize("space", [cells, bare])
@pytest.mark.parametrize(
    ("source", "body", "message"),
    [
        ("import pandas\ndf = pandas.DataFrame()", "df", "'df' is a notebook variable of type DataFrame"),
        ("import pandas\ndf = pandas.DataFrame()\ndef f(): return df", "f()", "'df' is a notebook variable of type DataFrame: 'f' reads it"),
        ("import pandas\ndf = pandas.DataFrame()\ndef g(): return df\ndef f(): return g()", "f()", "'g' reads it"),
        ("import pandas\nd = {'k': [pandas.DataFrame()]}", "d", "'d' is a notebook variable of type dict: it holds an object of type DataFrame"),
        ("import pandas\ndef f(x=pandas.DataFrame()): return x", "f()", "'f' reads it"),
        ("import pandas\ndef m(df):\n  def f(): return df\n  return f\nf = m(pandas.DataFrame())", "f()", "'df' is a notebook variable"),
        ("import pandas\nclass f:\n  df = pandas.DataFrame()", "f()", "'df' is a notebook variable of type DataFrame: 'f' reads it"),
        ("import sqlite3\ncon = object()", "con", "of type object"),
        ("import types\nm = types.ModuleType('m')", "m", "of type module"),
        ("class A: pass\na = A()", "a", "of type A"),
    ],
)
def test_a_notebook_variable_that_is_data_is_refused(source: str, body: str, message: str, space: object) -> None:
    assert callable(space)
    with pytest.raises(ManifestError, match=re.escape(message)) as caught:
        digest(space(source), body)
    assert re.fullmatch(r"pass it in with --input (.+) \(data\) or --param \1 \(setting\)", caught.value.remedy)


def test_a_name_that_is_nowhere_is_refused_with_the_nearest() -> None:
    with pytest.raises(ManifestError, match="name 'flihgts' is not defined") as caught:
        captured(read_body("flihgts", name="n"), {"x": 1}, inputs={"flights"})
    assert caught.value.remedy == "did you mean flights?"


# Modules.


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the import path; what is imported from it is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in [name for name in sys.modules if name.startswith("zz_")]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


def imported(code: str) -> dict[str, object]:
    for name in [name for name in sys.modules if name.startswith("zz_")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    linecache.clearcache()
    space: dict[str, object] = {"__name__": "__main__"}
    exec(code, space)
    return space


def test_an_installed_module_stands_for_its_version() -> None:
    assert pd.__version__ in digest({"pd": pd}, "pd.DataFrame()")
    assert pd.__version__ in digest({}, "import pandas as pd\npd.DataFrame()")
    sklearn = importlib.import_module("sklearn")
    assert sklearn.__version__ in digest({}, "from sklearn.linear_model import Ridge\nRidge()")


@pytest.mark.parametrize(
    ("cell", "body"),
    [
        ("import zz_a", "zz_a.f()"),
        ("from zz_a import f", "f()"),
        ("from zz_a import f as g", "g()"),
        ("from zz_a import C", "C()"),
        ("from zz_a import w", "w()"),
        ("import zz_a\ndef h(): return zz_a.f()", "h()"),
        ("def h():\n  import zz_a\n  return zz_a.f()", "h()"),
        ("def h():\n  from zz_a import f\n  return f()", "h()"),
        ("", "import zz_a\nzz_a.f()"),
        ("", "from zz_a import f\nf()"),
        ("import functools, zz_a\nh = functools.partial(zz_a.f, 1)", "h()"),
    ],
)
@pytest.mark.parametrize("changed", ["zz_a.py", "zz_b.py", "zz_c.py"])
def test_a_module_of_the_users_counts_by_its_file_and_those_that_it_imports(
    folder: Path, cell: str, body: str, changed: str
) -> None:
    (folder / "zz_a.py").write_text(
        "import functools\nfrom zz_b import K\ndef d(g):\n  @functools.wraps(g)\n  def w(): return g()\n  return w\n"
        "def f(): return K\nclass C: pass\n@d\ndef w(): return 1"
    )
    (folder / "zz_b.py").write_text("def g():\n    from zz_c import L\n    return L\nK = 1")
    (folder / "zz_c.py").write_text("L = 1")
    before = digest(imported(cell), body)
    assert digest(imported(cell), body) == before
    file = folder / changed
    file.write_text(file.read_text() + "\nM = 1")
    assert digest(imported(cell), body) != before


def test_a_body_that_imports_a_module_has_the_same_text_before_and_after_it_ran(folder: Path) -> None:
    package = folder / "zz_p"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text("from .other import K\ndef f(): return K")
    (package / "other.py").write_text("K = 1")
    body = "from zz_p.part import f\nf()"
    before = digest(imported(""), body)
    run(body)
    assert digest({}, body) == before
    (package / "other.py").write_text("K = 2")
    assert digest(imported(""), body) != before


def test_a_part_of_a_package_counts_where_the_notebook_imported_it(folder: Path) -> None:
    package = folder / "zz_p"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text("K = 1")
    before = digest(imported("import zz_p.part"), "zz_p.part.K")
    (package / "part.py").write_text("K = 2")
    assert digest(imported("import zz_p.part"), "zz_p.part.K") != before


def test_a_module_that_changed_after_its_import_is_refused(folder: Path) -> None:
    """The run would keep what the old code made under the key of the new file."""
    (folder / "zz_a.py").write_text("def f(): return 1")
    space = imported("import zz_a")
    digest(space, "zz_a.f()")
    (folder / "zz_a.py").write_text("def f(): return 2")
    with pytest.raises(ManifestError, match="zz_a changed after it was imported") as caught:
        digest(space, "zz_a.f()")
    assert "importlib.reload(zz_a)" in caught.value.remedy
    (folder / "zz_a.py").unlink()
    with pytest.raises(ManifestError, match="cannot be read"):
        digest(space, "zz_a.f()")


@pytest.mark.parametrize(("before", "after"), [
    ("V = 1", "V = 2"), ("V = (1, 'a')", "V = (1, 'b')"), ("V: int = -1", "V: int = 1"), ("V = 1", "V = 1.0"), ("V = 1", "V = 1\nW = 2"),
    ("V = W = 1", "V = W = 2"), ("V = {'k': 1}", "V = {'k': 2}"), ("V = []\nV.append(1)", "V = []\nV.append(2)"),
    ("class V:\n    k = 1", "class V:\n    k = 2"), ("import re\nV = re.compile('a')", "import re\nV = re.compile('b')"),
])  # fmt: skip
def test_a_module_whose_constants_changed_after_its_import_is_refused(folder: Path, before: str, after: str) -> None:
    (folder / "zz_a.py").write_text(before)
    space = imported("import zz_a")
    digest(space, "zz_a.V")
    (folder / "zz_a.py").write_text(after)
    with pytest.raises(ManifestError, match="zz_a changed after it was imported"):
        digest(space, "zz_a.V")


@pytest.mark.parametrize(("text", "cell", "seen"), [
    ("V = {'k': 1}\ndef f(): return V['k']", "zz_a.V['k'] = 2", True), ("V = [1]\ndef f(): return V.index(1)", "zz_a.V.append(2)", True),
    ("V: set = {1, (2, -1)}\ndef f(x): return x in V", "zz_a.V.add(2)", True), ("V = {1: 1}\ndef f(): return sorted(V)", "zz_a.V = {}", True),
    # what it changes itself says nothing of what others did: a memory, say
    ("V = {}\ndef f(): V['k'] = 1", "zz_a.f()", False), ("V = {}\ndef f(): g(V)\ndef g(d): d['k'] = 1", "zz_a.f()", False),
    ("V = {}\ndef f():\n    v = V\n    v['k'] = 1", "zz_a.f()", False), ("V = [1]\ndef f(): V.append(1)", "zz_a.f()", False),
])  # fmt: skip
def test_a_table_of_a_module_that_a_cell_changes_is_part_of_the_text(folder: Path, text: str, cell: str, seen: bool) -> None:
    (folder / "zz_a.py").write_text(text)
    space = imported("import zz_a")
    before = digest(space, "zz_a.V")
    exec(cell, space)
    assert (digest(space, "zz_a.V") != before) == seen


def test_a_module_that_was_imported_again_or_is_only_written_otherwise_stays(folder: Path) -> None:
    (folder / "zz_a.py").write_text("V = {'k': 1}")
    space = imported("import zz_a")
    before = digest(space, "zz_a.V")
    (folder / "zz_a.py").write_text("V = {'k':  1}  # why")
    digest(space, "zz_a.V")
    (folder / "zz_a.py").write_text("V = {'k': 22}")
    importlib.reload(space["zz_a"])  # type: ignore[arg-type]
    assert digest(space, "zz_a.V") != before
    assert digest(space, "zz_a.V") == digest(imported("import zz_a"), "zz_a.V")


@pytest.mark.parametrize("text", [
    "V = 1\nV = 2", "V = 1\ndef f():\n    global V\n    V = 5\nf()", "V = 1\nfor V in (3, 4): pass", "V = 1\ndel V\nV = 3",
    "V = []\nV.append(1)", "if 0:\n    V = 1\nV = 2", "try:\n    V = 1 / 0\nexcept ZeroDivisionError:\n    V = 3", "V = 0\nV += 4",
    "V = 'a' 'b'", "V = 1\nglobals()['W'] = 3",
])  # fmt: skip
def test_a_module_that_its_own_file_brings_to_what_it_is_stays(folder: Path, text: str) -> None:
    (folder / "zz_a.py").write_text(text)
    space = imported("import zz_a")
    digest(space, "zz_a.V")


# The same text everywhere.

PROCESS = """
import sys, json
sys.path.insert(0, {root!r})
from seeknal_nb.python.capture import captured
from seeknal_nb.python.body import read_body, canonical
space = {{"__name__": "__main__"}}
exec({cell!r}, space)
body = read_body({body!r}, name="node")
print(json.dumps([captured(body, space, inputs=()).digest_text, body.reads, canonical(body.source)]))
"""
CELL = """
import enum, functools, dataclasses, re, datetime, collections
import pandas as pd
K = {"c", "a", "b", ("x", 1)}
class Kind(enum.Flag):
    A = 1
    B = 2
@dataclasses.dataclass
class D:
    x: frozenset = frozenset({"q", "r", "s"})
    y: list = dataclasses.field(default_factory=lambda: ["a"])
P = collections.namedtuple("P", "a b")
def h(x): return x in {"one", "two", "three"} and g(x)
def g(x): return h(x), K, Kind.A | Kind.B, pd.DataFrame, S
def t(x): return lambda y: (x, y)
S = {h, g, t, t(1), D, P, print}
@dataclasses.dataclass(frozen=True)
class Pair:
    name: str
    do: object
class Text(str): pass
text = Text("a"); text.more = {"z", "y", "x"}
O = {Pair("one", h), Pair("two", g), Pair("three", lambda: 1), functools.partial(h, 1), text}
Kind.A.more = frozenset("abc")
@functools.lru_cache
def f(): return g(D(), P(1, 2)), re.compile("a")
"""


def test_the_text_is_the_same_in_every_process_and_hash_seed() -> None:
    root = str(Path(__file__).parents[2])
    code = PROCESS.format(root=root, cell=CELL, body="f(), S, K, h, O, unused if False else 1")
    answers = set()
    for seed in ("0", "1", "2", "3", "4"):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": seed}
        )
        assert not done.stderr
        answers.add(done.stdout)
    assert len(answers) == 1
    assert " at 0x" not in answers.pop()


# A real shell.


@pytest.fixture(scope="module")
def shell() -> InteractiveShell:
    return InteractiveShell.instance()


def test_in_ipython_a_helper_counts_by_its_source(shell: InteractiveShell) -> None:
    def text(*sources: str, body: str = "f()") -> str:
        shell.reset()
        for source in sources:
            shell.run_cell(source, store_history=True).raise_error()
        return digest(shell.user_ns, body)

    one = text("import pandas as pd\nK = 1", "def f():\n    'What.'\n    return K, get_ipython(), display")
    assert "return (K, get_ipython(), display)" in one
    assert text("K = 1\nx = 3", "\n# why\ndef f():\n    return K, get_ipython(), display") == one
    assert text("K = 2", "def f():\n    return K, get_ipython(), display") != one
    many = "class f:\n    'What.'\n    x: int = 1\n    def g(self) -> 'int':\n        return 1 # why"
    assert "return 1" in text(many)
    assert text(many) == text(many.replace("# why", "").replace("'What.'\n", "\n"))
    assert text(many) != text(many.replace("x: int = 1", "x: int = 2"))
    assert "return (1, 'a')" in text("%time 1\nf = lambda: 0\ndef f(x=1):\n    return 1, 'a'")
    assert "lambda r: r + 1" in text("f = lambda r: r + 1")
    below, apart = text("import json\ndef f():\n    return json.dumps(1)"), text("import json", "# why\ndef f():\n    return json.dumps(1)")
    assert below == apart
    assert "json.dumps(1)" in below


def test_the_namespace_of_a_shell_is_enough(shell: InteractiveShell) -> None:
    shell.reset()
    shell.run_cell("import pandas as pd\nLOW = 3\ndef f(d): return d[d.a > LOW]").raise_error()
    body = read_body("flights = f(flights)\nflights.assign(b=LOW)", name="clean")
    taken = captured(body, shell.user_ns, inputs={"flights"})
    made = load(body, dict(taken.values), filename="<seeknal transform.clean>")({"flights": pd.DataFrame({"a": [1, 5]})})
    assert isinstance(made, pd.DataFrame)
    assert made.to_dict("list") == {"a": [5], "b": [3]}
