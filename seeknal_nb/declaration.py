"""What a kind of node says of itself, in one value: its keys, its body, what it reads and whom it keeps waiting.

Everything else follows: which keys are known, how a cell's line spells them, help, completion, decorators, edges, waits and
the JSON Schema. Kinds of other distributions declare themselves by an entry point. It knows no kind, and no node.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from seeknal_nb import plugins
from seeknal_nb.errors import ManifestError, PluginError, Spot, near
from seeknal_nb.grammar import comma
from seeknal_nb.markup import article

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

__all__ = [
    "ANYTHING",
    "BODY",
    "COMMON",
    "EITHER",
    "FIRST",
    "FORMS",
    "KINDS",
    "LAST",
    "LISTED",
    "LOOSE",
    "MAPPING",
    "MAPPINGS",
    "NAMED",
    "TEXT",
    "TEXTS",
    "ConfigError",
    "Declaration",
    "Key",
    "Option",
    "Reference",
    "body_of",
    "check_keys",
    "declaration_of",
    "option",
    "refuse_unknown",
    "refuse_unknown_names",
    "rewrites",
    "verbs",
    "walked",
]

TEXT, TEXTS, NAMED = "text", "text or a list", "text or a mapping"
MAPPING, MAPPINGS, EITHER = "a mapping", "a list of mappings", "a list or a mapping"
LOOSE, ANYTHING = "text, a list or a mapping", "anything"

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


@dataclass(frozen=True, slots=True)
class Option:
    """How a cell's line spells a key: flags (none: a word by itself), what argparse is told of it, and what it becomes."""

    flags: tuple[str, ...]
    told: Mapping[str, Any]
    becomes: Callable[[Any], Any] | None = None


def option(*flags: str, becomes: Callable[[Any], Any] | None = None, **told: Any) -> Option:
    """An option of a cell's line; ``told`` as ``argparse.add_argument`` takes it."""
    return Option(flags, told, becomes)


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a node's config.

    Attributes:
        name: As YAML has it, and as an argument is called.
        holds: Which shape its value has.
        says: One line for whoever asks what it does.
        option: How a cell's line spells it, where it does.
        within: Keys of the mapping that it holds.
        words: All texts that it may be, where these are few.
        sql: Whether its text is SQL, in which a parameter is a literal.
        documents: Whether it says only what the node is called or whom it concerns, so that no data changes with it.
    """

    name: str
    holds: str = ANYTHING
    says: str = ""
    option: Option | None = None
    within: tuple[Key, ...] = ()
    words: tuple[str, ...] = ()
    sql: bool = False
    documents: bool = False


FORMS = ("pandas", "pandas_arrow", "polars", "arrow")
"""What a Python body is handed a table as. ``pandas_arrow`` is pandas with columns of Arrow's types."""

COMMON = (
    Key("description", TEXT, "what it is", option("--description", "--desc", metavar="TEXT"), documents=True),
    Key("owner", TEXT, "whom to ask", option("--owner", metavar="WHO"), documents=True),
    Key("tags", TEXTS, "tags, a comma apart", option("--tags", type=comma, metavar="A,B"), documents=True),
    Key("columns", LOOSE, "what its columns are: a mapping, or a list of names", documents=True),
    Key(
        "inputs", TEXTS, "what it reads, besides what its body names", option("--inputs", type=comma, metavar="X,Y"),
        documents=True,
    ),
    Key("depends_on", TEXTS, "likewise, as the peer spells it", documents=True),
    Key("meta", ANYTHING, "what other tools may read"),
    Key("version", ANYTHING, "which version of the definition it is"),
    Key("version_notes", ANYTHING, "what is new in it", documents=True),
    Key("url", TEXT, "where people see it", documents=True),
    Key("maturity", TEXT, "how far it may be relied upon", documents=True),
)  # fmt: skip
"""Keys of every node; edges stand for ``inputs`` and ``depends_on``."""

