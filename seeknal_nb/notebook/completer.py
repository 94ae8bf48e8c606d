"""Completion of ``%seeknal`` lines, which follows the grammar by itself, and of node names in a cell's body.

It looks at the project where there is one and never makes one; it runs nothing, and knows no command by its name.
"""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.completer import SimpleCompletion, context_matcher

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.pipeline import Pipeline

__all__ = ["Completer"]

_CELL = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*%%seeknal(?:[ \t](?P<line>[^\n]*))?(?P<body>\n.*)?", re.DOTALL)
_LINE = re.compile(r"\s*(?:[^%=#]+=\s*)?%seeknal[ \t](?P<line>.*)")
_WORD = re.compile(r"""(?:[^ \t\r\n'"\\]|\\(?:.|\Z)|'[^']*(?:'|\Z)|"(?:[^"\\]|\\.)*\\?(?:"|\Z))+""")
_WRITTEN = re.compile(r"""(?P<option>--[\w-]+=)?(?P<quote>['"]?)(?P<value>[^'"\\]*)""")
_REF = re.compile(r"""\bref\(\s*['"](?P<piece>[\w.]*)\Z""")
_TABLE = re.compile(r"""(?<![\w.'"])(?P<kind>[A-Za-z]\w*)\.(?P<piece>\w*)\Z""")


class _Known:
    """What there is to name; each method gives what may begin with ``piece``, in an order that a reader expects."""

    def __init__(self, project: Pipeline | None, namespace: Mapping[str, object], folder: str) -> None:
        self.nodes: list[Node] = [] if project is None else list(project.manifest.nodes.values())
        self._namespace, self._folder = namespace, Path(folder)

    def names(self, _piece: str) -> list[str]:
        """Bare names that mean one node, then ids."""
        count = Counter(node.name for node in self.nodes)
        return [*(name for name in count if count[name] == 1), *(node.id for node in self.nodes)]

    def selectors(self, piece: str) -> list[str]:
        """Names and methods; after a method its values, where the nodes tell them."""
        from seeknal_nb.dag.select import METHODS  # noqa: PLC0415 - loading the extension stays quick

        method, colon, _ = piece.partition(":")
        if not colon:
            return [*self.names(piece), *(f"{name}:" for name in METHODS)]
        values = {"tag": self.tags(piece), "type": self.types(piece), "path": self._paths()}.get(method, [])
        return [f"{method}:{value}" for value in values]

    def tags(self, _piece: str) -> list[str]:
        """Tags that a node has."""
        return list(dict.fromkeys(tag for node in self.nodes for tag in node.tags))

    def types(self, _piece: str) -> list[str]:
        """Types that a node has."""
        return list(dict.fromkeys(str(node.node_type) for node in self.nodes))

    def frames(self, _piece: str) -> list[str]:
        """Variables that hold a table; their class is asked, for an object may answer by running code."""
        variables = list(self._namespace.items())
        return [name for name, value in variables if name[0] != "_" and hasattr(type(value), "__arrow_c_stream__")]

    def files(self, piece: str) -> list[str]:
        """What lies in the folder that the piece names, which is relative to the project's."""
        folder, slash, name = piece.rpartition("/")
        try:
            with os.scandir(self._folder / f"{folder}{slash}") as entries:
                found = sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries)
        except (OSError, ValueError):  # there is no such folder, or none can be called so
            return []
        return [f"{folder}{slash}{entry}" for entry in found if name or not entry.startswith(".")]

    def _paths(self) -> list[str]:
        return list(dict.fromkeys(node.file_path for node in self.nodes if node.file_path))


@dataclass(frozen=True, slots=True)
class _Value:
    """A row: what the values are, where the one that is written begins, and which there are."""

    type: str
    before: re.Pattern[str]
    choices: Callable[[_Known, str], Iterable[str]]


