"""The key of a body holds all that it can read, and what was keyed is what runs: values, names in texts, copies."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from cells import cell, cells, digest, made, taken

from seeknal_nb.errors import ManifestError
from seeknal_nb.python.body import read_body
from seeknal_nb.python.capture import captured

IMPORTS = "import abc, collections, dataclasses, datetime as dt, decimal, enum, functools, pathlib, re, types, typing"
OBJECT = "class P:\n  def __init__(self, k): self.k = k\n"


def method(base: str, value: str, *, version: int) -> str:
    return f"class M({base}):\n  def f(self): return {version}\nx = M({value})"


VALUES = [
    # what it is, the cells, an edit, what reads it: before and after
    *((f"a method of a subclass of {base}", method(base, value, version=1), method(base, value, version=2), "x.f()", 1, 2) for base, value in [
        ("int", "5"), ("float", "5"), ("complex", "5"), ("str", "5"), ("bytes", "5"), ("bytearray", "5"), ("dt.date", "2020, 1, 1"),
        ("dt.datetime", "2020, 1, 1"), ("dt.time", "1"), ("dt.timedelta", "1"), ("decimal.Decimal", "5"), ("type(pathlib.Path())", "'a'"),
        ("dict", "a=1"), ("list", "[1]"), ("tuple", "[1]"), ("set", "[1]"), ("frozenset", "[1]"), ("collections.OrderedDict", "a=1"),
        ("collections.defaultdict", "int"), ("collections.Counter", "'a'"), ("collections.deque", "[1]"),
        ("collections.namedtuple('N', 'a')", "1"), ("functools.partial", "int"), ("types.SimpleNamespace", "a=1"),
    ]),
    *((f"an attribute of a {base}", f"class M({base}): pass\nx = M({value})\nx.k = 1", "x.k = 2", "x.k", 1, 2) for base, value in [
        ("int", "5"), ("str", "5"), ("dt.date", "2020, 1, 1"), ("dt.datetime", "2020, 1, 1"), ("dict", "a=1"), ("list", "[1]"), ("set", "[1]"),
        ("tuple", "[1]"), ("collections.OrderedDict", "a=1"), ("collections.defaultdict", "int"), ("collections.Counter", "'a'"),
        ("collections.deque", "[1]"), ("functools.partial", "int"),
    ]),
    ("slots of a subclass", "class M(dict):\n  __slots__ = ('k',)\nx = M()\nx.k = 1", "x.k = 2", "x.k", 1, 2),
    ("a deque's length", "x = collections.deque([1], 1)", "x = collections.deque([1], 2)", "x.maxlen", 1, 2),
    ("a factory", "x = collections.defaultdict(lambda: 1)", "x = collections.defaultdict(lambda: 2)", "x['a']", 1, 2),
    ("a negative zero", "x = 0.0", "x = -0.0", "str(x)", "0.0", "-0.0"),
    ("a truth", "x = 1", "x = True", "str(x)", "1", "True"),
    ("no number", "x = None", "x = float('nan')", "str(x)", "None", "nan"),
    ("pandas' NA", "import pandas as pd\nx = pd.NaT", "x = None", "str(x)", "NaT", "None"),
    ("a numpy type", "import numpy as np\nx = np.float32(1)", "x = np.float64(1)", "str(x.dtype)", "float32", "float64"),
    ("a pandas unit", "import pandas as pd\nx = pd.Timestamp('2020').as_unit('s')", "x = x.as_unit('ns')", "x.unit", "s", "ns"),
    ("a list that holds itself", "x = [1]\nx.append(x)", "x[0] = 2", "x[1][0]", 1, 2),
    ("an attribute of an enum member", "class E(enum.Enum):\n  A = 1\nE.A.k = 1", "E.A.k = 2", "E.A.k", 1, 2),
    ("an attribute of an enum", "class E(enum.Enum):\n  A = 1\nE.k = 1", "E.k = 2", "E.k", 1, 2),
    ("an alias of an enum", "class E(enum.Enum):\n  A = 1\n  B = 1", "class E(enum.Enum):\n  A = 1\n  B = 2", "E.B.name", "A", "B"),
    ("a class method of an enum", "class E(enum.Enum):\n  A = 1\n  @classmethod\n  def f(cls): return 1",
     "class E(enum.Enum):\n  A = 1\n  @classmethod\n  def f(cls): return 2", "E.f()", 1, 2),
    ("what a member's method reads", "K = 1\nclass E(enum.Enum):\n  A = 1\n  def f(self): return K\nx = E.A", "K = 2", "x.f()", 1, 2),
    ("an attribute beyond the fields", "@dataclasses.dataclass\nclass C:\n  a: int = 0\nx = C()\nx.k = [1]", "x.k[0] = 2", "x.k[0]", 1, 2),
    ("a slotted dataclass", "@dataclasses.dataclass(slots=True, frozen=True)\nclass C:\n  a: int\nx = C(1)", "x = C(2)", "x.a", 1, 2),
    ("a dataclass that holds itself", "@dataclasses.dataclass\nclass C:\n  a: int\n  o: object = None\nx = C(1)\nx.o = x", "x.a = 2", "x.o.a", 1, 2),
    ("a key of a dict", "@dataclasses.dataclass(frozen=True)\nclass C:\n  a: int\nx = {C(1): 1}", "x[C(1)] = 2", "x[C(1)]", 1, 2),
    ("a partial's keywords", "x = functools.partial(dict, a=1)", "x = functools.partial(dict, a=2)", "x()['a']", 1, 2),
    ("a partial method", "class C:\n  def g(self, n): return n\n  f = functools.partialmethod(g, 1)",
     "class C:\n  def g(self, n): return n\n  f = functools.partialmethod(g, 2)", "C().f()", 1, 2),
    ("a private attribute of a function", "def f(): return f._k\nf._k = 1", "f._k = 2", "f()", 1, 2),
    ("an object in a function's attribute", OBJECT + "def f(): return f.o.k\nf.o = P(1)", "f.o.k = 2", "f()", 1, 2),
    ("a default that changes", "def f(x=[1]): return x[0]", "f.__defaults__[0][0] = 2", "f()", 1, 2),
    ("a keyword's default", "def f(*, x=1): return x", "f.__kwdefaults__['x'] = 2", "f()", 1, 2),
    ("a variable of an outer function", "def m():\n  n = 1\n  def f(): return n\n  def s(v):\n    nonlocal n\n    n = v\n  return f, s\nf, s = m()",
     "s(2)", "f()", 1, 2),
    ("a private dict of a class", "class C:\n  _d = {'k': 1}\n  def f(self): return self._d['k']", "C._d['k'] = 2", "C().f()", 1, 2),
    ("a private object of a class", OBJECT + "class C:\n  __p = P(1)\n  def f(self): return self.__p.k", "C._C__p.k = 2", "C().f()", 1, 2),
    ("a private list of objects", OBJECT + "class C:\n  _p = [P(1)]\n  def f(self): return self._p[0].k", "C._p[0].k = 2", "C().f()", 1, 2),
    ("a descriptor", "class D:\n  def __init__(self, k): self.k = k\n  def __get__(self, o, t=None): return self.k\nclass C:\n  x = D(1)",
     "C.__dict__['x'].k = 2", "C.x", 1, 2),
    ("a class that a call made", "C = dataclasses.make_dataclass('C', [('a', int, 1)])", "C = dataclasses.make_dataclass('C', [('a', int, 2)])", "C().a", 1, 2),
    ("a class that another call made", "C = types.new_class('C', (), {}, lambda n: n.update(a=1))", "C.a = 2", "C().a", 1, 2),
    ("a property of a metaclass", "class M(type):\n  @property\n  def x(cls): return K\nclass C(metaclass=M): pass\nK = 1", "K = 2", "C.x", 1, 2),
    ("a class in a class", "class C:\n  class D:\n    k = 1", "C.D.k = 2", "C.D.k", 1, 2),
    ("a class attribute", "class C:\n  k = 1\n  def f(self): return self.k", "C.k = 2", "C().f()", 1, 2),
    ("a base's attribute", "class B:\n  k = 1\n  def f(self): return self.k\nclass C(B):\n  def f(self): return super().f()", "B.k = 2", "C().f()", 1, 2),
    ("a bound method", "@dataclasses.dataclass\nclass C:\n  a: int\n  def f(self): return self.a\nx = C(1)\nf = x.f", "x.a = 2", "f()", 1, 2),
    ("a container's method", "x = {'a': 1}\nf = x.get", "x['a'] = 2", "f('a')", 1, 2),
    ("what a proxy shows", "d = {'a': 1}\nx = types.MappingProxyType(d)", "d['a'] = 2", "x['a']", 1, 2),
    ("an abstract class", "class B(abc.ABC):\n  @abc.abstractmethod\n  def f(self): ...\nclass C(B):\n  def f(self): return K\nK = 1", "K = 2", "C().f()", 1, 2),
    ("a registered class", "class B(abc.ABC): pass\nclass C: pass", "B.register(C)", "isinstance(C(), B)", False, True),
    ("a generic class", "T = typing.TypeVar('T')\nclass C(typing.Generic[T]):\n  k = 1", "C.k = 2", "C[int]().k", 1, 2),
    ("a protocol", "class C(typing.Protocol):\n  k = 1\nclass D(C): pass", "C.k = 2", "D().k", 1, 2),
    ("what a class's making noted", "class B:\n  found = []\n  def __init_subclass__(cls): B.found.append(cls.__name__)\nclass C(B): pass",
     "class D(B): pass", "(C, B.found)[1]", ["C"], ["C", "D"]),
    ("a decorator that is an object", ("K = 1\nclass D:\n  def __init__(self, g): functools.update_wrapper(self, g)\n  def __call__(self): return self.__wrapped__() * K\n"
     "@D\ndef f(): return 1"), "K = 2", "f()", 1, 2),
    ("a single dispatch", "K = 1\n@functools.singledispatch\ndef f(x): return 0\n@f.register\ndef _(x: int): return K\nf(1)", "K = 2", "f(1)", 1, 2),
    ("a dispatching method", "K = 1\nclass C:\n  @functools.singledispatchmethod\n  def f(self, x): return 0\n  @f.register\n  def _(self, x: int): return K",
     "K = 2", "C().f(1)", 1, 2),
]  # fmt: skip

REMEMBERED = [
    ("a cached function", "@functools.cache\ndef f(): return K\nf()", "f()"),
    ("a cached function of some size", "@functools.lru_cache(maxsize=2, typed=True)\ndef f(): return K\nf()", "f()"),
    ("a cached function of a helper", "@functools.cache\ndef g(): return K\ndef f(): return g()\nf()", "f()"),
    ("a cached function in a dict", "@functools.cache\ndef g(): return K\nx = {'g': [g]}\ng()", "x['g'][0]()"),
    ("a cached function in a partial", "@functools.cache\ndef g(n): return K\nx = functools.partial(g, 1)\nx()", "x()"),
    ("a cached function in an outer one", "def m():\n  @functools.cache\n  def g(): return K\n  return lambda: g()\nf = m()\nf()", "f()"),
    ("a cached method", "class C:\n  @functools.cache\n  def f(self): return K\n  def __hash__(self): return 1\n  def __eq__(self, o): return True\nC().f()", "C().f()"),
    ("a cached method of an enum", "class E(enum.Enum):\n  A = 1\n  @functools.cache\n  def f(self): return K\nE.A.f()", "E.A.f()"),
    ("a cached static method", "class C:\n  @staticmethod\n  @functools.cache\n  def f(): return K\nC.f()", "C.f()"),
    ("a cached class method", "class C:\n  @classmethod\n  @functools.cache\n  def f(cls): return K\nC.f()", "C.f()"),
    ("a cached property", "@dataclasses.dataclass\nclass C:\n  @functools.cached_property\n  def f(self): return K\nx = C()\nx.f", "x.f"),
    ("a default that is written empty", "def f(m={}):\n  if 'k' not in m: m['k'] = K\n  return m['k']\nf()", "f()"),
    ("a keyword's default that is written empty", "def f(*, m=[]):\n  if not m: m.append(K)\n  return m[0]\nf()", "f()"),
    ("a dict that the body fills", "M = {}\ndef f():\n  if 'k' not in M: M['k'] = K\n  return M['k']", "f()"),
    ("a decorator of the user's own", ("def memo(g):\n  m = {}\n  @functools.wraps(g)\n  def w(*a):\n    if a not in m: m[a] = g(*a)\n    return m[a]\n  return w\n"
     "@memo\ndef f(): return K"), "f()"),
]  # fmt: skip


@pytest.mark.parametrize(("setup", "edit", "body", "before", "after"), [row[1:] for row in VALUES], ids=[row[0] for row in VALUES])
def test_an_edit_of_what_a_value_is_made_of_is_seen(setup: str, edit: str, body: str, before: object, after: object) -> None:
    space = cells(IMPORTS, setup)
    first = taken(space, body)
    assert [made(first, body), made(first, body)] == [before] * 2
    assert digest(space, body) == first.digest_text  # running it changed nothing
    cell(space, edit)
    assert made(first, body) == before  # what was taken stays as it was
    assert digest(space, body) != first.digest_text
    assert made(taken(space, body), body) == after


@pytest.mark.parametrize(("setup", "body"), [row[1:] for row in REMEMBERED], ids=[row[0] for row in REMEMBERED])
def test_what_remembers_results_begins_empty(setup: str, body: str) -> None:
    """What another value gave must not come under today's key."""
    space = cells(IMPORTS, "K = 1", setup)
    first = taken(space, body)
    assert made(first, body) == 1
    cell(space, "K = 2")
    assert digest(space, body) != first.digest_text
    assert [made(taken(space, body), body), made(first, body)] == [2, 1]


