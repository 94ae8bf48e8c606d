"""Random CSV files, odd ones too: what is stored without a word is what Python's csv module reads, with the types of KINDS.md."""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
import re
from decimal import Decimal

import pytest

from kinds import arrow, run

FILES = 50
TEXTS = ["x", "Ann", "a b", "a,b", "a;b", 'say "hi"', "two\nlines", "t", "f", "yes", "no", "Y", "N", "é", "#1", "'", "\\", "-", "+5", "1,5", "n/a"]
WAYS = {
    "whole": lambda r: str(r.randint(-50, 10**r.randint(1, 18))),
    "zeros": lambda r: f"0{r.randint(0, 99)}",
    "large": lambda r: str(r.randint(2**62, 2**70)),
    "decimal": lambda r: f"{r.uniform(-9, 9):.{r.randint(1, 9)}f}",
    "exponent": lambda r: f"{r.randint(1, 9)}e{r.randint(-9, 9)}",
    "odd number": lambda r: r.choice(["nan", "inf", "-inf", ".5", "5.", "-0", "1_0", "0x1", "1e400", "9007199254740993"]),
    "truth": lambda r: r.choice(["true", "false", "True", "FALSE"]),
    "short truth": lambda r: r.choice(["t", "f", "yes", "no"]),
    "day": lambda r: str(dt.date(2024, 1, 1) + dt.timedelta(r.randint(0, 400))),
    "no day": lambda r: r.choice(["2024-02-30", "2024-13-01", "20240101", "24-01-01"]),
    "moment": lambda r: str(dt.datetime(2024, 1, 1) + dt.timedelta(seconds=r.randint(0, 10**7))),
    "finest": lambda r: "2024-01-01 10:00:00.123456789",
    "zoned": lambda r: f"2024-01-{r.randint(10, 28)}T10:00:00{r.choice(['Z', '+02:00', '-05:00'])}",
    "clock": lambda r: f"{r.randint(10, 25)}:{r.randint(10, 59)}:00",
    "day first": lambda r: f"{r.randint(1, 28)}/{r.randint(1, 12)}/2024",
    "month first": lambda r: f"{r.randint(1, 12):02}/{r.randint(1, 28):02}/2024",
    "text": lambda r: r.choice(TEXTS),
}  # fmt: skip
ODDITIES = {
    "a long row": lambda r, lines, d: lines.insert(r.randint(1, len(lines)), d.join(["x"] * (1 + width(lines[0], d)))),
    "a short row": lambda r, lines, d: lines.insert(r.randint(1, len(lines)), "x"),
    "lines above": lambda r, lines, d: lines.__setitem__(slice(0, 0), ["A report", "made in May"][: r.randint(1, 2)]),
    "a comment": lambda r, lines, d: lines.insert(r.randint(0, len(lines)), "# a comment"),
    "blank lines": lambda r, lines, d: lines.insert(r.randint(0, len(lines)), ""),
    "an open quote": lambda r, lines, d: lines.insert(r.randint(1, len(lines)), d.join(['"x', *["y"] * (width(lines[0], d) - 1)])),
    "ends of lines": lambda r, lines, d: lines.__setitem__(-1, lines[-1] + "\r"),
}  # fmt: skip


def width(line: str, delimiter: str) -> int:
    return len(next(csv.reader([line], delimiter=delimiter)))


def drawn(r: random.Random) -> tuple[str, str, str]:
    """A file's text, its delimiter, and what is odd about it."""
    delimiter, many = r.choice(",,,;\t|"), r.randint(1, 12)
    columns = []
    for _ in range(r.randint(1, 5)):
        way, other = r.choice([*WAYS]), r.choice([*WAYS])
        cells = ["" if r.random() < 0.1 else WAYS[way](r) for _ in range(many)]
        if r.random() < 0.2:
            cells[r.randrange(many)] = WAYS[other](r)
        columns.append(cells)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=r.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    names = [f"c{at}" for at in range(len(columns))]
    oddity = r.choice([""] * 6 + ["names", *ODDITIES])
    if oddity == "names":
        names[0] = r.choice(["", names[-1], names[-1].upper(), "2024"])
    writer.writerows([names, *zip(*columns, strict=True)])
    lines = out.getvalue().split("\n")[:-1]
    if oddity in ODDITIES:
        ODDITIES[oddity](r, lines, delimiter)
    end = r.choice(["\n", "\n", "\r\n"])
    return ("\ufeff" if r.random() < 0.1 else "") + end.join(lines) + r.choice([end, ""]), delimiter, oddity


