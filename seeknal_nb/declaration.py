"""What a kind of node says of itself, in one value: its keys, its body, what it reads and whom it keeps waiting.

Everything else follows: which keys are known, how a cell's line spells them, help, completion, decorators, edges, waits and
the JSON Schema. Kinds of other distributions declare themselves by an entry point. It knows no kind, and no node.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from seeknal_nb import plugins
from seeknal_nb.config import BODY, COMMON, check_shape, refuse_unknown
from seeknal_nb.errors import PluginError
from seeknal_nb.markup import article

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from seeknal_nb.config import Key

__all__ = [
    "FIRST",
    "KINDS",
    "LAST",
    "LISTED",
    "Declaration",
    "Reference",
    "body_of",
    "check_keys",
    "declaration_of",
    "rewrites",
    "verbs",
]

KINDS: Mapping[str, str] = {
    "source": "seeknal_nb.kinds.sources.declared:SOURCE",
    "transform": "seeknal_nb.kinds.declared:TRANSFORM",
    "feature_group": "seeknal_nb.kinds.features.declared:FEATURE_GROUP",
    "model": "seeknal_nb.kinds.models.declared:MODEL",
    "aggregation": "seeknal_nb.kinds.aggregations.declared:AGGREGATION",
    "rule": "seeknal_nb.kinds.rules.declared:RULE",
    "exposure": "seeknal_nb.kinds.exposures.declared:EXPOSURE",
    "profile": "seeknal_nb.kinds.aggregations.declared:PROFILE",
    "second_order_aggregation": "seeknal_nb.kinds.aggregations.declared:SECOND_ORDER_AGGREGATION",
    "semantic_model": "seeknal_nb.kinds.declared:SEMANTIC_MODEL",
    "metric": "seeknal_nb.kinds.declared:METRIC",
}
"""The one table of kinds: where each one declares itself."""


FIRST, LISTED, LAST = range(3)
"""Where a ``Reference`` stands among a node's inputs."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A node that a config names besides its body.

    Attributes:
        name: Its id or bare name, as it is written.
        what: What an error calls it.
        rank: Where it stands among the node's inputs: ``FIRST``, ``LISTED`` (behind ``inputs``), or ``LAST`` (behind the
            tables of the body).
        needed: Whether it must be there.
    """

    name: str
    what: str = "input"
    rank: int = LISTED
    needed: bool = True


def body_of(config: Mapping[str, Any]) -> list[str]:
    """The SQL of a config: ``sql``, or ``transform`` as the peer's YAML spells it."""
    text = config.get("sql") or config.get("transform")
    return [text] if isinstance(text, str) else []


