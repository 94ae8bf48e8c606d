"""A node is the same, or the same error, whether a cell, YAML, a decorator or Python brings it."""

from __future__ import annotations

import enum
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from seeknal_nb import Manifest
from seeknal_nb.authoring.cell import define
from seeknal_nb.authoring.decorators import collecting, decorator
from seeknal_nb.config import TEXT, Key
from seeknal_nb.declaration import Declaration
from seeknal_nb.errors import SeeknalError
from seeknal_nb.kinds.files import files_probe
from seeknal_nb.kinds.task import Kind, Task, result_of
from seeknal_nb.project import Project
from seeknal_nb.storage.builds import DATA


def by_python(project: Project, kind: str, keys: dict[str, Any]) -> None:
    project.node(kind, "n", **keys)


def by_yaml(project: Project, kind: str, keys: dict[str, Any]) -> None:
    written = yaml.safe_dump({"kind": kind, "name": "n", **json.loads(json.dumps(keys, default=str))}, sort_keys=False)
    project.add_yaml(written)


def by_decorator(project: Project, kind: str, keys: dict[str, Any]) -> None:
    arguments = {"as_" if key == "as" else key: value for key, value in keys.items()}
    with collecting() as found:

        def n() -> None: ...

        decorator(kind)(name="n", **arguments)(n)
    project.declare(found[0])


DOORS = {"Python": by_python, "YAML": by_yaml, "decorator": by_decorator}
BODY = {"sql": "SELECT 1 AS id"}
SOUND: dict[str, tuple[str, dict[str, Any]]] = {
    "columns as a list": ("transform", {**BODY, "columns": ["id"]}),
    "columns as mappings in a list": ("transform", {**BODY, "columns": [{"name": "id", "description": "key"}]}),
    "columns as a mapping": ("transform", {**BODY, "columns": {"id": "key"}}),
    "a date in params": ("transform", {"sql": "SELECT DATE '{{ day }}' AS d", "params": {"day": date(2024, 1, 31)}}),
    "a time in params": ("transform", {"sql": "SELECT {{ at }} AS t", "params": {"at": datetime(2024, 1, 31, 10)}}),
    "a time of pandas in params": ("transform", {"sql": "SELECT {{ at }} AS t", "params": {"at": pd.Timestamp("2024-01-31 10:00")}}),
    "dates in a list": (
        "aggregation",
        {"inputs": ["e"], "id_col": "u", "feature_date_col": "d", "application_dates": [date(2024, 1, 1)],
         "features": [{"name": "a", "column": "x", "basic": ["sum"]}]},
    ),
    "tags as a text": ("transform", {**BODY, "tags": "a, b"}),
    "tags as a list": ("transform", {**BODY, "tags": ["a", "b"]}),
    "inputs as a text": ("transform", {"sql": "SELECT * FROM e JOIN f USING (x)", "inputs": "e, source.f"}),
    "an entity as a name": ("feature_group", {"sql": "SELECT 1 AS user_id, 2 AS x", "entity": "user"}),
    "an entity as a name beside its key": ("feature_group", {"sql": "SELECT 1 AS id, 2 AS x", "entity": "user", "key": "id"}),
    "a file by its format": ("source", {"csv": "data/a.csv"}),
    "a path": ("source", {"path": Path("data/a.csv"), "params": {"nullstr": ["NA"]}}),
    "texts about it": ("transform", {**BODY, "description": "what", "owner": "who"}),
    "None is as if it were not there": ("transform", {**BODY, "tags": None, "refresh": None}),
}  # fmt: skip
WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "a misspelt key": ("transform", {**BODY, "materialised": "view"}, "did you mean materialized"),
    "a key of another kind": ("transform", {**BODY, "blocking": True}, "unknown key 'blocking'"),
    "tags with nothing between commas": ("transform", {**BODY, "tags": "a,,b"}, "tags must be names"),
    "a number for a tag": ("transform", {**BODY, "tags": ["a", 3]}, "tags must be text or a list of text"),
    "columns without a name": ("transform", {**BODY, "columns": [{"description": "x"}]}, "columns must be a mapping"),
    "text for a mapping": ("source", {"path": "a.csv", "params": "x"}, "params must be a mapping"),
    "a list for a text": ("rule", {"on": "e", "expression": ["x > 0"]}, "expression must be text"),
    "a word that is none": ("transform", {**BODY, "materialized": "veiw"}, "did you mean view"),
    "two files": ("source", {"csv": "a.csv", "path": "b.csv"}, "a source reads one thing"),
    "two bodies": ("transform", {**BODY, "transform": "SELECT 2 AS y"}, "two bodies"),
    "a column twice": ("transform", {**BODY, "columns": ["a", "a"]}, "each once"),
    "a list for a file": ("source", {"csv": ["a.csv"]}, "csv must be text"),
    "an input that is not there": ("transform", {**BODY, "inputs": ["nosuch"]}, "unknown input 'nosuch'"),
}


