"""JupyterLab as a user meets it: a server of its own, one page, notebooks that run. Its commands are driven, not its menus."""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.error import URLError
from urllib.request import urlopen

import nbformat

from browser.chromium import ROOT, SCREENSHOTS, SECONDS, TooLate, context

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Locator

    from browser.chromium import Browser, Page

__all__ = ["CellFailed", "Lab", "Notebook", "Server", "served"]

SCRIPT = Path(__file__).with_name("lab.js")
SETTINGS = {
    "apputils-extension/notification": {"checkForUpdates": False, "fetchNews": "false", "doNotDisturbMode": True},
    "docmanager-extension/plugin": {"autosave": False},
    "extensionmanager-extension/plugin": {"enabled": False},
}
# What JupyterLab's page says by itself: a saved output names a widget that no kernel knows, or knows no longer.
OWN = "widget model not found"
DARK = "JupyterLab Dark"
LIGHT = "JupyterLab Light"


class CellFailed(AssertionError):  # noqa: N818 - a cell did
    """A cell that should have worked ended in an error: its text, without colours."""


# The server


@dataclass(frozen=True)
class Server:
    """A JupyterLab that runs: ``root`` is the folder it serves."""

    url: str
    token: str
    root: Path
    log: Path
    process: subprocess.Popen[bytes]


@contextmanager
def served(home: Path) -> Iterator[Server]:
    """A JupyterLab that knows nothing of the user's, and whose kernels have this checkout first. It ends with the block."""
    root = home / "notebooks"
    root.mkdir()
    for name, values in SETTINGS.items():
        file = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), encoding="utf-8")
    token, log = secrets.token_hex(16), home / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            _command(root, token), cwd=root, env=_environment(home), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        url = _address(process, home / "runtime", token, log)
        yield Server(url, token, root, log, process)
    finally:
        _stop(process)


def _command(root: Path, token: str) -> list[str]:
    return [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--LabApp.expose_app_in_browser=True",
        "--LabApp.extension_manager=readonly", "--LanguageServerManager.autodetect=False",
        f"--ServerApp.root_dir={root}", "--ServerApp.ip=127.0.0.1", "--ServerApp.terminals_enabled=False",
        f"--ServerApp.port={random.randint(20_000, 30_000)}", "--ServerApp.port_retries=50", f"--IdentityProvider.token={token}",
        # Should the tests be killed, the server goes too, a quarter of an hour later.
        "--ServerApp.shutdown_no_activity_timeout=900", "--MappingKernelManager.cull_idle_timeout=900",
        "--MappingKernelManager.cull_interval=60", "--MappingKernelManager.cull_connected=True",
        f"--MappingKernelManager.kernel_info_timeout={SECONDS}",
    ]  # fmt: skip


def _environment(home: Path) -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    own = {
        "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython",
    }  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "JPY_"))}
    return {**kept, "PYTHONPATH": path, **{name: str(home / folder) for name, folder in own.items()}}


