"""What a node declares of its columns: types, and what they are. It sees no table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.sql.typenames import is_alone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.dag.manifest import Node

__all__ = ["column_texts", "column_types", "holds_columns", "promised"]

KEYS = ("data_type", "type", "dtype")


def column_types(columns: Mapping[str, Any]) -> dict[str, str]:
    """The declared types as they are written, by column: of a mapping, or a text that is the name of one."""
    found = {}
    for name, told in columns.items():
        kinds = [told.get(key) for key in KEYS] if isinstance(told, dict) else [told]
        kind = next((kind for kind in kinds if isinstance(kind, str)), "").strip()
        if kind and (isinstance(told, dict) or is_alone(kind)):
            found[name] = kind
    return found


def column_texts(columns: Mapping[str, Any]) -> dict[str, str]:
    """What the columns are, in words, of those that say it."""
    told = {name: one.get("description") if isinstance(one, dict) else one for name, one in columns.items()}
    return {name: text for name, text in told.items() if isinstance(text, str) and name not in column_types({name: text})}


def holds_columns(config: Mapping[str, Any]) -> bool:
    """Whether a node fails that has other columns than it declares; ``contract`` is true, or dbt's ``{enforced: true}``."""
    contract = config.get("contract")
    return (contract.get("enforced") if isinstance(contract, dict) else contract) is True


def promised(node: Node) -> dict[str, str | None]:
    """What of the declared columns a run compares with the table, so that another promise is another node: types by name.

    Names without a type count only where they are held to; else who describes a column need not run the node.
    """
    types = column_types(node.columns)
    return {name: types.get(name) for name in node.columns if name in types or holds_columns(node.config)}
