"""Untrusted YAML and JSON into plain values with positions, executing nothing; it knows no node and no manifest."""

from __future__ import annotations

import gc
import json
import math
import re
import sys
from bisect import bisect_right
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, overload

import yaml

from seeknal_nb.errors import ManifestError, one_or_many
from seeknal_nb.markup import cut
from seeknal_nb.storage.positions import Document, KeyPath, Offsets
from seeknal_nb.storage.text import MAX_BYTES, SourceText, decoded

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Document", "KeyPath", "read_json", "read_yaml"]

MAX_DEPTH, MAX_VALUES, MAX_ALIASED, MAX_ERRORS = 64, 1_000_000, 100_000, 50
# CPython's default limit for int(text); a machine may have set a lower one, and 0 there means none.
MAX_DIGITS = min(4300, sys.get_int_max_str_digits() or 4300)

# PyYAML's wheels bring libyaml; where it was built without, the parser in Python gives the same events, slowly.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOT_YAML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_TAB = re.compile(r" *\t")

_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*+)")
_FLOAT = re.compile(r"-?(?:[0-9]++\.[0-9]*+|\.[0-9]++|[0-9]++(?=[eE]))(?:[eE][-+]?[0-9]++)?")
_ENDLESS_YAML = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_ENDLESS_JSON = re.compile(r"NaN|-?Infinity")
_HIGH_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\]]|[^\s{}\[\],:"]++', re.DOTALL)


def read_yaml(text: str | bytes, *, file: str, empty_ok: bool = False) -> list[Document]:
    """Every document of a YAML text that is not empty; the problems of the pass come in one error.

    Types are YAML 1.2's core at its strictest: ``true`` and ``false``; ``null``, ``~`` and nothing; decimal numbers.
    All else is text: ``on``, ``012``, ``12:30:45``, ``2024-01-01``: YAML 1.1 makes truths, octal numbers and times of them.
    """
    source = SourceText(decoded(text, file), file)
    if bad := _NOT_YAML.search(source.text):
        what = f"control character U+{ord(bad[0]):04X}"
        raise source.error(what, bad.start(), remedy="remove it, or escape it in double quotes")
    kinds = (yaml.NodeEvent, yaml.CollectionEndEvent)
    events = (event for event in yaml.parse(source.text, Loader=_LOADER) if isinstance(event, kinds))
    documents = _build(source, events, _ENDLESS_YAML)
    if not documents and not empty_ok:
        raise source.error("the file is empty", 0, remedy="write a document into it")
    return documents


@overload
def read_json(text: str | bytes, *, file: str, positions: Literal[True]) -> Document: ...
@overload
def read_json(text: str | bytes, *, file: str, positions: bool = False) -> object: ...
def read_json(text: str | bytes, *, file: str, positions: bool = False) -> object:
    """The value of a JSON text, or with ``positions`` its Document, which takes about fifty times as long."""
    plain = decoded(text, file)
    try:
        if not positions:
            return _quick_json(plain)
    except (ValueError, RecursionError):
        # Whatever the trouble was, the slow pass decides, and knows the place.
        pass
    source = SourceText(plain, file)
    if not plain or plain.isspace():
        raise source.error("the file is empty", 0, remedy="write a document into it")
    (document,) = _build(source, _json_events(source), _ENDLESS_JSON)
    return document if positions else document.value


def _quick_json(text: str) -> Any:
    """The value at the speed of ``json.loads``, if nothing is doubtful; else some ValueError or RecursionError."""
    # Up to 8 MB not even "[],[],..." takes more than 250 MB, and the values can be counted afterwards.
    if len(text) > MAX_BYTES // 4 and sum(map(text.count, ",[{")) >= MAX_VALUES:
        raise ValueError(len(text))
    collecting = gc.isenabled()
    # Parsing makes no cycles, and looking for them takes a third of the time of loading 6 MB.
    gc.disable()
    try:
        value = _DECODER.decode(text)
        _check_shape(value)
    finally:
        if collecting:
            gc.enable()
    if _HIGH_ESCAPE.search(text):
        # A surrogate without its other half cannot be encoded.
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _check_shape(value: Any) -> None:
    """ValueError where there may be too many values or levels; ``gc.is_tracked`` overlooks only what holds no other."""
    level: list[Any] = [[value]]
    values = 0
    for _ in range(MAX_DEPTH):
        values += sum(map(len, level))
        holders = [holder.values() if type(holder) is dict else holder for holder in level]
        level = list(filter(gc.is_tracked, chain.from_iterable(holders)))
    if level or values >= MAX_VALUES // 2:
        raise ValueError(values)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError(len(pairs))
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_finite)