_WHOLE, _LISTED, _TERM = re.compile(""), re.compile(r"(?:.*,)?"), re.compile(r"(?:.*[, ])?(?:@|\d*\+)?")
_SELECTED, _NODES = _Value("node", _TERM, _Known.selectors), _Value("node", _LISTED, _Known.names)
_NODE, _FILE = _Value("node", _WHOLE, _Known.names), _Value("path", _WHOLE, _Known.files)
_TAGS, _TYPES = _Value("tag", _LISTED, _Known.tags), _Value("type", _LISTED, _Known.types)
_VALUES: Mapping[str, _Value] = {
    "--nodes": _SELECTED,
    "--exclude": _SELECTED,
    "selectors": _SELECTED,
    "--inputs": _NODES,
    "nodes": _NODES,
    "node": _NODE,
    "--on": _NODE,
    "--tags": _TAGS,
    "--exclude-tags": _TAGS,
    "--types": _TYPES,
    "--input": _Value("variable", _WHOLE, _Known.frames),
    "FILE": _FILE,
    "MANIFEST": _FILE,
}
"""By an option, by the name of a positional, or else by what help calls the value. ``choices`` need no row."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What may take the place of ``piece``, which ends at the cursor."""

    piece: str
    choices: Sequence[str] = ()
    type: str = "value"


class Completer:
    """Completes in one shell.

    Args:
        shell: Has the notebook's variables.
        project: Gives the project, where one has been made.
        folder: Gives the folder where relative paths start.
    """

    def __init__(self, shell: InteractiveShell, project: Callable[[], Pipeline | None], folder: Callable[[], str]) -> None:
        self._shell, self._project, self._folder = shell, project, folder

    @context_matcher(identifier="seeknal_nb")  # type: ignore[untyped-decorator]
    def matcher(self, context: CompletionContext) -> SimpleMatcherResult:
        """What fits at the cursor; nothing outside of our lines and cells, so that other matchers answer there."""
        lines = context.full_text.split("\n")[: context.cursor_line]
        found = self._find("\n".join([*lines, context.text_until_cursor]), context.full_text)
        if found is None:
            return {"completions": [], "suppress": False}
        completions = [SimpleCompletion(text, type=found.type) for text in found.choices]
        return {"completions": completions, "matched_fragment": found.piece, "suppress": True, "ordered": True}

    def _find(self, before: str, text: str) -> _Found | None:
        cell = _CELL.fullmatch(before)
        if cell and cell["body"] is not None:
            return self._in_body(cell["line"] or "", cell["body"], text[len(before) :])
        line = cell or _LINE.fullmatch(before.replace("\\\n", "  ").rpartition("\n")[2])
        if line is None or line["line"] is None:
            return None
        words, written = _split(line["line"])
        found = self._in_line(words, written, cell=cell is not None)
        # IPython asks Jedi, which would offer Python, wherever we have nothing; so the word then stands for itself.
        return found if found.choices else _Found(written, [written])

    def _in_line(self, words: Sequence[str], written: str, *, cell: bool) -> _Found:
        if not words or words == ["help"]:
            return _Found(written, _fitting(self._first_words(cell=cell), written), "command")
        actions, match = self._actions(words[0]), _WRITTEN.fullmatch(written)
        if written.startswith("-") and "=" not in written:
            return _Found(written, _fitting((o for action in actions for o in action.option_strings), written), "option")
        option = [match["option"][:-1]] if match and match["option"] else []
        action = _expected(actions, [*words[1:], *option])
        return self._values(action, match["value"], match["quote"]) if action and match else _Found(written)

    def _values(self, action: argparse.Action, value: str, quote: str) -> _Found:
        name = action.option_strings[0] if action.option_strings else action.dest
        of_grammar = _Value("value", _WHOLE, lambda *_: action.choices or ())
        row = _VALUES.get(name) or _VALUES.get(str(action.metavar)) or of_grammar
        piece = row.before.sub("", value, count=1)
        choices = _fitting(row.choices(self._known, piece), piece)
        return _Found(piece, [text for choice in choices if (text := _spelled(choice, quote))], row.type)

    def _in_body(self, line: str, body: str, after: str) -> _Found | None:
        reference, table = _REF.search(body), _TABLE.search(body)
        if reference:
            piece = reference["piece"]
            ids = [node.id for node in self._known.nodes if node.id.startswith(piece) or node.name.startswith(piece)]
            return _Found(piece, ids, "node") if ids else None
        if table is None or _is_python(line, f"{body}_{after}"):
            return None
        of_kind = (node.name for node in self._known.nodes if node.node_type == table["kind"].casefold())
        names = _fitting(of_kind, table["piece"])
        return _Found(table["piece"], names, "node") if names else None

    def _first_words(self, *, cell: bool) -> list[str]:
        """A cell's body is a node's, so above one only kinds may stand."""
        from seeknal_nb.commands import with_installed  # noqa: PLC0415 - loading the extension stays quick
        from seeknal_nb.notebook.commands import NOTEBOOK_COMMANDS  # noqa: PLC0415

        return self._kinds if cell else [*with_installed(NOTEBOOK_COMMANDS), *self._kinds, "help"]

    def _actions(self, word: str) -> list[argparse.Action]:
        """The options and positionals of a command or a kind; only ``-h`` where there is no such."""
        from seeknal_nb.authoring.cell import definition_grammar  # noqa: PLC0415
        from seeknal_nb.commands import with_installed  # noqa: PLC0415 - loading the extension stays quick
        from seeknal_nb.grammar import Grammar  # noqa: PLC0415
        from seeknal_nb.notebook.commands import NOTEBOOK_COMMANDS  # noqa: PLC0415

        project = self._project()
        kinds = {} if project is None else project.kinds
        parser = definition_grammar(word, kinds) if word in self._kinds else Grammar(prog=word)
        commands = with_installed(NOTEBOOK_COMMANDS)
        if word in commands:
            commands[word].arguments(parser)
        return parser._actions  # noqa: SLF001 - argparse has no other list of them; argcomplete and shtab read it too

    @property
    def _kinds(self) -> list[str]:
        from seeknal_nb.kinds import kind_names  # noqa: PLC0415 - loading the extension stays quick

        project = self._project()
        return kind_names({}) if project is None else project.known_kinds()

    @property
    def _known(self) -> _Known:
        return _Known(self._project(), self._shell.user_ns, self._folder())


