"""What rules say of themselves: a rule that can fail keeps the other readers of its table waiting."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from seeknal_nb.config import ANYTHING, BODY, EITHER, MAPPINGS, TEXT, Key, option
from seeknal_nb.declaration import FIRST, Declaration, Reference, body_of
from seeknal_nb.errors import ManifestError
from seeknal_nb.kinds.checks.declared import SEVERITY, as_statement, related, statements_of_checks
from seeknal_nb.sql.text import is_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["RULE", "aliases"]

PASSING = ("warn", "info")
"""Severities of checks that stop nothing."""


def _reads(config: Mapping[str, Any]) -> Iterator[Reference]:
    """The table that it is about, which is its first input, and those that it compares with."""
    if config.get("on"):
        yield Reference(config["on"], rank=FIRST)
    yield from related(config)


def _statements(config: Mapping[str, Any]) -> list[str]:
    """The body, which may be a condition, and the conditions besides it."""
    body = [as_statement(text) if _is_condition(text) else text for text in body_of(config)]
    return [*body, *statements_of_checks(config)]


def _is_condition(text: str) -> bool:
    return bool(text.strip()) and not is_query(text)


def _linked(config: Mapping[str, Any], inputs: Sequence[str]) -> None:
    """Refuse a rule whose conditions are about no table."""
    asked = any(config.get(key) for key in ("checks", "rule", "expression")) or any(map(_is_condition, body_of(config)))
    if asked and not inputs:
        raise ManifestError("no table to check", remedy="on: transform.x, or inputs")


def aliases(inputs: Sequence[str]) -> dict[str, str]:
    """What the peer's rules call their inputs: ``input_data``, and ``source_orders``."""
    named = {node_id.replace(".", "_").casefold(): node_id for node_id in inputs}
    return {"input_data": inputs[0], **named} if inputs else {}


def _blocks(config: Mapping[str, Any]) -> bool:
    """``blocking`` as it is given; else whether a check of the rule can fail it."""
    given = config.get("blocking")
    if isinstance(given, bool):
        return given
    params = config.get("params")
    said = config.get("severity") or (params.get("severity") if isinstance(params, dict) else None)
    return any(severity not in PASSING for severity in (said or "error", *_own(config)))


def _own(config: Mapping[str, Any]) -> Iterator[str]:
    """Severities that single checks have: beside the check, or among its options."""
    for listed in (config.get("checks"), config.get("rule")):
        for item in listed if isinstance(listed, list) else [listed]:
            for one in (item, *item.values()) if isinstance(item, dict) else ():
                if isinstance(one, dict) and isinstance(one.get("severity"), str):
                    yield one["severity"]


RULE = Declaration(
    "rule",
    "What must be true of the data",
    "seeknal_nb.kinds.rules.rule:RULE",
    keys=(
        *BODY,
        Key("on", TEXT, "the table that it is about (default: the first input)", option("--on", metavar="NODE")),
        SEVERITY,
        Key(
            "error_if", ANYTHING, "which number of offending rows is an error, as '> 10' (default: any)",
            option("--error-if", metavar="N"),
        ),
        Key(
            "warn_if", ANYTHING, "which number of them is a warning, as '> 0'",
            option("--warn-if", metavar="N"),
        ),
        Key(
            "tolerance", ANYTHING, "share of rows that may break it (default: 0)",
            option("--tolerance", type=float, metavar="SHARE"),
        ),
        Key(
            "blocking", ANYTHING, "whether readers of the table wait for it (default: if it can fail)",
            option("--blocking", action=argparse.BooleanOptionalAction),
        ),
        Key("expression", TEXT, "a condition that every row must meet", sql=True),
        Key("checks", MAPPINGS, "what must hold: not_null, unique, accepted_values, relationships, ..."),
        Key("rule", EITHER, "likewise, as the peer spells it"),
    ),
    statements=_statements,
    reads=_reads,
    aliases=aliases,
    linked=_linked,
    blocks=_blocks,
    conditions=True,
)  # fmt: skip