@pytest.mark.parametrize(
    ("setup", "body", "after"),
    [
        ("D = {'k': 1}\ndef f(): return D['k']", "D['k'] += 1\nf()", 2),
        ("D = {'k': 1}\ndef f():\n  D['k'] += 1\n  return D['k']", "f()", 2),
        ("K = 1\ndef f():\n  global K\n  K += 1\n  return K", "f()", 2),
        ("class C:\n  n = 1", "C.n += 1\nC.n", 2),
        ("class C:\n  n = [1]\ndef f():\n  C.n.append(2)\n  return len(C.n)", "f()", 2),
        ("@dataclasses.dataclass\nclass C:\n  n: int\nc = C(1)", "c.n += 1\nc.n", 2),
        ("def f(): return f.n\nf.n = 1", "f.n += 1\nf()", 2),
        ("def f(x=[1]):\n  x.append(2)\n  return len(x)", "f()", 2),
        ("def m():\n  n = 1\n  def f():\n    nonlocal n\n    n += 1\n    return n\n  return f\nf = m()", "f()", 2),
        ("a = [1]\nb = {'a': a}", "a.append(2)\nlen(b['a'])", 2),
    ],
)
def test_nothing_that_a_body_changes_is_changed_for_the_notebook_or_the_next_execution(setup: str, body: str, after: int) -> None:
    space = cells(IMPORTS, setup)
    first = taken(space, body)
    assert [made(first, body), made(first, body)] == [after] * 2
    assert digest(space, body) == first.digest_text