def _json_events(source: SourceText) -> Iterator[yaml.Event]:
    """Events of a JSON text, whose limits and then grammar are looked at first; ``json`` knows the grammar best."""
    depth = values = 0
    for token in _JSON_TOKEN.finditer(source.text):
        depth += (token[0] in "{[") - (token[0] in "}]")
        values += token[0] not in "}]"
        _check_limits(source, token.start(), depth, values)
    try:
        json.loads(source.text, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise source.error(f"JSON syntax: {error.msg}", error.pos, remedy="correct the text at this place") from error
    for token in _JSON_TOKEN.finditer(source.text):
        text, mark = token[0], yaml.Mark(source.file, token.start(), 0, 0, "", 0)
        if text in "{[":
            start = yaml.MappingStartEvent if text == "{" else yaml.SequenceStartEvent
            yield start(anchor=None, tag=None, implicit=True, start_mark=mark)
        elif text in "}]":
            yield yaml.MappingEndEvent(mark)
        elif text[0] == '"':
            yield yaml.ScalarEvent(None, None, (False, True), json.loads(text), mark)
        else:
            yield yaml.ScalarEvent(None, None, (True, False), text, mark)


def _check_limits(source: SourceText, at: int, depth: int, values: int) -> None:
    if depth > MAX_DEPTH:
        raise source.error(f"nested deeper than {MAX_DEPTH}", at, remedy="nest less")
    if values > MAX_VALUES:
        raise source.error("more than 1,000,000 values", at, remedy="split the file")


def _yaml_error(source: SourceText, error: Any) -> ManifestError:
    at = error.problem_mark.index
    if "nesting depth" in str(error.problem):  # PyYAML's own limit, which is higher, comes before its events
        return source.error(f"nested deeper than {MAX_DEPTH}", at, remedy="nest less")
    if tab := _TAB.match(source.text, source.starts[bisect_right(source.starts, at) - 1]):
        return source.error("tab in the indentation", tab.end() - 1, remedy="indent with spaces")
    remedy = "indent evenly, and quote a text that holds a colon, #, quotes or brackets"
    return source.error(f"YAML syntax: {error.problem}", at, why=error.context or "", remedy=remedy)


def _build(source: SourceText, events: Iterator[Any], endless: re.Pattern[str]) -> list[Document]:
    """Every document that is not empty; raises all that the builder met, in the order of the text."""
    builder = _Builder(source, events, endless)
    documents: list[Document] = []
    try:
        documents = [builder.document(event) for event in events if not _is_nothing(event)]
    except ManifestError as error:
        builder.errors[len(source.text) + 1] = error
    except yaml.MarkedYAMLError as error:
        builder.errors[len(source.text) + 1] = _yaml_error(source, error)
    if builder.errors:
        raise one_or_many([error for _, error in sorted(builder.errors.items())])
    return documents


def _end(event: yaml.Event) -> int:
    """The offset behind an event; JSON's have none, and nobody asks."""
    return event.end_mark.index if event.end_mark is not None else 0


def _is_nothing(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.implicit[0] and not (event.value or event.anchor)


class _Builder:
    """Values and spots out of events, within limits of size, depth and aliases.

    What leaves the rest readable is collected in ``errors``; what does not is raised.
    """

    def __init__(self, source: SourceText, events: Iterator[Any], endless: re.Pattern[str]) -> None:
        self.source, self.events, self.endless = source, events, endless
        self.errors: dict[int, ManifestError] = {}
        self.anchors: dict[str, tuple[Any, Offsets, int] | None] = {}
        self.path: list[str | int] = []
        self.values = self.aliased = self.crossed = self.end = 0

    def document(self, event: Any) -> Document:
        self.anchors.clear()
        value, root = self._node(event)
        if self.aliased > MAX_ALIASED:
            many = f"{self.aliased:.2g}".replace("e+0", "e").replace("e+", "e")
            what = f"aliases expand to {many} nodes; limit {MAX_ALIASED:,}"
            raise self.source.error(what, self.crossed, remedy="repeat less")
        spots = dict(self._walk((), root))
        positions = {path: self.source.place(spot.at) for path, spot in spots.items()}
        return Document(value, positions[()], positions, self.end, self.source, spots)

    def _walk(self, path: KeyPath, spot: Offsets) -> Iterator[tuple[KeyPath, Offsets]]:
        yield path, spot
        if spot.inside is not None:
            # Aliases can nest deeper than the text does.
            _check_limits(self.source, spot.at, len(path) + 1, 0)
            for step, inner in spot.inside.items() if isinstance(spot.inside, dict) else enumerate(spot.inside):
                yield from self._walk((*path, step), inner)

    def _report(self, what: str, at: int, remedy: str, why: str = "") -> None:
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path).removeprefix(".")
        error = self.source.error(what, at, why=why or f"in {cut(path, 80)}" * bool(path), remedy=remedy)
        if len(self.errors) == MAX_ERRORS:
            raise error
        self.errors.setdefault(at, error)

    def _node(self, event: Any, key: int | None = None) -> tuple[Any, Offsets]:
        at, self.end = event.start_mark.index, _end(event)
        key = at if key is None else key
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor, at, key)
        if event.tag is not None:
            tag = cut(event.tag.replace("tag:yaml.org,2002:", "!!"), 80)
            self._report(f"tag {tag}", at, "remove the tag", "only plain values are read")
        self.values += 1
        _check_limits(self.source, at, len(self.path) + isinstance(event, yaml.CollectionStartEvent), self.values)
        if event.anchor is None:
            return self._value(event, at, key)
        before = self.values + self.aliased - 1
        self.anchors[event.anchor] = None
        value, spot = self._value(event, at, key)
        self.anchors[event.anchor] = value, spot, self.values + self.aliased - before
        return value, spot

    def _alias(self, name: Any, at: int, key: int) -> tuple[Any, Offsets]:
        if (anchor := self.anchors.get(name)) is None:
            what = "recursive alias" if name in self.anchors else "unknown alias"
            raise self.source.error(f"{what} *{cut(name, 80)}", at, remedy="write the value itself here")
        value, spot, size = anchor
        # A chain of doublings would make the count itself too large a number.
        self.aliased = min(self.aliased + size, 10**18)
        self.crossed = self.crossed or at * (self.aliased > MAX_ALIASED)
        return value, spot._replace(key=key)

    def _value(self, event: Any, at: int, key: int) -> tuple[Any, Offsets]:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, at), Offsets(at, key)
        value, inside, merged = self._mapping() if isinstance(event, yaml.MappingStartEvent) else self._sequence()
        return value, Offsets(at, key, inside, merged)

    def _scalar(self, event: Any, at: int) -> Any:
        text, fault = event.value, ""
        if not event.implicit[0]:
            fault = "half a surrogate pair" * (not text.isascii() and re.search("[\ud800-\udfff]", text) is not None)
        elif text in _WORDS:
            return _WORDS[text]
        elif _INTEGER.fullmatch(text):
            if len(text.lstrip("-")) <= MAX_DIGITS:
                return int(text)
            fault = f"integer longer than {MAX_DIGITS:,} digits"
        elif _FLOAT.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        elif _FLOAT.fullmatch(text) or self.endless.fullmatch(text):
            fault = f"{cut(text, 40)} is not a finite number"
        if fault:
            self._report(fault, at, "correct it, or quote it if it is text")
        return text

    def _sequence(self) -> tuple[Any, Any, bool]:
        value: list[Any] = []
        inside: list[Offsets] = []
        while not isinstance(event := next(self.events), yaml.CollectionEndEvent):
            self.path.append(len(value))
            item, spot = self._node(event)
            self.path.pop()
            value.append(item)
            inside.append(spot)
        self.end = _end(event)
        return value, inside, False

    def _mapping(self) -> tuple[Any, Any, bool]:
        value: dict[str, Any] = {}
        inside: dict[str, Offsets] = {}
        base: tuple[Any, Any] | None = None
        while not isinstance(event := next(self.events), yaml.CollectionEndEvent):
            self.path.append("?")
            key, spot = self._node(event)
            self.path[-1] = key if isinstance(key, str) else "?"
            item, item_spot = self._node(next(self.events), spot.key)
            if not isinstance(key, str):
                # Never str(key): aliases may have made it huge.
                self._report(f"key {cut(getattr(event, 'value', '...'), 40)} is not text", spot.key, "quote it")
            elif key in inside:
                first = f"it stands first at {self.source.place(inside[key].key)}"
                self._report(f'duplicate key "{cut(key, 80)}"', spot.key, "keep one of them", first)
            elif key != "<<" or not (isinstance(event, yaml.ScalarEvent) and event.implicit[0]):
                value[key], inside[key] = item, item_spot
            elif base is None and isinstance(item, dict) and not item_spot.merged:
                base = item, item_spot.inside
            else:
                self._report('"<<" takes one mapping without a "<<" of its own', spot.key, "write the keys out")
            self.path.pop()
        self.end = _end(event)
        if base and self.aliased <= MAX_ALIASED:
            value, inside = base[0] | value, base[1] | inside
        return value, inside, base is not None