def _split(line: str) -> tuple[list[str], str]:
    """The words before the cursor, without their quotes, and the one that ends there as it stands, maybe empty."""
    matches = list(_WORD.finditer(line))
    written = matches.pop()[0] if matches and matches[-1].end() == len(line) else ""
    return [shlex.split(match[0])[0] for match in matches], written


def _expected(actions: Sequence[argparse.Action], words: Iterable[str]) -> argparse.Action | None:
    """The option or positional that the next word is a value of, as argparse would take it; None where there is none."""
    options = {option: action for action in actions for option in action.option_strings}
    places = [action for action in actions if not action.option_strings]
    waiting: argparse.Action | None = None
    for word in words:
        if word.startswith("--") or word in options:
            waiting = options.get(word)
            waiting = None if waiting is None or waiting.nargs == 0 else waiting
        elif waiting is not None:
            waiting = waiting if waiting.nargs in ("+", "*") else None
        elif places and places[0].nargs not in ("+", "*"):
            places.pop(0)
    return waiting or next(iter(places), None)


def _fitting(choices: Iterable[str], piece: str) -> list[str]:
    return [choice for choice in choices if choice.startswith(piece)]


def _spelled(choice: str, quote: str) -> str:
    """The choice as a shell writes it; empty where the quote that is open cannot hold it."""
    if not quote:
        return shlex.quote(choice)
    return "" if quote in choice or "\\" in choice else choice


def _is_python(line: str, body: str) -> bool:
    """Whether the names in a body are Python's, where ``source.x`` is an attribute."""
    from seeknal_nb.authoring.cell import body_language  # noqa: PLC0415 - loading the extension stays quick

    told = re.search(r"--lang[ =](\w+)", line)
    return bool(line.strip()) and (told[1] if told else body_language(body.strip("\n"))) == "python"