def test_a_copy_of_an_enum_is_an_enum() -> None:
    """Every class that ``enum`` makes keeps its members, each of which there is one of."""
    space = cells(
        "import enum\nclass A(enum.Enum):\n  X = 1\n  Y = 2\n  Z = 1\nclass B(enum.IntEnum):\n  X = 1\nclass C(enum.StrEnum):\n  X = 'x'\n"
        "class D(str, enum.Enum):\n  X = 'x'\nclass E(enum.Flag):\n  X = 1\n  Y = 2\nclass F(enum.IntFlag):\n  X = 1\n  Y = 2\n"
        "class G(enum.Enum):\n  X = (1, 2)\n  def __init__(self, a, b): self.a, self.b = a, b\nclass H(enum.Enum):\n  X = [1]"
    )
    for name in "ABCDEFGH":
        found: Any = taken(space, name).values[name]
        live: Any = space[name]
        assert found is not live
        assert [(n, repr(m), str(m), m.value) for n, m in found.__members__.items()] == [
            (n, repr(m), str(m), m.value) for n, m in live.__members__.items()
        ]
        assert all(found(m.value) is found[m.name] is getattr(found, m.name) and type(m) is found for m in found)
    assert made(taken(space, "A"), "A.X is A.Z, A.X == A(1), A.X in {A.X: 1}") == (True, True, True)
    assert made(taken(space, "(E, F)"), "(E.X | E.Y).value, F.X | 2, ~E.X == E.Y, E.X in (E.X | E.Y)") == (3, 3, True, True)


