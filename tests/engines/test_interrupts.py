"""Work in another thread is waited for in short steps, and interrupted until it has ended."""

from concurrent.futures import Future
from itertools import count

import pytest
from waiting import END

from seeknal_nb.engines.interrupts import attended, in_steps


def test_an_interrupt_is_repeated_until_the_work_has_ended() -> None:
    """One that comes before the statement begins is lost: this work hears the third."""
    work: Future[int] = Future()
    calls = count(1)

    def interrupt() -> None:
        if next(calls) == 3:
            work.set_exception(RuntimeError("interrupted"))

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attended(work, interrupt, stop)
    assert work.done()
    assert next(calls) == 4


def test_who_interrupts_twice_waits_no_longer_and_the_work_is_still_brought_to_its_end() -> None:
    """Else a statement that had not begun at the second Ctrl-C would run on for hours, and the next one wait for it."""
    work: Future[int] = Future()
    calls = count(1)

    def interrupt() -> None:
        number = next(calls)
        if number == 1:
            raise KeyboardInterrupt
        if number == 3:
            work.set_result(0)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attended(work, interrupt, stop)
    assert work.result(END) == 0


def test_what_the_work_gives_or_raises_is_given_or_raised_and_nothing_is_interrupted() -> None:
    """An error of a timeout is the work's own too, and no end of a step."""
    fine, slow = Future[int](), Future[int]()
    fine.set_result(0)
    slow.set_exception(TimeoutError("the server took too long"))
    assert attended(fine, lambda: pytest.fail("interrupted")) == 0
    with pytest.raises(TimeoutError, match="took too long"):
        attended(slow, lambda: pytest.fail("interrupted"))


def test_between_steps_that_give_nothing_something_is_done() -> None:
    found, between = iter(["", "", "there"]), []
    assert in_steps(lambda _: next(found), lambda: between.append(1)) == "there"
    assert between == [1, 1]
