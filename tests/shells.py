"""A notebook without a page: cells in a shell of this process, or in a real kernel."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config
from waiting import END

from seeknal_nb.errors import SeeknalError

ROOT = Path(__file__).parents[1]
HEAVY = ("duckdb", "pandas", "numpy", "pyarrow", "sqlglot", "sklearn", "ipywidgets", "anywidget")
"""What nobody waits for who only loads the extension."""
PIPELINE = """
%%seeknal
kind: transform
name: users
tags: [core]
description: all of them
transform: SELECT * FROM (VALUES (1, 'ann'), (2, 'bob')) t(id, name)
---
kind: transform
name: names
transform: SELECT name FROM transform.users
""".lstrip()


class Cell:
    """What one cell came to: its value, its error, what it printed, and what it displayed."""

    def __init__(self, found: Any, seen: Any) -> None:
        self.error = found.error_before_exec or found.error_in_exec
        self.value = None if self.error else found.result
        self.out, self.err = seen.stdout, seen.stderr
        self.shown = seen._outputs if hasattr(seen, "_outputs") else seen.outputs


class Notebook:
    """Runs cells in the shell of the session."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell

    def cell(self, source: str) -> Cell:
        with capture_output() as seen:
            found = self.shell.run_cell(source, store_history=False)
        return Cell(found, seen)

    def __call__(self, source: str) -> Any:
        """The value of a cell that must work."""
        cell = self.cell(source)
        assert cell.error is None, f"{source!r}: {cell.error!r}"
        return cell.value

    def error(self, source: str, kind: type[BaseException] = SeeknalError) -> Any:
        """The error of a cell that must fail, and its text as the cell shows it."""
        cell = self.cell(source)
        assert isinstance(cell.error, kind), f"{source!r}: {cell.error!r}, {cell.value!r}"
        assert "Traceback" not in cell.out
        assert "seeknal_nb/" not in cell.out
        assert len(cell.out.strip().splitlines()) <= 3, cell.out
        return cell.error

    def bundle(self, value: object) -> dict[str, Any]:
        """What a cell shows of the value; a graph shows two outputs, the second is what the notebook keeps."""
        with capture_output() as seen:
            data, _ = self.shell.display_formatter.format(value)
        return data or seen.outputs[-1].data

    @property
    def nodes(self) -> list[str]:
        return list(self.shell.user_ns["seeknal"].manifest.nodes)


@pytest.fixture(scope="session")
def shell(tmp_path_factory):
    config = Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor", "ast_node_interactivity": "last_expr"}})
    os.environ["IPYTHONDIR"] = str(tmp_path_factory.mktemp("ipython"))
    made = InteractiveShell.instance(config=config)
    made.display_formatter.active_types = made.display_formatter.format_types
    yield made
    InteractiveShell.clear_instance()


@pytest.fixture
def nb(shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shell.reset(new_session=False)
    notebook = Notebook(shell)
    notebook("%load_ext seeknal_nb")
    yield notebook
    notebook.cell("%unload_ext seeknal_nb")


@pytest.fixture(scope="module")
def kernel():
    from jupyter_client.manager import start_new_kernel

    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    manager, client = start_new_kernel(startup_timeout=END, kernel_name="python3", env=env)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()
    client.context.destroy()
    manager.context.destroy()


def execute(client: Any, code: str, expression: str = "None") -> Any:
    """Run a cell that must work; gives a Python value of it."""
    reply = client.execute_interactive(code, user_expressions={"value": expression}, output_hook=lambda _m: None)
    assert reply["content"]["status"] == "ok", "\n".join(reply["content"].get("traceback", []))
    return ast.literal_eval(reply["content"]["user_expressions"]["value"]["data"]["text/plain"])
