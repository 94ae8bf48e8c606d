"""Nodes that stand in Python files: what is read of a file, what a node's body is, and how its errors tell where."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from kinds import failure, good, rows, status

from seeknal_nb import Project, transform
from seeknal_nb.authoring.decorators import collecting, materialize, source
from seeknal_nb.errors import LockedError, ManifestError, ManyErrors

if TYPE_CHECKING:
    from pathlib import Path

DATA = "id,active,amount\n1,true,10\n2,false,20\n3,true,30\n"
HEAD = "from seeknal.pipeline import source, transform, feature_group\n"
USERS = """
@source(name="users", source="csv", table="data/users.csv")
def users():
    pass
"""


def write(root: Path, file: str, text: str) -> None:
    path = root / "seeknal" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "users.csv").write_text(DATA)
    return tmp_path


def opened(home: Path, **options: Any) -> Project:
    return Project.open(home, namespace={}, **options)


def python_of(project: Project, node_id: str) -> str:
    return project.manifest.nodes[node_id].config["python"]


def keys(project: Project) -> dict[str, Any]:
    runner = project.runner()
    from seeknal_nb.dag.graph import Graph

    return {node_id: facts.parts for node_id, facts in runner.look(Graph(project.manifest)).facts.items()}


def test_a_file_written_for_the_peer_gives_its_nodes_and_their_tables(home):
    write(home, "pipelines/all.py", HEAD + USERS + """
RATE = 1.5

def scaled(frame):
    return frame.assign(amount=frame.amount * RATE)

@transform(name="clean", inputs=["source.users"])
def clean(ctx):
    '''Only the active.

    And more.'''
    df = ctx.ref("source.users")
    return scaled(ctx.duckdb.sql("SELECT * FROM df WHERE active").df())

@feature_group(name="totals", entity="user")
def totals(ctx):
    df = ctx.ref("transform.clean")
    return ctx.duckdb.sql("SELECT id AS user_id, amount FROM df ORDER BY id")
