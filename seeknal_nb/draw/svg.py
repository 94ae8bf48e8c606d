"""A picture as one SVG that stands alone, without scripts, links, styles and ids; knows no run and no notebook."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from seeknal_nb.draw.collapse import collapse
from seeknal_nb.draw.icons import WIDTH, icon_of
from seeknal_nb.draw.layout import layout
from seeknal_nb.draw.lines import second_line
from seeknal_nb.draw.measure import (
    BAND,
    DETAIL,
    ICON,
    RADIUS,
    TEXT_LEFT,
    TEXT_RIGHT,
    fitted,
    fitted_name,
    kept_parts,
    sizes,
    text_width,
)
from seeknal_nb.draw.picture import counts, legend, plain
from seeknal_nb.markup import esc_xml
from seeknal_nb.status import LOOKS, word_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from seeknal_nb.draw.collapse import Collapsed
    from seeknal_nb.draw.layout import Box, Layout, Point
    from seeknal_nb.draw.picture import Mark, Picture
    from seeknal_nb.status import Look

__all__ = ["svg"]

FONT: Final = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Arial, DejaVu Sans, sans-serif"
INK: Final = "#1F2933"
QUIET: Final = "#52606D"
LINE: Final = "#8490A0"
GROUND: Final = "#FFFFFF"
GROUP: Final = "#F4F6F8"
URGENT: Final = ("failed", "warning", "running", "changed")
"""What the line of a group names."""

MARGIN: Final = 24.0
NOTE, TITLE, BADGE = 12.0, 15.0, 9.0
KINDS: Final = 12
"""Of the foot; more would make a small graph wide."""
ROW: Final = 30.0
CHIP, APART = 31.0, 18.0
"""Of the legend: from a sign to its word, and from a word to the next sign."""
ARROW: Final = 7.0


def svg(picture: Picture, *, title: str = "") -> str:
    """An SVG with its own light ground, a legend, and a text for who cannot see it.

    Above ``collapse.LIMIT`` nodes it shows groups and says so.
    """
    shown = collapse(picture)
    placed = layout(len(shown.keys), shown.picture.edges, sizes=sizes(shown))
    found, note = counts(picture.marks), shown.note or ("" if picture.marks else "nothing to draw")
    kinds = tuple(dict.fromkeys(mark.kind for mark in picture.marks))
    top = MARGIN + (ROW if title else 0)
    below = top + placed.height + ROW
    width = max(placed.width, _row_width(_words(found)), _row_width(kinds[:KINDS]), text_width(note, NOTE)) + 2 * MARGIN
    foot = below + (ROW if found else 0)
    height = foot + (ROW if note else 0) + MARGIN + 8
    body = [
        f"<title>{esc_xml(plain(title) or 'Pipeline graph')}</title><desc>{esc_xml(_told(picture))}</desc>",
        _rect(0.5, 0.5, width - 1, height - 1, 'rx="10" fill="#FFFFFF" stroke="#D9DEE4"'),
        _heading(title, width),
        f'<g transform="translate({_n(MARGIN)} {_n(top)})">',
        *_edges(shown.picture, placed),
        *_nodes(shown, placed),
        "</g>",
        *_legend(found, MARGIN, below + 4),
        *_key(kinds[:KINDS], MARGIN, below + ROW + 4),
        _text(MARGIN, foot + ROW + 8, note, NOTE, f'fill="{QUIET}"') if note else "",
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
        _edge(route, dashed=LOOKS[picture.marks[end].look].unreached)
        for (_, end), route in zip(picture.edges, placed.routes, strict=True)
    ]


def _edge(route: Sequence[Point], *, dashed: bool) -> str:
    *inner, (x, y) = route
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    curve = _curve([*inner, (x - ARROW, y)])
    tip = f"M{_n(x)} {_n(y)}l{_n(-ARROW)} -3.5v7z"
    return f'<path d="{curve}" fill="none" stroke="{LINE}" stroke-width="1.2"{dash}/><path d="{tip}" fill="{LINE}"/>'


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
        yield f'<g class="sk-node sk-{mark.look}"><title>{esc_xml(_tip(mark))}</title>{"".join(parts)}</g>'


def _tip(mark: Mark) -> str:
    """The tooltip; one line for the id, one for how it went, one for tags."""
    status = mark.status if mark.look in (mark.status, "warning") else ""
    words = dict.fromkeys((word_of(mark.look), status, plain(mark.detail)))
    went = " · ".join(filter(None, words))
    return "\n".join(filter(None, (plain(mark.id), went, ", ".join(map(plain, mark.tags)))))


def _single(mark: Mark, box: Box) -> Iterator[str]:
    """Paper with a faint tint, the status's band with its sign, the kind's picture, a name, and a line."""
    look, middle = LOOKS[mark.look], box.y + box.height / 2
    yield _rect(box.x, box.y, box.width, box.height, f'rx="{_n(RADIUS)}" fill="{_tinted(look)}" {_edge_of(look)}')
    yield f'<path d="{_band(box)}" fill="{look.light.fill}"/>'
    yield _sign(look, box.x + BAND / 2, middle)
    yield _icon(mark.kind, box.x + ICON, middle)
    parts, style = second_line(mark), f'fill="{look.light.edge if look.bold else QUIET}"'
    room = box.width - TEXT_LEFT - TEXT_RIGHT
    yield from _texts(box.x + TEXT_LEFT, middle, (plain(mark.name), kept_parts(parts, room, DETAIL)), room, look, style)
    yield from _badges(mark, box.x + box.width - 8, box.y)


def _texts(x: float, middle: float, lines: tuple[str, str], room: float, look: Look | None, style: str) -> Iterator[str]:
    """A name and the line below it, which is left out where there is none."""
    name, size = fitted_name(lines[0], room)
    slant = ' font-style="italic"' if look and look.italic else ""
    weight = 700 if look and look.bold else 600
    yield _text(x, middle + (-3 if lines[1] else 5), name, size, f'fill="{INK}" font-weight="{weight}"{slant}')
    if lines[1]:
        yield _text(x, middle + 12, lines[1], DETAIL, f"{style}{slant}")


def _tinted(look: Look) -> str:
    share = look.light.tint / 100
    parts = [int(look.light.fill[at : at + 2], 16) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(share * part + (1 - share) * 255):02X}" for part in parts)


def _edge_of(look: Look) -> str:
    dash = f' stroke-dasharray="{look.dash}" stroke-linecap="round"' if look.dash else ""
    return f'stroke="{look.light.edge}" stroke-width="{_n(look.border)}"{dash}'


def _band(box: Box) -> str:
    """The left end of a card, within its edge."""
    left, top, bottom, right, round_by = box.x + 1, box.y + 1, box.y + box.height - 1, box.x + BAND, RADIUS - 1
    arc = f"A{_n(round_by)} {_n(round_by)} 0 0 1"
    upper = f"{arc} {_n(left + round_by)} {_n(top)}H{_n(right)}V{_n(bottom)}"
    return f"M{_n(left)} {_n(top + round_by)}{upper}H{_n(left + round_by)}{arc} {_n(left)} {_n(bottom - round_by)}Z"


def _badges(mark: Mark, right: float, y: float) -> Iterator[str]:
    """On the upper edge, from its right end on: how many warnings there are, and how the node is kept."""
    texts = [*([f"! {mark.warns:,}"] if mark.warns else []), *(plain(word) for word in mark.kept)]
    for text in texts:
        shown = fitted(text, 60, BADGE)
        warns = mark.warns and text is texts[0]
        colours = LOOKS["warning"].light
        width = text_width(shown, BADGE) + 10
        fill, edge, ink = (colours.fill, colours.edge, colours.sign) if warns else (GROUND, LINE, QUIET)
        right -= width
        yield _rect(right, y - 7, width, 14, f'rx="7" fill="{fill}" stroke="{edge}"')
        yield _text(right + 5, y + 3.4, shown, BADGE, f'fill="{ink}"')
        right -= 4


def _group(mark: Mark, members: Sequence[Mark], box: Box) -> Iterator[str]:
    """Neutral: a second sheet under the box, the share of each look at its foot, and a line that names what is urgent."""
    yield _rect(box.x + 4, box.y + 4, box.width, box.height, f'rx="{_n(RADIUS)}" fill="{GROUND}" stroke="{LINE}"')
    yield _rect(box.x, box.y, box.width, box.height, f'rx="{_n(RADIUS)}" fill="{GROUP}" stroke="{LINE}" stroke-width="1.2"')
    yield _icon(members[0].kind if mark.kind == members[0].kind else "", box.x + 20, box.y + 24)
    urgent = [f"{number:,} {word_of(look, number)}" for look, number in counts(members) if look in URGENT]
    left, room = TEXT_LEFT - 18, box.width - TEXT_LEFT - TEXT_RIGHT + 18
    line = kept_parts((f"{len(members):,} nodes", *urgent), room, DETAIL)
    yield from _texts(box.x + left, box.y + 24, (plain(mark.kind), line), room, None, f'fill="{QUIET}"')
    yield from _bar(members, box.x + 8, box.y + box.height - 14, box.width - 16)


def _bar(members: Sequence[Mark], x: float, y: float, width: float) -> Iterator[str]:
    left = x
    for look, number in counts(members):
        share = width * number / len(members)
        yield _rect(left, y, share, 6, f'fill="{_dot(LOOKS[look])}"')
        left += share
    yield _rect(x, y, width, 6, f'fill="none" stroke="{LINE}" stroke-width=".8"')


def _dot(look: Look) -> str:
    return look.light.edge if look.hollow else look.light.fill


def _sign(look: Look, x: float, y: float, scale: float = 1) -> str:
    sign = look.sign
    fill = ' fill="currentColor"' if sign.filled else ""
    path = f'<path d="{sign.d}"{fill} stroke-width="{_n(sign.width)}"/>'
    turned = "" if scale == 1 else f" scale({scale})"
    place = f'transform="translate({_n(x)} {_n(y)}){turned}" color="{look.light.sign}" stroke="{look.light.sign}"'
    return f'<g {place} fill="none" stroke-linecap="round" stroke-linejoin="round">{path}</g>'


def _icon(kind: str, x: float, y: float) -> str:
    style = f'fill="none" stroke="{QUIET}" stroke-width="{_n(WIDTH)}" stroke-linecap="round" stroke-linejoin="round"'
    return f'<path d="{icon_of(kind)}" transform="translate({_n(x)} {_n(y)})" {style}/>'


def _words(found: Iterable[tuple[str, int]]) -> list[str]:
    return [f"{number:,} {word_of(look, number)}" for look, number in found]


def _legend(found: Iterable[tuple[str, int]], x: float, y: float) -> Iterator[str]:
    for look, number in found:
        shown, words = LOOKS[look], f"{number:,} {word_of(look, number)}"
        yield _rect(x, y - 6, 24, 18, f'rx="4" fill="{shown.light.fill}" {_edge_of(shown)}')
        yield _sign(shown, x + 12, y + 3, 0.9)
        yield _text(x + CHIP, y + 7, words, NOTE, f'fill="{INK}"')
        x += CHIP + APART + text_width(words, NOTE)


def _key(kinds: Iterable[str], x: float, y: float) -> Iterator[str]:
    """The picture of each kind with its word."""
    for kind in kinds:
        word = _short(kind)
        yield _icon(kind, x + 8, y + 3)
        yield _text(x + CHIP - 8, y + 7, word, NOTE, f'fill="{QUIET}"')
        x += CHIP + APART + text_width(word, NOTE)


def _short(kind: str) -> str:
    return fitted(plain(kind), 160, NOTE)


def _row_width(words: Iterable[str]) -> float:
    return sum(CHIP + APART + text_width(_short(word), NOTE) for word in words)


def _text(x: float, y: float, text: str, size: float, style: str) -> str:
    return f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" {style}>{esc_xml(text)}</text>'


def _rect(x: float, y: float, width: float, height: float, style: str) -> str:
    return f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" {style}/>'


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
