"""Text that came from outside made safe for HTML, a terminal or an XML drawing; a small table writer."""

from __future__ import annotations

import difflib
import html
import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = [
    "Markup",
    "article",
    "changed_lines",
    "cut",
    "esc_html",
    "esc_term",
    "esc_xml",
    "json_value",
    "overwritten",
    "plural",
    "size_text",
    "some",
    "table",
]

# C0 but tab and newline, DEL, C1; then the bidirectional and zero-width characters that forge what a reader sees.
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\u061c\ud800-\udfff]"
)

_UNITS = ("B", "kB", "MB", "GB", "TB")


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004


def cut(text: str, length: int) -> str:
    """At most ``length`` characters, with an ellipsis where some were left out."""
    return text if len(text) <= length else text[: length - 1] + "…"


def json_value(value: Any) -> Any:
    """The value as JSON can hold it: keys as text, numbers that JSON cannot write as null, other objects as text.

    A decimal is a number where a float is that number.
    """
    if isinstance(value, dict):
        return {str(name): json_value(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Decimal) and value.is_finite() and Decimal(repr(float(value))) == value:
        return float(value)
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    return json_value(value.item()) if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else str(value)


def article(noun: str) -> str:
    """``a node``, ``an edge``; a kind's name is told in words."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun.replace('_', ' ')}"


def plural(count: int, noun: str) -> str:
    """``1 node``, ``2,000 nodes``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def whole_word(name: str) -> re.Pattern[str]:
    """Finds a name where it stands by itself, whatever its case: ``clean``, and not within ``clean_users``."""
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)


def size_text(size: int) -> str:
    """Bytes as people say them: ``900 B``, ``1.2 kB``, ``3.4 GB``."""
    power = next((at for at in range(1, len(_UNITS)) if round(size / 1000**at, 1) < 1000), len(_UNITS) - 1)  # noqa: PLR2004
    return f"{size / 1000**power:.1f} {_UNITS[power]}" if size >= 1000 else f"{size} B"  # noqa: PLR2004


def some(texts: Sequence[str], most: int) -> str:
    """The first of them, and how many more there are: ``a; b; and 3 more``."""
    return "; ".join([*texts[:most], *([f"and {len(texts) - most} more"] if len(texts) > most else [])])


def changed_lines(old: str, new: str) -> list[str]:
    """The lines that are gone (``- ``), that are new (``+ ``), and one each round them; ``...`` between distant places."""
    found = difflib.unified_diff(old.splitlines(), new.splitlines(), n=1, lineterm="")
    shown = [line for line in found if not line.startswith(("--- ", "+++ "))]
    return [f"{line[0]} {line[1:]}".rstrip() if line[0] != "@" else "..." for line in shown][1:]


def overwritten(text: str) -> str:
    """Of each line what stands behind its last carriage return: there a progress bar begins its line anew."""
    if "\r" not in text:
        return text
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def esc_term(text: object, *, one_line: bool = False) -> str:
    """Text for a terminal or a log: control, bidirectional and zero-width characters are spelled out."""
    plain = _CONTROL.sub(_spelled, str(text))
    return plain.replace("\n", "\\n").replace("\t", " ") if one_line else plain


def esc_html(text: object) -> str:
    """Text for HTML content and for quoted attributes."""
    return html.escape(_CONTROL.sub(_spelled, str(text)), quote=True)


esc_xml = esc_html


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Collection[str] = ()) -> str:
    """An HTML table; every cell is escaped, but a cell that is a ``Markup``. Columns of ``numbers`` stand to the right."""
    sides = ["right" if name in numbers else "left" for name in columns]
    cells = [f'<td style="text-align:{side}">' for side in sides]
    named = zip(columns, sides, strict=True)
    head = "".join(f'<th scope="col" style="text-align:{side}">{esc_html(name)}</th>' for name, side in named)
    body = "".join(
        "<tr>" + "".join(f"{a}{_cell(c)}</td>" for a, c in zip(cells, row, strict=False)) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Markup(str):
    """HTML that this program wrote itself, with everything in it escaped already."""

    __slots__ = ()


def _cell(value: object) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, Markup) else esc_html(value)
