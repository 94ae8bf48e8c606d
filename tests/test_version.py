"""Which program it is: what another one has worked out is not believed."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import seeknal_nb

RUN = """
import sys; sys.path.insert(0, sys.argv[1])
import seeknal_nb
from seeknal_nb import Project
project = Project(".", namespace={})
project.transform("one", "SELECT 1 AS x")
print(seeknal_nb.__file__, *(r.status for _ in range(2) for r in project.run(progress=False).results))
"""


def test_a_program_that_is_imported_from_an_archive_runs(tmp_path: Path) -> None:
    """As zipapp and Spark's --py-files have it: there is no folder to list."""
    home, archive = Path(seeknal_nb.__file__).parent, tmp_path / "app.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in home.rglob("*.py"):
            file.write(path, path.relative_to(home.parent))
    found = subprocess.run([sys.executable, "-c", RUN, archive], cwd=tmp_path, capture_output=True, text=True)
    assert found.stdout.split()[-2:] == ["success", "cached"], found.stderr
    assert found.stdout.startswith(str(archive))
