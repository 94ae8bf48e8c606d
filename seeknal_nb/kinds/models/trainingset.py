"""The rows that a model learns from: labels joined, parts told apart, in an order that no run changes. Fits nothing."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seeknal_nb.engines.names import no_column
from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.body import sql_body, sql_of
from seeknal_nb.kinds.pinned import pinned
from seeknal_nb.sql.text import column, literal, parquet
from seeknal_nb.sql.types import is_float, is_integer, is_number, is_time, is_word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    import pyarrow as pa

    from seeknal_nb.kinds.models.training import Split, Training
    from seeknal_nb.kinds.task import Task

__all__ = ["LEFT_OUT", "TEST", "TRAIN", "UNLABELLED", "Rows", "part_sql", "rows_of"]

TRAIN, TEST, UNLABELLED, LEFT_OUT = "train", "test", "unlabelled", "left_out"
STAGED = "training_set.parquet"
HOURS = ("TIME", "TIME_NS", "TIME WITH TIME ZONE", "INTERVAL")


@dataclass(frozen=True, slots=True)
class Rows:
    """A training set in its order.

    Attributes:
        key: The columns that name a row; those that joined the labels, where ``training`` names none.
        kept: What goes to the output as it came: ``key_0`` and so on, ``split``, ``target``, ``extra_0`` and so on.
        data: The features, as a body would get them.
        numbers: Which of them are numbers, or count as such; the others are words.
        border: Where a split by time lies, in words; empty for other splits.
        doubled: Rows whose key an earlier one has already.
        extras: What ``extra_0`` and so on are called.
    """

    key: tuple[str, ...]
    kept: pa.Table
    data: pd.DataFrame
    numbers: tuple[str, ...]
    border: str = ""
    doubled: int = 0
    extras: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Features that are words."""
        return tuple(name for name in self.data.columns if name not in self.numbers)


def rows_of(task: Task, training: Training, extras: Sequence[str]) -> Rows:
    """Read the training set: the body's table or the one input's, with ``extras`` among what is kept.

    Raises:
        NodeError: It is empty, a column is missing or of a type that cannot be used, or a split cannot be made.
    """
    with _labelled(task, training) as (source, key):
        training, extras = replace(training, key=key), tuple(name for name in extras if name not in key)
        types = dict(task.engine.describe(f"SELECT * FROM {source}"))
        features = _features(training, types)
        _need(training, types, extras)
        border = _border(task, training, source, types)
        kept = {
            **{f"key_{number}": column(name) for number, name in enumerate(key)},
            "split": part_sql(training, types, border),
            "target": _label(training.target, types),
            **{f"extra_{number}": column(name) for number, name in enumerate(extras)},
        }
        order = ", ".join(map(column, [*key, *(name for name in types if name not in key)]))
        named = ", ".join(f"{text} AS {column(name)}" for name, text in kept.items())
        table = task.engine.query(f"SELECT {named} FROM {source} ORDER BY {order}", form="arrow")
        data = task.engine.query(f"SELECT {', '.join(map(column, features))} FROM {source} ORDER BY {order}")
        doubled = _doubled(task, source, key)
    if not table.num_rows:
        raise NodeError("the training set is empty", remedy="mend its query, or run what it reads")
    numbers = tuple(name for name in features if _counts(types[name]))
    return Rows(key, table, data, numbers, _border_text(training, border), doubled, extras)


def _doubled(task: Task, source: str, key: Sequence[str]) -> int:
    if not key:
        return 0
    names = ", ".join(map(column, key))
    return int(task.engine.query(f"SELECT count(*) - count(DISTINCT row({names})) FROM {source}", form="rows")[0][0])


