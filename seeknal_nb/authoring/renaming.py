"""Rename a node: the lines of cells and files that name it, each as it will be, and its builds under the new name."""

from __future__ import annotations

import re
import stat
from codecs import BOM_UTF8 as BOM
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seeknal_nb.authoring.folder import parse_folder
from seeknal_nb.dag.rename import leaves, rename
from seeknal_nb.errors import ManifestError, UsageError
from seeknal_nb.markup import cut, plural, whole_word
from seeknal_nb.storage.files import write_atomic
from seeknal_nb.storage.text import read_text
from seeknal_nb.views.values import Rows
from seeknal_nb.workflow.takeover import take_over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seeknal_nb.dag.manifest import Manifest, Node
    from seeknal_nb.dag.rename import Renaming
    from seeknal_nb.workflow.runner import DAGRunner

__all__ = ["rename_node"]

COLUMNS = ("where", "line", "now", "becomes")
_DEF = re.compile(r"\s*(?:async\s+)?def\s")
_OURS = re.compile(r"^[^#\n]*%seeknal\b|^%%seeknal\b", re.MULTILINE)


@dataclass(slots=True)
class Text:
    """A cell or a file.

    Attributes:
        name: What the reader calls it.
        lines: As they stand there.
        path: The file; None for a cell.
        before: The file's bytes.
        edits: The lines that become others, by their index.
    """

    name: str
    lines: list[str]
    path: Path | None = None
    before: bytes = b""
    edits: dict[int, str] = field(default_factory=dict)

    def line(self, number: int) -> str:
        """A line, as it is edited so far."""
        return self.edits.get(number, self.lines[number])

    def edit(self, old: str, new: str, start: int, end: int) -> bool:
        """Write ``new`` where ``old`` stands first within these lines; gives whether it was found, once in its line."""
        before, after = (r"(?<!\w)" if old[:1].isalnum() else "", r"(?!\w)" if old[-1:].isalnum() else "")
        wanted = re.compile(before + re.escape(old) + after)
        for number in range(start, end):
            line, found = self.line(number), list(wanted.finditer(self.line(number)))
            if len(found) == 1:
                self.edits[number] = line[: found[0].start()] + new + line[found[0].end() :]
            if found:
                return len(found) == 1
        return False

    def is_python(self, start: int) -> bool:
        """Whether what begins in that line is Python, rather than YAML or a line of ours."""
        return self.path.suffix == ".py" if self.path is not None else not _OURS.search("".join(self.lines[: start + 1]))

    def edited(self) -> str:
        """All of it, as it becomes."""
        return "".join(map(self.line, range(len(self.lines))))


def rename_node(
    runner: DAGRunner, old: str, new: str, *, cell_of: Callable[[str], str | None], write: bool = False
) -> tuple[Rows, Renaming]:
    """The lines that name the node ``old``, each as it is to be, and what the pipeline becomes.

    The builds of the node, and of what follows from it, count under the new name.

    Nothing is executed, and without ``write`` no line is changed: who edits them and runs the cells finds all up to date.

    Args:
        runner: Of the pipeline as it is.
        old: Its id or bare name.
        new: Its new bare name.
        cell_of: Gives the text of the cell that defines a node, where one does.
        write: Edit the project's files.

    Raises:
        SelectionError: There is no such node, or the new name is not free.
        UsageError: It is to be written, and a line stands in no file, or cannot be found.
        ManifestError: The edited files would not say what they should; they are left as they were.
        LockedError: A run goes on.
    """
    found = rename(runner.manifest, old, new, kinds=runner.kinds, params=runner.around.params)
    texts = _Texts(runner.manifest, runner.root, cell_of)
    for node_id, after in found.nodes.items():
        texts.edit(runner.manifest.nodes[node_id], after)
    by_hand = (found.old if node_id == found.new else node_id for node_id in found.unsure)
    texts.lost += [(node_id, f"what it says of {found.old}", "to be changed by hand") for node_id in by_hand]
    if write:
        texts.check_files()
        with _restored(texts):
            became = take_over(runner, found, before=lambda: _write(runner, found, texts))
    else:
        became = take_over(runner, found)
    title = _title(found, became, texts, "edited" if write else "to edit")
    return Rows(title, COLUMNS, tuple(texts.rows())), found


def _title(found: Renaming, became: dict[str, str], texts: _Texts, done: str) -> str:
    kept = [node_id for node_id, why in became.items() if not why]
    told = [f"{found.old} becomes {found.new}: {plural(sum(1 for _ in texts.rows()), 'line')} {done}"]
    told += [f"up to date under its new key: {', '.join(kept)}"] if kept else []
    told += [f"will run: {', '.join(f'{i} ({why})' for i, why in became.items() if why)}"] if any(became.values()) else []
    return cut("; ".join(told), 2000)


