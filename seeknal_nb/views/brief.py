"""Why a node stands as it does, in the few words that a card has room for; the details have all of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from seeknal_nb.markup import cut, plural
from seeknal_nb.workflow.events import ExecutionStatus
from seeknal_nb.workflow.reasons import Why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeknal_nb.workflow.events import NodeResult

__all__ = ["cause_of"]

LONGEST: Final = 40
"""What is longer has no room on any card."""

_KNOWN: Final = (
    (re.compile(r'Referenced column "([^"]+)" (?:was )?not found'), "no column {}"),
    (re.compile(r"Table with name (\S+) does not exist"), "no table {}"),
    (re.compile(r"No function matches .*?'(\w+)\("), "no function {}"),
    (re.compile(r"No such file or directory: '?([^']+?)'?$"), "no file {}"),
    (re.compile(r"Could not convert \w+ (.+?) to (\w+)"), "{} is no {}"),
)
_WHERE: Final = re.compile(
    r"^(?P<what>(?P<kind>SQL failed|\w+(?= at line \d+ of its \w+)|\w*(?:Error|Exception|Exit)(?=: node ))?.*?)"
    r': node "[^"]*"(?:: )?'
)
"""What failed, and where; ``kind`` where that says nothing of the cause, which comes behind."""
_OF_ENGINE: Final = re.compile(r"^(?:at line \d+ of its \w+: )?(?:[\w ]+ Error: |\w+Error: )?")
_BETWEEN: Final = re.compile(r"[:;.,] ")
_WORDS: Final = {
    Why.UPSTREAM_FAILED: "input failed",
    Why.NEVER_BUILT: "",
    Why.NEEDED: "",
    Why.UP_TO_DATE: "",
    Why.TOLD: "",
    Why.EARLIER_VERSION: "earlier version",
    Why.OLDER_BUILD: "older build",
    Why.UNCHANGED: "unchanged",
}


def cause_of(result: NodeResult) -> str:
    """Of a node that failed, was left out, or is due; empty where a status says it all."""
    if result.status is ExecutionStatus.FAILED:
        return _of_failure(result)
    if result.status in (ExecutionStatus.SKIPPED, ExecutionStatus.PENDING):
        code = result.reason.code
        return _WORDS.get(code, str(code))
    return ""


def _of_failure(result: NodeResult) -> str:
    if failed := sum(check.get("passed") is False for check in result.checks):
        return f"{plural(failed, 'check')} failed"
    text = (result.error_message or "").partition(". Fix: ")[0]
    for pattern, words in _KNOWN:
        if found := pattern.search(text):
            return cut(words.format(*found.groups()), LONGEST)
    if found := _WHERE.match(text):
        what, kind = found["what"], found["kind"]
        said = text[found.end() :] if kind else what
    else:
        kind, said = "", text
    said = _OF_ENGINE.sub("", said).strip().partition("\n")[0]
    said = f"{kind}: {said}" if kind and said and " " not in said else said or kind
    return next((clauses for clauses in _beginnings(said) if len(clauses) <= LONGEST), "")


def _beginnings(text: str) -> Iterator[str]:
    """All of it, then without its last clause, and so on."""
    yield text
    for found in reversed([*_BETWEEN.finditer(text)]):
        yield text[: found.start()]