def _address(process: subprocess.Popen[bytes], runtime: Path, token: str, log: Path) -> str:
    """Where the server listens, once it answers."""
    info = runtime / f"jpserver-{process.pid}.json"
    while process.poll() is None:
        with suppress(OSError, ValueError, URLError):
            url = f"http://127.0.0.1:{json.loads(info.read_text(encoding='utf-8'))['port']}/"
            with urlopen(f"{url}api/status?token={token}", timeout=SECONDS) as answer:
                answer.read()
            return url
        time.sleep(0.05)
    raise RuntimeError(f"JupyterLab did not start (exit code {process.poll()}):\n{_tail(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM lets the server end its kernels, which have process groups of their own; they also end when it is gone."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _tail(log: Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


# The page


class Lab:
    """One page that shows JupyterLab.

    Attributes:
        dialogs: What ``alert``, ``confirm`` and ``prompt`` said; each was dismissed.
        outside: The addresses beyond this server that the page asked for; none was reached.
        errors: Exceptions and console errors of the page, without those that JupyterLab makes by itself.
    """

    def __init__(self, browser: Browser, server: Server, *, size: tuple[int, int] = (1400, 1000)) -> None:
        self.server = server
        self.dialogs: list[str] = []
        self.outside: list[str] = []
        self.errors: list[str] = []
        self.notebook: Notebook | None = None
        self._opened = 0
        self._context = context(
            browser, viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce", service_workers="block"
        )
        self._context.add_init_script(path=SCRIPT)
        self.page = self._context.new_page()
        self._watch(self.page)

    def __enter__(self) -> Self:
        self.boot()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):
            self.page.evaluate("seeknalLab.closeAll()")
        self._context.close()

    def boot(self) -> None:
        """Loads JupyterLab, which takes seconds; ``reset``, or it would open at its leisure what was open before."""
        self.page.goto(f"{self.server.url}lab?reset&token={self.server.token}")
        self.page.wait_for_function("window.seeknalLab && seeknalLab.booted()")

    def open(self, cells: Sequence[str], *, name: str = "notebook", kernel: bool = True) -> Notebook:
        """A new notebook in a folder of its own, with an idle kernel. What was open before is closed, and forgotten."""
        self._opened += 1
        folder = self.server.root / f"{self._opened:03}-{secrets.token_hex(3)}"
        folder.mkdir()
        written = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        written.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(written, folder / f"{name}.ipynb")
        return self.reopen(folder / f"{name}.ipynb")

    def reopen(self, file: Path) -> Notebook:
        """The notebook in a file under the server's root, with a new kernel."""
        self.page.evaluate("seeknalLab.closeAll()")
        for seen in (self.dialogs, self.outside, self.errors):
            seen.clear()
        path = file.relative_to(self.server.root).as_posix()
        self.page.evaluate("path => seeknalLab.open(path)", path)
        self.notebook = Notebook(self, file, path)
        self.notebook.connected()
        return self.notebook

    def theme(self, name: str) -> None:
        """``lab.DARK`` or ``lab.LIGHT``.

        JupyterLab shows one and the same splash meanwhile, and takes it away 200 ms after the theme is there. Were there
        another theme sooner, it would take it away twice: an exception of its own, at some time in a later test.
        """
        self.page.evaluate("name => seeknalLab.theme(name)", name)
        self.page.wait_for_function("name => seeknalLab.themed(name)", arg=name)

    def shot(self, name: str, part: Locator | None = None) -> Path:
        """Writes ``build/screenshots/<name>.png``: the page, or a part of it."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        (part or self.page).screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")
        return SCREENSHOTS / f"{name}.png"

    def report(self, name: str) -> str:
        """A picture, and what page and server said; for a test that failed."""
        file = self.shot(f"failed_{name}")
        said = {"dialogs": self.dialogs, "outside": self.outside, "errors": self.errors}
        return f"{file}\n{json.dumps(said, indent=1)}\n{_tail(self.server.log)}"

    def _watch(self, page: Page) -> None:
        def dialog(seen: Any) -> None:
            if seen.type != "beforeunload":
                self.dialogs.append(f"{seen.type}: {seen.message}")
            seen.dismiss() if seen.type != "beforeunload" else seen.accept()

        def request(seen: Any) -> None:
            if not seen.url.startswith((self.server.url, self.server.url.replace("http", "ws", 1), "data:", "blob:")):
                self.outside.append(seen.url)

        def console(seen: Any) -> None:
            if seen.type == "error" and OWN not in seen.text:
                self.errors.append(f"{seen.text} ({seen.location.get('url', '')})")

        page.on("dialog", dialog)
        page.on("request", request)
        page.on("console", console)
        page.on("pageerror", lambda seen: self.errors.append(seen.stack or str(seen)))  # the stack names whose error it is


class Notebook:
    """A notebook that is open in the page; ``folder`` is where its kernel works. Cells count from 0."""

    def __init__(self, lab: Lab, file: Path, path: str) -> None:
        self.lab, self.page, self.file, self.folder = lab, lab.page, file, file.parent
        self._path = path

    def _call(self, what: str, *args: object) -> Any:
        return self.page.evaluate(f"args => seeknalLab.{what}(...args)", [self._path, *args])

    def _until(self, what: str, *args: object) -> Any:
        """The first value that is true."""
        found = self.page.wait_for_function(f"args => seeknalLab.{what}(...args)", arg=[*args])
        return found.json_value()

    def connected(self) -> None:
        """Waits until its kernel is idle."""
        self._until("connected", self._path)

    # What a user does

    def start(self, i: int) -> None:
        """Runs a cell, and does not wait."""
        self._call("start", i)

    def wait(self, i: int, *, fails: bool = False) -> str:
        """What a started cell shows as text, once it is done. ``fails``: it must end in an error, else it must not."""
        try:
            run = self._until("finished", self._path, i)
        except TooLate:
            raise CellFailed(f"cell {i} still runs after {SECONDS:.0f} s (kernel: {self.status}):\n{self.text(i)}") from None
        failed = self.error(i) or run["error"]
        if failed and not fails:
            raise CellFailed(f"cell {i}: {failed}")
        if fails and not failed:
            raise CellFailed(f"cell {i} should have failed:\n{self.text(i)}")
        return self.text(i)

    def run(self, i: int, *, fails: bool = False) -> str:
        self.start(i)
        return self.wait(i, fails=fails)

    def append(self, source: str) -> int:
        """A new last cell; gives its number."""
        return self._call("append", source)

    def rewrite(self, i: int, source: str) -> None:
        self._call("setSource", i, source)

    def remove(self, i: int) -> None:
        """Takes a cell away, as another editor of the same notebook does."""
        self._call("remove", i)

    def interrupt(self) -> None:
        self._call("interrupt")

    def restart(self) -> None:
        self._call("restart")
        self.connected()

    def save(self) -> nbformat.NotebookNode:
        """The notebook as it now is on disk."""
        self._call("save")
        return nbformat.read(self.file, as_version=4)

    def reload(self) -> None:
        """The page anew, as by F5; the kernel lives on. What was not saved is lost."""
        self.lab.boot()
        self._call("open")
        self.connected()

    def reopen(self) -> Notebook:
        """The notebook as it lies on disk, with a new kernel."""
        return self.lab.reopen(self.file)

    # What is seen

    @property
    def status(self) -> str:
        """The kernel's: idle, busy, ..."""
        return self._call("status")

    def until(self, status: str) -> None:
        self.page.wait_for_function("([path, status]) => seeknalLab.status(path) === status", arg=[self._path, status])

    def evaluate(self, code: str) -> str:
        """What code of the test prints, or its value as text; it waits for its turn in the kernel, and leaves no trace."""
        self._call("evaluate", code)
        run = self._until("evaluated")
        if run["error"]:
            raise CellFailed(f"{code}: {run['error']}")
        return run["text"]

    def cell(self, i: int) -> Locator:
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook-cell").nth(i)

    def output(self, i: int) -> Locator:
        """Where the cell shows what it came to."""
        return self.cell(i).locator(".jp-Cell-outputArea")

    def outputs(self, i: int) -> list[dict[str, Any]]:
        """The outputs as the notebook's file would have them."""
        return self._call("outputs", i)

    def text(self, i: int) -> str:
        """All that the cell shows, as text."""
        shown = (o.get("text") or o.get("data", {}).get("text/plain", "") for o in self.outputs(i))
        return "\n".join("".join(part) for part in shown)

    def error(self, i: int) -> str:
        """The text of the cell's error, or nothing."""
        found = [o for o in self.outputs(i) if o["output_type"] == "error"]
        return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(found[0]["traceback"])) or found[0]["ename"] if found else ""

    # What happens meanwhile

    def record(self, i: int, selector: str, *, attribute: str = "class", key: str = "data-i") -> None:
        """From now on notes each change of an attribute in a cell's output, elements that come later included."""
        self.output(i).evaluate("(root, args) => seeknalLab.record(root, ...args)", [selector, attribute, key])

    def recorded(self) -> list[tuple[float, str, str]]:
        """Milliseconds, the element's key, and the attribute as it was then; in the order of events."""
        return [tuple(entry) for entry in self.page.evaluate("window.seeknalSeen")]
