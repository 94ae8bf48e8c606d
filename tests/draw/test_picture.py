"""What a picture refuses, what is counted of it, and how its texts are shown."""

from __future__ import annotations

import pytest

from seeknal_nb.draw import Mark, counts, legend
from seeknal_nb.draw.picture import plain


def test_an_unknown_status_is_an_error_that_names_the_known_ones():
    with pytest.raises(ValueError, match=r"'done' of 'a': expected one of pending, running"):
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
