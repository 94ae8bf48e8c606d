"""A project in an empty directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seeknal_nb import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path, namespace={})
    yield made
    made.close()
