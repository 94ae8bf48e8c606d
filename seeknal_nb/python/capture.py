"""What a Python body takes from the notebook besides its inputs, and one text for all of it; knows no node, no run."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from seeknal_nb.errors import ManifestError, near
from seeknal_nb.python.body import BUILTINS, Body
from seeknal_nb.python.copies import copies
from seeknal_nb.python.telling import Text, by_module, unknown, without_marks, without_packaged
from seeknal_nb.python.texts import SUBCLASSES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["Captured", "captured"]

_LABEL = re.compile(r"<(function|class) (.+?) \d+>")
_PACKAGE = re.compile(r"\bmodule (\S+) (python [\d.]+|[^\s,()]+)")
PAST = "it reads more than its names say, by {}: when that changes, nobody can tell that it has to run"


@dataclasses.dataclass(frozen=True, slots=True)
class Captured:
    """What a body takes from the notebook, as it was when it was taken: what a cell does later changes nothing of it.

    Attributes:
        values: By name, what to put into the body's namespace.
        digest_text: A text that changes when anything of it does, and is the same in every process of one Python.
        proof: The same without what packages keep in objects of theirs, which they may fill as they are used.
        warnings: What the text cannot tell.
        modules: The user's own modules that it reads, and those that they import, by name.
    """

    values: Mapping[str, object] = dataclasses.field(default_factory=dict)
    digest_text: str = ""
    proof: str = ""
    warnings: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()

    def parts(self) -> list[tuple[str, str]]:
        """The text's entries, each with its name: a value that it takes, or a function, class or module by its label.

        Labels have no numbers here, which differ with what else is told; of several of one name the others are numbered.
        """
        found: dict[str, str] = {}
        told = _LABEL.sub(r"<\1 \2>", without_marks(self.digest_text))
        for entry in re.split(r"\n(?=\S)", told) if told else ():
            first, _, rest = entry.partition("\n")
            name, equals, value = first.partition(" = ")
            label, text = (name, value) if equals and not rest else (first, rest)
            same = sum(one == label or one.startswith(f"{label} (") for one in found)
            found[f"{label} ({same + 1})" if same else label] = text
        return list(found.items())

    def packages(self) -> dict[str, str]:
        """The versions of the packages that it reads, by name."""
        return dict(_PACKAGE.findall(without_marks(self.digest_text)))

    def fresh(self) -> dict[str, object]:
        """The values for one execution, which may change them as it likes; what remembers results has forgotten them."""
        return copies(self.values)


def captured(body: Body, namespace: Mapping[str, object], *, inputs: Collection[str]) -> Captured:
    """Take what the body reads from the notebook's ``namespace``; names in ``inputs`` are given to it otherwise.

    Modules, functions, classes and plain values are taken, and the files of the user's own modules
    are read. Raises ManifestError for any other object, also one that a helper reads, for a name that is nowhere, and
    for a module whose file changed after it was imported. A name in ``body.perhaps`` that cannot be taken is left out.
    """
    found: dict[str, object] = {}
    for name in sorted(set(body.reads).difference(inputs)):
        if name in namespace and not (name in body.perhaps and _is_refused(name, namespace[name])):
            found[name] = namespace[name]
        elif name not in body.perhaps:
            raise _undefined(name, [*namespace, *inputs])
    # The text is of the copies: what was told is what runs, whatever a cell changes meanwhile.
    text = Text()
    try:
        values = copies(found)
        lines = [*map(text.module, by_module(body.imports)), *(text.named(name, values[name]) for name in values)]
    except RecursionError:
        raise ManifestError("what the body reads is nested too deeply", remedy="keep it in a file, or a table") from None
    if "globals()" in body.past:
        raise unknown("the body", "globals()", "name what it reads, as K, or globals()['K']")
    text.past |= body.past
    if SUBCLASSES in text.past and text.classes:
        raise unknown("it", SUBCLASSES, "keep a list of the classes")
    warnings = [*([PAST.format(", ".join(sorted(text.past)))] if text.past else []), *text.warnings]
    whole = "\n".join([*text.definitions, *lines])
    return Captured(values, whole, without_packaged(whole), tuple(warnings), text.own_modules())


def _is_refused(name: str, value: object) -> bool:
    try:
        Text().named(name, value)
    except (ManifestError, RecursionError):
        return True
    return False


def _undefined(name: str, known: Collection[str]) -> ManifestError:
    if name == "__file__":
        why, remedy = "a node's function is taken out of its file", "write the path itself, from the project's folder"
        return ManifestError(f"name '{name}' is not defined", why=why, remedy=remedy)
    names = [other for other in known if not other.startswith("_") and other not in BUILTINS | {"In", "Out"}]
    return ManifestError(
        f"name '{name}' is not defined",
        why="it is no input, no builtin and nothing in the notebook",
        remedy=near(name, names),
    )