@pytest.mark.parametrize(
    ("setup", "body", "message"),
    [
        ("import pandas as pd\nclass C:\n  _t = pd.DataFrame()", "C()", "'_t' is a notebook variable of type DataFrame: 'C' reads it"),
        ("import numpy as np\nclass C:\n  _t = np.zeros(1)", "C()", "of type ndarray"),
        ("import pyarrow as pa\nclass C:\n  _t = [pa.table({'a': [1]})]", "C()", "object of type Table at _t[0]"),
        ("import polars as pl\nclass C:\n  _t = {'x': pl.Series([1])}", "C()", "object of type Series at _t['x']"),
        ("import pandas as pd\nclass C:\n  __t = pd.Index([1])", "C()", "'_C__t' is a notebook variable of type Index"),
        (OBJECT + "import pandas as pd\nclass C:\n  _t = P([1, {'a': pd.DataFrame()}])", "C()", "of type DataFrame at _t.k[1]['a']"),
        (OBJECT + "import pandas as pd\ndef f(): pass\nf._t = P(pd.DataFrame())", "f()", "of type DataFrame at _t.k"),
        ("import pandas as pd\n@dataclasses.dataclass\nclass C: pass\nx = C()\nx._t = pd.DataFrame()", "x", "of type DataFrame at x._t"),
        ("import pandas as pd\nx = functools.partial(len, pd.DataFrame())", "x()", "of type DataFrame at x["),
        ("import pandas as pd\nclass M(dict): pass\nx = M(a=pd.DataFrame())", "x", "of type DataFrame at x['a']"),
        ("import threading\nclass C:\n  _l = threading.Lock()", "C()", "'_l' is a notebook variable of type lock"),
        ("class C:\n  _g = (n for n in [1])", "C()", "of type generator"),
        ("class C:\n  _v = memoryview(b'a')", "C()", "of type memoryview"),
        ("import threading\nclass C:\n  _c = threading.Lock()", "C()", "of type lock"),
        ("def f(): pass\nf.g = (n for n in [1])", "f()", "'g' is a notebook variable of type generator: 'f' reads it"),
        ("x = iter([1])", "x", "of type list_iterator"),
        ("from sklearn.base import TransformerMixin\nclass C(TransformerMixin):\n  @functools.cache\n  def f(self): return 1", "C().f()",
         "'C.f' remembers its results"),
        ("x = []\nfor _ in range(5000): x = [x]", "x", "nested too deeply"),
    ],
)
def test_what_cannot_be_told_is_refused_wherever_it_is(setup: str, body: str, message: str) -> None:
    with pytest.raises(ManifestError, match=re.escape(message)) as caught:
        taken(cells(IMPORTS, setup), body)
    assert caught.value.remedy


