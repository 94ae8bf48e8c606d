"""A PostgreSQL server for the session, and a database of it for a test."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kinds.postgres import Server, server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeknal_nb import Project

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
def warehouse(project: Project, postgres: Server) -> Server:
    """A database that the project's profiles file calls ``wh``."""
    profiles = {"connections": {"wh": {"type": "postgresql", **postgres.fields}}}
    (project.directory / "profiles.yml").write_text(json.dumps(profiles))
    return postgres
