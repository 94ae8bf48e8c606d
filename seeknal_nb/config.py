"""What may stand in a node's config: keys, the shapes of their values, and how a cell's line spells them. Knows no kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ManifestError, Spot, Unsupported, near, nearest
from seeknal_nb.grammar import comma, counts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

__all__ = [
    "ANYTHING",
    "BODY",
    "COMMON",
    "EITHER",
    "FORMS",
    "LOOSE",
    "MAPPING",
    "MAPPINGS",
    "NAMED",
    "TEXT",
    "TEXTS",
    "ConfigError",
    "Key",
    "Option",
    "UnsupportedConfig",
    "check_shape",
    "option",
    "refuse_unknown",
    "refuse_unknown_names",
    "refused",
    "walked",
]

TEXT, TEXTS, NAMED = "text", "text or a list", "text or a mapping"
MAPPING, MAPPINGS, EITHER = "a mapping", "a list of mappings", "a list or a mapping"
LOOSE, ANYTHING = "text, a list or a mapping", "anything"


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
    Key("columns", LOOSE, "what its columns are, and their types: a mapping, or a list of names", documents=True),
    Key("contract", ANYTHING, "true: other columns or types than those of columns fail the node"),
    Key(
        "inputs", TEXTS, "what it reads, besides what its body names", option("--inputs", type=comma, metavar="X,Y"),
        documents=True,
    ),
    Key("depends_on", TEXTS, "likewise, as the peer spells it", documents=True),
    Key(
        "timeout", ANYTHING, "how long it may take, as 30m; then it fails", option("--timeout", metavar="TIME"),
        documents=True,
    ),
    Key(
        "memory", ANYTHING, "how much it takes, as 8GB: it starts when that is free", option("--memory", metavar="SIZE"),
        documents=True,
    ),
    Key(
        "resources", MAPPING, "how many of each named slot it takes while it runs: gpu: 1",
        option("--resources", type=counts, metavar="A=1,B=2"), documents=True,
    ),
    Key(
        "isolation", TEXT, "process: it runs in a process of its own", option("--isolation", choices=("process",)),
        words=("process",), documents=True,
    ),
    Key(
        "run_on", TEXT, "home: it runs in this process, wherever others do", option("--run-on", choices=("home",)),
        words=("home",), documents=True,
    ),
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


class ConfigError(ManifestError):
    """A key of a node's config, or its value, that cannot be.

    Its spot leads to it, so that whoever knows where the config was written can add the place; ``on_key``: the key itself.
    """

    def __init__(self, what: str, *, why: str = "", remedy: str, path: tuple[str, ...], on_key: bool = False) -> None:
        super().__init__(what, why=why, remedy=remedy, spot=Spot(path))
        self.on_key = on_key


class UnsupportedConfig(ConfigError, Unsupported):  # noqa: N818 - it reads as what happened
    """A key, or its value, that another program reads."""


def refused(name: str, known: Iterable[str]) -> type[ConfigError]:
    """The error of a name that is not known: of what is not done here, unless it may be a misspelling."""
    return ConfigError if nearest(name, known) else UnsupportedConfig


_CHECKS, _FEATURES = "write a rule node with checks", "write a transform with features"
ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(("audits", "tests", "checks", "error_if", "warn_if", "tolerance", "blocking", "severity"), _CHECKS),
    **dict.fromkeys(("spine", "label_time", "mode"), _FEATURES),
    "aggregation": "write an aggregation node, and name it under inputs",
    "partition_by": "leave it out: files and transforms are cut into partitions, and all else reads them as one table",
}
"""What to do instead, by keys of other kinds."""


def refuse_unknown(
    config: Mapping[str, Any], known: Collection[str], what: str, elsewhere: Mapping[str, str] | None = None
) -> None:
    """Refuse a key that is none of ``known``; ``what`` is what an error calls the node."""
    instead = {**ELSEWHERE, **(elsewhere or {})}
    for key, value in config.items():
        if value is not None and key not in known:
            remedy = instead.get(key) or near(key, sorted(known), what="key")
            kind = UnsupportedConfig if key in instead else refused(key, known)
            raise kind(f"unknown key {key!r} of {what}", remedy=remedy, path=(key,), on_key=True)


def refuse_unknown_names(given: Iterable[object], known: Collection[str], of: str, *, what: str = "key") -> None:
    """Refuse a name within a key's value that nobody reads: ``unknown option 'x' of split``, with the nearest."""
    for name in given:
        if name not in known:
            raise ManifestError(f"unknown {what} {name!r} of {of}", remedy=near(str(name), known, what=what))


def check_shape(key: Key, config: Mapping[str, Any], above: tuple[str, ...]) -> None:
    """Refuse a value of another shape, within it too; ``above`` leads to the mapping that has the key.

    Raises:
        ConfigError: It names the key, and the shape or the words that were expected.
    """
    value, path = config.get(key.name), (*above, key.name)
    if value is None:
        return
    if not _fits(value, key.holds):
        what = ".".join(path)
        remedy = f"write {what} as {key.holds}"
        raise ConfigError(f"{what} must be {key.holds}", why=f"it is {value!r:.200}", remedy=remedy, path=path)
    if key.words and value not in key.words:
        remedy = near(str(value), key.words, what=key.name)
        raise refused(str(value), key.words)(f"unknown {key.name} {value!r:.100}", remedy=remedy, path=path)
    for inner in key.within if isinstance(value, dict) else ():
        check_shape(inner, value, path)


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
