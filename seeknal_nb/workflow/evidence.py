"""What a node was made of when it was executed, for whoever asks later why it has to run. Nothing reads it to decide.

Digests say that something changed; this says what: the lines of its body, the keys of its config, parameters, what it
reads of the notebook, packages, files, inputs. A value is kept as at most ``LONGEST`` characters. What stands near a word
for a credential, what comes from the environment, and who logs in by a URL, is kept as a digest only.
"""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from seeknal_nb.dag.keys import ENGINE, used_values
from seeknal_nb.kinds.paths import as_told
from seeknal_nb.secrets import names_credential
from seeknal_nb.storage.files import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.kinds.task import Surroundings
    from seeknal_nb.workflow.observe import Observed

__all__ = ["WHY", "Evidence", "EvidenceFile", "Kept", "evidence_of"]

WHY = "why"
"""The folder, below what runs leave: a file a run, a line an execution."""
LONGEST = 200
MOST_LINES = 2_000
MOST_RUNS = 200
"""Files that are read, the newest."""
BODIES = ("sql", "transform", "python")
_encode = json.JSONEncoder(ensure_ascii=False).encode
_encode_any = json.JSONEncoder(ensure_ascii=False, default=repr).encode
_COLUMNS = re.compile(r"((join|unique|primary|foreign|natural|business|row|id)_?)?keys?(\[\d+\])?", re.IGNORECASE)
_ASSIGNED = re.compile(r"(\s*[\"']?(\w+)[\"']?\s*(?::[^=]*)?[=:]\s*)(\S.*)")
_NEAR = re.compile(
    r"secret|token|passw|passphrase|pgpass|\bpass\b|pwd|credential|auth|dsn|bearer|cookie"
    r"|(api|access|private|signing|account|storage|master|ssh|encryption)[_-]?key",
    re.IGNORECASE,
)
_LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|(?<=[\"'])[^\"']+$")
_LOGIN = re.compile(r"(?<=://)[^/\s@'\"]+:[^/\s@'\"]*(?=@)")

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
    own = node.config.get("params")
    used = {n: v for n, v in used_values(node, around.params).items() if v is not None or n not in (own or ())}
    found: Evidence = {
        "SQL": {name: _text(text) for name in BODIES[:2] if isinstance(text := node.config.get(name), str)},
        "code": {name: _text(text) for name in BODIES[2:] if isinstance(text := node.config.get(name), str)},
        "config": dict(_flat({name: value for name, value in node.config.items() if name not in BODIES})),
        "parameter": {name: _value(name, value) for name, value in used.items()},
        "file": {as_told(Path(path), world.root): _file(look) for path, look in sight.seen.items() if look},
        "input": {name: str(digests.get(name) or "") for name in graph.inputs(node_id)},
        ENGINE: {"": facts.parts.get(ENGINE, "")},
        "notebook": {name: _value(name, text) for name, text in sight.captured.parts() if text},
        "package": sight.captured.packages(),
    }
    told: Evidence = around.secrets.hide({what: named for what, named in found.items() if named})
    return told


def _text(text: str) -> str:
    """A text, each line cut and without credentials.

    Brackets that open beside a word for one hide what is in them, and so does a function with such a word its defaults.
    """
    lines, depth, seen = [], 0, False
    for line in text.splitlines()[:MOST_LINES]:
        near = depth > 0 or _NEAR.search(line) is not None or (seen and line.lstrip().startswith("default "))
        seen = seen or near
        lines.append(_line(line, near=near))
        depth = max(0, depth + sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))) if near else 0
    return "\n".join(lines)


def _line(line: str, *, near: bool) -> str:
    assigned = _ASSIGNED.fullmatch(line)
    if assigned and _is_secret(assigned[2]):
        return f"{assigned[1]}{_hidden(assigned[3])}"
    line = _LOGIN.sub(lambda login: _hidden(login[0]), line)
    line = _LITERAL.sub(lambda literal: _hidden(literal[0]), line) if near else line
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}… {_hidden(line)}"


