"""The looks of a status, and what is counted."""

from __future__ import annotations

import pytest

from seeknal_nb.draw import LOOKS, Mark, counts, legend
from seeknal_nb.draw.picture import plain


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, two: str) -> float:
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("status", LOOKS)
def test_text_is_legible_on_its_fill(status):
    """WCAG 2.2 asks for 4.5 for text and for 3 for the border of a box on white."""
    look = LOOKS[status]
    assert contrast(look.text, look.fill) >= 4.5
    assert contrast(look.stroke, "#FFFFFF") >= 3


def test_no_two_statuses_share_a_colour_or_an_icon():
    assert len({look.fill for look in LOOKS.values()}) == len({look.icon for look in LOOKS.values()}) == len(LOOKS) == 6


def test_an_unknown_status_is_an_error_that_names_the_known_ones():
    with pytest.raises(ValueError, match=r"'done' of 'a': expected one of failed, running"):
        Mark("a", "source", "a", "done")


def test_the_legend_counts_what_occurs_the_worst_first():
    marks = [Mark(str(at), "k", "n", status) for at, status in enumerate(["success", "failed", "success"])]
    assert counts(marks) == (("failed", 1), ("success", 2))
    assert legend(marks) == "1 failed · 2 success"
    assert legend([]) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc", r"a\nb c"),
        ("\x00\x1b", r"\x00\x1b"),
        ("\u202e\u2066", r"\u202e\u2066"),
        ("\ud800\uffff\ufffe", r"\ud800\uffff\ufffe"),
    ],
)
def test_plain_text_hides_nothing(text, shown):
    assert plain(text) == shown
