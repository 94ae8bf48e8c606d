"""Warnings of one thread's work: they come to its list, and the process's filters are afterwards as they were."""

from __future__ import annotations

import threading
import warnings

from seeknal_nb.kinds.thread_warnings import warned


def together(*works) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_the_filters_are_restored_though_a_second_thread_enters_within_a_block_of_the_first():
    """Scikit-learn and pandas silence warnings for a while; a thread that begins meanwhile must not take that for the usual."""
    inside, second, left = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with warned(), warnings.catch_warnings(record=True):
            inside.set()
            second.wait()
        left.set()

    def other() -> None:
        inside.wait()
        with warned():
            second.set()
            left.wait()

    before, filters = warnings.showwarning, list(warnings.filters)
    together(first, other)
    assert warnings.showwarning is before
    assert warnings.filters == filters


def test_a_block_of_another_thread_that_outlives_ours_is_left_alone_and_what_it_puts_back_is_mended():
    inside, done = threading.Event(), threading.Event()
    found: list[list[str]] = []

    def ours() -> None:
        with warned() as said:
            inside.set()
            done.wait()
        found.append(said)

    before, filters = warnings.showwarning, list(warnings.filters)
    thread = threading.Thread(target=ours)
    thread.start()
    inside.wait()
    with warnings.catch_warnings(record=True) as caught:
        done.set()
        thread.join()
        warnings.warn("mine", UserWarning, stacklevel=1)
    assert [str(one.message) for one in caught] == ["mine"]
    with warned() as said:
        warnings.warn("again", UserWarning, stacklevel=1)
    assert said == ["UserWarning: again"]
    assert warnings.showwarning is before
    assert warnings.filters == filters


def test_each_thread_gets_its_own_warnings_each_once():
    barrier, found = threading.Barrier(4), {}

    def work(number: int) -> None:
        with warned() as said:
            barrier.wait()
            for _ in range(3):
                warnings.warn(f"of {number}", UserWarning, stacklevel=1)
            barrier.wait()
        found[number] = said

    together(*(lambda n=n: work(n) for n in range(4)))
    assert found == {n: [f"UserWarning: of {n}"] for n in range(4)}
