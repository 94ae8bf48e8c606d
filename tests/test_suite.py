"""What the tests hold to: who waits waits for an event, and nobody measures how long that took."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import LONGEST
from hypothesis import settings
from waiting import calls

HERE = Path(__file__).parent
FILES = [file for file in sorted(HERE.rglob("*.py")) if "benchmarks" not in file.parts and file != Path(__file__)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(HERE).as_posix())
def test_no_test_asks_a_clock_how_long_something_took(file):
    """On a busy machine that says how busy it is. Wait with ``waiting.eventually``, count ``waiting.calls``, or write a benchmark."""
    assert not re.findall(r"\b(?:monotonic|perf_counter|process_time)(?:_ns)?\b|\bdeadline=(?!None)\S+", file.read_text("utf-8"))


def test_hypothesis_has_no_deadline_and_the_same_inputs_in_every_run():
    assert settings().deadline is None
    assert settings.get_profile("suite").derandomize


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_children_hear_signals_whoever_started_the_tests(number):
    """``nohup make test &`` ignores two of them."""
    program = f"import signal; print(signal.getsignal({int(number)}) is signal.SIG_IGN)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"


def test_calls_are_counted():
    assert calls(lambda: [abs(n) for n in range(100)]) - calls(lambda: None) in range(100, 103)


def test_what_begins_first_is_there():
    for file in LONGEST:
        assert (HERE / file).is_file(), file