TEXTS = [
    # helpers, a body, the value
    ("def f(d): return d.query('v == @K').v.tolist()", "f(pd.DataFrame({'v': [1, 2]}))", [1]),
    ("def f(d, c): return d.query(f'{c} == @K').v.tolist()", "f(pd.DataFrame({'v': [1, 2]}), 'v')", [1]),
    ("def f(d):\n  q = 'v in [@K, 5]'\n  return d.query(q).v.tolist()", "f(pd.DataFrame({'v': [1, 2]}))", [1]),
    ("def f(d): return d.eval('v + @K').tolist()", "f(pd.DataFrame({'v': [1]}))", [2]),
    ("class C:\n  def f(self, d): return d.query('v == @K').v.tolist()", "C().f(pd.DataFrame({'v': [1, 2]}))", [1]),
    ("f = lambda d: d.query('v == @K').v.tolist()", "f(pd.DataFrame({'v': [1, 2]}))", [1]),
    ("def f(d): return [g.query('v == @K').v.tolist() for g in [d]]", "f(pd.DataFrame({'v': [1, 2]}))", [[1]]),
    ("", "pd.DataFrame({'v': [1, 2]}).query('v == @K').v.tolist()", [1]),
    ("", "def node():\n  return pd.DataFrame({'v': [1, 2]}).query('v == @K').v.tolist()", [1]),
    ("def f(): return eval('K + 1')", "f()", 2),
    ("def f():\n  found = {}\n  exec('x = K + 1', globals(), found)\n  return found['x']", "f()", 2),
    ("", "eval('K') + 1", 2),
    ("def f(): return int(pd.eval('K + 1'))", "f()", 2),
    ("def f(): return globals()['K'] + 1", "f()", 2),
    ("def f(): return globals().get('K', 5) + 1", "f()", 2),
    ("def f(): return 'K' in globals()", "f()", True),
    ("def f(): return '{K}, {K:>2}'.format(**globals())", "f()", "1,  1"),
    ("def f(): return '{K}'.format_map(globals())", "f()", "1"),
    ("def f(): return '%(K)s' % globals()", "f()", "1"),
    ("def f(): return f'{K}'", "f()", "1"),
    ("class C:\n  K = 1\ndef f(): return getattr(C, 'K')", "f()", 1),
    # what is the function's own
    ("def f(d, K): return d.query('v == @K').v.tolist()", "f(pd.DataFrame({'v': [1, 2]}), 2)", [2]),
    ("def f(d):\n  K = 2\n  return d.query('v == @K').v.tolist()", "f(pd.DataFrame({'v': [1, 2]}))", [2]),
    ("", "K = 2\npd.DataFrame({'v': [1, 2]}).query('v == @K').v.tolist()", [2]),
    ("v = object()\ndef f(d): return d.query('v > 0').v.tolist()", "f(pd.DataFrame({'v': [1]}))", [1]),
    ("v = object()\nclass C:\n  def eval(self): return 'v'", "C().eval()", "v"),
]  # fmt: skip


