"""A project in an empty directory."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kinds.postgres import Server, server
from seeknal_nb import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COUNT = itertools.count()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path, namespace={})
    yield made
    made.close()


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
