"""What runs at a time: the longest way first, and never more of anything than there is."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from seeknal_nb import Project
from seeknal_nb.errors import ManifestError, UsageError
from seeknal_nb.workflow.events import NodeStarted
from seeknal_nb.workflow.slots import Offers, Ready, Slots

GB = 10**9


class Watched:
    """A kind that counts by tag how many of its nodes run at a time; a node ends when it has been alone long enough."""

    def __init__(self, nap: float = 0.05) -> None:
        self.nap, self.lock, self.now, self.most = nap, threading.Lock(), Counter[str](), Counter[str]()

    def __call__(self, node: Any) -> dict[str, Any]:
        names = ["all", *node.tags]
        with self.lock:
            self.now.update(names)
            self.most |= self.now
        time.sleep(self.nap)
        with self.lock:
            self.now.subtract(names)
        return {"row_count": 1}


def order(project: Project, **options: Any) -> list[str]:
    return [e.node_id.partition(".")[2] for e in project.stream(**options) if isinstance(e, NodeStarted)]


def test_the_longest_way_starts_first(tmp_path: Path) -> None:
    """A chain that was registered last begins at once: what it took last time is known."""
    naps = {"c1": 0.1, "c2": 0.1}

    def nap(node: Any) -> dict[str, Any]:
        time.sleep(naps.get(node.name, 0.0))
        return {"row_count": 1}

    project = Project(tmp_path, kinds={"nap": nap}, namespace={}, workers=2)
    for name in ("a", "b", "c", "d"):
        project.node("nap", name)
    project.node("nap", "c1")
    project.node("nap", "c2", inputs=["nap.c1"])
    assert order(project)[:2] == ["a", "b"]  # nobody knows better yet
    again = order(project, full=True)
    assert again[0] == "c1"
    assert order(project, full=True, workers=1) == ["a", "b", "c", "d", "c1", "c2"]  # alone, the order is the plan's


def test_no_more_of_a_slot_run_than_there_are(tmp_path: Path) -> None:
    watched = Watched()
    project = Project(tmp_path, kinds={"work": watched}, namespace={}, workers=8, slots={"gpu": 2, "tape": 1})
    for number in range(6):
        project.node("work", f"g{number}", tags=["gpu"])
        project.node("work", f"t{number}", tags=["tape"])
        project.node("work", f"n{number}")
    assert not project.run(progress=False).failed
    assert watched.most["gpu"] == 2
    assert watched.most["tape"] == 1
    assert watched.most["all"] > 3  # what asks for neither does not wait for them


def test_a_slot_that_nobody_counts_is_a_tag(tmp_path: Path) -> None:
    watched = Watched()
    project = Project(tmp_path, kinds={"work": watched}, namespace={}, workers=4)
    for number in range(8):
        project.node("work", f"g{number}", tags=["gpu"])
    assert not project.run(progress=False).failed
    assert watched.most["gpu"] > 2


def held(offers: Offers, demands: dict[str, Any]) -> tuple[Slots, Ready, list[str]]:
    ids = list(demands)
    slots = Slots(offers, lambda node_id: demands[node_id])
    return slots, Ready(slots, ids, {}, range(len(ids))), ids


def taken(ready: Ready, ids: list[str]) -> list[str]:
    found = []
    while (place := ready.take()) is not None:
        found.append(ids[place])
    return found


def test_what_does_not_fit_holds_back_later_ones_of_what_it_lacks_only() -> None:
    one, two = (("slot", 1), ("memory", 0), ("gpu", 1)), (("slot", 1), ("memory", 0), ("gpu", 2))
    plain = (("slot", 1), ("memory", 0))
    slots, ready, ids = held(Offers(9, 0, {"gpu": 2}), {"a": one, "b": two, "c": one, "d": plain, "e": plain})
    assert taken(ready, ids) == ["a", "d", "e"]  # c would fit, and b would wait for ever behind its like
    slots.give_back("a")
    assert taken(ready, ids) == ["b"]
    slots.give_back("b")
    assert taken(ready, ids) == ["c"]
    assert not ready


def test_memory_is_shared_out() -> None:
    offers = Offers(4, 16 * GB)
    big, usual = (("slot", 1), ("memory", 10 * GB)), offers.usual
    slots, ready, ids = held(offers, {"a": big, "b": usual, "c": usual, "d": big})
    assert offers.share == 4 * GB
    assert taken(ready, ids) == ["a", "b"]
    slots.give_back("a")
    slots.give_back("b")
    assert taken(ready, ids) == ["c", "d"]


def test_partitions_take_what_is_left_over() -> None:
    slots, _, _ = held(Offers(2, 0, {"gpu": 1}), {"a": (("slot", 1), ("gpu", 1)), "b": (("slot", 1),)})
    assert slots.take_spare("a")
    assert not slots.take_spare("a")
    assert slots.take_spare("b")
    slots.give_spare_back("a")
    slots.wanted = True
    assert not slots.take_spare("a")


@pytest.mark.parametrize(("asked", "text"), [
    ({"resources": {"gpu": 2}}, "it needs 2 of gpu"),
    ({"resources": {"gup": 1}}, "it needs 1 of gup"),
    ({"memory": "9 TB"}, "it needs 9 TB of memory"),
    ({"resources": {"memory": "9TB"}}, "it needs 9 TB of memory"),
])  # fmt: skip
def test_a_demand_that_nothing_offers_is_an_error_of_the_plan(tmp_path: Path, asked: dict[str, Any], text: str) -> None:
    project = Project(tmp_path, namespace={}, slots={"gpu": 1}, memory="8GB")
    project.transform("first", "SELECT 1 AS x")
    project.transform("big", "SELECT 1 AS x", **asked)
    for ask in (project.plan, project.run):
        with pytest.raises(ManifestError, match=text) as told:
            ask()
        assert told.value.node == "transform.big"
        assert told.value.remedy
    assert not (tmp_path / "target/outputs/transform.first").exists()
    assert not project.run(progress=False, exclude=["big"]).failed  # who leaves it out need not offer it


@pytest.mark.parametrize(("asked", "text"), [
    ({"memory": "much"}, "memory is no size"), ({"memory": "0"}, "at least 1 MB"), ({"memory": 8}, "at least 1 MB"), ({"resources": {"memory": 3}}, "at least 1 MB"), ({"memory": True}, "memory"),
    ({"resources": {"gpu": 0}}, "a whole number from 1"), ({"resources": {"gpu": "x"}}, "a whole number from 1"),
    ({"resources": ["gpu"]}, "resources must be a mapping"), ({"timeout": "soon"}, "no length of time"),
    ({"timeout": 0}, "more than nothing"), ({"isolation": "thread"}, "isolation"), ({"run_on": "moon"}, "run_on"),
    ({"isolation": "process", "run_on": "home"}, "isolation cannot be done here"),
])  # fmt: skip
def test_what_cannot_be_asked_for_is_refused_where_it_is_written(tmp_path: Path, asked: dict[str, Any], text: str) -> None:
    project = Project(tmp_path, namespace={})
    with pytest.raises(ManifestError, match=text):
        project.transform("t", "SELECT 1 AS x", **asked)


@pytest.mark.parametrize(("body", "asked"), [
    ({"python": "result = [{'x': 1}]"}, {"run_on": "home", "timeout": "3s"}),
    ({"sql": "SELECT 1 AS x", "params": {"path": "x.csv"}, "kind": "exposure"}, {"timeout": "3s"}),
    ({"sql": "SELECT 1 AS x", "params": {"path": "x.csv"}, "kind": "exposure"}, {"isolation": "process"}),
])  # fmt: skip
def test_what_nobody_could_end_has_no_timeout(tmp_path: Path, body: dict[str, Any], asked: dict[str, Any]) -> None:
    project = Project(tmp_path, namespace={})
    with pytest.raises(ManifestError, match="cannot be done here"):
        project.node(body.pop("kind", "transform"), "t", **body, **asked)


@pytest.mark.parametrize("given", [
    {"slots": {"gpu": 0}}, {"slots": {"memory": 1}}, {"slots": {"gpu": "one"}}, {"memory": "much"}, {"workers": 0},
    {"executor": "porcesses"}, {"executor": "tcp://127.0.0.1:8786"}, {"executor": 3}, {"executor": "processes://8"},
])  # fmt: skip
def test_means_that_cannot_be_are_refused_at_once(tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Project(tmp_path, namespace={}, **given)


def test_settings_say_what_there_is_and_options_come_before_them(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.seeknal_nb]\nexecutor = "processes"\nworkers = 3\nmemory = "2GB"\n[tool.seeknal_nb.slots]\ngpu = 1\n'
    )
    project = Project(tmp_path, namespace={}, workers=2)
    project.transform("t", "SELECT 1 AS x")
    offers = project.runner().offers
    assert (offers.workers, offers.memory, offers.resources) == (2, 2 * GB, {"gpu": 1})
    assert list(project.plan().to_frame()["where"]) == ["processes"]
    assert list(project.plan(executor="here").to_frame()["where"]) == ["here"]
    project.run(progress=False, executor="here")
    with project._engine.get().session({}) as session:
        assert session.query("SELECT current_setting('memory_limit')", form="rows") == [("1.8 GiB",)]


def test_what_is_asked_for_changes_no_key(tmp_path: Path) -> None:
    """Moving a run elsewhere rebuilds nothing."""
    project = Project(tmp_path, namespace={}, slots={"gpu": 1})
    project.transform("t", "SELECT 1 AS x")
    assert project.run(progress=False).successful_nodes == 1
    project.transform("t", "SELECT 1 AS x", memory="1GB", timeout="1h", resources={"gpu": 1}, isolation="process")
    summary = project.run(progress=False)
    project.close()
    assert summary.cached_nodes == 1


def test_sql_that_takes_too_long_is_ended_and_fails(tmp_path: Path) -> None:
    project = Project(tmp_path, namespace={})
    project.transform("slow", "SELECT sum(hash(i * j)) AS x FROM range(10000000) a(i), range(1000) b(j)", timeout="0.3s")
    project.transform("quick", "SELECT 1 AS x", timeout="1h")
    summary = project.run(progress=False, continue_on_error=True, retry=1)
    assert summary["transform.slow"].error_message.startswith("timed out after 0.3s")
    assert summary["transform.slow"].attempts == 2
    assert str(summary["transform.quick"].status) == "success"
