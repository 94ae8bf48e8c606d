"""What a body takes from the notebook arrives in another process as it was; what does not pickle is named."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from cells import cells, made, taken

from seeknal_nb.errors import NodeError
from seeknal_nb.workflow.parcel import packed, unpacked

HEAD = "import abc, dataclasses, enum, functools, re, types, typing\nimport pandas as pd"
TAKEN = {
    "a value and a list": ("K = [1, {'a': (2, 3)}]", "K"),
    "a function and its constant": ("K = 2\ndef f(x):\n    return x * K", "f(3)"),
    "a name that stands in a text": ("K = 2\ndef f(d):\n    return d.query('v > @K').v.tolist()", "f(pd.DataFrame({'v': [1, 2, 3]}))"),
    "a lambda": ("f = lambda x, y=2: x * y", "f(3)"),
    "defaults of keywords": ("def f(*, a=1, b=[2]):\n    return a, b", "f()"),
    "what remembers results": ("K = 2\n@functools.lru_cache(maxsize=8)\ndef f(x):\n    return x + K", "f(3), f.cache_parameters()"),
    "a property that remembers": ("class C:\n    n = 4\n    @functools.cached_property\n    def p(self):\n        return self.n", "C().p"),
    "a partial": ("f = functools.partial(int, base=2)", "f('101')"),
    "a mapping that cannot be changed": ("K = types.MappingProxyType({'a': 1})", "dict(K)"),
    "functions that call each other": (
        "def even(n):\n    return n == 0 or odd(n - 1)\ndef odd(n):\n    return n != 0 and even(n - 1)", "even(10), odd(10)"
    ),
    "one container of two functions": (
        "SEEN = []\ndef put(x):\n    SEEN.append(x)\ndef get():\n    return list(SEEN)", "(put(1), put(2), get(), SEEN)[2:]"
    ),
    "a variable of an outer function": (
        "def outer():\n    n = 0\n    def f():\n        nonlocal n\n        n += 1\n        return n\n    return f\nf = outer()", "f(), f()"
    ),
    "a class that inherits": (
        "class A:\n    def f(self):\n        return 1\nclass B(A):\n    def f(self):\n        return super().f() + 1", "B().f()"
    ),
    "a frozen dataclass": ("@dataclasses.dataclass(frozen=True, slots=True)\nclass P:\n    x: int = 1\nK = P(5)", "K == P(5), K.x"),
    "an enum": ("class E(enum.StrEnum):\n    A = 'a'\n    B = 'b'\nK = E.B", "K is E.B, list(E)"),
    "an abstract class": (
        "class S(abc.ABC):\n    @abc.abstractmethod\n    def f(self): ...\nclass T(S):\n    def f(self):\n        return 7",
        "T().f(), issubclass(T, S)",
    ),
    "a named tuple": ("class N(typing.NamedTuple):\n    a: int\n    b: str = 'x'\nK = N(1)", "K, K._asdict()"),
    "a pattern": ("K = re.compile('a+')", "K.findall('aab')"),
    "a generator's function": ("def f(n):\n    yield from range(n)", "list(f(3))"),
}  # fmt: skip


@pytest.mark.parametrize(("source", "body"), TAKEN.values(), ids=TAKEN)
def test_what_a_body_takes_arrives_as_it_was(source: str, body: str) -> None:
    found = taken(cells(HEAD, source), body)
    arrived = pickle.loads(pickle.dumps(packed(found)))
    assert repr(made(unpacked(arrived), body)) == repr(made(found, body))


def test_each_execution_begins_with_values_of_its_own() -> None:
    found = packed(taken(cells("SEEN = []"), "SEEN.append(1) or SEEN"))
    assert [made(unpacked(found), "SEEN.append(1) or SEEN") for _ in range(2)] == [[1], [1]]


def test_what_does_not_pickle_is_named_with_the_reason() -> None:
    found = taken(cells("import threading\nMORE = 1\nclass Locked:\n    __lock__ = threading.Lock()"), "MORE, Locked")
    with pytest.raises(NodeError, match=r"'Locked' cannot be sent to another process: .*lock") as told:
        packed(found)
    assert "in the body" in told.value.remedy


def test_warnings_go_along() -> None:
    found = replace(taken(cells("K = 1"), "K"), warnings=("it reads more",))
    assert unpacked(packed(found)).warnings == ("it reads more",)
