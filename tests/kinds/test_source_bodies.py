"""Sources whose Python body opens the file that they name, as projects for Seeknal write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kinds import good, rows, run
from seeknal_nb.errors import ManifestError

if TYPE_CHECKING:
    from seeknal_nb import Project

BODY = "import pandas as pd\npd.read_csv({!r}).query('id > 1')"


@pytest.mark.parametrize("named", [{"table": "u.csv", "source": "csv"}, {"path": "u.csv"}, {"csv": "u.csv"}, {"table": "u.csv"}], ids=str)
def test_the_body_gives_the_rows_and_the_file_that_is_named_is_part_of_the_key(project: Project, named: dict[str, Any]) -> None:
    file = project.directory / "u.csv"
    file.write_text("id\n1\n2\n")
    project.source("s", python=BODY.format(str(file)), **named)
    good(project)
    assert rows(project, "source.s") == [(2,)]
    assert run(project).cached_nodes == 1
    file.write_text("id\n1\n2\n3\n")
    assert good(project).successful_nodes == 1
    assert rows(project, "source.s") == [(2,), (3,)]


def test_a_file_that_is_not_there_is_the_bodys_concern(project: Project) -> None:
    project.source("s", python="result = [{'id': 1}]", table="nosuch.csv", source="csv")
    good(project)
    assert rows(project, "source.s") == [(1,)]


def test_options_of_the_files_reader_are_told_by_their_names(project: Project) -> None:
    project.source("s", python="result = [{'d': ctx.params['delimiter']}]", table="u.csv", params={"delimiter": ";"})
    good(project)
    assert rows(project, "source.s") == [(";",)]
    with pytest.raises(ManifestError, match="did you mean delim"):
        project.source("s", python="result = []", table="u.csv", params={"delimitr": ";"})


@pytest.mark.parametrize("config", [
    {"sql": "SELECT 1 AS id", "path": "u.csv"}, {"python": "result = []", "query": "SELECT 1", "source": "csv"},
    {"python": "result = []", "table": "t", "source": "postgresql"}, {"python": "result = []", "table": "t"},
])  # fmt: skip
def test_what_else_a_source_with_a_body_names_is_refused(project: Project, config: dict[str, Any]) -> None:
    with pytest.raises(ManifestError, match="of a source with a body is not read"):
        project.source("s", **config)
