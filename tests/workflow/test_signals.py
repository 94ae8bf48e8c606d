"""Signals that interrupt: whoever swallows the first, the work ends; who handles it, or imports, is left to do so."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import END

from seeknal_nb.project import Project
from seeknal_nb.workflow import signals
from seeknal_nb.workflow.signals import insistently, interrupted

pytestmark = pytest.mark.usefixtures("ctrl_c")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "STEP", 0.01)


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def pressed_and_swallowed() -> None:
    """As ``__del__``, the callback of a weak reference, and a library's bare ``except`` do."""
    with contextlib.suppress(KeyboardInterrupt):
        press()


def test_what_was_swallowed_is_raised_again_in_a_wait_and_in_a_loop() -> None:
    def waits() -> Generator[int]:
        pressed_and_swallowed()
        yield int(threading.Event().wait(END))

    def computes() -> Generator[int]:
        pressed_and_swallowed()
        while True:
            sum(range(100))
        yield 0

    for work in (waits, computes):
        with pytest.raises(KeyboardInterrupt):
            next(insistently(work()))


def test_what_is_swallowed_each_time_is_raised_each_time() -> None:
    def work() -> Generator[int]:
        for _ in range(5):
            with contextlib.suppress(KeyboardInterrupt):
                press() if not interrupted() else time.sleep(END)
        yield 1

    assert next(insistently(work())) == 1


def test_where_it_came_through_in_no_other_way_it_is_raised_where_the_event_was_yielded() -> None:
    """The run has its results by then, and tells them."""

    def work() -> Generator[str]:
        pressed_and_swallowed()
        try:
            yield "first"
        except KeyboardInterrupt:
            yield "told"

    assert list(insistently(insistently(work()))) == ["first", "told"]


def test_one_that_is_swallowed_behind_the_last_event_is_raised_behind_it() -> None:
    """Else the next run of a loop over projects would begin."""

    def work() -> Generator[int]:
        yield 1
        pressed_and_swallowed()

    things, found = insistently(work()), list[int]()
    with pytest.raises(KeyboardInterrupt):
        found.extend(things)
    assert found == [1]


def test_one_that_is_being_handled_is_not_raised_again() -> None:
    """A body that closes its connection in a ``finally`` must come to its end."""
    done = []

    def work() -> Generator[int]:
        try:
            press()
        finally:
            time.sleep(10 * signals.STEP)
            done.append(1)
        yield 0

    with pytest.raises(KeyboardInterrupt):
        next(insistently(work()))
    assert done


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One that a signal comes to while it is imported, and which takes its time."""
    text = f"import signal, time\nsignal.raise_signal(signal.SIGINT)\ntime.sleep({10 * signals.STEP})\nwhole = True\n"
    (tmp_path / "seeknal_slow_module.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield "seeknal_slow_module"
    sys.modules.pop("seeknal_slow_module", None)


@pytest.mark.parametrize("seconds", [END, 0])
def test_an_import_comes_to_its_end_first_unless_it_takes_too_long(
    module: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NumPy, for one, cannot be imported a second time where the first broke off."""
    monkeypatch.setattr(signals, "IMPORT", seconds)

    def work() -> Generator[int]:
        __import__(module)
        yield int(threading.Event().wait(END))

    with pytest.raises(KeyboardInterrupt):
        next(insistently(work()))
    assert hasattr(sys.modules.get(module), "whole") == bool(seconds)


def test_handlers_are_as_they_were_and_those_of_a_body_stay() -> None:
    def own(*_: object) -> None:
        """A body's."""

    def work() -> Generator[int]:
        yield 1
        signal.signal(signal.SIGINT, own)
        yield 2

    events = insistently(work())
    next(events)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    next(events)
    assert signal.getsignal(signal.SIGINT) is own


def test_another_thread_s_work_is_no_business_of_signals() -> None:
    found: list[Any] = []

    def work() -> Generator[object]:
        yield signal.getsignal(signal.SIGINT)

    thread = threading.Thread(target=lambda: found.extend(insistently(work())))
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]


SWALLOW = "import signal\ntry:\n    signal.raise_signal(signal.SIGINT)\nexcept BaseException:\n    pass\n"
BODIES = {"goes on": "result = [{'x': 1}]", "raises": "raise ImportError('half a module')", "waits": "import threading\nthreading.Event().wait()"}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_node_that_swallows_an_interrupt_is_pending_whatever_comes_of_it(
    project: Project, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is neither to blame, nor are its rows known to be whole; nothing is tried again, nothing later begins."""
    if "wait" not in body:  # it ends before the signal is raised again
        monkeypatch.setattr(signals, "STEP", 5)
    project.transform("before", "SELECT 1 AS x")
    project.transform("n", python=f"{SWALLOW}{body}", inputs=["before"])
    project.transform("below", "SELECT * FROM n")
    with pytest.raises(KeyboardInterrupt):
        project.run(progress=False, retry=3, continue_on_error=True)
    assert project.summary is not None
    assert [str(r.status) for r in project.summary.results] == ["success", "pending", "pending"]
    assert (project.summary["transform.n"].reason, project.summary["transform.n"].attempts in (0, 1)) == ("interrupted", True)
    project.transform("n", "SELECT 7 AS x FROM before")
    assert [str(r.status) for r in project.run(progress=False).results] == ["cached", "success", "success"]
