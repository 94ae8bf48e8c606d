"""Whether a node's table has the columns that the node declares; what it has not is a warning, or an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.columns import column_types, holds_columns
from seeknal_nb.declaration import declaration_of
from seeknal_nb.errors import NodeError, near
from seeknal_nb.kinds.body import sql_body, sql_of
from seeknal_nb.kinds.metadata import merged
from seeknal_nb.sql.text import statements
from seeknal_nb.sql.typenames import near_type, spelled
from seeknal_nb.sql.types import is_decimal, is_float, is_integer, is_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seeknal_nb.kinds.task import Task

__all__ = ["as_promised", "check_promise"]

FAMILIES: Mapping[str, Callable[[str], bool]] = {
    "int": is_integer, "float": is_float, "number": is_number, "numeric": is_decimal, "decimal": is_decimal,
}  # fmt: skip
"""Words that mean no size: Python's, and JSON's."""


def as_promised(task: Task, found: dict[str, Any]) -> dict[str, Any]:
    """What a kind gave, with a warning for each declared column that the table has not, or of another type.

    Raises:
        NodeError: There is one, and the node has a contract.
    """
    node, schema = task.node, found.get("schema")
    held = holds_columns(node.config)
    if not node.columns or not (held or (schema and not _tells_of_another(task))):
        return found
    broken = list(_broken(task, dict(schema or ())))
    if broken and held:
        why, remedy = "; ".join(broken), "mend the body, or columns, or leave contract out"
        raise NodeError("the table breaks its contract", why=why, remedy=remedy, metadata=found.get("metadata"))
    return {**found, "metadata": merged(found["metadata"], {"warnings": broken})} if broken else found


def check_promise(task: Task) -> None:
    """Refuse a SQL body whose table would break the node's contract, before it runs; of Python nobody can tell."""
    node, sql = task.node, sql_of(task.node) or ""
    if node.columns and holds_columns(node.config) and len(statements(sql)) == 1:
        with sql_body(node):
            schema = task.engine.describe(task.sql(sql))
        if not any("HUGEINT" in kind for _, kind in schema):  # it is stored as another type, by its values
            as_promised(task, {"schema": schema, "metadata": {}})


def _tells_of_another(task: Task) -> bool:
    """Whether its table is about another one, as a rule's: the peer's projects name the columns of that one there."""
    declared = declaration_of(task.node.node_type, task.surroundings.kinds)
    return declared.about or declared.blocks is not None


def _broken(task: Task, types: Mapping[str, str]) -> Iterator[str]:
    known = {name.casefold(): name for name in types}
    declared = column_types(task.node.columns)
    for name in task.node.columns:
        if name.casefold() not in known:
            yield f"column {name} is declared and not there: {near(name, types, what='column')}"
        elif name in declared:
            yield from _differs(task, name, declared[name], types[known[name.casefold()]])


def _differs(task: Task, name: str, declared: str, found: str) -> Iterator[str]:
    family = FAMILIES.get(declared.casefold())
    if declared.upper() == found or (family is not None and family(found)):
        return
    if family is None and (kind := _called(task, declared)) in (None, found):
        if kind is None:
            yield f"column {name} is {found}, and {declared!r} is no type: {near_type(declared)}"
        return
    yield f"column {name} is {found}, declared {declared}"


def _called(task: Task, kind: str) -> str | None:
    """What the engine calls a type; None where it knows none of that name."""
    if ";" in kind:
        return None
    try:
        [(_, found)] = task.engine.describe(f"SELECT CAST(NULL AS {spelled(kind)}) AS c")
    except (NodeError, ValueError):
        return None
    return found