def opened(home: Path) -> Project:
    project = Project(home)
    project.source("e", csv="data/e.csv")
    project.source("f", csv="data/f.csv")
    return project


def told(error: SeeknalError) -> tuple[str, str | None, str]:
    """What an error says, without the place, which is each door's own."""
    return error.what, error.node, error.remedy


@pytest.mark.parametrize(("kind", "keys"), SOUND.values(), ids=SOUND)
def test_a_node_is_the_same_through_every_door(tmp_path: Path, kind: str, keys: dict[str, Any]) -> None:
    """And what is written can be read again."""
    nodes = {}
    for name, bring in DOORS.items():
        project = opened(tmp_path)
        bring(project, kind, keys)
        written = project.manifest.to_bytes()
        assert Manifest.from_json(written).to_bytes().partition(b"\n")[2] == written.partition(b"\n")[2]
        nodes[name] = (project.manifest.nodes[f"{kind}.n"].to_dict(), [e.to_dict() for e in project.manifest.edges])
        project.close()
    assert nodes["YAML"][0].pop("file_path") in (None, "cell")
    nodes["Python"][0].pop("file_path")
    nodes["decorator"][0].pop("file_path")
    assert nodes["Python"] == nodes["YAML"] == nodes["decorator"]


@pytest.mark.parametrize(("kind", "keys", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_the_same_error_through_every_door(tmp_path, kind, keys, said) -> None:
    errors = {}
    for name, bring in DOORS.items():
        project = opened(tmp_path)
        with pytest.raises(SeeknalError) as caught:
            bring(project, kind, keys)
        errors[name] = told(caught.value)
        assert said in str(caught.value)
        assert "transform.n" not in project.manifest.nodes
        project.close()
    assert errors["Python"] == errors["YAML"] == errors["decorator"]


LINES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "--tags 'a, b' --description what": ("transform", "SELECT 1 AS id", {"tags": "a, b", "description": "what"}),
    "--inputs e,source.f": ("transform", "SELECT * FROM e JOIN f USING (x)", {"inputs": "e, source.f"}),
    "--key user_id --entity user --ttl 7d --event-time ts": (
        "feature_group",
        "SELECT 1 AS user_id, now() AS ts",
        {
            "entity": {"name": "user", "join_keys": ["user_id"]},
            "materialization": {"event_time_col": "ts", "ttl": "7d"},
        },
    ),
    "data/a.csv --null NA --schema a:DATE": (
        "source", "", {"path": "data/a.csv", "params": {"nullstr": "NA"}, "schema": [{"name": "a", "data_type": "DATE"}]},
    ),
    "--csv data/a.csv": ("source", "", {"csv": "data/a.csv"}),
}  # fmt: skip


@pytest.mark.parametrize(("line", "kind", "body", "keys"), [(line, *rest) for line, rest in LINES.items()], ids=LINES)
def test_a_cells_line_says_what_its_keys_say(tmp_path: Path, line: str, kind: str, body: str, keys: dict[str, Any]) -> None:
    from seeknal_nb.grammar import split_line

    project, other = opened(tmp_path), opened(tmp_path)
    made = define(kind, ["n", *split_line(line)], body)
    project.node(made.kind, made.name, **made.config)
    other.node(kind, "n", body or None, **keys)
    assert project.manifest.nodes[f"{kind}.n"] == other.manifest.nodes[f"{kind}.n"]
    project.close()
    other.close()


def test_an_object_that_has_no_plain_form_is_refused_with_the_key(tmp_path: Path) -> None:
    project = opened(tmp_path)
    with pytest.raises(SeeknalError, match=r"params\.it must be a plain value"):
        project.transform("n", "SELECT 1 AS x", params={"it": object()})
    project.close()


def declared(name: str, *keys: Key, **more: Any) -> Declaration:
    """A kind of the caller's own whose table is one row."""

    def execute(task: Task) -> dict[str, Any]:
        return result_of(task.engine.build(f"SELECT {task.node.config.get('select', 1)} AS x", task.stage / DATA), {})

    return Declaration(name, "One row", Kind(execute=execute), keys=keys, **more)


@pytest.mark.parametrize("key", ["engine", "code", "url", "maturity", "parameter x"])
def test_every_key_that_a_kind_declares_counts(tmp_path: Path, key: str) -> None:
    """Also one that has the name of a part of keys, or that documents other kinds."""
    project = Project(tmp_path, kinds={"http": declared("http", Key(key, TEXT))})
    project.node("http", "n", **{key: "a"})
    project.run(progress=False)
    project.node("http", "n", **{key: "b"})
    assert project.plan()["http.n"].action == "run"
    project.close()


def test_a_parameter_in_sql_of_a_kinds_own_key_is_a_literal(tmp_path: Path) -> None:
    project = Project(tmp_path, kinds={"one": declared("one", Key("select", TEXT, sql=True))}, params={"n": "a'b"})
    project.node("one", "n", select="{{ n }}")
    assert project.run(progress=False).failed == []
    assert project["one.n"].x.tolist() == ["a'b"]
    project.close()


def test_a_function_that_takes_over_a_kind_keeps_its_edges_and_waits(tmp_path: Path) -> None:
    """SPEC.md § Custom Executors: the work is another, and not what the kind means."""
    project = Project(tmp_path, kinds={"rule": lambda node: {"row_count": 1}})
    project.transform("a", "SELECT 1 AS x")
    project.node("rule", "r", on="a", checks=[{"not_null": "x"}])
    project.transform("b", "SELECT * FROM a")
    assert next((edge.from_node, edge.to_node) for edge in project.manifest.edges) == ("transform.a", "rule.r")
    assert [step.node_id for step in project.plan()] == ["transform.a", "rule.r", "transform.b"]
    project.close()


@pytest.mark.parametrize("keys", [{"tags": ""}, {"inputs": ""}])
def test_an_empty_text_for_names_is_refused_through_every_door(tmp_path: Path, keys: dict[str, Any]) -> None:
    for bring in DOORS.values():
        project = opened(tmp_path)
        with pytest.raises(SeeknalError, match="names, a comma apart"):
            bring(project, "transform", {**BODY, **keys})
        project.close()


def test_what_an_option_says_counts_more_than_a_key_beside_it(tmp_path: Path) -> None:
    made = define("own", ["n", "--description", "mine", "--param", "description=other", "more=1"], "")
    assert made.config == {"description": "mine", "more": 1}


class Colour(str, enum.Enum):  # noqa: UP042 - one whose text is its name is another case
    RED = "red"


PLAIN = {
    "a text of an enum": (Colour.RED, "red"),
    "a moment of numpy": (np.datetime64("2024-01-01T02:03:04", "ns"), "2024-01-01 02:03:04.000000000"),
    "a number of numpy": (np.int32(3), 3),
    "a truth of numpy": (np.bool_(True), True),
    "a set of several types": ({1, "a"}, ["a", 1]),
    "a tuple": ((1, 2), [1, 2]),
}
NOT_PLAIN = {
    "a span of numpy": np.timedelta64(7, "ns"),
    "a table": pd.DataFrame({"a": [1]}),
    "a column": pd.Series([1]),
    "no time": pd.NaT,
    "not a number": float("nan"),
    "too many digits": 10**5000,
    "keys that are no text": {1: "a", "1": "b"},
    "bytes": b"x",
}


@pytest.mark.parametrize(("given", "kept"), PLAIN.values(), ids=PLAIN)
def test_a_value_is_kept_as_what_it_says(tmp_path: Path, given: object, kept: object) -> None:
    project = Project(tmp_path)
    project.transform("n", "SELECT 1 AS x", params={"p": given})
    assert project.manifest.nodes["transform.n"].config["params"] == {"p": kept}
    project.close()


@pytest.mark.parametrize("given", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_a_value_that_would_become_another_is_refused(tmp_path: Path, given: object) -> None:
    project = Project(tmp_path)
    with pytest.raises(SeeknalError, match=r"transform\.n"):
        project.transform("n", "SELECT 1 AS x", params={"p": given})
    project.close()


def test_a_list_that_holds_itself_is_refused(tmp_path: Path) -> None:
    project, endless = Project(tmp_path), []  # type: ignore[var-annotated]
    endless.append(endless)
    with pytest.raises(SeeknalError, match="holds itself"):
        project.transform("n", "SELECT 1 AS x", params={"p": endless})
    project.close()


def test_files_that_a_kinds_own_statements_read_are_part_of_the_key(tmp_path: Path) -> None:
    """Also where the caller gave the declaration, and no distribution."""

    def execute(task: Task) -> dict[str, Any]:
        return result_of(task.engine.build(task.sql(task.node.config["rows"]), task.stage / DATA), {})

    kind = Kind(execute=execute, probe=files_probe)
    reading = Declaration("reading", "Rows", kind, keys=(Key("rows", TEXT, sql=True),), statements=lambda config: [config["rows"]])
    (tmp_path / "a.csv").write_text("x\n1\n")
    project = Project(tmp_path, kinds={"reading": reading})
    project.node("reading", "n", rows="SELECT * FROM 'a.csv'")
    assert project.run(progress=False).failed == []
    assert project["reading.n"].x.tolist() == [1]
    (tmp_path / "a.csv").write_text("x\n2\n")
    project.run(progress=False)
    assert project["reading.n"].x.tolist() == [2]
    project.close()
