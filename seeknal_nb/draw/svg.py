"""A picture as one SVG that stands alone, without scripts, links, styles and ids; knows no run and no notebook."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from seeknal_nb.draw.collapse import collapse
from seeknal_nb.draw.layout import Box, layout
from seeknal_nb.draw.measure import DETAIL, KIND, NAME, TEXT_LEFT, TEXT_RIGHT, fitted, sizes, text_width
from seeknal_nb.draw.picture import counts, legend, plain
from seeknal_nb.markup import esc_xml
from seeknal_nb.status import LOOKS, Colours

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from seeknal_nb.draw.collapse import Collapsed
    from seeknal_nb.draw.layout import Layout, Point
    from seeknal_nb.draw.picture import Mark, Picture
    from seeknal_nb.status import Look

__all__ = ["svg"]

FONT: Final = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Arial, DejaVu Sans, sans-serif"
INK: Final = "#1F2933"
QUIET: Final = "#52606D"
LINE: Final = "#7B8794"
GROUP: Final = replace(LOOKS["success"], light=Colours("#F4F6F8", "#6B7785", INK), border=1.2)

MARGIN: Final = 24.0
NOTE, TITLE = 12.0, 15.0
LINE_HEIGHT: Final = 15.0
ROW: Final = 30.0
ARROW: Final = 8.0


def svg(picture: Picture, *, title: str = "") -> str:
    """An SVG with its own light ground, a legend, and a text for who cannot see it.

    Above ``collapse.LIMIT`` nodes it shows groups and says so.
    """
    shown = collapse(picture)
    placed = layout(len(shown.keys), shown.picture.edges, sizes=sizes(shown))
    found, note = counts(picture.marks), shown.note or ("" if picture.marks else "nothing to draw")
    top = MARGIN + (ROW if title else 0)
    below = top + placed.height + ROW
    width = max(placed.width, _legend_width(found), text_width(note, NOTE)) + 2 * MARGIN
    height = below + (ROW if note else 0) + MARGIN + 8
    body = [
        f"<title>{esc_xml(plain(title) or 'Pipeline graph')}</title><desc>{esc_xml(_told(picture))}</desc>",
        _rect(0.5, 0.5, width - 1, height - 1, 'rx="10" fill="#FFFFFF" stroke="#D9DEE4"'),
        _heading(title, width),
        f'<g transform="translate({_n(MARGIN)} {_n(top)})">',
        *_edges(shown.picture, placed),
        *_nodes(shown, placed),
        "</g>",
        *_legend(found, MARGIN, below + 4),
        _text(MARGIN, below + ROW + 8, note, NOTE, f'fill="{QUIET}"') if note else "",
    ]
    return _root(width, height, body)


def _told(picture: Picture) -> str:
    return f"{len(picture.marks):,} nodes, {len(picture.edges):,} edges. {legend(picture.marks)}"


def _heading(title: str, width: float) -> str:
    shown = fitted(plain(title), width - 2 * MARGIN, TITLE)
    return _text(MARGIN, MARGIN + 10, shown, TITLE, f'fill="{INK}" font-weight="600"') if title else ""


def _root(width: float, height: float, body: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_n(width)}" height="{_n(height)}" '
        f'viewBox="0 0 {_n(width)} {_n(height)}" style="max-width:100%;height:auto" font-family="{FONT}">'
        + "\n".join(filter(None, body))
        + "</svg>\n"
    )


def _edges(picture: Picture, placed: Layout) -> list[str]:
    """Dashed where they lead to a node that was not reached."""
    return [
        _edge(route, dashed=LOOKS[picture.marks[end].status].unreached)
        for (_, end), route in zip(picture.edges, placed.routes, strict=True)
    ]


def _edge(route: Sequence[Point], *, dashed: bool) -> str:
    *inner, (x, y) = route
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    curve = _curve([*inner, (x - ARROW, y)])
    tip = f"M{_n(x)} {_n(y)}l{_n(-ARROW)} -4v8z"
    return f'<path d="{curve}" fill="none" stroke="{LINE}" stroke-width="1.5"{dash}/><path d="{tip}" fill="{LINE}"/>'


def _curve(points: Sequence[Point]) -> str:
    """Level at each point, so that it climbs between two points only."""
    parts = [f"M{_n(points[0][0])} {_n(points[0][1])}"]
    for (left, start), (right, end) in pairwise(points):
        if start == end:
            parts.append(f"H{_n(right)}")
        else:
            middle = (left + right) / 2
            parts.append(f"C{_n(middle)} {_n(start)} {_n(middle)} {_n(end)} {_n(right)} {_n(end)}")
    return "".join(parts)


def _nodes(shown: Collapsed, placed: Layout) -> Iterator[str]:
    for mark, members, box in zip(shown.picture.marks, shown.members, placed.boxes, strict=True):
        parts = _single(mark, box) if len(members) == 1 else _group(mark, members, box)
        yield f'<g class="sk-node sk-{mark.status}"><title>{esc_xml(_tip(mark))}</title>{"".join(parts)}</g>'


def _tip(mark: Mark) -> str:
    """The tooltip; one line for the id, one for how it went, one for tags."""
    went = " · ".join(filter(None, (mark.status, plain(mark.detail))))
    return "\n".join(filter(None, (plain(mark.id), went, ", ".join(map(plain, mark.tags)))))


def _single(mark: Mark, box: Box) -> Iterator[str]:
    look = LOOKS[mark.status]
    yield _frame(box, look)
    yield _sign(mark.status, box.x + 18, box.y + box.height / 2, look.light.text)
    yield from _lines(mark, box, look)


def _group(mark: Mark, members: Sequence[Mark], box: Box) -> Iterator[str]:
    """A second sheet under the box, and the share of each status at its foot."""
    yield _rect(box.x + 4, box.y + 4, box.width, box.height, f'rx="8" fill="#FFFFFF" stroke="{GROUP.light.stroke}"')
    yield _frame(box, GROUP)
    yield _sign(mark.status, box.x + 18, box.y + box.height / 2, GROUP.light.text)
    yield from _lines(mark, replace(box, height=box.height - 14), GROUP)
    yield from _bar(members, box.x + 8, box.y + box.height - 14, box.width - 16)


def _bar(members: Sequence[Mark], x: float, y: float, width: float) -> Iterator[str]:
    left = x
    for status, number in counts(members):
        share = width * number / len(members)
        yield _rect(left, y, share, 6, f'fill="{LOOKS[status].light.fill}"')
        left += share
    yield _rect(x, y, width, 6, f'fill="none" stroke="{GROUP.light.stroke}" stroke-width=".8"')


def _frame(box: Box, look: Look, *, round_by: int = 8) -> str:
    dash = f' stroke-dasharray="{look.dash}" stroke-linecap="round"' if look.dash else ""
    style = f'rx="{round_by}" fill="{look.light.fill}" stroke="{look.light.stroke}" stroke-width="{_n(look.border)}"{dash}'
    return _rect(box.x, box.y, box.width, box.height, style)


def _sign(status: str, x: float, y: float, colour: str) -> str:
    sign = LOOKS[status].sign
    fill = ' fill="currentColor"' if sign.filled else ""
    path = f'<path d="{sign.d}"{fill} stroke-width="{_n(sign.width)}"/>'
    place = f'transform="translate({_n(x)} {_n(y)})" color="{colour}" stroke="{colour}"'
    return f'<g {place} fill="none" stroke-linecap="round" stroke-linejoin="round">{path}</g>'


def _lines(mark: Mark, box: Box, look: Look) -> Iterator[str]:
    """Kind, name and detail, those that there are, round the middle of the box."""
    slant = ' font-style="italic"' if look.italic else ""
    weight = f' font-weight="{700 if look.bold else 600}"'
    rows = [(plain(mark.kind), KIND, ""), (plain(mark.name), NAME, weight), (plain(mark.detail), DETAIL, "")]
    rows = [row for row in rows if row[0]]
    y = box.y + box.height / 2 - LINE_HEIGHT * len(rows) / 2 - 2
    for text, size, style in rows:
        y += LINE_HEIGHT
        shown = fitted(text, box.width - TEXT_LEFT - TEXT_RIGHT, size)
        yield _text(box.x + TEXT_LEFT, y, shown, size, f'fill="{look.light.text}"{style}{slant}')


def _legend(found: Iterable[tuple[str, int]], x: float, y: float) -> Iterator[str]:
    for status, number in found:
        look, words = LOOKS[status], f"{number:,} {status}"
        yield _frame(Box(x, y - 6, 24, 18), replace(look, border=min(look.border, 2)), round_by=4)
        yield _sign(status, x + 12, y + 3, look.light.text)
        yield _text(x + 31, y + 7, words, NOTE, f'fill="{INK}"')
        x += 49 + text_width(words, NOTE)


def _legend_width(found: Iterable[tuple[str, int]]) -> float:
    return sum(49 + text_width(f"{number:,} {status}", NOTE) for status, number in found)


def _text(x: float, y: float, text: str, size: float, style: str) -> str:
    return f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" {style}>{esc_xml(text)}</text>'


def _rect(x: float, y: float, width: float, height: float, style: str) -> str:
    return f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" {style}/>'


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
