"""What all tests stand on: random inputs without a clock, and signals as a terminal gives them."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from buckets import bucket, s3  # noqa: F401 - fixtures of object stores
from databases import postgres, postgres_server, postgres_url  # noqa: F401 - fixtures of PostgreSQL
from hypothesis import HealthCheck, settings
from shells import kernel, nb, shell  # noqa: F401 - fixtures of notebooks

from seeknal_nb import Project

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows has no SIGHUP

LONGEST = (
    "browser/test_widget_lab.py", "browser/test_look.py", "notebooks/test_notebooks.py", "workflow/test_laws.py", "test_cli.py",
    "browser/test_moments.py", "test_benchmarks.py", "browser/test_harness.py", "kinds/test_model.py", "kinds/test_exposure.py",
    "notebook/test_completer.py", "notebook/test_magics.py", "kinds/test_rule.py",
)  # fmt: skip

# A module that is written twice within a second is not to be run as it first was, here or in what tests start.
sys.dont_write_bytecode = True
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"

# The same inputs in every run, however busy the machine is; other ones: pytest --hypothesis-profile random
settings.register_profile(
    "suite", deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)  # fmt: skip
settings.register_profile("random", settings.get_profile("suite"), derandomize=False, print_blob=True)
settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes a minute and more begins first, or one worker is left alone with it at the end."""
    rank = {file: at for at, file in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.location[0].removeprefix("tests/"), len(rank)))


def pytest_collection_finish() -> None:
    """What there is before the first test stays to the end: no collection need go through it again, as each shell asks for one."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def heard() -> None:
    """What nohup and a shell's background have ignored stays ignored in every child, which then cannot be interrupted.

    A handler that does nothing is the same for this process, and a child begins without it.
    """
    for number in SIGNALS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.fixture(autouse=True)
def handlers(heard: None) -> Iterator[None]:
    """Whatever listens to signals in this process, as a command does, does so for its own test."""
    kept = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def ctrl_c(handlers: None) -> None:
    """SIGINT is a KeyboardInterrupt here, whoever started the tests."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project in an empty directory."""
    made = Project(tmp_path, namespace={})
    yield made
    made.close()
