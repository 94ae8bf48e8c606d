"""Why a node runs, or does not: its text to a reader, a code to the program. Knows no plan and no run."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, NoReturn, Self, cast

__all__ = ["Reason", "Why"]


class Why(StrEnum):
    """What a reason says, without whom it says it of."""

    NEVER_BUILT = "never built"
    FAILED_LAST_TIME = "failed last time"
    NO_FINGERPRINT = "no fingerprint"
    EARLIER_VERSION = "built by an earlier version of seeknal_nb"
    SQL_CHANGED = "SQL changed"
    CODE_CHANGED = "code changed"
    ENGINE_CHANGED = "engine changed"
    PARAMETER_CHANGED = "parameter changed"
    CONFIG_CHANGED = "config changed"
    SOURCE_CHANGED = "source data changed"
    INPUT_CHANGED = "input changed"
    INPUTS_REORDERED = "inputs reordered"
    SOME_PARTITIONS = "not built of these partitions"
    DELIVERS_WHOLE = "nothing is delivered of some partitions"
    OLDER_BUILD = "the build of this version is an older one"
    OUTPUT_MISSING = "output missing"
    TARGET_CHANGED = "target changed"
    DUE = "due"
    FULL_RUN = "full run"
    NAMED = "named"
    NEEDED = "needed, never built"
    DOWNSTREAM = "downstream"
    UP_TO_DATE = "up to date"
    SAME_INPUTS = "inputs came out the same"
    BUILT_ELSEWHERE = "built elsewhere"
    EXCLUDED = "excluded"
    OTHER_TYPE = "other type"
    EXCLUDED_TAG = "excluded tag"
    NOT_TAGGED = "not tagged"
    NOT_SELECTED = "not selected"
    UNCHANGED = "unchanged since the old manifest"
    INPUT_MISSING = "input missing"
    RULE_FAILED = "rule failed"
    HELD_BACK = "held back"
    UPSTREAM_FAILED = "upstream failed"
    INTERRUPTED = "interrupted"
    RUN_STOPPED = "run stopped"
    TOLD = "told"


_SENTENCES: Final = {
    Why.DOWNSTREAM: "downstream of {}",
    Why.OTHER_TYPE: "not of type {}",
    Why.EXCLUDED_TAG: "excluded by tag {}",
    Why.NOT_TAGGED: "not tagged {}",
    Why.INPUT_MISSING: "needs {}, which is excluded and was never built",
    Why.RULE_FAILED: "{} failed: it checks what this node reads",
    # What a kind, or a subclass of the runner, says in its own words.
    **dict.fromkeys((Why.TARGET_CHANGED, Why.DUE, Why.HELD_BACK, Why.TOLD), "{}"),
}
"""What does not read ``<code>: <subject>, <subject>``."""
_CHOICES: Final = (Why.OTHER_TYPE, Why.NOT_TAGGED)
_BARE: dict[Why, Reason] = {}


class Reason(str):
    """Why something is done to a node, or not. Equal to its text, as a ``StrEnum`` is; whoever decides reads ``code``.

    Attributes:
        code: What it says.
        subject: Whom or what it says it of: ids, keys, tags, counts; often nothing.
    """

    __slots__ = ("code", "subject")
    code: Why
    subject: tuple[str, ...]

    def __new__(cls, code: Why, *subject: str) -> Self:
        """The reason with that code, about these; one that is about nobody is there once, whoever asks for it."""
        if not subject and code in _BARE:
            return cast("Self", _BARE[code])
        self = super().__new__(cls, _text(code, subject))
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "subject", subject)
        if not subject:
            _BARE[code] = self
        return self

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a reason does not change: {name} was to become {value!r}")

    def __reduce__(self) -> tuple[type[Reason], tuple[Any, ...]]:
        return Reason, (self.code, *self.subject)


def _text(code: Why, subject: tuple[str, ...]) -> str:
    listed = (" or " if code in _CHOICES else ", ").join(subject)
    if code in _SENTENCES:
        return _SENTENCES[code].format(listed)
    return f"{code}: {listed}" if subject else str(code)