def _is_secret(name: str) -> bool:
    """Whether a name speaks of a credential; columns that are keys do not."""
    return (names_credential(name) or _NEAR.search(name) is not None) and not _COLUMNS.fullmatch(name)


def _hidden(text: str) -> str:
    return f"(digest {digest(text)[:8]})"


def _value(name: str, value: object) -> str:
    text = value if isinstance(value, str) else _encode_any(value)
    if name.startswith("env:") or any(map(_is_secret, name.split("."))):
        return _hidden(text)
    return _text(text)


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


def _file(look: Sequence[Any]) -> str:
    """Size, time and digest of a file that was looked at."""
    if len(look) < 3 or not isinstance(look[0], int) or not isinstance(look[1], int):  # noqa: PLR2004 - as a signature has
        return " ".join(map(str, look))[:LONGEST]
    when = datetime.fromtimestamp(look[1] / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{look[0]:,} bytes, of {when}, digest {str(look[-1])[:8]}"


class EvidenceFile:
    """What the executions of one run were made of; no run depends on it, so what cannot be written is left."""

    def __init__(self, target: Path, run_id: str, graph: Graph, world: Observed, around: Surroundings) -> None:
        self._path = target / WHY / f"{run_id}.jsonl"
        self._graph, self._world, self._around = graph, world, around
        self._file: TextIO | None = None

    def add(self, node_id: str, key: str, digests: Mapping[str, str | None]) -> None:
        """Add an execution of the node, under its key and after that of its last one; under the same key it says no more."""
        entry = self._world.facts[node_id].entry
        before = (entry.fingerprint if entry is not None else None) or ""
        with contextlib.suppress(OSError):
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("a", encoding="utf-8", errors="replace")
            told = {} if key == before else evidence_of(self._graph, self._world, node_id, self._around, digests)
            self._file.write(f"{node_id}\t{key}\t{before}\t{_encode(told)}\n")

    def close(self) -> None:
        """Let go of the file."""
        with contextlib.suppress(OSError):
            if self._file is not None:
                self._file.close()


@dataclass(frozen=True, slots=True)
class Kept:
    """What runs have kept.

    Attributes:
        texts: By node and key, the evidence as JSON.
        before: By node and key, the key of the execution before the last one under this key.
    """

    texts: Mapping[tuple[str, str], str]
    before: Mapping[tuple[str, str], str]

    @classmethod
    def read(cls, target: Path, only: str = "") -> Kept:
        """What the last runs kept, of all nodes or of ``only`` one; a line that is broken is passed over."""
        texts: dict[tuple[str, str], str] = {}
        before: dict[tuple[str, str], str] = {}
        for path in sorted((target / WHY).glob("*.jsonl"), reverse=True)[:MOST_RUNS]:
            for node_id, key, last, text in _lines(path, f"{only}\t" if only else ""):
                before.setdefault((node_id, key), last)
                if text != "{}":
                    texts.setdefault((node_id, key), text)
        return cls(texts, before)

    def of(self, node_id: str, key: str | None) -> Evidence | None:
        """What an execution of the node under this key was made of; None where nobody knows."""
        with contextlib.suppress(ValueError, RecursionError, KeyError):
            found = json.loads(self.texts[node_id, key or ""])
            return found if _is_sound(found) else None
        return None


def _lines(path: Path, start: str) -> Iterable[list[str]]:
    """The lines that start so, the last first, in their four parts."""
    try:
        data = path.read_bytes()
    except OSError:
        return []
    wanted = start.encode()
    lines = data.split(b"\n") if wanted in data else []  # most runs execute few nodes
    parts = (line.decode("utf-8", "replace").split("\t", 3) for line in reversed(lines) if line.startswith(wanted))
    return [found for found in parts if len(found) == 4]  # noqa: PLR2004 - what ``add`` writes


def _is_sound(found: object) -> bool:
    """Whether it has the form of evidence: somebody may have edited the file."""
    return isinstance(found, dict) and all(
        isinstance(named, dict) and all(isinstance(text, str) for text in named.values()) for named in found.values()
    )
