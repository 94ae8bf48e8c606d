"""A session may last for weeks: what a run opens it closes, and what it learns of former runs it does not heap up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux has them")

SESSION = '''
import gc, json, os, sys, threading
from pathlib import Path
from seeknal_nb.project import Project

def held():
    gc.collect()
    with open("/proc/self/status") as file:
        memory = next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS:"))
    return {"files": len(os.listdir("/proc/self/fd")), "threads": threading.active_count(), "memory": memory}

Path("in.csv").write_text("a\\n1\\n")
project = Project(".", namespace={"factor": 2})
project.source("rows", path="in.csv")
project.transform("of_sql", "SELECT a FROM source.rows")
project.transform("of_python", python="def of_python(of_sql):\\n    return of_sql.assign(b=of_sql.a * factor)")
project.rule("sound", "SELECT * FROM transform.of_sql WHERE a < 0")
project.exposure("told", "FROM transform.of_sql", path="out.csv")

def run(number):
    if number % 4 == 0:
        project.transform("of_sql", f"SELECT a + {number} AS a FROM source.rows")
    if number % 10 == 5:
        project.transform("broken", f"SELECT no_such_{number} FROM source.rows")
    elif number % 10 == 6:
        project.remove("broken")
    project.run(progress=False, continue_on_error=True)
    if number % 20 == 0:
        project.clean()

for number in range(60):
    run(number)
before = held()
for number in range(60, 260):
    run(number)
print(json.dumps([before, held()]))
'''


def test_two_hundred_runs_of_one_session_leave_nothing_open(tmp_path: Path) -> None:
    """Nothing changed, an edit, a failure, a node more and less, cleaning, in turn."""
    found = subprocess.run([sys.executable, "-c", SESSION], cwd=tmp_path, capture_output=True, text=True, check=True)
    before, after = json.loads(found.stdout.splitlines()[-1])
    assert after["files"] <= before["files"]
    assert after["threads"] <= before["threads"]
    assert after["memory"] <= before["memory"] + 20
