"""One run: what a failure reaches, and what may be taken from the cache behind a node that ran."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seeknal_nb import Project

SPOILT = "SELECT nothing FROM (SELECT 1 AS x)"


def told(project: Project, **options: Any) -> dict[str, tuple[str, str]]:
    summary = project.run(progress=False, continue_on_error=True, **options)
    return {result.node_id.partition(".")[2]: (str(result.status), str(result.reason)) for result in summary.results}


@pytest.fixture
def chain(project: Project) -> Project:
    """d reads c, which reads b, which reads a; and all are built."""
    project.transform("a", "SELECT 1 AS x")
    for name, source in zip("bcd", "abc", strict=True):
        project.transform(name, f"SELECT x FROM {source}")
    assert not project.run(progress=False).failed
    project.transform("a", SPOILT)
    return project


def test_a_failure_reaches_what_is_below_what_it_blocked(chain: Project) -> None:
    found = told(chain)
    assert found["a"][0] == "failed"
    assert [found[name] for name in "bcd"] == [("skipped", "upstream failed: transform.a")] * 3


def test_a_failure_reaches_through_what_is_left_out(chain: Project) -> None:
    """Nothing below a failure runs on old data, whether a filter stands between or not."""
    found = told(chain, full=True, exclude=["b", "c"])
    assert found["a"][0] == "failed"
    assert (found["b"], found["c"]) == (("skipped", "excluded"),) * 2
    assert found["d"] == ("skipped", "upstream failed: transform.a")


class Work:
    """A kind of its own, whose nodes leave no data; ``broken`` ones fail."""

    def __init__(self) -> None:
        self.broken: set[str] = set()

    def __call__(self, node: Any) -> dict[str, Any]:
        if node.name in self.broken:
            raise ValueError(node.name)
        return {"row_count": 1}


@pytest.mark.parametrize(("mended", "below"), [("work", "success"), ("transform", "cached")])
def test_behind_what_left_nothing_to_compare_all_runs(tmp_path: Path, mended: str, below: str) -> None:
    """A node that failed last time runs again under the key that it had: whether its table is as it was, only data tells."""
    work = Work()
    project = Project(tmp_path, kinds={"work": work}, namespace={})
    marker = tmp_path / "spoilt"
    project.node("work", "a")
    project.transform("t", python=f"import os\nif os.path.exists({str(marker)!r}): raise ValueError\n[{{'x': 1}}]")
    for name, source in (("of_work", "work.a"), ("of_transform", "transform.t")):
        project.node("work", name, inputs=[source])
    assert not project.run(progress=False).failed
    work.broken, first = {"a"}, {"work": "work.a", "transform": "transform.t"}[mended]
    marker.touch()
    project.run(progress=False, nodes=["work.a", "transform.t"], only=True, continue_on_error=True)
    work.broken = set()
    marker.unlink()
    found = project.run(progress=False)
    project.close()
    assert str(found[first].status) == "success"
    assert str(found[f"work.of_{mended}"].status) == below


@pytest.mark.parametrize(("cutoff", "below"), [(True, "cached"), (False, "success")])
def test_what_reads_equal_rows_runs_only_where_nobody_may_cut_off(project: Project, cutoff: bool, below: str) -> None:
    """SPEC's sentence: all that is downstream of a change executes, however the rows came out."""
    project.transform("a", "SELECT 1 AS x")
    project.transform("b", "SELECT x FROM a")
    assert not project.run(progress=False).failed
    project.transform("a", "SELECT 2 - 1 AS x")
    found = told(project, cutoff=cutoff)
    assert (found["a"][0], found["b"][0]) == ("success", below)
