"""What ``seeknal/common/`` defines is put in wherever a node is written; and what a project's files print is no document."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from seeknal_nb import Project
from seeknal_nb.errors import SeeknalError

RULES = "rules:\n  - id: pos\n    value: x > 0\n"
NODE = "kind: transform\nname: a\ntransform: SELECT * FROM (VALUES (1), (-1)) v(x) WHERE {{ rules.pos }}\n"
NOISY = "import sys\nprint('noise')\nfrom seeknal_nb import transform\n@transform\ndef p():\n    import pandas as pd\n    print('more')\n    return pd.DataFrame({'x': [1]})\n"


@pytest.fixture
def home(tmp_path):
    (tmp_path / "seeknal" / "common").mkdir(parents=True)
    (tmp_path / "seeknal" / "common" / "rules.yml").write_text(RULES)
    (tmp_path / "seeknal" / "a.yml").write_text(NODE)
    return tmp_path


def test_a_cell_a_yaml_and_a_method_name_what_the_folder_defines(home):
    project = Project(home)
    project.load_folder()
    project.transform("b", "SELECT * FROM (VALUES (2), (-2)) v(x) WHERE {{ rules.pos }}")
    project.add_yaml(
        "kind: transform\nname: c\ninputs: [transform.a]\ntransform: SELECT * FROM transform.a WHERE {{ rules.pos }}\n"
    )
    assert project.run(progress=False).failed == []
    assert [project[name].x.tolist() for name in "abc"] == [[1], [2], [1]]
    project.close()


def test_a_name_that_is_not_there_is_refused_at_once_with_the_nearest(home):
    project = Project(home)
    project.load_folder()
    with pytest.raises(SeeknalError) as error:
        project.transform("b", "SELECT 1 AS x WHERE {{ rules.poss }}")
    assert "did you mean rules.pos?" in error.value.remedy
    assert error.value.node == "transform.b"
    assert "transform.b" not in project.manifest.nodes


@pytest.mark.parametrize("words", [["ls"], ["parse"], ["run"], ["status"]])
def test_json_is_one_document_whatever_the_files_print(home, words):
    (home / "seeknal" / "p.py").write_text(NOISY)
    (home / "seeknal" / "common" / "notebook.py").write_text("print('noise of definitions')\n")
    command = [sys.executable, "-m", "seeknal_nb", *words, "--format", "json"]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict)
    assert "noise" in done.stderr
    text = subprocess.run(command[:-2], cwd=home, capture_output=True, text=True, check=False)
    assert text.stdout.startswith("noise")


FILES = [
    ("import pathlib\nHERE = pathlib.Path(__file__).parent\n", "    return pd.DataFrame({'x': [str(HERE)]})", "path"),
    (
        "import functools\ndef w(f):\n    @functools.wraps(f)\n    def g(*a):\n        return f(*a)\n    return g\n",
        "    return pd.DataFrame({'x': [1]})",
        "**",
    ),
]


@pytest.mark.parametrize(("head", "body", "remedy"), FILES)
def test_what_a_nodes_function_cannot_have_is_said_with_a_remedy(tmp_path, head, body, remedy):
    mark = "@w\n" if "def w" in head else ""
    text = f"from seeknal_nb import transform\nimport pandas as pd\n{head}@transform\n{mark}def t(ctx):\n{body}\n"
    (tmp_path / "seeknal").mkdir()
    (tmp_path / "seeknal" / "t.py").write_text(text)
    with pytest.raises(SeeknalError) as error:
        project = Project.open(tmp_path)
        raise project.run(progress=False, continue_on_error=True).failed[0].error
    assert remedy in error.value.remedy
    assert "mend the body" not in error.value.remedy
    assert "notebook" not in error.value.why