@pytest.mark.parametrize(("helpers", "body", "value"), TEXTS)
def test_a_name_that_stands_in_a_text_is_read(helpers: str, body: str, value: object) -> None:
    space = cells("import pandas as pd\nK = 1", helpers)
    assert made(taken(space, body), body) == value


@pytest.mark.parametrize(("helpers", "body"), [row[:2] for row in TEXTS if row[2] not in ([2], [1], "v", 1)])
def test_the_value_of_a_name_in_a_text_is_part_of_the_key(helpers: str, body: str) -> None:
    space = cells("import pandas as pd\nK = 1", helpers)
    before = digest(space, body)
    cell(space, "K = 2" if "in globals" not in helpers else "del K")
    assert digest(space, body) != before


@pytest.mark.parametrize("helper", [
    "def f(n): return globals().get(n, 0)", "def f(n): return n in globals()", "def f(n): return dict(globals()).get(n)",
    "def f(n): return [globals()[one] for one in globals() if one == n]", "class B: pass\ndef f(n): return B.__subclasses__()",
    "import pandas as pd\nt = pd.DataFrame()\ndef f(n): return n.query('v in @t.v')",
])  # fmt: skip
def test_what_finds_names_that_nobody_wrote_is_refused(helper: str) -> None:
    with pytest.raises(ManifestError) as caught:
        taken(cells("K = 1", helper), "f('K')")
    assert caught.value.remedy


@pytest.mark.parametrize("helper", [
    "def f(n): return globals()[n]", "def f(n): return eval(n)", "Q = 'v == @K'\ndef f(n): return pd.DataFrame({'v': [1]}).query(Q)",
    "def f(n): return '{K} {0}'.format(n, **globals())[0] and ('{' + n + '}').format(**globals())",
])  # fmt: skip
def test_a_name_that_nobody_could_tell_is_not_there(helper: str) -> None:
    """Better no rows than rows of a value that no key holds."""
    space = cells("import pandas as pd\nK = 1\nL = 2", helper)
    with pytest.raises((NameError, KeyError)):
        made(taken(space, "f('L')"), "f('L')")


