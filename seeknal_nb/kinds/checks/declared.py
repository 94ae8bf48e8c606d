"""What checks in a config name: the tables of ``relationships``, and conditions that may read tables too. Runs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.config import TEXT, Key, option
from seeknal_nb.declaration import Reference
from seeknal_nb.sql.names import BEFORE, BEHIND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["SEVERITIES", "SEVERITY", "as_statement", "related", "statements_of_checks"]

SEVERITIES = ("error", "warn", "info")
SEVERITY = Key(
    "severity", TEXT, "what a failed check does (default: error)",
    option("--severity", choices=SEVERITIES),
)  # fmt: skip


def as_statement(condition: str) -> str:
    """A condition as a statement, for whoever looks for the tables in it."""
    return f"{BEFORE}{condition}{BEHIND}"


def related(config: Mapping[str, Any]) -> Iterator[Reference]:
    """The tables that ``relationships`` checks compare with; ``to`` stands in their options or beside them."""
    for entry in _checks(config):
        what = entry.get("relationships")
        name = (what if isinstance(what, dict) else entry).get("to") if "relationships" in entry else None
        if name:
            yield Reference(name)


def statements_of_checks(config: Mapping[str, Any]) -> Iterator[str]:
    """SELECTs among the checks, then their conditions, each as a statement."""
    conditions = [config.get("expression")]
    for entry in _checks(config):
        conditions += [entry.get("value"), entry.get("expression"), entry.get("where")]
        conditions += [what.get(key) for what in entry.values() if isinstance(what, dict) for key in ("where", "sql")]
        if isinstance(entry.get("sql"), str):
            yield entry["sql"]
    yield from (as_statement(text) for text in conditions if isinstance(text, str))


def _checks(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The entries of a rule's ``checks`` and ``rule``, and of a table's own ``tests``."""
    rules = config.get("rule") or ()
    for value in ([rules] if isinstance(rules, dict) else rules, config.get("checks") or (), config.get("tests") or ()):
        yield from (entry for entry in value if isinstance(entry, dict))
