"""The one table of how a node looks: legible, and told apart by everybody."""

from __future__ import annotations

from itertools import combinations

import pytest

from seeknal_nb.status import CHANGED, LOOKS, NUMBERS, WARNING, ExecutionStatus, look_of, word_of

GROUNDS = {"light": "#FFFFFF", "dark": "#14181D"}
INKS = {"light": "#1F2933", "dark": "#E6EAEE"}
QUIETS = {"light": "#52606D", "dark": "#A6B0BB"}
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


def mixed(colour: str, share: int, ground: str) -> str:
    """``share`` percent of a colour over a ground, as ``color-mix(in srgb, ...)`` has it."""
    parts = zip(*([int(one[at : at + 2], 16) for at in (1, 3, 5)] for one in (colour, ground)), strict=True)
    return "#" + "".join(f"{round((share * own + (100 - share) * under) / 100):02X}" for own, under in parts)


def dot(status: str, theme: str) -> str:
    """Its colour where it is too small for an edge."""
    colours = getattr(LOOKS[status], theme)
    return colours.edge if LOOKS[status].hollow else colours.fill


@pytest.mark.parametrize("theme", GROUNDS)
@pytest.mark.parametrize("status", LOOKS)
def test_what_a_card_says_is_legible(status, theme):
    """WCAG 2.2 asks for 4.5 for text, and for 3 for a graphic: the sign on its band, the edge on its ground."""
    colours = getattr(LOOKS[status], theme)
    paper = mixed(colours.fill, colours.tint, GROUNDS[theme])
    assert contrast(INKS[theme], paper) >= 4.5
    assert contrast(QUIETS[theme], paper) >= 4.5
    assert contrast(colours.sign, colours.fill) >= 3
    assert contrast(colours.edge, GROUNDS[theme]) >= 3


@pytest.mark.parametrize("theme", GROUNDS)
def test_why_a_node_failed_is_legible_in_the_colour_of_its_edge(theme):
    colours = getattr(LOOKS["failed"], theme)
    assert contrast(colours.edge, mixed(colours.fill, colours.tint, GROUNDS[theme])) >= 4.5


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("theme", GROUNDS)
def test_no_two_looks_are_alike_to_anybody(theme, vision):
    """CIE76; about 2 is the least that one sees side by side."""
    seen_as = [seen(dot(status, theme), vision) for status in LOOKS]
    for one, two in combinations(seen_as, 2):
        assert sum((a - b) ** 2 for a, b in zip(one, two, strict=True)) ** 0.5 >= 20


def test_no_two_looks_share_an_icon_a_sign_or_a_word():
    for of in (lambda look: look.icon, lambda look: look.sign.d):
        assert len({of(look) for look in LOOKS.values()}) == len(LOOKS)
    assert len({word_of(name) for name in LOOKS}) == len(LOOKS)


def test_every_status_has_a_look_and_every_look_a_number_of_one_byte():
    assert set(LOOKS) == {*ExecutionStatus, WARNING, CHANGED}
    assert sorted(NUMBERS[look] for look in LOOKS) == list(range(len(LOOKS)))


DERIVED = {
    ("success", True, True): "warning",
    ("cached", True, True): "warning",
    ("failed", True, True): "failed",
    ("running", True, True): "running",
    ("skipped", True, True): "skipped",
    ("success", False, True): "success",
    ("pending", False, False): "pending",
    ("pending", False, True): "changed",
    ("pending", True, True): "changed",
}


@pytest.mark.parametrize(("stands", "look"), DERIVED.items(), ids=str)
def test_a_look_is_the_status_but_for_warnings_and_changes(stands, look):
    status, warned, built = stands
    assert look_of(status, warned=warned, built=built) == look


def test_the_worst_comes_first():
    assert list(LOOKS) == ["failed", "warning", "running", "changed", "pending", "skipped", "success", "cached"]


def test_a_reader_is_told_words():
    assert [word_of("pending"), word_of("warning"), word_of("warning", 20), word_of("cached", 3)] == [
        "never run", "warning", "warnings", "cached",
    ]  # fmt: skip


def test_a_terminal_without_unicode_tells_what_was_printed_apart():
    printed = [look.ascii for look in LOOKS.values() if look.ansi]
    assert len(set(printed)) == len(printed)
    assert all(look.ascii.isascii() for look in LOOKS.values())
