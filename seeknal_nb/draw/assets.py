"""What a browser is sent beside the data: the modules of ``web/`` as one, and the style sheet; knows no picture.

The modules are the browser's own (ESM), so that Node and editors read them as they are. They import each other by name
alone, and no name stands in two of them: what is joined is their texts without the imports, the word ``export``, and the
comments, a quarter of all. What else a module could say of imports and exports is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seeknal_nb.dag.order import adjacency, find_cycle, kahn
from seeknal_nb.status import LOOKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from seeknal_nb.status import Colours

__all__ = ["join", "script", "style"]

WEB: Final = Path(__file__).parent / "web"

_COMMENTS: Final = re.compile(r"^[ \t]*(?://.*|/\*\*(?:.|\n)*?\*/)\n", re.MULTILINE)
_IMPORT: Final = re.compile(r'import \{ ([\w$]+(?:, [\w$]+)*) \} from "\./([\w-]+)\.js";')
_DECLARED: Final = re.compile(r"(?:const|let) (?:([\w$]+) =|\[([\w$, ]+)\] =)|(?:class|function\*?) ([\w$]+)\b")
_DEFAULT: Final = re.compile(r"export default \{ [\w$]+(?:, [\w$]+)* \};")
_WORD: Final = re.compile(r"\b(?:import|export)\b")


@dataclass(frozen=True, slots=True)
class _Module:
    """A module's text, and what it says in it: the imported names by module, its own names, those that it gives away."""

    text: str
    imports: Mapping[str, tuple[str, ...]]
    names: tuple[str, ...]
    exports: frozenset[str]


def script(entry: str) -> str:
    """One module out of that of ``web/`` which is called so and of all that it needs."""
    return join({file.stem: file.read_text(encoding="utf-8") for file in sorted(WEB.glob("*.js"))}, entry)


def style() -> str:
    """The style sheet, with the colours of the looks as tokens: ``--sk-failed-fill``, and so on."""
    return "\n".join([*_tokens(), (WEB / "graph.css").read_text(encoding="utf-8")])


def join(texts: Mapping[str, str], entry: str) -> str:
    """Modules as one: those that ``entry`` needs, each after what it imports, and ``entry`` at the end.

    Args:
        texts: The text of each module, by the name of its file without ``.js``.
        entry: The name of the one that is wanted; it alone may have a default export, which stays.

    Raises:
        ValueError: They import each other in a circle, import what is not exported, share a name, or hold an import or an
            export of another form.
    """
    modules = _needed(texts, entry)
    _check(modules, entry)
    parents, children, _ = adjacency(
        {name: number for number, name in enumerate(modules)},
        ((needed, name) for name, module in modules.items() for needed in module.imports),
    )
    names = list(modules)
    if cycle := find_cycle(parents, children):
        raise ValueError(f"modules import each other: {' -> '.join(names[number] for number in cycle)}")
    return "\n".join(modules[names[number]].text for number in kahn(parents, children))


def _needed(texts: Mapping[str, str], entry: str) -> dict[str, _Module]:
    modules: dict[str, _Module] = {}
    names = [entry]
    for name in names:  # grows while it is read
        if name not in texts:
            raise ValueError(f"there is no module {name}.js")
        if name not in modules:
            modules[name] = _parsed(name, texts[name])
            names += modules[name].imports
    return dict(sorted(modules.items()))


def _parsed(name: str, text: str) -> _Module:
    imports: dict[str, tuple[str, ...]] = {}
    names, exports, kept = list[str](), set[str](), list[str]()
    for line in _COMMENTS.sub("", text).split("\n"):
        if found := _IMPORT.fullmatch(line):
            imports[found[2]] = (*imports.get(found[2], ()), *found[1].split(", "))
            continue
        code = line.removeprefix("export ")
        declared = _declared(code)
        names += declared
        exports.update(declared if code != line else ())
        if _WORD.search(code if declared else line) and not _DEFAULT.fullmatch(line):
            raise ValueError(f"{name}.js has an import or an export that cannot be joined: {line}")
        kept.append(code if declared else line)
    return _Module("\n".join(kept).strip("\n") + "\n", imports, tuple(names), frozenset(exports))


def _declared(line: str) -> list[str]:
    """The names that a line at the top of a module declares."""
    found = _DECLARED.match(line)
    return (found[1] or found[2] or found[3]).split(", ") if found else []


def _check(modules: Mapping[str, _Module], entry: str) -> None:
    for name, module in modules.items():
        if name != entry and re.search(r"^export default", module.text, re.MULTILINE):
            raise ValueError(f"{name}.js is imported and has a default export")
        for other, wanted in module.imports.items():
            if missing := set(wanted) - modules[other].exports:
                raise ValueError(f"{name}.js imports {', '.join(sorted(missing))}, which {other}.js does not export")
    if shared := _repeated(name for module in modules.values() for name in module.names):
        raise ValueError(f"declared more than once: {', '.join(shared)}")


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _tokens() -> Iterator[str]:
    """The colours of each look, in both themes; within an element of its class they are ``--sk-fill``, and so on."""
    yield f".sk-root {{ {' '.join(_theme(name, look.light) for name, look in LOOKS.items())} }}"
    yield f'.sk-root[data-dark="1"] {{ {" ".join(_theme(name, look.dark) for name, look in LOOKS.items())} }}'
    for name in LOOKS:
        parts = " ".join(f"--sk-{part}: var(--sk-{name}-{part});" for part in ("fill", "edge", "sign", "tint"))
        yield f".sk-{name} {{ {parts} }}"


def _theme(name: str, colours: Colours) -> str:
    parts = {"fill": colours.fill, "edge": colours.edge, "sign": colours.sign, "tint": f"{colours.tint}%"}
    return " ".join(f"--sk-{name}-{part}: {value};" for part, value in parts.items())
