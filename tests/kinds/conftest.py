"""A profiles file that names a database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kinds.postgres import Server

if TYPE_CHECKING:

    from seeknal_nb import Project

@pytest.fixture
def warehouse(project: Project, postgres: Server) -> Server:
    """A database that the project's profiles file calls ``wh``."""
    profiles = {"connections": {"wh": {"type": "postgresql", **postgres.fields}}}
    (project.directory / "profiles.yml").write_text(json.dumps(profiles))
    return postgres
