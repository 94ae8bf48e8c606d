"""What a body takes from the notebook arrives in another process as it was; what does not pickle is named."""

from __future__ import annotations

import importlib
import pickle
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cells import cells, made, taken

from seeknal_nb.engines import Interrupted
from seeknal_nb.errors import NodeError
from seeknal_nb.workflow.parcel import Parcel, packed, unpacked

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


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for the user's own module or package ``parcel_own``, and others whose names begin so."""
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in [name for name in sys.modules if name.startswith("parcel_own")]:
        del sys.modules[name]


def arrives(parcel: Parcel, body: str, cancelled: threading.Event | None = None) -> Any:
    """What the body gives where the parcel arrived."""
    with unpacked(parcel, cancelled) as found:
        return made(found, body)


def arrives_in_a_thread(parcel: Parcel, body: str) -> Any:
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(arrives, parcel, body).result(10)


@pytest.mark.parametrize(("source", "body"), TAKEN.values(), ids=TAKEN)
def test_what_a_body_takes_arrives_as_it_was(source: str, body: str) -> None:
    found = taken(cells(HEAD, source), body)
    arrived = pickle.loads(pickle.dumps(packed(found)))
    assert repr(arrives(arrived, body)) == repr(made(found, body))


def test_each_execution_begins_with_values_of_its_own() -> None:
    found = packed(taken(cells("SEEN = []"), "SEEN.append(1) or SEEN"))
    assert [arrives(found, "SEEN.append(1) or SEEN") for _ in range(2)] == [[1], [1]]


def test_what_does_not_pickle_is_named_with_the_reason() -> None:
    found = taken(cells("import threading\nMORE = 1\nclass Locked:\n    __lock__ = threading.Lock()"), "MORE, Locked")
    with pytest.raises(NodeError, match=r"'Locked' cannot be sent to another process: .*lock") as told:
        packed(found)
    assert "in the body" in told.value.remedy


def test_warnings_go_along() -> None:
    found = replace(taken(cells("K = 1"), "K"), warnings=("it reads more",))
    with unpacked(packed(found)) as arrived:
        assert arrived.warnings == ("it reads more",)


def test_a_module_is_filled_although_its_first_import_failed(own: Path, tmp_path: Path) -> None:
    """A retry comes to the same worker with the same parcel."""
    mark = tmp_path / "mark"
    (own / "parcel_own.py").write_text(
        f"from pathlib import Path\nif Path({str(mark)!r}).exists():\n    raise OSError('once')\nHELD = {{}}\n"
        "def size():\n    return len(HELD)\n"
    )
    parcel = packed(taken(cells("import parcel_own\nparcel_own.HELD.update(a=1, b=2)"), "parcel_own.size()"))
    mark.touch()
    with pytest.raises(OSError, match="once"):
        arrives(parcel, "parcel_own.size()")
    mark.unlink()
    assert arrives(parcel, "parcel_own.size()") == 2


def test_each_job_begins_with_modules_of_its_own(own: Path) -> None:
    """And leaves the process those that it had; what is in a package, sent or not, goes with it."""
    (own / "parcel_own").mkdir()
    (own / "parcel_own/__init__.py").write_text("COUNT = []\ndef one_more():\n    COUNT.append(1)\n    return len(COUNT)\n")
    (own / "parcel_own/inner.py").write_text("")
    space = cells("import sys, importlib, parcel_own\nimport parcel_own.inner")
    before = {name: one for name, one in sys.modules.items() if name.startswith("parcel_own")}
    body, finders = "(importlib.import_module('parcel_own.inner'), parcel_own.one_more())[1]", [*sys.meta_path]
    parcel = packed(taken(space, body))
    assert [arrives(parcel, body) for _ in range(2)] == [1, 1]
    assert {name: one for name, one in sys.modules.items() if name.startswith("parcel_own")} == before
    assert sys.meta_path == finders
    assert before["parcel_own"].COUNT == []
    for name in before:
        del sys.modules[name]
    assert arrives(parcel, body) == 1
    assert not before.keys() & sys.modules.keys()


def test_threads_of_one_process_have_their_modules_in_turn(own: Path) -> None:
    """One that waits gives up when nobody wants its work any more; one without modules need not wait."""
    (own / "parcel_own.py").write_text("SEEN = []\n")
    parcel = packed(taken(cells("import parcel_own"), "parcel_own.SEEN"))
    plain = packed(taken(cells("K = 1"), "K"))
    stop = threading.Event()
    with ThreadPoolExecutor(2) as threads:
        with unpacked(parcel):
            held = sys.modules["parcel_own"] = importlib.import_module("parcel_own")
            waiting, unwanted = (threads.submit(arrives, parcel, "parcel_own.SEEN", one) for one in (None, stop))
            assert arrives_in_a_thread(plain, "K") == 1
            stop.set()
            with pytest.raises(Interrupted):
                unwanted.result(10)
            assert not waiting.done()
            assert sys.modules["parcel_own"] is held
        assert waiting.result(10) == []


REGISTERS = """
import threading
from sys import path
RATES, ORDER, KNOWN, LOCKS = {}, [], set(), {"a": threading.Lock()}
ALIAS = RATES
def register(name, rate):
    RATES[name] = rate
    ORDER.append(name)
    KNOWN.add(name)
register("usd", 1)
def told():
    return dict(ALIAS), RATES is ALIAS, list(ORDER), sorted(KNOWN), len(LOCKS)
"""


def test_what_a_modules_own_functions_filled_goes_along(own: Path) -> None:
    """What no pickle has may stay, as long as an import gives the same."""
    (own / "parcel_own.py").write_text(REGISTERS)
    parcel = packed(taken(cells("import parcel_own\nparcel_own.register('eur', 2)"), "parcel_own.told()"))
    assert {held.name for held in parcel.held} == {"RATES", "ORDER", "KNOWN", "LOCKS", "ALIAS"}
    arrived = pickle.loads(pickle.dumps(parcel))
    assert arrives(arrived, "parcel_own.told()") == ({"usd": 1, "eur": 2}, True, ["usd", "eur"], ["eur", "usd"], 1)


def test_what_was_put_into_a_module_and_does_not_pickle_is_named(own: Path) -> None:
    (own / "parcel_own.py").write_text(REGISTERS + "def lock(name):\n    LOCKS[name] = threading.Lock()\n")
    parcel = packed(taken(cells("import parcel_own\nparcel_own.lock('b')"), "parcel_own.told()"))
    with pytest.raises(NodeError, match=r"'parcel_own.LOCKS' cannot be sent to another process: .*lock") as told:
        arrives(parcel, "parcel_own.told()")
    assert "as its module is imported" in told.value.remedy
