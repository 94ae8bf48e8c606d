"""How a test waits: for what must come. The only end is pytest's own, which says where; no machine is too slow for it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

END = 900
"""Seconds after which somebody who waits would hang for ever: pytest's timeout, for whoever must be told a number."""
MINUTES = "SELECT count(*) AS n FROM range(10000000) a, range(10000000) b WHERE (a.range * b.range) % 7 = 3"
"""A statement that ends only because somebody stops it."""


def eventually(true: Callable[[], Any]) -> Any:
    """Wait until something is so; gives it."""
    while not (found := true()):
        time.sleep(0.002)
    return found


class Gate:
    """Where a node's work waits; says when it has come there."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def wait(self) -> None:
        self.reached.set()
        assert self.opened.wait(END), "nobody opened"


def ours() -> set[threading.Thread]:
    """The threads of ours that are there; those of other tests' projects, which nobody closed, are among them."""
    return {t for t in threading.enumerate() if t.name.startswith("seeknal")}


def calls(work: Callable[[], object]) -> int:
    """How many functions work calls: what it costs, on whatever machine."""
    count = 0

    def seen(_frame: object, event: str, _of: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count