class _Texts:
    """Where the nodes of a manifest are written: in cells, or in files below a folder."""

    def __init__(self, manifest: Manifest, root: Path, cell_of: Callable[[str], str | None]) -> None:
        self._root, self._cell_of = root, cell_of
        self.texts: dict[str, Text] = {}
        self.lost: list[tuple[str, str, str]] = []
        places = (node.place for node in manifest.nodes.values() if node.place is not None)
        self._starts = sorted((place.file, place.line or 1) for place in places)

    def edit(self, before: Node, after: Node) -> None:
        """Note the lines of a node that become others; what cannot be found is ``lost``."""
        for key, old, new in _changes(before, after):
            text, start, end = self._place(before, key)
            first = self._line_of(text, key, start, end) if text is not None else start
            if text is None or not any(
                text.edit(*pair, at, end) for pair in _spellings(old, new) for at in dict.fromkeys((first, start))
            ):
                self.lost.append((before.id, old, new))
        if before.name != after.name:
            self._edit_name(before, after)

    def _edit_name(self, before: Node, after: Node) -> None:
        """The node's own name: a word of a cell's line or of YAML; in Python, a text, unless it is the function's."""
        text, start, end = self._place(before, "name")
        of_function = before.config.get("python") != after.config.get("python")
        if text is None:
            done = False
        elif text.is_python(start):
            end = next((number for number in range(start, end) if _DEF.match(text.lines[number])), end)
            found = [text.edit(f"{sign}{before.name}{sign}", f"{sign}{after.name}{sign}", start, end) for sign in "\"'"]
            done = any(found) or of_function
        else:
            done = text.edit(before.name, after.name, self._line_of(text, "name", start, end), end)
        if not done:
            self.lost.append((before.id, before.name, after.name))

    def _place(self, node: Node, key: str) -> tuple[Text | None, int, int]:
        """The text that holds a key of the node, and the lines from which and up to which the node goes."""
        cell = self._cell_of(node.id)
        if cell is not None:
            name = f"cell {cut(' '.join(cell.split()), 50)}"
            text = self.texts.setdefault(cell, Text(name, cell.splitlines(keepends=True)))
            return text, _defined(text, node), len(text.lines)
        written = node.written
        if written is None:
            return None, 0, 0
        if written.sql_file and key == "sql":
            text = self._file(written.sql_file)
            return text, 0, len(text.lines)
        text, start = self._file(written.place.file), written.place.line or 1
        later = [line for file, line in self._starts if file == written.place.file and line > start]
        return text, start - 1, later[0] - 1 if later else len(text.lines)

    def _file(self, name: str) -> Text:
        path = self._root / name
        lines = read_text(path, root=self._root).splitlines(keepends=True)
        return self.texts.setdefault(name, Text(name, lines, path, path.read_bytes()))

    def _line_of(self, text: Text, key: str, start: int, end: int) -> int:
        """Where to look first: at the key itself, where its name stands there."""
        word = re.compile(rf"^[\s-]*{re.escape(key)}\s*[:=]|--{re.escape(key)}\b")
        return next((number for number in range(start, end) if word.search(text.line(number))), start)

    def rows(self) -> Iterator[tuple[str, int | None, str, str]]:
        """Each line that becomes another, in the order of the texts; then what could not be found."""
        for text in self.texts.values():
            for number in sorted(text.edits):
                yield text.name, number + 1, text.lines[number].strip(), text.edits[number].strip()
        for node_id, old, new in self.lost:
            yield f"{node_id}, wherever it is written", None, old, new

    def check_files(self) -> None:
        """Refuse to write where a line stands in no file."""
        cells = [text.name for text in self.texts.values() if text.path is None and text.edits]
        lost = [node_id for node_id, _, _ in self.lost]
        if cells or lost:
            why = f"in no file, or not to be found there, is what {', '.join(dict.fromkeys([*cells, *lost]))} says of it"
            raise UsageError("cannot be written", why=why, remedy="leave --write out, and edit the lines that are listed")


def _changes(before: Node, after: Node) -> Iterator[tuple[str, str, str]]:
    """The pieces of a node's text that become others: the key they belong to, and a line, old and new."""
    new = dict(leaves(after.config))
    for path, old in leaves(before.config):
        lines = zip(old.splitlines(), new[path].splitlines(), strict=True)
        yield from ((str(path[0]), one.strip(), other.strip()) for one, other in lines if one != other)


def _spellings(old: str, new: str) -> Iterator[tuple[str, str]]:
    """A line as it may be written: a function's name in the file may be another than its node's."""
    yield old, new
    if _DEF.match(old) and old.partition("(")[0] == new.partition("(")[0]:
        yield old[old.index("(") :], new[new.index("(") :]


def _defined(text: Text, node: Node) -> int:
    """The line of a cell in which the definition of a node begins, as far as its name tells."""
    word = whole_word(node.name)
    return next((number for number, line in enumerate(text.lines) if word.search(line)), 0)


def _write(runner: DAGRunner, found: Renaming, texts: _Texts) -> None:
    """Write the files, and see that they say what they should."""
    for text in texts.texts.values():
        if text.path is not None and text.edits:
            _replace(text.path, BOM * text.before.startswith(BOM) + text.edited().encode())
    manifest = parse_folder(runner.root, kinds=runner.kinds, params=runner.around.params)
    of_files = {node_id: node for node_id, node in found.manifest.nodes.items() if node.file_path}
    for node_id in {**of_files, **manifest.nodes}:
        reads = manifest.get_upstream_nodes(node_id) != found.manifest.get_upstream_nodes(node_id)
        if reads or manifest.nodes.get(node_id) != of_files.get(node_id):
            why = f"{node_id} would be another node"
            raise ManifestError("the files cannot be edited by a program", why=why, remedy="edit the lines that are listed")


@contextmanager
def _restored(texts: _Texts) -> Iterator[None]:
    """Leave the files as they were where something goes wrong."""
    try:
        yield
    except BaseException:
        for text in texts.texts.values():
            if text.path is not None and text.edits:
                _replace(text.path, text.before)
        raise


def _replace(path: Path, data: bytes) -> None:
    """Write a file that is somebody's own: where a link leads, and with the rights that it has."""
    real = path.resolve()
    mode = real.stat().st_mode
    write_atomic(real, data)
    real.chmod(stat.S_IMODE(mode))
