"""Stores of state, and other processes that have their lease."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seeknal_toy.store import toy_store

from seeknal_nb import Manifest, Node
from seeknal_nb.workflow.state import StateStore
from seeknal_nb.workflow.stores import open_store

ROOT = Path(__file__).parents[2]
ENTRY = {"status": "success", "duration": 0.5, "row_count": 3, "last_run": 1.0}
MORE = {**ENTRY, "row_count": 9}


def opened_at(url: str, root: Path) -> StateStore:
    """The store of a URL; that of the example, which is not installed here, too."""
    return toy_store(url, root, "p") if url.startswith("toy:") else open_store(url, root=root, project="p")


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def manifest(*names: str, **options: Any) -> Manifest:
    found = Manifest("m")
    for name in names:
        found.add_node(Node(f"source.{name}", name, "source", config={"sql": "SELECT 1 AS x"}, **options))
    return found


def settled(root: Path, text: str) -> Path:
    """A project's folder with one node and these settings."""
    (root / "seeknal").mkdir(parents=True)
    (root / "seeknal/t.yml").write_text("kind: transform\nname: t\ntransform: SELECT 1 AS x\n")
    (root / "pyproject.toml").write_text(f"[tool.seeknal_nb]\n{text}")
    return root


HOLDER = """
import sys
from pathlib import Path
from seeknal_nb.workflow.stores import open_store
from seeknal_toy.store import toy_store
url, root, owner = sys.argv[1:]
store = toy_store(url, Path(root), "p") if url.startswith("toy:") else open_store(url, root=Path(root), project="p")
lease = store.acquire(owner)
lease.put("source.a", {"status": "success", "duration": 0.5, "row_count": 3, "last_run": 1.0})
print("holds", lease.token, flush=True)
for word in sys.stdin:
    try:
        getattr(lease, word.strip())(*(["source.b", {}] if word == "put\\n" else []))
        print("done", flush=True)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
"""


@contextlib.contextmanager
def holder(url: str, root: Path, owner: str, token: int = 1) -> Iterator[subprocess.Popen[str]]:
    """Another process, which has the lease and has put ``source.a``; it does what it is told, a verb a line."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests/toy")])
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url, str(root), owner], env={**os.environ, "PYTHONPATH": path}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        assert process.stdout.readline() == f"holds {token}\n"
        yield process
        process.kill()


def told(process: subprocess.Popen[str], verb: str) -> str:
    process.stdin.write(f"{verb}\n")
    process.stdin.flush()
    return process.stdout.readline()