def told(text: str, delimiter: str) -> list[list[str]]:
    """The rows as Python's csv module reads them. Where the names hold no delimiter there is one column, of whole lines."""
    text = text.removeprefix("\ufeff")
    alone = width(text.splitlines()[0], delimiter) == 1
    found = csv.reader(io.StringIO(text, newline=""), delimiter="\x1f" if alone else delimiter)
    return [row or [""] for row in found if row or alone]


def fits(pattern: str, values: list[str]) -> bool:
    return all(re.fullmatch(pattern, value) for value in values)


def parsed(parse, values: list[str]) -> list | None:
    try:
        return [parse(value) for value in values]
    except (ValueError, OverflowError):
        return None


def typed(cells: list[str]) -> list:
    """The cells as the types that KINDS.md states; an empty one is None (or an empty text)."""
    values = [cell.strip() for cell in cells if cell.strip()]
    found = read(values) if values else None
    if found is None:
        return [cell or None for cell in cells]
    them = iter(found)
    return [next(them) if cell.strip() else None for cell in cells]


def read(values: list[str]) -> list | None:  # noqa: PLR0911 - a form a line
    number, odd = r"-?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?", ("nan", "inf", "-inf")
    day, clock, zone = r"\d{4}-\d{1,2}-\d{1,2}", r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?", r"(Z|[+-]\d{2}:\d{2})"
    if all(value.lower() in ("true", "false") for value in values):
        return [value.lower() == "true" for value in values]
    if fits(r"0|-?[1-9]\d*", values) and all(-(2**63) <= int(value) < 2**63 for value in values):
        return [int(value) for value in values]
    if fits(r"-?[1-9]\d{0,37}", values):
        return [Decimal(value) for value in values]
    if all(value.lower() in odd or re.fullmatch(number, value) for value in values):
        floats = [float(value) for value in values]
        exact = all(not fits(r"-?\d{16,}", [v]) or Decimal(repr(f)) == Decimal(v) for v, f in zip(values, floats, strict=True))
        finite = all(v.lower() in odd or abs(f) != float("inf") for v, f in zip(values, floats, strict=True))
        return floats if exact and finite else None
    if fits(day, values):
        return parsed(dt.date.fromisoformat, values)
    if fits(f"{day}([T ]{clock})?", values):
        return parsed(dt.datetime.fromisoformat, values)
    if fits(f"{day}[T ]{clock}{zone}", values):
        return parsed(dt.datetime.fromisoformat, values)
    if fits(r"\d{2}:\d{2}(:\d{2})?", values):
        return parsed(dt.time.fromisoformat, values)
    orders = [parsed(lambda v, f=form: dt.datetime.strptime(v, f).date(), values) for form in ("%d/%m/%Y", "%m/%d/%Y")]
    return next((order for order in orders if order), None) if orders.count(None) == 1 else None


def same(a: object, b: object) -> bool:
    return (a or None) == (b or None) if isinstance(a, str) or isinstance(b, str) else (a == b and type(a) is type(b)) or (a != a and b != b)  # noqa: PLR0124 - NaN


@pytest.mark.parametrize("seed", range(5))
def test_what_is_stored_without_a_word_is_what_python_reads(project, tmp_path, seed):
    r = random.Random(seed)
    files = [drawn(r) for _ in range(FILES)]
    for number, (text, _, _) in enumerate(files):
        (tmp_path / f"f{number}.csv").write_bytes(text.encode())
        project.source(f"s{number}", path=f"f{number}.csv")
    summary = run(project, continue_on_error=True)
    silent = 0
    for number, (text, delimiter, oddity) in enumerate(files):
        result = summary[f"source.s{number}"]
        if result.status != "success" or (result.metadata or {}).get("warnings"):
            continue
        silent += 1
        columns = list(zip(*told(text, delimiter), strict=True))
        stored = arrow(project, f"source.s{number}")
        assert stored.column_names == [column[0] for column in columns], (text, oddity)
        for column in columns:
            got, wanted = stored[column[0]].to_pylist(), typed(list(column[1:]))
            assert len(got) == len(wanted), (text, oddity, column, got)
            assert all(map(same, got, wanted)), (text, oddity, column, got)
    assert silent > FILES / 3
