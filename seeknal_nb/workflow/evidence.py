"""What a node was made of when it was executed, for whoever asks later why it has to run. Nothing reads it to decide.

Digests say that something changed; this says what: the lines of its body, the keys of its config, parameters, what it
reads of the notebook, packages, files, inputs. A value is kept as at most ``LONGEST`` characters, what is called like a
credential as a digest only.
"""

from __future__ import annotations

import contextlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.keys import ENGINE, used_values
from seeknal_nb.errors import StateError
from seeknal_nb.secrets import names_credential
from seeknal_nb.storage.files import digest, write_unsynced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.kinds.task import Surroundings
    from seeknal_nb.workflow.observe import Observed

__all__ = ["WHY", "Evidence", "evidence_of", "kept", "remember"]

WHY = "why"
"""The folder, below what runs leave."""
LONGEST = 200
MOST_LINES = 2_000
KEPT = 5
"""How many executions of a node, by key, are kept: going back to an earlier one finds it."""
BODIES = ("sql", "transform", "python")
_LABEL = re.compile(r"<(function|class) (.+?) \d+>")
_PACKAGE = re.compile(r"module (\S+) (.*)")
_COLUMNS = re.compile(r"((join|unique|primary|foreign|natural|business|row|id)_?)?keys?(\[\d+\])?", re.IGNORECASE)
_ASSIGNED = re.compile(r"(\s*[\"']?(\w+)[\"']?\s*(?::[^=]*)?[=:]\s*)(\S.*)")

Evidence = dict[str, dict[str, str]]
"""By what it is, as ``SQL``, ``config``, ``parameter``, ``notebook``, ``package``, ``file``, ``input``; then by name."""


def evidence_of(
    graph: Graph, world: Observed, node_id: str, around: Surroundings, digests: Mapping[str, str | None]
) -> Evidence:
    """What the node is made of now, without credentials.

    Args:
        graph: The nodes as they were written.
        world: What was observed.
        node_id: Whose.
        around: Has the parameters, and what is to be hidden.
        digests: Of its inputs, as far as they are known.
    """
    node, sight, facts = graph.nodes[graph.index[node_id]], world.sights[node_id], world.facts[node_id]
    found: Evidence = {
        "SQL": {name: _text(text) for name in BODIES[:2] if isinstance(text := node.config.get(name), str)},
        "code": {name: _text(text) for name in BODIES[2:] if isinstance(text := node.config.get(name), str)},
        "config": dict(_flat({name: value for name, value in node.config.items() if name not in BODIES})),
        "parameter": {name: _value(name, value) for name, value in used_values(node, around.params).items()},
        "file": {_below(Path(path), world.root): _file(look) for path, look in sight.seen.items() if look},
        "input": {name: str(digests.get(name) or "") for name in graph.inputs(node_id)},
        ENGINE: {"": facts.parts.get(ENGINE, "")},
        **_taken(sight.captured.digest_text),
    }
    told: Evidence = around.secrets.hide({what: named for what, named in found.items() if named})
    return told


def _text(text: str) -> str:
    """A text, each line cut, and without what is given to a name that speaks of a credential."""
    return "\n".join(map(_line, text.splitlines()[:MOST_LINES]))


def _line(line: str) -> str:
    assigned = _ASSIGNED.fullmatch(line)
    if assigned and _is_secret(assigned[2]):
        return f"{assigned[1]}{_hidden(assigned[3])}"
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}… {_hidden(line)}"


def _is_secret(name: str) -> bool:
    """Whether a name speaks of a credential; columns that are keys do not."""
    return names_credential(name) and not _COLUMNS.fullmatch(name)


def _hidden(text: str) -> str:
    return f"(digest {digest(text)[:8]})"


def _value(name: str, value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=repr, ensure_ascii=False)
    if any(map(_is_secret, name.split("."))):
        return _hidden(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… {_hidden(text)}"


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The plain values of a config by their dotted paths; short lists are one value."""
    if isinstance(value, dict) and (value or not path):
        for name, one in value.items():
            yield from _flat(one, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and any(isinstance(one, (dict, list)) for one in value):
        for number, one in enumerate(value):
            yield from _flat(one, f"{path}[{number}]")
    else:
        yield path, _value(path, value)


def _below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _file(look: Sequence[Any]) -> str:
    """Size, time and digest of a file that was looked at."""
    if len(look) < 3 or not isinstance(look[0], int) or not isinstance(look[1], int):  # noqa: PLR2004 - as a signature has
        return " ".join(map(str, look))[:LONGEST]
    when = datetime.fromtimestamp(look[1] / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{look[0]:,} bytes, of {when}, digest {str(look[-1])[:8]}"


def _taken(text: str) -> Evidence:
    """What a body reads of the notebook, and the packages, out of the one text that tells of both."""
    notebook: dict[str, str] = {}
    packages: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", _LABEL.sub(r"<\1 \2>", text)) if text else ():
        for name, version in _PACKAGE.findall(entry):
            packages[name] = version.partition(",")[0]
        first, _, rest = entry.partition("\n")
        name, equals, value = first.partition(" = ")
        if equals and not rest:
            notebook[name] = _value(name, value)
        elif not _PACKAGE.fullmatch(first):
            notebook[first] = _text(rest)
    return {"notebook": notebook, "package": packages}


def remember(target: Path, node_id: str, key: str, evidence: Evidence) -> None:
    """Keep what an execution of the node under this key was made of; the oldest of ``KEPT`` goes. No run depends on it."""
    directory = target / WHY
    before = [(one, found) for one, found in _read(directory, node_id).items() if one != key]
    with contextlib.suppress(StateError):
        write_unsynced(_path(directory, node_id), json.dumps(dict([*before, (key, evidence)][-KEPT:]), ensure_ascii=False))


def kept(directory: Path, node_id: str) -> dict[str, Evidence]:
    """What the last executions of the node were made of, by key, the oldest first; ``{}`` where nothing is known."""
    found = _read(directory, node_id)
    return {key: one for key, one in found.items() if _is_sound(one)}


def _is_sound(found: object) -> bool:
    """Whether it has the form of evidence: somebody may have edited the file."""
    return isinstance(found, dict) and all(
        isinstance(named, dict) and all(isinstance(text, str) for text in named.values()) for named in found.values()
    )


def _read(directory: Path, node_id: str) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError, RecursionError):
        found = json.loads(_path(directory, node_id).read_bytes())
        return found if isinstance(found, dict) else {}
    return {}


def _path(directory: Path, node_id: str) -> Path:
    return directory / f"{node_id}.json"
