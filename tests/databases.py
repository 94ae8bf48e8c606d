"""A PostgreSQL server for the session, and a database of it for a test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
from kinds.postgres import USER, Server, server

_COUNT = itertools.count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """One server for the session."""
    with server() as running:
        yield running


@pytest.fixture
def postgres(postgres_server: Server) -> Iterator[Server]:
    """A database of its own for each test."""
    name = f"test_{next(_COUNT)}"
    postgres_server.execute(f"CREATE DATABASE {name}")
    yield replace(postgres_server, database=name)
    postgres_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(postgres: Server, tmp_path_factory, monkeypatch) -> str:
    """As a store of state: the password stands in a variable, and signs of life in a folder of the test's own."""
    monkeypatch.setenv("OUR_PASSWORD", postgres.password)
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("signs")))
    monkeypatch.setattr("tempfile.tempdir", None)
    return f"postgresql://{USER}:${{OUR_PASSWORD}}@127.0.0.1:{postgres.port}/{postgres.database}"
