"""Keys: what makes one build of a node the same as another; pure, and the same in every process.

``key(node) = H(id, canonical config and code, probe, [(input, output digest of the input)])``.
The canonical form drops what cannot change the data: comments and layout, description, owner, tags.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.columns import promised
from seeknal_nb.dag.parameters import reaching, scope, texts_of
from seeknal_nb.dag.partitions import KEY, OF_PARTITION
from seeknal_nb.dag.positions import repeats
from seeknal_nb.python.body import canonical as canonical_python
from seeknal_nb.python.body import params_read
from seeknal_nb.sql.holes import holes, render, value_of, with_names
from seeknal_nb.sql.names import canonical as canonical_sql
from seeknal_nb.storage.files import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.declaration import Declaration

__all__ = [
    "ENGINE",
    "SPAN",
    "build_key",
    "config_parts",
    "holes_of",
    "json_of",
    "node_parts",
    "own_digest",
    "used_values",
    "written",
]

SHORT = 16
SQL_WITHIN = frozenset({"sql", "query", "expression", "where", "value", "condition"})
"""Further down, in checks, rules, features, and a source's params: keys whose texts are SQL."""
BODIES = ("sql", "transform")
"""The keys of a SQL body."""
PARAMETER = "parameter "
"""Before the names of parameters among a node's parts."""
ENGINE = "engine"
"""The part that names the engine and its major version."""
SPAN = "span"
"""The part that says of which partitions a run of some of them is."""


def written(node: Node, declared: Declaration, params: Mapping[str, object]) -> tuple[str, Node]:
    """A digest of the config as it is written, and the node with its parameters put in.

    Equal digests mean equal parts, so that nobody need parse again. Parameters are put in as SQL in a SQL body and as
    they are elsewhere; Python reads ``ctx.params``.

    Raises:
        ManifestError: A parameter has no value.
    """
    text, columns = json_of(node.config), promised(node)
    told = text + (json_of(columns) if columns else "")
    if "{{" not in text:
        return digest(told), node
    used = _values(holes_of(node.config), node.config, params)
    return digest(told + json_of(used)), replace(node, config=_resolved(node.config, declared, params))


def node_parts(node: Node, declared: Declaration, params: Mapping[str, object]) -> dict[str, str]:
    """A short digest for every part of a node: its config without its parameters' values, then each value."""
    text = json_of(node.config)
    values = {f"{PARAMETER}{name}": digest(json_of(value))[:SHORT] for name, value in used_values(node, params).items()}
    config = _named(node.config, declared) if "{{" in text else node.config
    columns = promised(node)
    told = {"columns": digest(json_of(columns))[:SHORT]} if columns else {}
    return config_parts(config, declared) | told | values


def used_values(node: Node, params: Mapping[str, object]) -> dict[str, object]:
    """The parameters that a node uses, in its texts or by ``ctx.params``, and their values; None for one that has none."""
    used = [*holes_of(node.config), *_params_of_python(node.config.get("python"), params)]
    return _values(used, node.config, params)


def _params_of_python(source: object, params: Mapping[str, object]) -> Iterable[str]:
    """The parameters that a body reads: those that it names literally, else all."""
    if not isinstance(source, str):
        return ()
    try:
        named = params_read(source)
    except SyntaxError:
        named = None
    return filter(str.isidentifier, params) if named is None else sorted(named)


def holes_of(config: Mapping[str, Any]) -> dict[str, None]:
    """The parameters that a config's texts ask for, each once."""
    return dict.fromkeys(name for text in texts_of(config) for name in holes(text))


def _values(names: Iterable[str], config: Mapping[str, Any], params: Mapping[str, object]) -> dict[str, object]:
    """What these names stand for in a node: what it declares itself reads the notebook's variables of the same names too."""
    reached = reaching(config, params)
    own = holes_of({"params": config.get("params")}) if reached is not params else {}
    found = {name: _known(name, reached) for name in names}
    return found | {name: [_known(name, params), found[name]] for name in own if name in found}


def _known(name: str, params: Mapping[str, object]) -> object:
    try:
        return value_of(name, params)
    except KeyError:
        return None


def _resolved(config: Mapping[str, Any], declared: Declaration, params: Mapping[str, object]) -> dict[str, Any]:
    """The config with its parameters put in: in SQL as SQL, elsewhere as they are; Python reads ``ctx.params``."""
    values, own = scope(config, params)

    def put(key: str, text: str, *, sql: bool) -> str:
        # The declared ones themselves are not replaced by what happens to have their name: a reader's option is not.
        given = params if key == "params" else values
        if key in BODIES and KEY in config:
            given = {**given, **OF_PARTITION}
        return render(text, given, plain=not sql, texts=own if sql else ())

    return _put(config, declared, put)


def _named(config: Mapping[str, Any], declared: Declaration) -> dict[str, Any]:
    """The config with what each parameter is called in its place."""
    return _put(config, declared, lambda _key, text, *, sql: with_names(text, plain=not sql))


def _put(config: Mapping[str, Any], declared: Declaration, put: Callable[..., str]) -> dict[str, Any]:
    """The config with its texts as ``put(key, text, sql=...)`` gives them, but for Python."""
    return {
        key: value if key == "python" else _with_texts(value, partial(put, key), sql=key in declared.sql)
        for key, value in config.items()
    }


def _with_texts(value: Any, put: Callable[..., str], *, sql: bool) -> Any:
    """A value with its texts, wherever it holds them, as ``put(text, sql=...)`` gives them."""
    if isinstance(value, str):
        return put(value, sql=sql)
    if isinstance(value, dict):
        return {name: _with_texts(one, put, sql=name in SQL_WITHIN) for name, one in value.items()}
    return [_with_texts(one, put, sql=sql) for one in value] if isinstance(value, list) else value


def config_parts(config: Mapping[str, Any], declared: Declaration) -> dict[str, str]:
    """A short digest for every part of a config: ``sql``, ``code``, and its other keys by name.

    Its ``{{ name }}`` must be filled already.
    """
    parts = {}
    for name, value in config.items():
        if name in declared.documentation or value is None:
            continue
        if name in BODIES and isinstance(value, str):
            parts["sql"] = digest(canonical_sql(value))[:SHORT]
        elif name == "python" and isinstance(value, str):
            parts["code"] = digest(_python(value))[:SHORT]
        else:
            parts[_part(name)] = digest(json_of(value))[:SHORT]
    places = repeats(config)  # else the edges, in their order, say what input_0 is
    return parts | ({"inputs": digest(json_of(places))[:SHORT]} if places else {})


def _part(name: str) -> str:
    """What a key's part is called: never as one of those that stand for something else."""
    return f"key {name}" if name in ("sql", "code", ENGINE, SPAN) or name.startswith(PARAMETER) else name


def _python(source: str) -> str:
    try:
        return canonical_python(source)
    except SyntaxError:
        return source


def own_digest(parts: Mapping[str, str]) -> str:
    """One text for all parts of a node, whatever their order."""
    return ",".join(f"{name}={parts[name]}" for name in sorted(parts))


def build_key(node_id: str, own: str, probe: str | None, inputs: Iterable[tuple[str, str]]) -> str:
    """The key of one build: 32 hexadecimal digits."""
    read = ";".join(f"{name}={found}" for name, found in inputs)
    return digest(f"{node_id}\n{own}\n{probe or ''}\n{read}")


json_of = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=repr).encode
"""Values as keys have them."""
