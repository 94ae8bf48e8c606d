"""Which nodes wait for another one that they do not read: a rule that may stop the pipeline comes first. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.declaration import Declaration

__all__ = ["waits_of"]


def waits_of(
    nodes: Sequence[Node],
    declared: Mapping[str, Declaration],
    parents: Sequence[Sequence[int]],
    children: Sequence[Sequence[int]],
) -> list[list[int]]:
    """Per node the rules that it waits for besides its inputs, by number; ``declared`` has each kind's declaration.

    A rule (a node of any kind that declares ``blocks``) checks its first input, and, where that is ``about`` another table,
    as a profile is, that table too. Who else reads it waits, but other rules, so that all of them are told, and what the
    rule itself needs, so that there is never a cycle (KINDS.md § rule).
    """
    gates: list[list[int]] = [[] for _ in nodes]
    kinds = [declared[node.node_type] for node in nodes]
    for number, node in enumerate(nodes):
        blocks = kinds[number].blocks
        if blocks is None or not parents[number] or not blocks(node.config):
            continue
        checked = _checked(number, kinds, parents)
        others = dict.fromkeys(child for one in checked for child in children[one] if kinds[child].blocks is None)
        above = _above(number, parents, gates) if others else set[int]()
        for other in others:
            if other not in above:
                gates[other].append(number)
    return gates


def _checked(rule: int, kinds: Sequence[Declaration], parents: Sequence[Sequence[int]]) -> list[int]:
    found = [parents[rule][0]]
    while kinds[found[-1]].about and parents[found[-1]]:
        found.append(parents[found[-1]][0])
    return found


def _above(number: int, parents: Sequence[Sequence[int]], gates: Sequence[Sequence[int]]) -> set[int]:
    found: set[int] = set()
    front = [number]
    while front:
        front = [n for n in dict.fromkeys(p for one in front for p in (*parents[one], *gates[one])) if n not in found]
        found.update(front)
    return found