@contextlib.contextmanager
def _labelled(task: Task, training: Training) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What stands after FROM, and the key. What is no file of its own is one meanwhile: all readings are of one draw."""
    sql, labels = sql_of(task.node), _label_id(task, training)
    own = None if sql else _only_other(task, labels)
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(pinned(task, own) if own else _staged(task, sql or ""))
        if labels is None or labels == own:
            yield source, training.key
        else:
            yield _joined(task, training, source, labels, stack.enter_context(pinned(task, labels)))


@contextlib.contextmanager
def _staged(task: Task, sql: str) -> Iterator[str]:
    file = task.stage / STAGED
    try:
        with sql_body(task.node):
            task.engine.build(task.sql(sql), file)
        yield parquet(file)
    finally:
        file.unlink(missing_ok=True)


def _label_id(task: Task, training: Training) -> str | None:
    return task.input(training.label_source).node_id if training.label_source else None


def _only_other(task: Task, labels: str | None) -> str:
    """The input that is the training set; the labels may stand in it themselves."""
    others = [node_id for node_id in task.inputs if node_id != labels] or list(task.inputs)
    if len(others) != 1:
        raise NodeError(
            "a model without a body needs exactly one input",
            why=f"it has {len(others)}" + (" besides its labels" if labels else ""),
            remedy="write a SELECT as its body, or name one input",
        )
    return others[0]


def _joined(task: Task, training: Training, source: str, labels: str, table: str) -> tuple[str, tuple[str, ...]]:
    """The training set with its labels, by the key, else by all columns that both have; a row without a label stays."""
    here, there = (dict(task.engine.describe(f"SELECT * FROM {one}")) for one in (source, table))
    keys = training.key or tuple(name for name in here if name in there and name != training.target)
    if not keys:
        raise NodeError(
            f"nothing joins the labels of {labels}",
            why="no column has one name in both",
            remedy="--key id, in YAML key: [id]",
        )
    for name, types, where in (*((k, here, "the training set") for k in keys), *((k, there, labels) for k in keys)):
        _one(name, types, where)
    _one(training.target, there, labels)
    _one_label(task, keys, labels, table)
    rest = f"t.* EXCLUDE ({column(training.target)})" if training.target in here else "t.*"
    on = " AND ".join(f"t.{column(name)} = l.{column(name)}" for name in keys)
    label = f"l.{column(training.target)}"
    return f"(SELECT {rest}, {label} FROM {source} t LEFT JOIN {table} l ON {on})", keys


def _one_label(task: Task, keys: Sequence[str], labels: str, table: str) -> None:
    names, known = ", ".join(map(column, keys)), " AND ".join(f"{column(name)} IS NOT NULL" for name in keys)
    query = f"SELECT {names} FROM {table} WHERE {known} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
    for row in task.engine.query(query, form="rows"):
        why = f"{names} = {', '.join(map(str, row))} has several"
        raise NodeError(f"the labels of {labels} are doubled", why=why, remedy="keep one label a key")


def _features(training: Training, types: Mapping[str, str]) -> list[str]:
    apart = {training.target, *training.key, *training.split_columns}
    features = list(training.features) or [name for name in types if name not in apart]
    if not features:
        raise NodeError("there are no features", why="the training set has nothing but target and key", remedy="add columns")
    for name in features:
        _one(name, types, "the training set")
        if not _counts(types[name]) and not is_word(types[name]):
            raise NodeError(
                f"the feature {name!r} is {types[name]}",
                why="a feature is a number, a time or a word",
                remedy="take it apart in SQL, or name the other columns as features",
            )
    return features


def _need(training: Training, types: Mapping[str, str], extras: Sequence[str]) -> None:
    for name in (training.target, *training.key, *training.split_columns, *extras):
        _one(name, types, "the training set")
    kind = types[training.target]
    if not (is_number(kind) or is_word(kind) or kind == "BOOLEAN"):
        raise NodeError(f"the target {training.target!r} is {kind}", remedy="predict a number, a word or a truth value")


def _one(name: str, types: Mapping[str, str], where: str) -> None:
    if name not in types:
        raise no_column(name, types, within=where)


def _counts(kind: str) -> bool:
    """Whether a column of that SQL type counts as a number: times do, by their seconds."""
    return is_number(kind) or is_time(kind) or kind in ("BOOLEAN", *HOURS)


def _label(name: str, types: Mapping[str, str]) -> str:
    """A NaN is no label."""
    text = column(name)
    return f"CASE WHEN NOT isnan({text}) THEN {text} END" if is_float(types[name]) else text


def _border(task: Task, training: Training, source: str, types: Mapping[str, str]) -> str | None:
    """Check what a split reads; gives the border of one by time: the last time that trains, or the first that tests."""
    split = training.split
    if split.column:
        _check_parts(task, source, split.column, types[split.column])
    if not split.time_column:
        return None
    kind, time = types[split.time_column], column(split.time_column)
    if not (is_number(kind) or is_time(kind)):
        raise NodeError(f"the time column {split.time_column!r} is {kind}", remedy=f"CAST({time} AS TIMESTAMP)")
    if split.train_until:
        until = literal(split.train_until)
        if task.engine.query(f"SELECT TRY_CAST({until} AS {_compared(kind)})", form="rows")[0][0] is None:
            raise NodeError(
                f"train_until {split.train_until!r} is no {kind}", remedy="--train-until 2024-06-01, in YAML train_until"
            )
        return split.train_until
    known = f"{time} IS NOT NULL AND {_label(training.target, types)} IS NOT NULL"
    columns = f"{time} AS t, row_number() OVER (ORDER BY {time} DESC) AS r, count(*) OVER () AS n"
    ranked = f"SELECT {columns} FROM {source} WHERE {known}"
    last = f"SELECT CAST(min(t) AS VARCHAR) FROM ({ranked}) WHERE r <= greatest(1, round(n * {split.test_size!r}))"
    found = task.engine.query(last, form="rows")[0][0]
    return None if found is None else str(found)


def _compared(kind: str) -> str:
    """A border within a day is one, although the column holds days."""
    return "TIMESTAMP" if kind == "DATE" else kind


def _check_parts(task: Task, source: str, name: str, kind: str) -> None:
    if kind == "BOOLEAN":
        return
    if not (is_integer(kind) or is_word(kind)):
        raise NodeError(f"the split column {name!r} is {kind}", remedy="make it a BOOLEAN: true tests")
    text = f"lower(CAST({column(name)} AS VARCHAR))"
    odd = task.engine.query(f"SELECT {text} FROM {source} WHERE {text} NOT IN {PARTS} LIMIT 1", form="rows")
    if odd:
        raise NodeError(f"the split column {name!r} holds {odd[0][0]!r}", remedy="write train or test, 0 or 1, or a BOOLEAN")


PARTS = "('0', '1', 'train', 'test')"


def part_sql(training: Training, types: Mapping[str, str], border: str | None) -> str:
    """The part that a row is of, as SQL: train, test, unlabelled without a target, left_out where the split cannot say.

    By hash, a row's part goes by its key alone: the first 32 bits of an MD5 of its text, below the share of ``test_size``.
    The text is the same whatever other rows there are, in every version of DuckDB, and for integers of every width.
    """
    split, apart = training.split, f"WHEN {_label(training.target, types)} IS NULL THEN '{UNLABELLED}'"
    if split.column:
        place = column(split.column)
        tests = place if types[split.column] == "BOOLEAN" else f"lower(CAST({place} AS VARCHAR)) IN ('1', 'test')"
        apart += f" WHEN {place} IS NULL THEN '{LEFT_OUT}'"
    elif split.time_column:
        kind, place = types[split.time_column], column(split.time_column)
        to = _compared(kind) if split.train_until else kind
        tests = f"{place} {'>' if split.train_until else '>='} CAST({literal(border)} AS {to})"
        apart += f" WHEN {place} IS NULL THEN '{LEFT_OUT}'"
    else:
        tests = _hashed(training.key or tuple(types), split)
    return f"CASE {apart} WHEN {tests} THEN '{TEST}' ELSE '{TRAIN}' END"


def _hashed(names: Sequence[str], split: Split) -> str:
    parts = ", ".join(f"coalesce(CAST({column(name)} AS VARCHAR), chr(30))" for name in names)
    limit = min(round(split.test_size * 2**32), 2**32 - 1)
    return f"left(md5(concat_ws(chr(31), {parts})), 8) < '{limit:08x}'"


def _border_text(training: Training, border: str | None) -> str:
    if border is None:
        return ""
    return f"trained up to {border}" if training.split.train_until else f"tested from {border} on"
