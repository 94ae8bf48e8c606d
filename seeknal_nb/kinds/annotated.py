"""In which form a Python body is handed an input: what the annotation of its parameter asks for, or a clear refusal."""

from __future__ import annotations

import ast
import datetime as dt
import decimal
import types
import typing
import uuid
from typing import TYPE_CHECKING, Any, ForwardRef

from seeknal_nb.errors import NodeError, text_of
from seeknal_nb.markup import plural
from seeknal_nb.python.body import compile_tree
from seeknal_nb.sql.text import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seeknal_nb.kinds.context import Context
    from seeknal_nb.kinds.task import Task
    from seeknal_nb.python.body import Body

__all__ = ["arguments"]

_TABLES: dict[str, tuple[str, Callable[[Any, Context], object]]] = {
    "pandas.DataFrame": ("pandas", lambda frame, _: frame),
    "polars.DataFrame": ("polars", lambda frame, _: frame),
    "polars.LazyFrame": ("polars", lambda frame, _: frame.lazy()),
    "pyarrow.Table": ("arrow", lambda table, _: table),
    "duckdb.DuckDBPyRelation": ("arrow", lambda table, context: context.duckdb.from_arrow(table)),
}
"""By library and name: the form that is asked of the engine, and what becomes of it."""
_COLUMNS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "pandas.Series": ("pandas", lambda frame: frame.iloc[:, 0]),
    "polars.Series": ("polars", lambda frame: frame.to_series()),
    "pyarrow.ChunkedArray": ("arrow", lambda table: table.column(0)),
}
"""Likewise, of a table with one column."""
_VALUES = (bool, int, float, decimal.Decimal, str, bytes, dt.datetime, dt.date, dt.time, dt.timedelta, uuid.UUID)
_ANYTHING = (Any, object, typing.TypeVar)
_UNIONS = (typing.Union, types.UnionType)
_REMEDY = (
    "annotate it pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.Table, duckdb.DuckDBPyRelation, pd.Series (one column), "
    "float or its like (one value), or not at all"
)


def arguments(task: Task, context: Context, body: Body, namespace: Mapping[str, Any]) -> dict[str, object]:
    """What the node's function is called with, by name: ``ctx``, and each parameter that is an input.

    Args:
        task: Of the node.
        context: What it is given as ``ctx``.
        body: The node's.
        namespace: Where the body has defined its function, and what its annotations name.

    Raises:
        NodeError: An annotation says nothing that an input could be, or the input is no such thing.
    """
    given: dict[str, object] = {"ctx": context} if "ctx" in body.params else {}
    notes = dict(body.notes)
    for name in body.params:
        node_id = task.resolve(name) if name != "ctx" else None
        if node_id is None:
            continue
        asked = _Asked(task, context, name, node_id, notes.get(name, ""))
        given[name] = asked.handed(_evaluated(asked, namespace)) if name in notes else context.ref(node_id)
    return given


class _Asked:
    """One annotated parameter, and the input that it is to be."""

    def __init__(self, task: Task, context: Context, name: str, node_id: str, text: str) -> None:
        self.task, self.context, self.name, self.node_id, self.text = task, context, name, node_id, text

    def handed(self, note: object) -> object:
        """The input as one of the things that the annotation names, in the node's own form where it leaves that open."""
        kinds = list(_alternatives(note))
        form = self.context.form()
        if any(kind in _ANYTHING or isinstance(kind, typing.TypeVar) for kind in kinds):
            return self.context.ref(self.node_id)
        named = {_name(kind): kind for kind in kinds if kind is not type(None)}
        for name in sorted((one for one in named if one in _TABLES), key=lambda one: not form.startswith(_TABLES[one][0])):
            return _TABLES[name][1](self._as(_TABLES[name][0], form), self.context)
        for name in (one for one in named if one in _COLUMNS):
            return self._column(name, form)
        if named and all(kind in _VALUES for kind in named.values()):
            return self._value([kind for kind in _VALUES if kind in named.values()], nothing=type(None) in kinds)
        raise self.refused("an input is a table, a column or a value")

    def refused(self, why: str, remedy: str = _REMEDY) -> NodeError:
        """The error that says so."""
        return NodeError(f"{self.name} is annotated {self.text}", why=why, remedy=remedy)

    def _as(self, form: str, own: str) -> Any:
        """The table in a form; of a library's several ones in that which the node asks for."""
        return self.context.ref(self.node_id, as_=own if own.startswith(form) else form)

    def _column(self, name: str, own: str) -> object:
        form, taken = _COLUMNS[name]
        columns = [column for column, _ in self.task.engine.describe(self._select())]
        if len(columns) != 1:
            why = f"{self.node_id} has {plural(len(columns), 'column')}: {', '.join(columns[:10])}"
            raise self.refused(why, "annotate it as a table, or read a node that selects the one column")
        return taken(self._as(form, own))

    def _value(self, kinds: list[type], *, nothing: bool) -> object:
        query = self.task.engine.query
        columns = len(self.task.engine.describe(self._select()))
        found = query(f"{self._select()} LIMIT 2", form="rows")
        if columns != 1 or len(found) != 1:
            rows = query(f"SELECT count(*) FROM {quote(self.node_id)}", form="rows")[0][0]
            why = f"{self.node_id} has {plural(rows, 'row')} and {plural(columns, 'column')}"
            raise self.refused(why, "annotate it as a table, or read a node that gives the one value")
        value = found[0][0]
        if value is None and nothing:
            return None
        for kind in kinds:
            exact = _exactly(value, kind)
            if exact is not None:
                return exact
        what = "NULL" if value is None else f"{value!r:.100}, of type {type(value).__name__}"
        remedy = f"annotate it {self.text} | None" if value is None else "CAST it in the node that gives it"
        raise self.refused(f"{self.node_id} holds {what}", remedy)

    def _select(self) -> str:
        return f"SELECT * FROM {quote(self.node_id)}"