BODY = (
    Key("sql", TEXT, "a SELECT, or several statements of which the last is one", sql=True),
    Key("sql_file", TEXT, "the file that holds the SQL, from the project's folder"),
    Key("transform", TEXT, "the SQL, as the peer spells it", sql=True),
    Key("python", TEXT, "a Python body"),
    Key("as", TEXT, "what a Python body gets its inputs as (default: pandas)", option("--as", choices=FORMS), words=FORMS),
    Key("params", MAPPING, "values of its own for {{ name }} and ctx.params"),
    Key(
        "materialized", TEXT, "view: inlined into its consumers, never stored",
        option("--materialized", choices=("table", "view")), words=("table", "view"),
    ),
    Key("materialization", ANYTHING, "the peer's catalog of tables: only where it is switched off"),
    Key("materializations", ANYTHING, "likewise, several of them"),
)  # fmt: skip
"""Keys of a node with a body."""


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


class ConfigError(ManifestError):
    """A key of a node's config, or its value, that cannot be.

    Its spot leads to it, so that whoever knows where the config was written can add the place; ``on_key``: the key itself.
    """

    def __init__(self, what: str, *, why: str = "", remedy: str, path: tuple[str, ...], on_key: bool = False) -> None:
        super().__init__(what, why=why, remedy=remedy, spot=Spot(path))
        self.on_key = on_key


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


_CHECKS, _FEATURES = "write a rule node with checks", "write a transform with features"
ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(("audits", "tests", "checks", "error_if", "warn_if", "tolerance", "blocking", "severity"), _CHECKS),
    **dict.fromkeys(("spine", "label_time", "mode"), _FEATURES),
    "aggregation": "write an aggregation node, and name it under inputs",
}
"""What to do instead, by keys of other kinds."""


def check_keys(declared: Declaration, config: Mapping[str, Any]) -> None:
    """Refuse keys that the kind does not know, and values of another shape; None is as if the key were not there.

    Raises:
        ManifestError: It names the key, and the nearest one, or the shape that was expected.
    """
    if not declared.open:
        refuse_unknown(config, declared.known, article(declared.name), declared.elsewhere)
    for key in (*COMMON, *declared.keys):
        _check_shape(key, config, ())


def refuse_unknown(
    config: Mapping[str, Any], known: Collection[str], what: str, elsewhere: Mapping[str, str] | None = None
) -> None:
    """Refuse a key that is none of ``known``; ``what`` is what an error calls the node."""
    instead = {**ELSEWHERE, **(elsewhere or {})}
    for key, value in config.items():
        if value is not None and key not in known:
            remedy = instead.get(key) or near(key, sorted(known), what="key")
            raise ConfigError(f"unknown key {key!r} of {what}", remedy=remedy, path=(key,), on_key=True)


def refuse_unknown_names(given: Iterable[object], known: Collection[str], of: str, *, what: str = "key") -> None:
    """Refuse a name within a key's value that nobody reads: ``unknown option 'x' of split``, with the nearest."""
    for name in given:
        if name not in known:
            raise ManifestError(f"unknown {what} {name!r} of {of}", remedy=near(str(name), known, what=what))


def _check_shape(key: Key, config: Mapping[str, Any], above: tuple[str, ...]) -> None:
    value, path = config.get(key.name), (*above, key.name)
    if value is None:
        return
    if not _fits(value, key.holds):
        what = ".".join(path)
        remedy = f"write {what} as {key.holds}"
        raise ConfigError(f"{what} must be {key.holds}", why=f"it is {value!r:.200}", remedy=remedy, path=path)
    if key.words and value not in key.words:
        remedy = near(str(value), key.words, what=key.name)
        raise ConfigError(f"unknown {key.name} {value!r:.100}", remedy=remedy, path=path)
    for inner in key.within if isinstance(value, dict) else ():
        _check_shape(inner, value, path)


def _fits(value: object, shape: str) -> bool:
    """Whether a plain value has that shape."""
    if shape == TEXTS:
        return isinstance(value, (str, list)) or (isinstance(value, dict) and "ref" in value)
    if shape in (MAPPINGS, EITHER):
        listed = isinstance(value, list) and all(isinstance(item, dict) for item in value)
        return listed or (shape == EITHER and isinstance(value, dict))
    expected = _TYPES.get(shape)
    return expected is None or isinstance(value, expected)


_TYPES: Mapping[str, tuple[type, ...]] = {
    TEXT: (str,),
    MAPPING: (dict,),
    NAMED: (str, dict),
    LOOSE: (str, list, dict),
}


def walked(keys: Iterable[Key], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Key]]:
    """Every key with its path, those within others too."""
    for key in keys:
        here = (*path, key.name)
        yield here, key
        yield from walked(key.within, here)
