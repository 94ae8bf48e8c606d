"""Which nodes wait for a rule: one that stops the pipeline comes before the other readers of what it checks. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seeknal_nb.dag.manifest import Node

__all__ = ["gates_of"]

PASSING = ("warn", "info")
"""Severities of checks that stop nothing."""


def gates_of(nodes: Sequence[Node], parents: Sequence[Sequence[int]], children: Sequence[Sequence[int]]) -> list[list[int]]:
    """Per node the rules that it waits for besides its inputs, by number.

    A rule checks its first input (``on`` is that), and, where that is a profile, the table that it tells about. Who else
    reads that waits, but other rules, so that all of them are told, and what the rule itself needs, so that there is never
    a cycle.
    """
    gates: list[list[int]] = [[] for _ in nodes]
    for number, node in enumerate(nodes):
        if node.node_type != "rule" or not parents[number] or not _blocks(node):
            continue
        checked = _checked(number, nodes, parents)
        others = dict.fromkeys(child for one in checked for child in children[one] if nodes[child].node_type != "rule")
        above = _above(number, parents, gates) if others else set[int]()
        for other in others:
            if other not in above:
                gates[other].append(number)
    return gates


def _checked(rule: int, nodes: Sequence[Node], parents: Sequence[Sequence[int]]) -> list[int]:
    found = [parents[rule][0]]
    while nodes[found[-1]].node_type == "profile" and parents[found[-1]]:
        found.append(parents[found[-1]][0])
    return found


def _blocks(node: Node) -> bool:
    """``blocking`` as it is given; else whether a check of the rule can fail it."""
    given = node.config.get("blocking")
    if isinstance(given, bool):
        return given
    params = node.config.get("params")
    said = node.config.get("severity") or (params.get("severity") if isinstance(params, dict) else None)
    return any(severity not in PASSING for severity in (said or "error", *_own(node)))


def _own(node: Node) -> Iterator[str]:
    """Severities that single checks have: beside the check, or among its options."""
    for listed in (node.config.get("checks"), node.config.get("rule")):
        for item in listed if isinstance(listed, list) else [listed]:
            for one in (item, *item.values()) if isinstance(item, dict) else ():
                if isinstance(one, dict) and isinstance(one.get("severity"), str):
                    yield one["severity"]


def _above(number: int, parents: Sequence[Sequence[int]], gates: Sequence[Sequence[int]]) -> set[int]:
    found: set[int] = set()
    front = [number]
    while front:
        front = [n for n in dict.fromkeys(p for one in front for p in (*parents[one], *gates[one])) if n not in found]
        found.update(front)
    return found
