"""Projects that were written for the peer give the tables that it promises; and what we export, the peer runs.

The projects lie in ``tests/peer/``; expected values are pandas' over their CSV files. Where ``SEEKNAL_PEER`` names a
Python that has the peer installed, its own run has to come to the same tables.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from keys import keys
from kinds import arrow

from seeknal_nb import Project
from seeknal_nb.authoring.export import export

HERE = Path(__file__).parent / "peer"
PEER = os.environ.get("SEEKNAL_PEER", "")
needs_peer = pytest.mark.skipif(not PEER, reason="SEEKNAL_PEER names no Python that has the peer")


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> Iterator[dict[str, Project]]:
    """Each project, run once on a copy."""
    found = {}
    for name in ("shop", "flights", "mixed"):
        home = tmp_path_factory.mktemp(name) / name
        shutil.copytree(HERE / name, home)
        project = Project.open(home, namespace={})
        summary = project.run(progress=False, params={"today": "2024-01-06"})
        assert not summary.failed, [f"{r.node_id}: {r.error_message}" for r in summary.failed]
        found[name] = project
    yield found
    for project in found.values():
        project.close()


def table(project: Project, name: str, *by: str) -> pd.DataFrame:
    frame = project[name]
    return frame.sort_values(list(by)).reset_index(drop=True) if by else frame


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found, expected.reset_index(drop=True), check_dtype=False)


def shop() -> tuple[pd.DataFrame, pd.DataFrame]:
    customers, orders = (pd.read_csv(HERE / "shop" / "data" / f"{name}.csv") for name in ("customers", "orders"))
    active = orders.merge(customers[customers.active], on="customer_id")
    active["order_date"] = pd.to_datetime(active.order_date)
    active["as_of"] = pd.Timestamp("2024-03-01")
    return orders, active[["order_id", "customer_id", "country", "order_date", "amount", "as_of"]].sort_values("order_id")


def test_a_project_of_yaml_gives_its_tables(ran):
    orders, active = shop()
    project = ran["shop"]
    same(table(project, "active_orders", "order_id"), active)
    groups = active.groupby("country").agg(orders=("order_id", "count"), total=("amount", "sum")).round(2)
    same(table(project, "by_country", "country"), groups.reset_index())
    per = active.groupby("customer_id").amount
    features = pd.DataFrame({"order_count": per.count(), "total": per.sum().round(2), "last_order": active.groupby("customer_id").order_date.max()})
    same(table(project, "customer_features", "customer_id")[["customer_id", *features]], features.reset_index())
    stats = pd.DataFrame({"amount_sum": per.sum(), "amount_count": per.count(), "amount_max": per.max()}).reset_index()
    same(table(project, "customer_stats", "customer_id")[list(stats)], stats)
    assert project["positive"].passed.tolist() == [bool(orders.amount.between(0, 1000).all())]
    assert pd.read_csv(project.directory / "target/exports/by_country.csv").sort_values("country").total.tolist() == groups.total.tolist()
    profile = project["orders_profile"].set_index(["column_name", "metric"]).value
    assert (profile["_table_", "row_count"], float(profile["amount", "max"])) == ("60", orders.amount.max())
    assert project.manifest.nodes["source.customers"].owner == "shop@example.com"


def test_a_project_of_decorators_gives_its_tables(ran):
    legs = pd.read_csv(HERE / "flights" / "data" / "legs.csv")
    late = legs[legs.delay > 15]
    same(table(ran["flights"], "late_legs"), late[["leg_id", "carrier", "origin", "delay"]])
    features = legs.groupby("carrier").agg(legs=("leg_id", "count"), miles=("miles", "sum"))
    features.insert(1, "late", late.groupby("carrier").leg_id.count())
    same(table(ran["flights"], "carrier_features", "carrier")[["carrier", *features]], features.reset_index())
    worst = ran["flights"]["worst"].iloc[0]
    share = (features.late / features.legs).sort_values(ascending=False)
    assert (worst.carrier, worst.share, worst.day) == (share.index[0], share.iloc[0], "2024-01-05")


def voice_of(day: str, label: str = "none") -> pd.DataFrame:
    calls, regions = (pd.read_csv(HERE / "mixed" / "data" / f"{name}.csv") for name in ("calls", "regions"))
    chosen = calls[(calls.service_type == "Voice") & (calls.date_id <= day) & (calls.seconds >= 60)]
    found = chosen.merge(regions, left_on="region_id", right_on="id").rename(columns={"msisdn": "subscriber"})
    return found.assign(label=label)[["call_id", "subscriber", "region", "seconds", "label"]].sort_values("call_id")


def test_a_project_of_both_with_common_pieces_and_parameters_gives_its_tables(ran):
    voice = voice_of("2024-01-05")
    assert len(voice)
    same(table(ran["mixed"], "voice", "call_id"), voice)
    scored = voice.assign(score=voice.seconds * voice.region.map({"North": 1.0, "South": 0.5, "West": 2.0}))
    per = scored.groupby("subscriber").agg(seconds=("seconds", "sum"), score=("score", "max")).reset_index()
    same(table(ran["mixed"], "subscriber", "subscriber"), per)


def test_another_day_and_another_default_give_other_tables(tmp_path, monkeypatch):
    shutil.copytree(HERE / "mixed", tmp_path / "mixed")
    project = Project.open(tmp_path / "mixed", namespace={})
    monkeypatch.setenv("SEEKNAL_TEST_LABEL", "it's")
    assert not project.run(progress=False, params={"date": "2024-01-09"}).failed
    same(table(project, "voice", "call_id"), voice_of("2024-01-08", "it's"))
    assert not project.run(progress=False, params={"date": "2024-01-09", "least": 300}).failed
    assert project["voice"].seconds.min() >= 300
    assert project.run(progress=False, params={"date": "2024-01-09", "least": 300}).cached_nodes == 5
    project.close()


@pytest.mark.parametrize(("file", "text", "said"), [
    ("rules.yml", "rules:\n  - id: voice\n", "value"), ("rules.yml", "rule: []\n", "rules"), ("rules.yml", "rules:\n  - voice\n", "mapping"),
    ("sources.yml", "sources:\n  - id: calls\n    params: {a: b}\n", "ref"), ("rules.yml", "rules:\n  - {id: voise, value: x}\n", "voise"),
])  # fmt: skip
def test_a_broken_common_file_and_a_name_that_it_lacks_are_errors_with_a_place(tmp_path, file, text, said):
    shutil.copytree(HERE / "mixed", tmp_path / "mixed")
    (tmp_path / "mixed" / "seeknal" / "common" / file).write_text(text)
    with pytest.raises(Exception, match=said) as error:
        Project.open(tmp_path / "mixed", namespace={})
    assert "seeknal/" in str(error.value)


@pytest.mark.parametrize("name", ["shop", "flights", "mixed"])
def test_a_project_of_the_peer_comes_back_from_an_export_the_same(ran, tmp_path, name):
    project = ran[name]
    export(project, tmp_path / "out")
    again = Project.open(tmp_path / "out", namespace={})
    assert keys(again) == keys(project)
    assert not again.run(progress=False, params={"today": "2024-01-06"}).failed
    for node_id in project.manifest.nodes:
        if not node_id.startswith(("exposure", "rule", "profile")):  # a profile tells ages
            pd.testing.assert_frame_equal(again[node_id], project[node_id], obj=node_id)
    again.close()


def peer_run(folder: Path, *options: str) -> str:
    command = [str(Path(PEER).parent / "seeknal"), "run", "--full", *options]
    environ = {**os.environ, "SEEKNAL_BASE_CONFIG_PATH": str(folder.parent / "peer")}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environ)
    return done.stdout + done.stderr


def peer_table(folder: Path, node_id: str) -> pd.DataFrame:
    kind, _, name = node_id.partition(".")
    path = folder / "target" / "intermediate" / f"{kind}_{name}.parquet"
    if not path.exists():
        path = folder / "target" / kind / name / "result.parquet"
    return ordered(pq.read_table(path).to_pandas())


def ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its columns and rows in one order, and days as times: the peer's pass through pandas on their way."""
    days = [name for name in frame.columns.astype(str) if len(frame) and isinstance(frame[name].iloc[0], date)]
    frame = frame.assign(**{name: pd.to_datetime(frame[name]) for name in days})
    names = sorted(frame.columns.astype(str))
    return frame[names].sort_values(names).reset_index(drop=True)