@dataclass(frozen=True, slots=True)
class Declaration:
    """One kind.

    Attributes:
        name: The kind's, a Python identifier.
        says: What a node of it does, in one line.
        work: The ``Kind`` that does it, or where it stands as ``module:attribute``, or a function of a node.
        keys: What its config may have besides ``COMMON``.
        line: Further options of a cell's line, which ``of_line`` makes keys of.
        of_line: The config that those options stand for, all of them given by name, None where they are not there.
        arguments: The first arguments of its decorator by position, after the name.
        elsewhere: What to do instead, by keys that somebody may expect it to have.
        open: Whether any other key is taken as it is.
        parametrised: Whether other arguments of its decorator are parameters of its own.
        spelled: Turns other spellings of its keys into those that the kind reads.
        statements: The SQL of a config that this project runs: the body, and what else has tables of this project.
        reads: Nodes that the config names besides the body.
        aliases: Other names by which its SQL may call its inputs, given their ids in order.
        linked: What is wrong with the inputs that were found: raises ``ManifestError``.
        blocks: Whether the other readers of its first input wait for it; None for a kind that never makes them wait.
        about: Whether its table tells about its first input, so that who checks it checks that.
        conditions: Whether a body may be a condition instead of a SELECT.
        verbs: What ``ctx`` has for bodies: ``module:function`` by name; it is called with the context first.
        rewrites: ``module:function`` of a body's SQL and its ``Task``, which gives the SQL with what is the kind's own, as
            ``latest(feature_group.user)``, written out.
    """

    name: str
    says: str
    work: Any
    keys: tuple[Key, ...] = ()
    line: tuple[Key, ...] = ()
    of_line: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda options: {}
    arguments: tuple[str, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    open: bool = False
    parametrised: bool = False
    spelled: Callable[[dict[str, Any]], dict[str, Any]] = lambda config: config
    statements: Callable[[Mapping[str, Any]], Iterable[str]] = body_of
    reads: Callable[[Mapping[str, Any]], Iterable[Reference]] = lambda config: ()
    aliases: Callable[[Sequence[str]], Mapping[str, str]] = lambda inputs: {}
    linked: Callable[[Mapping[str, Any], Sequence[str]], None] = lambda config, inputs: None
    blocks: Callable[[Mapping[str, Any]], bool] | None = None
    about: bool = False
    conditions: bool = False
    verbs: Mapping[str, str] = field(default_factory=dict)
    rewrites: str = ""

    @property
    def known(self) -> frozenset[str]:
        """The names of all keys that its config may have."""
        return frozenset(key.name for key in (*COMMON, *self.keys))

    @property
    def documentation(self) -> frozenset[str]:
        """Keys of a config with which no data changes; where nothing is declared, only those that are no config's own."""
        if self.open and not self.keys:
            return _NEVER_DATA
        named = {key.name: key for key in (*COMMON, *self.keys)}
        return _NEVER_DATA.union(name for name, key in named.items() if key.documents)

    @property
    def sql(self) -> frozenset[str]:
        """Keys of a config whose texts are SQL."""
        found = frozenset(key.name for key in (*BODY, *self.keys) if key.sql)
        return found if self.keys else found | {"query", "watermark", "expression"}


_NEVER_DATA = frozenset({"kind", "name", "description", "owner", "tags", "columns", "inputs", "depends_on"})


def declaration_of(name: str, custom: Mapping[str, Any] | None = None) -> Declaration:
    """What the kind of that name says of itself: the caller's own, else of the table, else of an entry point.

    A function or a ``Kind`` that takes over a kind of the table keeps what that one says of edges and waits. Without a
    declaration, and of a kind that nobody knows, all keys are taken, and a node reads what its body names.
    """
    given = (custom or {}).get(name)
    if given is not None and not isinstance(given, Declaration) and name in KINDS:
        known: Declaration = plugins.find("kinds", name, KINDS)
        return replace(known, work=given, open=True)
    if given is None:
        try:
            given = plugins.find("kinds", name, KINDS)
        except PluginError:
            return Declaration(name, "", None, open=True)
    return given if isinstance(given, Declaration) else Declaration(name, "", given, open=True)


@cache
def verbs() -> Mapping[str, str]:
    """What ``ctx`` has for bodies, of all kinds that are installed."""
    return {name: reference for one in _installed() for name, reference in one.verbs.items()}


@cache
def rewrites() -> tuple[str, ...]:
    """What writes out the kinds' own words in a body's SQL, likewise."""
    return tuple(one.rewrites for one in _installed() if one.rewrites)


def _installed() -> list[Declaration]:
    return [declaration_of(name) for name in plugins.names("kinds", KINDS)]


def check_keys(declared: Declaration, config: Mapping[str, Any]) -> None:
    """Refuse keys that the kind does not know, and values of another shape; None is as if the key were not there.

    Raises:
        ManifestError: It names the key, and the nearest one, or the shape that was expected.
    """
    if not declared.open:
        refuse_unknown(config, declared.known, article(declared.name), declared.elsewhere)
    for key in (*COMMON, *declared.keys):
        check_shape(key, config, ())