""")  # fmt: skip
    project = opened(home)
    assert list(project.manifest.nodes) == ["source.users", "transform.clean", "feature_group.totals"]
    good(project)
    assert rows(project, "transform.clean") == [(1, True, 15.0), (3, True, 45.0)]
    assert rows(project, "feature_group.totals") == [(1, 15.0), (3, 45.0)]
    assert project.manifest.nodes["transform.clean"].description == "Only the active."
    assert project.manifest.nodes["feature_group.totals"].config["entity"] == {"name": "user", "join_keys": ["user_id"]}
    assert "seeknal" not in sys.modules
    project.close()


def test_a_files_node_runs_from_the_saved_manifest_alone(home):
    write(home, "p.py", HEAD + USERS + "FACTOR = 2\n@transform()\ndef t(users):\n    return users.assign(x=users.id * FACTOR)[['x']]\n")
    project = opened(home)
    project.parse()
    project.close()
    for path in (home / "seeknal").iterdir():
        path.unlink()
    (home / "seeknal").rmdir()
    again = opened(home)
    good(again)
    assert rows(again, "transform.t") == [(2,), (4,), (6,)]
    again.close()


CHANGES = {
    "a constant that it uses": ("RATE = 2", "RATE = 3", True),
    "a constant that its helper uses": ("DEEP = 1", "DEEP = 5", True),
    "an import that it uses": ("import math", "import cmath as math", True),
    "its own text": ("rows = ", "rows  = 0 * 1 or ", True),
    "what its constant is changed by": ('NAMES["b"] = 2', 'NAMES["b"] = 3', True),
    "the base of its class": ("class Base: n = 1", "class Base: n = 2", True),
    "another node": ("return users.head(1)", "return users.head(2)", False),
    "a constant that only another uses": ("UNUSED = 1", "UNUSED = 2", False),
    "an import that it does not use": ("import json", "import json, zlib", False),
    "one more name of an import that it uses": ("from math import pi", "from math import pi, tau", False),
    "a comment and a docstring": ("# note", "# another\n\n\n", False),
    "what only a script does": ("print('x')", "print('y')", False),
    "its decorator's description": ('description="one"', 'description="two"', False),
}
FILE = HEAD + USERS + '''
import json
import math
from math import pi
UNUSED = 1
RATE = 2
DEEP = 1
NAMES = {"a": 1}
NAMES["b"] = 2
class Base: n = 1
class Mine(Base): pass
def deeper(): return DEEP
def helper(x):
    # note
    return x * RATE + deeper() + math.floor(pi) + Mine.n + NAMES["b"]
@transform(description="one")
def t(users):
    rows = [{"x": helper(int(i))} for i in users.id]
    return rows
@transform
def other(users):
    return users.head(1).assign(x=UNUSED, y=json.dumps({}))
if __name__ == "__main__":
    print('x')
'''  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_the_key_of_a_files_node_changes_with_what_it_uses_and_with_nothing_else(home, change):
    old, new, changes = CHANGES[change]
    assert old in FILE
    write(home, "p.py", FILE)
    project = opened(home)
    before = keys(project)["transform.t"]
    write(home, "p.py", FILE.replace(old, new))
    again = opened(home)
    assert (keys(again)["transform.t"] != before) == changes
    project.close()
    again.close()


def test_a_slice_computes_what_the_whole_file_would(home):
    write(home, "p.py", FILE)
    project = opened(home)
    good(project)
    assert rows(project, "transform.t") == [(2 * i + 1 + 3 + 1 + 2,) for i in (1, 2, 3)]
    project.close()


def test_an_error_in_a_body_names_the_files_own_line(home):
    text = HEAD + USERS + "\n\n\n@transform(\n    tags=['a'],\n)\ndef t(users):\n    x = 1\n    raise ValueError('no')\n"
    write(home, "p.py", text)
    line = text.splitlines().index("    raise ValueError('no')") + 1
    project = opened(home)
    assert f"at line {line} of its body" in (failure(project, "transform.t").error_message or "")
    project.close()


def test_other_decorators_of_a_node_stay_and_ours_go_by_whatever_name(home):
    write(home, "p.py", """
        import functools
        import seeknal.pipeline as sp
        from seeknal.pipeline.decorators import transform as node

        def doubled(function):
            @functools.wraps(function)
            def inner(users):
                return function(users) * 2
            return inner

        @sp.source(name="users", table="data/users.csv")
        def users(): ...

        @node(name="t")
        @doubled
        def body(users):
            return users[["id"]]
    """)  # fmt: skip
    project = opened(home)
    text = python_of(project, "transform.t")
    assert "@doubled" in text
    assert "@node" not in text
    assert "seeknal" not in text
    good(project)
    assert rows(project, "transform.t") == [(2,), (4,), (6,)]
    project.close()


def test_a_function_that_calls_itself_or_another_nodes_function_keeps_what_it_calls(home):
    write(home, "p.py", """
        from seeknal_nb import transform
        @transform(name="base")
        def first(n=4):
            return [{"x": 1 if n <= 1 else n * first(n - 1)[0]["x"]}]
        @transform(name="next")
        def second():
            return first(3)
    """)  # fmt: skip
    project = opened(home)
    good(project)
    assert (rows(project, "transform.base"), rows(project, "transform.next")) == ([(24,)], [(6,)])
    project.close()


def test_the_key_as_is_written_with_an_underscore_in_python(home):
    """`as` is a word of Python: as an argument it would be an error, and `as_` a parameter that nobody reads."""
    form = "[{'form': type(users).__module__.partition('.')[0]}]"
    write(home, "p.py", HEAD + USERS + f"""
@transform(inputs=["source.users"], as_="arrow")
def t(users):
    return {form}
""")  # fmt: skip
    project = opened(home)
    project.transform("u", python=form, inputs=["source.users"], as_="arrow")
    good(project)
    assert rows(project, "transform.t") == rows(project, "transform.u") == [("pyarrow",)]
    assert not project.manifest.nodes["transform.t"].config.get("params")
    project.close()


def test_declarative_kinds_take_their_yaml_keys_as_arguments(home):
    write(home, "p.py", HEAD + USERS + """
from pathlib import Path
from seeknal_nb import aggregation, rule, exposure

@aggregation(id_col="active", inputs=["source.users"], features=[{"name": "amount", "basic": ("sum", "count")}])
def per_active(): ...

@rule(on="source.users", checks=[{"unique": ["id"]}])
def sound():
    "Ids are unique."

@exposure(to=Path("out") / "t.csv", inputs=["transform.t"])
def out(): pass