IMPORTED = [
    ("", "import importlib\nimportlib.import_module('zz_k').K"),
    ("", "from importlib import import_module\nimport_module('zz_k').K"),
    ("", "__import__('zz_k').K"),
    ("", "import sys, zz_k as _\nsys.modules['zz_k'].K"),
    ("import importlib\ndef f(): return importlib.import_module('zz_k').K", "f()"),
    ("def f(): return __import__('zz_k').K", "f()"),
    ("class C:\n  def f(self): return __import__('zz_k').K", "C().f()"),
    ("def f(): return __import__('zz_other').zz_k.K", "f()"),
]


@pytest.mark.parametrize(("helpers", "body"), IMPORTED)
def test_a_module_that_is_imported_by_a_text_counts_by_its_file(
    helpers: str, body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "zz_k.py").write_text("K = 1")
    (tmp_path / "zz_other.py").write_text("import importlib\nzz_k = importlib.import_module('zz_k')")
    space = cells(helpers)
    before = taken(space, body)
    assert not before.warnings
    (tmp_path / "zz_k.py").write_text("K = 2")
    assert digest(space, body) != before.digest_text


@pytest.mark.parametrize(
    ("helpers", "body", "told"),
    [
        ("", "import importlib\nimportlib.import_module('js' + 'on')", "by import_module(...): when that changes"),
        ("def f(n): return __import__(n)", "f('json')", "by import_module(...)"),
        ("", "from __main__ import K", "by __main__"),
        ("", "import __main__ as m\nm.K", "by __main__"),
        ("", "import sys\nsys.modules['__main__'].K", "by __main__"),
        ("import __main__\ndef f(n): return vars(__main__)[n]", "f('K')", "by __main__"),
        ("def f(n): return get_ipython().user_ns[n]", "f('K')", "by user_ns"),
        ("", "import json\njson.JSONEncoder.__subclasses__()", "by __subclasses__()"),
        ("M = {}\ndef f(n):\n  M[n] = n\n  return n\nf(1)", "f(2)", "'f' keeps results in 'M'"),
        ("def m():\n  c = {}\n  def f(n):\n    return c.setdefault(n, n)\n  return f\nf = m()\nf(1)", "f(2)", "'f' keeps results in 'c'"),
        ("M = {}\ndef f(n):\n  M[n] = n\n  return n", "f(2)", ""),
        ("import joblib\nmemory = joblib.Memory('here', verbose=0)\n@memory.cache\ndef f(n): return n", "f", "'f' is wrapped in a joblib"),
        ("import functools\n@functools.cache\ndef f(n): return n", "f(1)", ""),
        ("M = {1: 2}\ndef f(n): return M[n]", "f(1)", ""),
        ("def f(n):\n  found = {}\n  found[n] = n\n  return found", "f(1)", ""),
    ],
)
def test_what_the_key_may_lack_is_said(
    helpers: str, body: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = taken(cells(helpers), body).warnings
    assert told in " ".join(found)
    assert bool(found) == bool(told)


def test_what_a_package_fills_as_it_is_used_is_no_change_of_what_was_taken() -> None:
    space = cells(
        "import pandera.pandas as pa, pandas as pd\nfrom pandera.typing import Series\n"
        "class S(pa.DataFrameModel):\n  a: Series[int] = pa.Field(gt=0)"
    )
    body = "len(S.validate(pd.DataFrame({'a': [1]})))"
    first = taken(space, body)
    assert made(first, body) == 1
    names = {*read_body(body, name="n").reads}
    assert captured(read_body(body, name="n"), first.values, inputs=names - {*first.values}).proof == first.proof
    cell(space, "class S(pa.DataFrameModel):\n  a: Series[int] = pa.Field(gt=5)")
    assert digest(space, body) != first.digest_text
