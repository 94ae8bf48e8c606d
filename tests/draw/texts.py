"""Names that somebody could give to harm or to mislead, and marks that have them."""

from __future__ import annotations

from hypothesis import strategies as st

from seeknal_nb.draw import Mark
from seeknal_nb.status import ExecutionStatus

HOSTILE = [
    "<script>alert(1)</script>",
    "</title></svg><script>alert(1)</script>",
    '" onload="alert(1)',
    "' onmouseover='alert(1)",
    "]]>",
    "<![CDATA[",
    "&lt;&amp;&#0;",
    "<a href='javascript:alert(1)'>",
    "\x00\x01\x1b[31m\x7f\x85",
    "\u202eabc\u2066\u200b\ufeff",
    "\ud800\udfff",
    "\ufffe\uffff",
    "W" * 5_000,
    "漢字" * 80,
    "\n\r\n",
    "",
]
ANY_TEXT = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(), max_size=40))
MARKS = st.builds(
    Mark,
    id=ANY_TEXT,
    kind=ANY_TEXT,
    name=ANY_TEXT,
    status=st.sampled_from(list(map(str, ExecutionStatus))),
    tags=st.lists(ANY_TEXT, max_size=2).map(tuple),
    detail=ANY_TEXT,
    rows=st.none() | st.integers(0, 10**9),
    seconds=st.none() | st.floats(0, 1e5),
    warns=st.integers(0, 2),
    built=st.booleans(),
    why=ANY_TEXT,
    kept=st.lists(ANY_TEXT, max_size=2).map(tuple),
)
