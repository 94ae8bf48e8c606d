"""A pipeline goes out as a project's folder and comes back the same: nodes, edges, keys, rows; and nothing is overwritten."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from keys import keys

from seeknal_nb import Project
from seeknal_nb.authoring.export import _document as document_of
from seeknal_nb.authoring.export import export
from seeknal_nb.dag.manifest import Node
from seeknal_nb.errors import ManifestError, SeeknalError, UsageError
from seeknal_nb.storage.documents import read_yaml

USERS = "id,name,amount\n1,Ann,10\n2,Bob,NA\n3,Cid,30\n"


class Notebook:
    def __init__(self, shell: InteractiveShell, home: Path) -> None:
        self.shell, self.home = shell, home

    def __call__(self, source: str) -> Any:
        found = self.shell.run_cell(source, store_history=False)
        error = found.error_before_exec or found.error_in_exec
        if error is not None:
            raise error
        return found.result

    @property
    def project(self) -> Project:
        return self.shell.user_ns["seeknal"]


@pytest.fixture
def nb(shell, tmp_path, monkeypatch, capsys):
    home = tmp_path / "home"
    (home / "data").mkdir(parents=True)
    (home / "data" / "users.csv").write_text(USERS)
    monkeypatch.chdir(home)
    shell.reset(new_session=False)
    notebook = Notebook(shell, home)
    notebook("%load_ext seeknal_nb")
    notebook("%seeknal source users data/users.csv --null NA")
    yield notebook
    notebook("%unload_ext seeknal_nb")


def back(folder: Path) -> Project:
    return Project.open(folder, namespace={})


def check_round(project: Project, folder: Path) -> Project:
    """Export, load, and compare every part of every key."""
    export(project, folder)
    again = back(folder)
    assert keys(again) == keys(project)
    return again


WHOLE = [
    "rate, words, when = 1.5, ['on', '1e5', '012', 'null', ' a', 'é: {x}', '# no', 'x\\ny', ''], None",
    "import math, datetime as dt\nfrom functools import partial, lru_cache\nimport numpy as np",
    "day = dt.date(2024, 2, 29)\npattern = __import__('re').compile('a+', 2)\nnested = {'a': [1, (2,), {3, 4}], 'b': {'c': float('inf')}}",
    "def scaled(x, by=rate):\n    '''Scaled.'''\n    return deep(x) * by  # twice\n\ndef deep(x):\n    return x if x == 0 else math.floor(x)",
    "@lru_cache\ndef cached(n):\n    return n + 1",
    "class Base:\n    n = 3\n    def get(self): return self.n\n\nclass Mine(Base):\n    pass",
    "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Setting:\n    a: int\n    b: str = 'x'\n\nsetting = Setting(4)",
    "square = lambda x: x * x\nadd_two = partial(pow, 2)",
    "%%seeknal transform clean --tags a,b --description 'what: it #is' --owner me\nSELECT *, '{{ today }}' <> '' AS t FROM users -- note\nWHERE amount > {{ least }}",
    "least = 5",
    ("%%seeknal transform p\nout = clean.assign(a=[scaled(x) + cached(1) + Mine().get() + setting.a + square(2) + add_two(3) for x in clean.amount])\n"
    "out['w'] = words[0] + str(day) + str(bool(pattern.match('A'))) + str(len(nested)) + str(np.float64(1)) + str(ctx.params['least'])\nout"),
    "%%seeknal feature_group f --key id\ndef f(p):\n    return p[['id', 'a']]",
    "%%seeknal aggregation g\nSELECT name, sum(a) AS s FROM p GROUP BY ALL",
    "%%seeknal rule r --on p --severity warn\na > 0",
    "%%seeknal exposure e --to out/e.csv\nSELECT * FROM g ORDER BY name",
    "%%seeknal\nkind: rule\nname: c\non: transform.clean\nchecks:\n  - unique: [id]\n  - range: {column: amount, min: 0}",
]  # fmt: skip


def test_a_notebook_comes_back_with_equal_keys_and_gives_the_same_rows_without_a_notebook(nb, tmp_path):
    for cell in WHOLE:
        nb(cell)
    again = check_round(nb.project, tmp_path / "out")
    here = nb.project.run(progress=False)
    there = again.run(progress=False)
    assert not here.failed
    assert not there.failed, there.failed[0].error_message
    for node_id in ("transform.p", "feature_group.f", "aggregation.g"):
        assert again[node_id].equals(nb.project[node_id])
    assert (tmp_path / "out" / "out" / "e.csv").read_text() == (nb.home / "out" / "e.csv").read_text()
    again.close()
    command = [sys.executable, "-m", "seeknal_nb", "run", "--project", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    assert "Cached nodes:    8" in done.stdout, done.stdout


def test_what_a_helper_reads_by_a_text_goes_along(nb, tmp_path):
    nb("import pandas as pd\nhighest = 2\nstep = 1\ndef low(d): return d.query('v < @highest + @step').assign(w=eval('step'))")
    nb("%%seeknal transform t\nlow(pd.DataFrame({'v': [1, 5]}))")
    again = check_round(nb.project, tmp_path / "out")
    assert not again.run(progress=False).failed
    assert again["t"].values.tolist() == [[1, 1]]
    again.close()


def test_an_export_is_one_file_a_node_at_the_peers_place_and_the_second_one_changes_nothing(nb, tmp_path):
    nb("%%seeknal transform t\nSELECT 1 AS x")
    out = tmp_path / "out"
    nb(f"%seeknal export {out}")
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert names == ["data/users.csv", "seeknal/schema.json", "seeknal/sources/users.yml", "seeknal/transforms/t.yml", "seeknal_project.yml"]
    assert "transform: SELECT 1 AS x\n" in (out / "seeknal/transforms/t.yml").read_text().replace("'", "")
    before = {name: (out / name).read_bytes() for name in names}
    nb(f"%seeknal export {out}")
    assert {name: (out / name).read_bytes() for name in names} == before
    assert "# yaml-language-server: $schema=../schema.json\n" in (out / "seeknal/transforms/t.yml").read_text()


def test_what_is_gone_from_the_notebook_goes_from_the_folder(nb, tmp_path):
    nb("%%seeknal transform t\nSELECT 1 AS x")
    export(nb.project, tmp_path / "out")
    nb("%seeknal remove t")
    export(nb.project, tmp_path / "out")
    assert list(back(tmp_path / "out").manifest.nodes) == ["source.users"]


@pytest.mark.parametrize("file", ["seeknal/sources/users.yml", "seeknal/mine.yml", "seeknal/pipelines/mine.py", "data/users.csv", "seeknal/schema.json", "seeknal_project.yml"])
def test_files_of_others_are_never_written_over(nb, tmp_path, file):
    out = tmp_path / "out"
    (out / file).parent.mkdir(parents=True)
    (out / file).write_text("# mine\n")
    with pytest.raises(UsageError, match="of others"):
        export(nb.project, out)
    assert [path for path in out.rglob("*") if path.is_file()] == [out / file]
    assert (out / file).read_text() == "# mine\n"
    export(nb.project, out, force=True)
    assert ((out / file).read_text() == "# mine\n") == ("mine" in file)


def test_a_file_that_somebody_changed_since_is_somebodys(nb, tmp_path):
    export(nb.project, tmp_path / "out")
    path = tmp_path / "out/seeknal/sources/users.yml"
    path.write_text(path.read_text() + "# changed\n")
    with pytest.raises(UsageError, match=r"users\.yml"):
        export(nb.project, tmp_path / "out")
    assert path.read_text().endswith("# changed\n")


REFUSED = {
    "a frame of the notebook": ["import pandas as pd\ndf = pd.DataFrame({'a': [1]})", "%seeknal source s --input df"],
    "a function that another one made": ["def make(n):\n    return lambda x: x + n\nf = make(1)", "%%seeknal transform t\n[{'x': f(1)}]"],
    "an object of a class that was defined again": [
        "from dataclasses import dataclass\n@dataclass\nclass S:\n    a: int\ns = S(1)", "@dataclass\nclass S:\n    a: int\n    b: int = 2",
        "%%seeknal transform t\n[{'x': s.a}]",
    ],
    "a function under another's name": ["def f(): return 1\ng = f\ndef f(): return 2", "%%seeknal transform t\n[{'x': g()}]"],
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_be_something_else_there_is_refused_and_nothing_is_written(nb, tmp_path, case):
    for cell in REFUSED[case]:
        nb(cell)
    with pytest.raises(ManifestError, match="written") as error:
        export(nb.project, tmp_path / "out")
    assert error.value.node
    assert error.value.remedy
    assert not (tmp_path / "out").exists()


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20) | st.sampled_from(["1e5", "on", "012", "null", "~", "a: b", "- x", "#", "2024-01-01", "12:30", "a\n b\n\n", "\n\n  x"])
values = st.recursive(st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | texts,
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6)  # fmt: skip


@given(texts, texts, st.lists(texts, max_size=2), st.dictionaries(texts, values, max_size=3))
def test_a_nodes_yaml_says_what_the_node_says(sql, about, tags, params):
    """Strict YAML reads back what was written, and so does the YAML 1.1 of the peer."""
    import yaml

    node = Node("transform.t", "t", "transform", description=about, tags=tags, config={"sql": sql, "params": params})
    text = document_of(node, ["source.a"])
    (found,) = read_yaml(text, file="t.yml")
    expected = {"kind": "transform", "name": "t", "inputs": [{"ref": "source.a"}], "transform": sql, "params": params}
    expected |= {key: value for key, value in {"description": about, "tags": tags}.items() if value}
    assert found.value == expected
    assert yaml.safe_load(text) == expected


def test_an_empty_pipeline_is_not_exported(tmp_path):
    with pytest.raises(UsageError, match="no nodes"):
        export(Project(tmp_path), tmp_path / "out")


def test_a_module_of_the_users_own_goes_with_the_bodies_that_use_it(nb, tmp_path, monkeypatch):
    (nb.home / "own_export_a.py").write_text("from own_export_b import K\ndef f(x):\n    return x + K\n")
    (nb.home / "own_export_b.py").write_text("K = 40\n")
    monkeypatch.syspath_prepend(str(nb.home))
    nb("import own_export_a as helpers\nfrom own_export_a import f")
    nb("%%seeknal transform t\nimport own_export_b\n[{'x': f(1) + helpers.f(0) + own_export_b.K}]")
    export(nb.project, tmp_path / "out")
    before = keys(nb.project)
    for name in ("own_export_a", "own_export_b"):
        del sys.modules[name]
    sys.path.remove(str(nb.home))
    shutil.rmtree(nb.home / "__pycache__", ignore_errors=True)
    again = back(tmp_path / "out")
    assert keys(again) == before
    assert not again.run(progress=False).failed
    assert again["t"].x.tolist() == [41 + 40 + 40]
    again.close()
    sys.path.insert(0, str(nb.home))


def test_a_notebook_exports_from_the_command_line(nb, tmp_path):
    import json

    cells = ["%load_ext seeknal_nb", "k = 2\ndef f(x): return x * k", "%seeknal source users data/users.csv", "%%seeknal transform t\nusers.assign(y=users.id.map(f))[['y']]"]
    body = {"cells": [{"cell_type": "code", "source": cell} for cell in cells]}
    (nb.home / "n.ipynb").write_text(json.dumps(body))
    command = [sys.executable, "-m", "seeknal_nb", "export", str(tmp_path / "out"), "n.ipynb"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=nb.home, check=False)
    assert done.returncode == 0, done.stderr
    again = back(tmp_path / "out")
    assert not again.run(progress=False).failed
    assert again["t"].y.tolist() == [2, 4, 6]
    again.close()


def test_load_brings_a_project_into_the_notebook_and_its_builds_with_it(nb, tmp_path, shell):
    for cell in WHOLE:
        nb(cell)
    out = tmp_path / "out"
    export(nb.project, out)
    first = back(out)
    assert not first.run(progress=False).failed
    before = keys(first)
    first.close()
    nb("%unload_ext seeknal_nb")
    shell.reset(new_session=False)
    nb("%load_ext seeknal_nb")
    assert "16 nodes" not in str(nb(f"%seeknal load {out}"))
    assert keys(nb.project) == before
    summary = nb("%seeknal run")
    assert summary.failed_nodes == 0
    assert summary.cached_nodes >= 8
    nb("%%seeknal transform more\nSELECT count(*) AS n FROM p")
    nb(f"%seeknal load {out}")
    assert "transform.more" in nb.project.manifest.nodes


def test_load_refuses_a_second_folder_and_one_without_a_project(nb, tmp_path):
    (tmp_path / "other" / "seeknal").mkdir(parents=True)
    with pytest.raises(SeeknalError, match="another folder"):
        nb(f"%seeknal load {tmp_path / 'other'}")
    with pytest.raises(SeeknalError, match="no seeknal/"):
        nb(f"%seeknal load {tmp_path / 'nowhere'}")
    assert nb.project.directory == Path.cwd()


def test_a_decorator_in_a_cell_adds_the_node_as_a_cell_magic_does(nb):
    nb("from seeknal_nb import transform, source, rule\nfactor = 3")
    nb("@source(name='more', table='data/users.csv', nullstr='NA')\ndef more():\n    'All of them.'")
    nb("@transform(tags=['x'])\ndef doubled(users):\n    return users.assign(d=users.id * factor)[['d']]")
    nb("@transform(name='other')\ndef body(ctx):\n    df = ctx.ref('doubled')\n    return ctx.duckdb.sql('SELECT max(d) AS m FROM df')")
    nb("@rule(on='transform.doubled', checks=[{'unique': ['d']}])\ndef sound(): ...")
    assert not nb.project.run(progress=False).failed
    assert nb.project["doubled"].d.tolist() == [3, 6, 9]
    assert nb.project["other"].m.tolist() == [9]
    assert nb.project.manifest.nodes["source.more"].description == "All of them."
    nb("factor = 5")
    summary = nb.project.run(progress=False)
    assert str(summary["transform.doubled"].status) == "success"
    assert nb.project["other"].m.tolist() == [15]


def test_a_cell_that_fails_to_declare_says_why(nb):
    nb("from seeknal_nb import transform")
    with pytest.raises(ManifestError, match="tags"):
        nb("@transform(tag=['x'])\ndef t(users):\n    return users")
    assert list(nb.project.manifest.nodes) == ["source.users"]


@pytest.mark.parametrize(("cells", "rows"), [
    (["from seeknal_nb import transform\nk = 3", "@transform\ndef t():\n    return [{'x': k}]"], [3]),
    (["%seeknal load proj", "%%seeknal transform t\nSELECT x * 10 AS x FROM base", "%seeknal run"], [70]),
])  # fmt: skip
def test_a_notebook_of_decorators_or_of_a_loaded_project_runs_from_the_command_line(tmp_path, cells, rows):
    import json

    home = tmp_path / "proj" / "seeknal"
    home.mkdir(parents=True)
    (home / "base.yml").write_text("kind: transform\nname: base\nsql: SELECT 7 AS x\n")
    body = {"cells": [{"cell_type": "code", "source": cell} for cell in ["%load_ext seeknal_nb", *cells]]}
    (tmp_path / "n.ipynb").write_text(json.dumps(body))
    words = [sys.executable, "-m", "seeknal_nb", "run", "n.ipynb"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("**/target/outputs/transform/t/*/data.parquet")
    import pyarrow.parquet as pq

    assert pq.read_table(path).column("x").to_pylist() == rows
