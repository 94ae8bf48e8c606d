"""Where in the text of one SQL statement stands what a parser only names: how far a name goes, an argument, a PIVOT."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from seeknal_nb.sql.text import Piece, unquoted, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Places"]

_CREATES = re.compile(r"(?:table|view|macro|function|type|sequence)$", re.IGNORECASE)
_AFTER_ON = frozenset({"using", "group", "order", "limit", ";"})


class Places:
    """A statement and its pieces."""

    def __init__(self, sql: str) -> None:
        self.sql, self.pieces = sql, words(sql)
        self._at = {piece.start: number for number, piece in enumerate(self.pieces)}

    def of(self, piece: Piece) -> str:
        """The piece as it is written."""
        return self.sql[piece.start : piece.end]

    def word(self, number: int) -> str:
        """The piece of that number in small letters; empty where there is none."""
        return self.of(self.pieces[number]).casefold() if 0 <= number < len(self.pieces) else ""

    def name(self, number: int) -> str:
        """What the piece of that number says, in small letters."""
        return unquoted(self.of(self.pieces[number])).casefold() if 0 <= number < len(self.pieces) else ""

    def says(self, word: str, *, after: str) -> bool:
        """Whether the word stands right behind the first such one."""
        return self.word(next((n + 1 for n in range(len(self.pieces)) if self.word(n) == after), 0)) == word

    def is_recursive(self, name: str) -> bool:
        """Whether a WITH RECURSIVE has such a name."""
        found = [n for n in range(1, len(self.pieces)) if self.name(n) == name.casefold()]
        return any(self.word(n - 1) in ("recursive", ",") for n in found)

    def made(self) -> tuple[str, str, int]:
        """What ``CREATE ... TEMP <kind> <name>`` makes: kind, name and where the name starts."""
        if self.word(0) != "create":
            return "", "", -1
        number = next((n for n in range(1, min(6, len(self.pieces))) if _CREATES.fullmatch(self.word(n))), 0)
        kind = self.word(number)
        number += 4 if self.word(number + 1) == "if" else 1
        if not number - 1 or number >= len(self.pieces):
            return "", "", -1
        start = self.pieces[number].start
        while self.word(number + 1) == ".":
            number += 2
        return kind, self.name(number), start

    def end_of_name(self, start: int, parts: int) -> int:
        """Where a name of that many parts ends."""
        return self.pieces[min(self._at[start] + 2 * parts - 2, len(self.pieces) - 1)].end

    def stands_alone(self, start: int) -> bool:
        """Whether the table that begins there is one of TABLE or SUMMARIZE, which can have no alias."""
        return self.word(self._at[start] - 1) in ("table", "summarize", "describe", "desc")

    def stands(self, name: str, start: int) -> bool:
        """Whether a piece begins there that says that name."""
        return start in self._at and self.name(self._at[start]) == name.casefold()

    def is_qualified(self, start: int, name: str) -> bool:
        """Whether a schema stands before the name that begins there, or is what begins there."""
        number = self._at[start]
        return self.name(number) != name or self.word(number - 1) == "."

    def is_joined(self, start: int) -> bool:
        """Whether another text follows the one that begins there."""
        number = self._at[start]
        return [piece.kind for piece in self.pieces[number : number + 2]] == ["text", "text"]

    def is_quoted(self, start: int) -> bool:
        """Whether the name that begins there is in quotes."""
        return self.pieces[self._at[start]].kind in ("text", "name")

    def place_alone(self, parts: Sequence[str]) -> int | None:
        """Where the one such name behind TABLE or SUMMARIZE begins; None where there are several, or none."""
        names = [name.casefold() for name in parts]
        found = [n for n in range(len(self.pieces)) if [self.name(n + 2 * i) for i in range(len(names))] == names]
        places = [self.pieces[n].start for n in found if self.stands_alone(self.pieces[n].start)]
        return places[0] if len(places) == 1 else None

    def behind_alias(self, start: int) -> int:
        """Where what is called begins, of ``alias: what`` that begins there; else the place itself."""
        number = self._at.get(start, len(self.pieces))
        return self.pieces[number + 2].start if self.word(number + 1) == ":" and self.word(number + 2) else start

    def first_argument(self, start: int) -> tuple[list[Piece], int]:
        """The pieces of the first argument of the function whose name starts there, and where the call ends."""
        number = next(n for n in range(self._at[start], len(self.pieces)) if self.word(n) == "(")
        first: list[Piece] = []
        depth, over = 0, False
        for piece in self.pieces[number:]:
            sign = self.of(piece)
            depth += (sign in ("(", "[", "{")) - (sign in (")", "]", "}"))
            over = over or (sign == "," and depth == 1)
            if not depth:
                return first, piece.end
            if not over and piece.start > self.pieces[number].start:
                first.append(piece)
        return first, len(self.sql)

    def pivots(self) -> list[tuple[int, str]]:
        """What makes a PIVOT a SELECT to ``json_serialize_sql``: for each column that names no values, ``(column) IN (1)``.

        DuckDB would look the values up, and takes such a PIVOT apart into several statements.
        """
        found: list[tuple[int, str]] = []
        for number in range(len(self.pieces)):
            if self.word(number) in ("pivot", "pivot_wider"):
                found += self._columns_of_pivot(number)
        return found

    def _columns_of_pivot(self, number: int) -> Iterator[tuple[int, str]]:
        depth, first, said = 0, 0, False
        for at in range(number + 1, len(self.pieces) + 1):
            word = self.word(at)
            ends = not depth and word in {*_AFTER_ON, ")", ""}
            if first and (ends or (not depth and word == ",")):
                yield from () if said else ((self.pieces[first].start, "("), (self.pieces[at - 1].end, ") IN (1)"))
                first, said = at + 1, False
            if ends:
                return
            depth += (word in ("(", "[", "{")) - (word in (")", "]", "}"))
            first = first or (at + 1 if word == "on" and not depth else 0)
            said = said or (word == "in" and not depth)

    def texts_in(self, argument: Sequence[Piece]) -> list[Piece]:
        """The texts that an argument consists of, alone or in a list; none where it is anything else."""
        texts = [piece for piece in argument if piece.kind in ("text", "name")]
        joined = any(one in texts and other in texts for one, other in itertools.pairwise(argument))
        others = [self.of(piece) for piece in argument if piece not in texts]
        return [] if joined or set(others) - {"(", ")", "[", "]", ","} else texts
