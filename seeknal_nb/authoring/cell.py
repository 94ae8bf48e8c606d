"""One node in a notebook: a kind, a name and options on the line, a body below. Options are what the kind declares."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.config import COMMON, Key, walked
from seeknal_nb.declaration import Declaration, declaration_of
from seeknal_nb.errors import UsageError, near
from seeknal_nb.grammar import Grammar, params_of
from seeknal_nb.markup import article
from seeknal_nb.words import COMMANDS_ELSEWHERE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Definition", "body_language", "check_kind", "define", "definition_grammar"]


@dataclass(frozen=True, slots=True)
class Definition:
    """A node as a cell gives it: what ``Project.node`` takes, and whether to run it at once."""

    kind: str
    name: str
    config: dict[str, Any]
    run: bool = False


def define(kind: str, words: Sequence[str], body: str, kinds: Mapping[str, Any] | None = None) -> Definition:
    """A node from the words after its kind and the body of its cell; ``kinds`` are the caller's own by name.

    Raises:
        UsageError: The words cannot be understood.
        Help: They ask for it.
    """
    declared = declaration_of(kind, kinds)
    options = vars(_grammar(declared).parse_args(list(words)))
    config = _config(declared, options)
    if body.strip():
        language = options["lang"] or _language(declared, config, body)
        if language == "yaml":
            remedy = _as_yaml(declared, {"kind": kind, "name": options["name"], **config}, body)
            raise UsageError("a YAML body names kind and name itself", remedy=remedy)
        config["python" if language == "python" else "sql"] = body.strip("\n")
    return Definition(kind, options["name"], config, options["run"])


def _as_yaml(declared: Declaration, config: Mapping[str, Any], body: str) -> str:
    """How to write it all as YAML; a list of checks stands below its key."""
    keys = [f"{key}: {json.dumps(value, default=str)}" for key, value in config.items()]
    keys += ["checks: above the list"] if declared.conditions and body.lstrip().startswith("- ") else []
    return f"write %%seeknal alone on the first line, then, each in a line, {', '.join(keys)}"


def definition_grammar(kind: str, kinds: Mapping[str, Any] | None = None) -> Grammar:
    """The parser of one kind's line."""
    return _grammar(declaration_of(kind, kinds))


def _grammar(declared: Declaration) -> Grammar:
    says = f"{declared.says}." if declared.says else ""
    text = f"Define {article(declared.name)}; its body is SQL or Python. {says}".strip()
    parser = Grammar(prog=f"%%seeknal {declared.name}", description=text)
    add = parser.add_argument
    add("name", metavar="NAME", help="letters, digits and _")
    for path, key in _spelled(declared):
        _add(parser, ".".join(path), key)
    for key in declared.line:
        _add(parser, f"line {key.name}", key)
    if declared.open:
        add("--param", dest="open", action="extend", nargs="+", metavar="K=V", help="its other keys")
    add("--lang", choices=("sql", "python", "yaml"), help="the body's language (default: detected)")
    add("--run", action="store_true", help="run it at once, and show its first rows")
    return parser


def _spelled(declared: Declaration) -> Iterator[tuple[tuple[str, ...], Key]]:
    """The keys that a line can spell, each once, with their paths in the config."""
    found = {path: key for path, key in walked((*COMMON, *declared.keys)) if key.option is not None}
    return iter(found.items())


def _add(parser: argparse.ArgumentParser, dest: str, key: Key) -> None:
    if key.option is None:
        return
    said = {"help": key.says, **key.option.told}
    if key.option.flags:
        parser.add_argument(*key.option.flags, dest=dest, default=None, **said)
    else:
        parser.add_argument(dest, **said)


def _config(declared: Declaration, options: Mapping[str, Any]) -> dict[str, Any]:
    """The config that the options stand for."""
    config: dict[str, Any] = {}
    for path, key in _spelled(declared):
        value = options[".".join(path)]
        if value is not None:
            _put(config, path, key.option.becomes(value) if key.option and key.option.becomes else value)
    given = {name.rpartition(" ")[2].rpartition(".")[2]: value for name, value in options.items()}
    return _merged(config, {**params_of(options.get("open") or ()), **declared.of_line(given)})


def _put(config: dict[str, Any], path: Sequence[str], value: Any) -> None:
    *above, last = path
    for name in above:
        config = config.setdefault(name, {})
    config[last] = value


def _merged(config: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Both, mappings in both put together; what an option says of its own counts more than ``more``."""
    for name, value in more.items():
        own = config.get(name)
        if isinstance(own, dict) and isinstance(value, dict):
            config[name] = {**value, **own}
        elif own is None:
            config[name] = value
    return config


def _language(declared: Declaration, config: Mapping[str, Any], body: str) -> str:
    condition = declared.conditions and config.get("on") and is_expression(body)
    return "sql" if condition else body_language(body)


def check_kind(kind: str, kinds: Sequence[str], commands: Sequence[str]) -> None:
    """Refuse a first word that is neither a kind nor a command."""
    if kind not in kinds and kind not in commands:
        remedy = COMMANDS_ELSEWHERE.get(kind) or near(kind, [*commands, *kinds], what="command")
        raise UsageError(f"unknown command or kind {kind!r}", remedy=remedy)


def body_language(text: str) -> str:
    """``yaml``, ``python`` or ``sql``; the first that fits, in this order."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "--"))]
    first = lines[0].split("#")[0] if lines else ""
    if first.replace(" ", "").startswith("kind:") or first.strip() == "---":
        return "yaml"
    word = (_FIRST_WORD.match(first.strip()) or [""])[0].casefold()
    if _YAML.fullmatch(first.strip()) and word not in _PYTHON_WORDS:
        return "yaml"
    if word in ("select", "values"):
        return "sql"
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return "python" if word in _PYTHON_WORDS else "sql"
    return "python"


def is_expression(text: str) -> bool:
    """Whether the text is one expression, which SQL and Python may write alike: ``y > 3``."""
    try:
        ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


_YAML = re.compile(r"- +\w+:.*|\w+:|\w+: +(?:\[[^=]*\]|\{[^=]*\})")
"""A first line of neither SQL nor Python: ``checks:``, ``not_null: [id]``, ``- unique: [id]``."""
_FIRST_WORD = re.compile(r"[%!@]|\w+")
_PYTHON_WORDS = frozenset({"def", "import", "class", "return", "for", "if", "try", "async", "%", "!", "@"})
"""A body that begins so is Python with a mistake in it, and its error should say so."""