@transform(sql="SELECT count(*) AS n FROM users")
def t(): pass
""")  # fmt: skip
    project = opened(home)
    good(project)
    assert sorted(rows(project, "aggregation.per_active"), key=str) == [(False, 20, 1), (True, 40, 2)]
    assert (home / "out" / "t.csv").read_text() == "n\n3\n"
    project.close()


def test_parameters_of_a_decorator_reach_the_body_and_a_given_one_replaces_them(home):
    write(home, "p.py", HEAD + '@transform(day="{{ today(-1) }}", region="EU")\ndef t(ctx):\n'
          '    return [{"d": ctx.params["day"], "r": ctx.get_param("region"), "n": ctx.get_param("no", 7)}]\n')  # fmt: skip
    project = opened(home)
    good(project, params={"today": "2024-03-01"})
    assert rows(project, "transform.t") == [("2024-02-29", "EU", 7)]
    good(project, params={"today": "2024-03-01", "region": "US"})
    assert rows(project, "transform.t") == [("2024-02-29", "US", 7)]
    assert status(good(project, params={"today": "2024-03-01", "region": "US", "other": 1}))["transform.t"] == "cached"
    project.close()


def test_a_project_imports_its_own_modules_and_runs_again_when_one_changes(home):
    write(home, "_own_helper_a.py", "K = 1\ndef f(x): return x + K\n")
    write(home, "p.py", "from seeknal_nb import transform\nfrom _own_helper_a import f\n@transform\ndef t():\n    return [{'x': f(1)}]\n")
    project = opened(home)
    good(project)
    assert rows(project, "transform.t") == [(2,)]
    write(home, "_own_helper_a.py", "K = 11\ndef f(x): return x + K\n")
    again = opened(home)
    assert status(good(again))["transform.t"] == "success"
    assert rows(again, "transform.t") == [(12,)]
    project.close()
    again.close()


def test_two_projects_may_have_modules_of_one_name(tmp_path):
    for name, value in (("a", 1), ("b", 2)):
        write(tmp_path / name, "_own_helper_b.py", f"K = {value}\n")
        write(tmp_path / name, "p.py", "from seeknal_nb import transform\nfrom _own_helper_b import K\n@transform\ndef t():\n    return [{'x': K}]\n")
        project = opened(tmp_path / name)
        good(project)
        assert rows(project, "transform.t") == [(value,)]
        project.close()


def test_files_that_define_no_nodes_are_left_alone(home):
    write(home, "p.py", HEAD + USERS)
    for file in ("_private.py", "common/x.py", "templates/x.py", "skills/a/x.py", ".ipynb_checkpoints/p-checkpoint.py", "tests/x.yml"):
        write(home, file, "raise RuntimeError('read')\n")
    assert list(opened(home).manifest.nodes) == ["source.users"]


def test_a_file_may_have_the_name_of_any_module(home):
    write(home, "calendar.py", HEAD + USERS + "import calendar, statistics\nassert calendar.monthrange(2024, 2)[1] == 29\n")
    write(home, "pandas.py", "import pandas as pd\nfrom seeknal_nb import transform\n@transform\ndef calendar(users):\n    return pd.concat([users, users])\n")
    import pandas as pd

    project = opened(home)
    assert sys.modules["pandas"] is pd
    good(project)
    assert len(rows(project, "transform.calendar")) == 6
    project.close()


def test_a_second_order_aggregation_aggregates_what_its_function_gives(home):
    write(home, "p.py", HEAD + USERS + """
from seeknal.pipeline import second_order_aggregation
import pandas as pd

@transform
def dated(users):
    return users.assign(day=pd.Timestamp("2024-01-01"), as_of=pd.Timestamp("2024-01-31"))

@second_order_aggregation(name="per_state", id_col="active", feature_date_col="day", application_date_col="as_of",
                          features={"amount": {"basic": ["sum", "count"]}})
def per_state(ctx):
    return ctx.ref("transform.dated")