def _evaluated(asked: _Asked, namespace: Mapping[str, Any]) -> object:
    """What the annotation is, where the body has run; quoted parts and ``from __future__ import annotations`` alike."""
    try:
        return _eval(asked.text, namespace)
    except (NameError, AttributeError, SyntaxError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {text_of(error)}"
        raise asked.refused(why, f"import or define in the body what it names; {_REMEDY}") from error


def _eval(note: object, namespace: Mapping[str, Any]) -> object:
    while isinstance(note, (str, ForwardRef)):
        tree = ast.parse((note if isinstance(note, str) else note.__forward_arg__).strip(), mode="eval")
        try:
            note = eval(compile_tree(tree, "<annotation>", "eval"), dict(namespace))  # noqa: S307 - the body's own text
        except TypeError:  # the stubs of pandas know Series[float], which pandas itself does not
            if not isinstance(tree.body, ast.Subscript):
                raise
            note = ast.unparse(tree.body.value)
    if typing.get_origin(note) in _UNIONS:
        return typing.Union[tuple(_eval(arg, namespace) for arg in typing.get_args(note))]  # noqa: UP007 - however many
    return note


def _alternatives(note: object) -> Iterator[Any]:
    """The classes that an annotation allows, without what only describes them."""
    origin = typing.get_origin(note)
    if origin in _UNIONS:
        for one in typing.get_args(note):
            yield from _alternatives(one)
    elif origin is typing.Annotated:
        yield from _alternatives(typing.get_args(note)[0])
    elif hasattr(note, "__supertype__") or type(note).__name__ == "TypeAliasType":  # NewType, and 3.12's type statement
        yield from _alternatives(getattr(note, "__supertype__", None) or note.__value__)  # type: ignore[attr-defined]
    else:
        yield type(None) if note is None else origin or note


def _name(kind: Any) -> str:
    """``library.Name`` of a class; a schema of pandera is what it describes."""
    library = str(getattr(kind, "__module__", "")).partition(".")[0].removeprefix("_")  # DuckDB 1.5 says _duckdb
    name = getattr(kind, "__qualname__", repr(kind))
    if library == "pandera" and isinstance(kind, type):
        return next((found for found in map(_name, kind.__mro__[1:]) if found in {**_TABLES, **_COLUMNS}), name)
    return f"{library}.{name}"


def _exactly(value: Any, kind: type) -> object:
    """The value as a plain type, where nothing is lost or made up; else None."""
    if isinstance(value, kind) and (kind is not dt.date or not isinstance(value, dt.datetime)):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, decimal.Decimal)):
        return None
    if kind not in (int, float, decimal.Decimal) or (isinstance(value, float) and kind is decimal.Decimal):
        return None
    try:
        made = kind(value)
    except (ValueError, OverflowError):  # NaN and infinity are no whole numbers
        return None
    same = decimal.Decimal(repr(made)) if isinstance(made, float) else made
    return made if same == value else None