TABLES = {
    "shop": ["source.orders", "source.customers", "transform.active_orders", "transform.by_country", "feature_group.customer_features", "aggregation.customer_stats"],
    "mixed": ["source.calls", "source.regions", "transform.voice"],
}


@needs_peer
@pytest.mark.parametrize("exported", [False, True], ids=["as written", "as exported"])
@pytest.mark.parametrize("name", TABLES)
def test_the_peers_own_run_comes_to_the_same_tables(ran, tmp_path, name, exported):
    """Ours against the peer's, on a project that was written for it and on what we make of it."""
    project, folder = ran[name], tmp_path / name
    if exported:
        export(project, folder)
    else:
        shutil.copytree(HERE / name, folder)
    told = peer_run(folder, "--date", "2024-01-06", "--continue-on-error")
    for node_id in TABLES[name]:
        ours, theirs = ordered(arrow(project, node_id).to_pandas()), peer_table(folder, node_id)
        assert list(ours) == list(theirs), (node_id, told)
        pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, obj=node_id)


def test_the_command_line_runs_a_project_of_the_peer(tmp_path):
    shutil.copytree(HERE / "shop", tmp_path / "shop")
    command = [sys.executable, "-m", "seeknal_nb", "run", "--project", str(tmp_path / "shop")]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    assert "Successful:      9" in done.stdout


def test_the_command_line_takes_the_day_as_the_peers_does(tmp_path):
    shutil.copytree(HERE / "mixed", tmp_path / "mixed")
    command = [sys.executable, "-m", "seeknal_nb", "run", "--project", str(tmp_path / "mixed"), "--nodes", "voice"]
    done = subprocess.run([*command, "--date", "2024-01-06"], capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    project = Project.open(tmp_path / "mixed", namespace={})
    same(table(project, "voice", "call_id"), voice_of("2024-01-05"))
    project.close()
    done = subprocess.run([*command, "--date", "soon"], capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 2
    assert "YYYY-MM-DD" in done.stderr
