"""The one table of how a status looks: legible, and told apart by everybody."""

from __future__ import annotations

from itertools import combinations

import pytest

from seeknal_nb.status import LOOKS, NUMBERS, ExecutionStatus

GROUNDS = {"light": "#FFFFFF", "dark": "#111111"}
# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
VISION = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def linear(colour: str) -> tuple[float, ...]:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)


def weighed(weights: tuple[float, ...], values: tuple[float, ...]) -> float:
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def contrast(one: str, two: str) -> float:
    """WCAG 2.2."""
    low, high = sorted(weighed((0.2126, 0.7152, 0.0722), linear(colour)) for colour in (one, two))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: tuple[float, ...]) -> tuple[float, float, float]:
    """CIE L*a*b* of linear sRGB under D65."""
    rows = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
    x, y, z = (weighed(row, rgb) / white for row, white in zip(rows, (0.95047, 1, 1.08883), strict=True))
    x, y, z = (part ** (1 / 3) if part > 216 / 24389 else (24389 / 27 * part + 16) / 116 for part in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def seen(colour: str, vision: str) -> tuple[float, float, float]:
    return lab(tuple(min(max(weighed(row, linear(colour)), 0), 1) for row in VISION[vision]))


@pytest.mark.parametrize("theme", GROUNDS)
@pytest.mark.parametrize("status", LOOKS)
def test_text_is_legible_on_its_fill(status, theme):
    """WCAG 2.2 asks for 4.5 for text and for 3 for the border of a box on its ground."""
    colours = getattr(LOOKS[status], theme)
    assert contrast(colours.text, colours.fill) >= 4.5
    assert contrast(colours.stroke, GROUNDS[theme]) >= 3


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("theme", GROUNDS)
def test_no_two_statuses_look_alike_to_anybody(theme, vision):
    """CIE76; about 2 is the least that one sees side by side."""
    seen_as = [seen(getattr(look, theme).fill, vision) for look in LOOKS.values()]
    for one, two in combinations(seen_as, 2):
        assert sum((a - b) ** 2 for a, b in zip(one, two, strict=True)) ** 0.5 >= 23


def test_no_two_statuses_share_an_icon_or_a_sign():
    assert len({look.icon for look in LOOKS.values()}) == len({look.sign.d for look in LOOKS.values()}) == len(LOOKS)


def test_every_status_has_a_look_and_a_number_of_one_byte():
    """The number is the place in the table, which the browser has as a list."""
    assert set(LOOKS) == set(ExecutionStatus)
    assert [NUMBERS[status] for status in LOOKS] == list(range(len(LOOKS)))


def test_a_terminal_without_unicode_tells_what_was_printed_apart():
    printed = [look.ascii for look in LOOKS.values() if look.ansi]
    assert len(set(printed)) == len(printed)
    assert all(look.ascii.isascii() for look in LOOKS.values())