""")  # fmt: skip
    project = opened(home)
    good(project)
    frame = project["per_state"].set_index("active")
    assert {state: (row.amount_SUM, row.amount_COUNT) for state, row in frame.iterrows()} == {True: (40, 2), False: (20, 1)}
    project.close()


@pytest.mark.parametrize("decorator", [
    "@transform(materialization={'enabled': True, 'table': 'a.b.c'})", "@transform\n@materialize(type='postgresql', table='a.b')",
    "@transform(materialization=MaterializationConfig(enabled=True, table='a.b.c', mode='append'))",
])  # fmt: skip
def test_a_table_that_the_peer_would_deliver_is_refused_and_not_forgotten(home, decorator):
    head = "from seeknal.pipeline.decorators import materialize, transform\nfrom seeknal.pipeline.materialization_config import MaterializationConfig\n"
    write(home, "p.py", f"{head}{decorator}\ndef t():\n    return [{{'x': 1}}]\n")
    with pytest.raises(ManifestError, match="exposure"):
        opened(home)
    off = decorator.replace("True", "False")
    if off != decorator:
        write(home, "p.py", f"{head}{off}\ndef t():\n    return [{{'x': 1}}]\n")
        good(opened(home))


BROKEN = {
    "syntax": ("def f(:\n    pass\n", "p.py:1", "not valid Python"),
    "an exception": ("x = 1\n\n1 / 0\n", "p.py:3", "ZeroDivisionError"),
    "leaving": ("import sys\nsys.exit(3)\n", "p.py:2", "SystemExit"),
    "a missing package": ("# /// script\n# dependencies = [\"nothere>=1\", \"pandas\"]\n# ///\nimport nothere_at_all\n", "p.py:4", 'pip install "nothere>=1" pandas'),
    "a missing package without a header": ("import nothere_at_all\n", "p.py:1", "install nothere_at_all"),
    "the peer's engine": ("from seeknal.nothere import DuckDBTask\n", "p.py:1", "pip install seeknal"),
    "the peer's part": ("from seeknal import DuckDBTask\n", "p.py:1", "pip install seeknal"),
    "no decorator of the peer's": ("from seeknal.pipeline import nothere\n", "p.py:1", "pip install seeknal"),
    "an unknown argument": ("from seeknal_nb import rule\n@rule(chekcs=[])\ndef r(): ...\n@rule(checkz=[{}], on='a')\ndef r2(): ...\n", "p.py:4", "checks"),
    "a misspelt argument": ("from seeknal_nb import transform\n@transform(tag=['a'])\ndef t(ctx): return []\n", "p.py:2", "tags"),
    "an object as an argument": ("from seeknal_nb import transform\n@transform(x=object())\ndef t(ctx): return []\n", "p.py:2", "plain value"),
    "a bad name": ("from seeknal_nb import transform\n@transform(name='a-b')\ndef t(ctx): return []\n", "p.py:2", "bad name"),
    "a node twice": ("from seeknal_nb import transform\n@transform(name='a')\ndef t(): return []\n@transform(name='a')\ndef u(): return []\n", "p.py:4", "twice"),
    "a function inside something": ("from seeknal_nb import transform\nif 1:\n    @transform\n    def t(): return [{}]\n", "p.py:3", "top level"),
    "a star": ("from math import *\nfrom seeknal_nb import transform\n@transform\ndef t(): return [{'x': pi}]\n", "p.py", "import *"),
    "an unknown input": ("from seeknal_nb import transform\n@transform(inputs=['source.nope'])\ndef t(ctx): return []\n", "p.py:2", "source.nope"),
    "a decorator on nothing": ("from seeknal_nb import transform\ntransform(name='x')(3)\n", "p.py:2", "function"),
    "no key": ("from seeknal_nb import feature_group\n@feature_group\ndef f(ctx): return []\n", "p.py:2", "key"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_in_a_file_is_said_with_its_line_and_a_remedy(home, case):
    text, place, said = BROKEN[case]
    write(home, "p.py", text)
    with pytest.raises(ManifestError) as error:
        opened(home)
    assert place in str(error.value)
    assert said in str(error.value)
    assert not (home / "target").exists()


def test_all_errors_of_a_folder_are_listed(home):
    write(home, "a.py", "1 / 0\n")
    write(home, "b.yml", "kind: transform\nname: x\nsqll: SELECT 1\n")
    write(home, "c.py", "from seeknal_nb import rule\n@rule(checkz=1)\ndef r(): ...\n@rule(servity=1)\ndef s(): ...\n")
    with pytest.raises(ManyErrors) as error:
        opened(home)
    assert len(error.value.errors) == 4
    for place in ("a.py:1", "b.yml:3", "c.py:2", "c.py:4"):
        assert place in str(error.value)


def test_a_decorated_function_stays_a_function_anywhere_else():
    @transform(name="t")
    @materialize(type="postgresql", table="x.y")
    def t(a):
        return a + 1

    assert t(1) == 2
    assert (t.seeknal_node.kind, t.seeknal_node.name) == ("transform", "t")
    with collecting() as found:

        @source("s", "csv", "a.csv")
        def s(): ...

    assert [one.arguments for one in found] == [{"source": "csv", "table": "a.csv"}]


def test_the_peers_name_is_given_back_to_whoever_had_it(home, monkeypatch):
    import types

    theirs = types.ModuleType("seeknal")
    monkeypatch.setitem(sys.modules, "seeknal", theirs)
    write(home, "p.py", HEAD + USERS + "import seeknal\nassert seeknal.pipeline.source is source\n")
    opened(home)
    assert sys.modules["seeknal"] is theirs
    assert "seeknal.pipeline" not in sys.modules


def test_the_command_line_runs_a_project_of_python_files(home):
    write(home, "p.py", HEAD + USERS + "@transform\ndef t(users):\n    return users\n")
    command = [sys.executable, "-m", "seeknal_nb", "run", "--project", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    assert "transform.t" in done.stdout


NODE = "import pandas as pd\nfrom seeknal_nb import transform\n"
CHANGED_BY_CALLS = {
    "a global of a function": ("COUNT = 0\ndef bump():\n    global COUNT\n    COUNT += 1\nbump()\n", "COUNT", "1"),
    "through another function": ("COUNT = 0\ndef bump():\n    global COUNT\n    COUNT += 1\ndef twice():\n    bump(); bump()\ntwice()\n", "COUNT", "2"),
    "a decorator": ("REG = []\ndef register(f):\n    REG.append(f.__name__)\n    return f\n@register\ndef one(): return 1\n", "REG", "['one']"),
    "a decorator that is called": ("REG = []\ndef named(n):\n    def keep(f):\n        REG.append(n)\n        return f\n    return keep\n@named('x')\ndef one(): return 1\n", "REG", "['x']"),
    "a function without arguments": ("CONF = {}\ndef setup(): CONF['b'] = 1\nsetup()\n", "CONF", "{'b': 1}"),
    "a function that is given it": ("CONF = {}\ndef setup(c): c['b'] = 1\nsetup(CONF)\n", "CONF", "{'b': 1}"),
    "another module's function": ("import heapq\nHEAP = [3, 1, 2]\nheapq.heapify(HEAP)\n", "HEAP", "[1, 3, 2]"),
    "a call whose value is kept": ("STACK = [1, 2]\nlast = STACK.pop()\n", "STACK", "[1]"),
    "a call inside a comprehension": ("STACK = [1, 2]\nrest = [STACK.pop() for _ in range(1)]\n", "STACK", "[1]"),
    "a lambda": ("REG = []\nadd = lambda x: REG.append(x)\nadd(5)\n", "REG", "[5]"),
    "a default": ("REG = []\ndef add(x): REG.append(x)\ndef f(x=add(3)): return x\n", "REG", "[3]"),
    "the base of a class": ("REG = []\nclass Base:\n    def __init_subclass__(cls): REG.append(cls.__name__)\nclass One(Base): pass\n", "REG", "['One']"),
    "making an object": ("REG = []\nclass Item:\n    def __init__(self): REG.append(1)\nitem = Item()\n", "REG", "[1]"),
    "another name of it": ("A = []\nB = A\nB.append(1)\n", "A", "[1]"),
    "adding to another name of it": ("A = []\nB = A\nB += [1]\n", "A", "[1]"),
    "a loop over what it holds": ("A = {'x': []}\nfor one in A.values():\n    one.append(1)\n", "A", "{'x': [1]}"),
    "a condition": ("STACK = [1, 2]\nif STACK.pop() == 2:\n    OTHER = 1\n", "STACK", "[1]"),
    "an assertion": ("STACK = [1, 2]\nassert STACK.pop() == 2\n", "STACK", "[1]"),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGED_BY_CALLS)
def test_what_a_file_changes_by_calling_something_a_node_sees_changed(home, case):
    text, name, expected = CHANGED_BY_CALLS[case]
    write(home, "p.py", f"{NODE}{text}@transform\ndef t():\n    return pd.DataFrame({{'x': [str({name})]}})\n")
    whole: dict[str, Any] = {}
    exec(text, whole)
    assert str(whole[name]) == expected
    project = opened(home)
    good(project)
    assert rows(project, "transform.t") == [(expected,)]
    project.close()


@pytest.mark.parametrize("other", [
    "OTHER = len(ITEMS)", "OTHER = sorted(ITEMS)", "OTHER = helper(2)", "OTHER = NAME.upper()", "OTHER = pd.DataFrame({'a': [1]})",
    "def other(): return helper(ITEMS)", "OTHER = Thing(3)", "OTHER = math.floor(RATE)",
])  # fmt: skip
def test_a_call_that_changes_nothing_of_a_node_is_no_part_of_it(home, other):
    text = "import math\nITEMS = [1]\nNAME = 'a'\nRATE = 2.5\nclass Thing:\n    def __init__(self, x): self.x = x\ndef helper(x): return x\n"
    body = "@transform\ndef t():\n    return pd.DataFrame({'x': [helper(ITEMS[0]) + Thing(1).x + math.floor(RATE)], 'n': [NAME]})\n"
    write(home, "p.py", f"{NODE}{text}{other}\n{body}")
    project = opened(home)
    assert other.splitlines()[0] not in python_of(project, "transform.t")
    good(project)
    assert rows(project, "transform.t") == [(4, "a")]
    project.close()


HELPED = "import pandas as pd\nfrom seeknal_nb import transform\nimport {0}\n@transform\ndef {1}():\n    return pd.DataFrame({{'x': [{0}.v()]}})\n"


@pytest.mark.parametrize(("before", "after"), [
    ("V = 1\ndef v(): return V\n", "V = 2\ndef v(): return V\n"), ("def v(): return 1\n", "def v(): return 2\n"),
    ("class C:\n    n = 1\ndef v(): return C.n\n", "class C:\n    n = 2\ndef v(): return C.n\n"),
    ("LIST = [1]\ndef v(): return LIST[0]\n", "LIST = [2]\ndef v(): return LIST[0]\n"),
])  # fmt: skip
def test_a_module_of_a_project_that_changed_since_it_was_read_is_refused(home, before, after):
    write(home, "_own_stale.py", before)
    write(home, "p.py", HELPED.format("_own_stale", "t"))
    project = opened(home)
    good(project)
    write(home, "_own_stale.py", after)
    with pytest.raises(ManifestError, match="_own_stale changed after it was imported") as error:
        project.run(progress=False)
    assert "load" in error.value.remedy
    assert rows(project, "transform.t") == [(1,)]
    project.load_folder()
    assert status(good(project))["transform.t"] == "success"
    assert rows(project, "transform.t") == [(2,)]
    project.close()


def test_a_module_of_a_project_that_somebody_reloaded_is_taken_as_it_is_now(home):
    import importlib

    write(home, "_own_again.py", "V = 1\ndef v(): return V\n")
    write(home, "p.py", HELPED.format("_own_again", "t"))
    project = opened(home)
    good(project)
    write(home, "_own_again.py", "V = 222\ndef v(): return V\n")
    importlib.reload(sys.modules["_own_again"])
    assert status(good(project))["transform.t"] == "success"
    assert rows(project, "transform.t") == [(222,)]
    project.close()


def test_reading_a_project_writes_nothing_beside_its_files(home):
    write(home, "_own_clean.py", "def v(): return 1\n")
    write(home, "p.py", HELPED.format("_own_clean", "t"))
    opened(home)
    assert sorted(path.name for path in (home / "seeknal").iterdir()) == ["_own_clean.py", "p.py"]


@pytest.mark.parametrize("files", [("a/_own_conf.py", "b/_own_conf.py"), ("a/_own_conf.py", "b/_own_conf/__init__.py")])
def test_two_modules_of_one_name_in_a_project_are_refused(home, files):
    for number, file in enumerate(files):
        write(home, file, f"def v(): return {number}\n")
    write(home, "a/n.py", HELPED.format("_own_conf", "na"))
    write(home, "b/n.py", HELPED.format("_own_conf", "nb"))
    for _ in range(2):
        with pytest.raises(ManifestError, match="two modules are called _own_conf") as error:
            opened(home)
        assert all(file in str(error.value) for file in files)
        assert "b/n.py:3" in str(error.value)
    write(home, "b/n.py", HELPED.format("_own_other", "nb"))
    write(home, "b/_own_other.py", "def v(): return 5\n")
    project = opened(home)
    good(project)
    assert (rows(project, "transform.na"), rows(project, "transform.nb")) == ([(0,)], [(5,)])
    project.close()


def test_two_modules_of_one_name_in_folders_that_are_no_packages_are_refused(home):
    for number, folder in enumerate("ab"):
        write(home, f"{folder}/_own_part/conf.py", f"def v(): return {number}\n")
        write(home, f"{folder}/n.py", HELPED.format("_own_part.conf", f"n{folder}"))
    with pytest.raises(ManifestError, match=r"two modules are called _own_part\.conf"):
        opened(home)


def test_a_file_that_is_not_imported_never_stands_for_a_module_of_its_name(home):
    write(home, "a/_own_one.py", "def v(): return 1\n")
    write(home, "a/n.py", HELPED.format("_own_one", "na"))
    write(home, "b/_own_one.py", "def v(): return 2\n")
    write(home, "b/_own_two.py", "def v(): return 3\n")
    write(home, "b/n.py", HELPED.format("_own_two", "nb"))
    project = opened(home)
    good(project)
    assert (rows(project, "transform.na"), rows(project, "transform.nb")) == ([(1,)], [(3,)])
    project.close()


def test_a_module_of_a_project_may_move(home):
    write(home, "a/_own_moved.py", "def v(): return 1\n")
    write(home, "a/n.py", HELPED.format("_own_moved", "na"))
    opened(home)
    (home / "_own_moved.py").write_text("def v(): return 2\n")
    (home / "seeknal" / "a" / "_own_moved.py").unlink()
    project = opened(home)
    good(project)
    assert rows(project, "transform.na") == [(2,)]
    project.close()


def test_the_stand_ins_are_seen_by_the_reading_thread_alone(home):
    import builtins
    import threading

    began, ended, found = threading.Event(), threading.Event(), []

    def other() -> None:
        began.wait()
        try:
            import seeknal  # type: ignore[import-not-found]

            found.append(seeknal)
        except ImportError as error:
            found.append(error)
        found.append(sys.modules.get("seeknal.pipeline"))
        ended.set()

    vars(builtins).update(began=began, ended=ended)
    thread = threading.Thread(target=other)
    thread.start()
    write(home, "p.py", "import builtins\nbuiltins.began.set()\nbuiltins.ended.wait()\n" + HEAD + USERS)
    try:
        assert list(opened(home).manifest.nodes) == ["source.users"]
    finally:
        del vars(builtins)["began"], vars(builtins)["ended"]
    thread.join()
    sys.modules.pop("seeknal", None)  # the project's own folder, which no reader takes for the peer
    assert not hasattr(found[0], "pipeline")
    assert found[1] is None


def test_helpers_of_a_project_import_the_stand_ins_too_in_every_way_of_writing_it(home):
    write(home, "_own_types.py", "import seeknal.pipeline\nfrom seeknal.pipeline.context import PipelineContext\nfrom seeknal import pipeline\n"
          "assert pipeline is seeknal.pipeline\nimport seeknal.pipeline.decorators as d\nassert d.source is pipeline.source\n")  # fmt: skip
    write(home, "p.py", HEAD + "from _own_types import PipelineContext\n" + USERS)
    assert list(opened(home).manifest.nodes) == ["source.users"]


def test_what_the_peer_has_besides_decorators_comes_from_the_peer_itself(home, monkeypatch):
    peer = home / "site" / "seeknal"
    peer.mkdir(parents=True)
    (peer / "__init__.py").write_text("from seeknal.pipeline import THEIRS\n")
    (peer / "pipeline.py").write_text("THEIRS = 1\n")
    (peer / "tasks.py").write_text("from seeknal.pipeline import THEIRS as N\n")
    monkeypatch.syspath_prepend(str(peer.parent))
    for name in ("seeknal", "seeknal.pipeline", "seeknal.tasks"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    write(home, "p.py", HEAD + "from seeknal.tasks import N\nfrom seeknal import tasks\nimport seeknal.tasks\nimport seeknal\n"
          "assert (N, tasks.N, seeknal.tasks.N) == (1, 1, 1)\nassert seeknal.pipeline.source is source\n" + USERS)  # fmt: skip
    assert list(opened(home).manifest.nodes) == ["source.users"]
    assert sys.modules["seeknal.pipeline"].THEIRS == 1
    for name in ("seeknal", "seeknal.pipeline", "seeknal.tasks"):
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("read", ["load_folder", "parse", "load"])
def test_a_folder_is_not_read_while_a_run_goes_on_in_the_background(home, read):
    import builtins
    import threading

    began, go = threading.Event(), threading.Event()
    vars(builtins).update(began=began, go=go)
    write(home, "p.py", NODE + "@transform\ndef t():\n    import builtins\n    builtins.began.set()\n    builtins.go.wait()\n    return pd.DataFrame({'x': [1]})\n")
    project = opened(home)
    run = project.start()
    try:
        began.wait()
        with pytest.raises(LockedError, match="a run goes on in the background"):
            getattr(project, read)(*([home] if read == "load" else []))
    finally:
        go.set()
        assert not run.wait().failed
        del vars(builtins)["began"], vars(builtins)["go"]
    assert project.load_folder() == ["transform.t"]
    project.close()


def test_every_kind_has_a_decorator_and_a_method_of_its_name(home):
    import seeknal_nb

    kinds = ("source", "transform", "feature_group", "aggregation", "second_order_aggregation", "model", "rule", "exposure", "profile")
    project = Project(home)
    assert [kind for kind in kinds if not (callable(getattr(seeknal_nb, kind)) and callable(getattr(project, kind)))] == []
    assert set(kinds) <= set(dir(project))


def test_a_projects_methods_add_nodes_of_all_kinds(home):
    project = Project(home, namespace={})
    project.source("users", csv="data/users.csv")
    assert project.profile("p", inputs=["source.users"]) == "profile.p"
    assert project.transform("dated", sql="SELECT *, DATE '2024-01-01' AS day, DATE '2024-01-31' AS as_of FROM users") == "transform.dated"
    project.second_order_aggregation(
        "o", inputs=["transform.dated"], id_col="active", feature_date_col="day", application_date_col="as_of",
        features={"amount": {"basic": ["sum"]}},
    )  # fmt: skip
    good(project)
    assert sorted(rows(project, "second_order_aggregation.o"), key=str)
    assert rows(project, "profile.p")
    project.close()


@pytest.mark.parametrize(("call", "said"), [
    (lambda p: p.source("s", path="data/users.csv", params={"nulstr": "x"}), "nulstr"),
    (lambda p: p.source("s", csv="data/users.csv", rfresh="1h"), "rfresh"),
    (lambda p: p.transform("t", inputs=["source.users"], features=5), "features"),
    (lambda p: p.rule("r", on="source.users", checks=[{"unqiue": ["id"]}]), "unique"),
    (lambda p: p.source("s", csv="data/users.csv", path="data/other.csv"), "path"),
    (lambda p: p.source("s", csv="data/users.csv", json="data/other.json"), "json"),
])  # fmt: skip
def test_an_error_that_no_body_mends_is_raised_at_once(home, call, said):
    project = Project(home, namespace={})
    project.source("users", csv="data/users.csv")
    with pytest.raises(ManifestError, match=said):
        call(project)
    project.close()


def test_a_node_that_lacks_nothing_but_its_body_gives_a_decorator(home):
    project = Project(home, namespace={})
    project.source("users", csv="data/users.csv")

    @project.transform("t", inputs=["source.users"], tags=["x"], owner="me", description="d", columns={"id": "the id"})
    def t(users):
        return users[["id"]]

    good(project)
    assert rows(project, "transform.t") == [(1,), (2,), (3,)]
    assert project.manifest.nodes["transform.t"].owner == "me"
    project.close()


def test_the_format_of_a_source_names_its_table_where_it_is_a_database(home):
    project = Project(home, namespace={})
    project.source("s", postgres="orders", connection_string="postgresql://localhost/x")
    project.source("d", dataframe="frame")
    config = project.manifest.nodes["source.s"].config
    assert (config["source"], config["table"], config.get("path")) == ("postgres", "orders", None)
    assert project.manifest.nodes["source.d"].config == {"source": "dataframe", "input": "frame"}
    project.close()
