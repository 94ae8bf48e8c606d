"""One contract for every store of state: who may write, what another reader sees, what a killed run leaves."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from holders import ENTRY, MORE, ROOT, files, holder, manifest, opened_at, settled

from seeknal_nb import DAGRunner, Node, Project
from seeknal_nb.cli import main
from seeknal_nb.errors import Fenced, LockedError, PluginError, SeeknalError, StateError, UsageError
from seeknal_nb.workflow.jsonstate import JsonState
from seeknal_nb.workflow.ledger import Ledger, leased, recall
from seeknal_nb.workflow.state import StateStore
from seeknal_nb.workflow.stores import MemoryState, WholeState

URLS = {"json": "json:///kept", "sqlite": "sqlite:///kept/state.db", "toy": "toy:///kept"}


@pytest.fixture(params=["memory", "json", "sqlite", "postgresql", "toy"])
def opened(request, tmp_path) -> Callable[[], StateStore]:
    """Opens the same store as another run would; that in memory is one object."""
    memory = MemoryState()
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else URLS.get(request.param)
    return lambda: memory if url is None else opened_at(url, tmp_path)


@pytest.fixture(params=["json", "sqlite", "postgresql", "toy"])
def url(request) -> str:
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else URLS[request.param]


# One lease, one writer


def test_a_fresh_store_is_empty_and_looking_makes_no_file(opened, tmp_path):
    assert isinstance(opened(), StateStore)
    assert opened().load() == {}
    assert files(tmp_path) == []


def test_what_is_put_is_seen_at_once_and_takes_nothing_else_away(opened):
    with leased(opened(), "one") as lease:
        lease.put("source.a", ENTRY)
        lease.put("source.b", ENTRY)
        assert opened().load() == {"source.a": ENTRY, "source.b": ENTRY}
        lease.sync()
        assert opened().load() == {"source.a": ENTRY, "source.b": ENTRY}
    with leased(opened(), "two") as lease:
        lease.put("source.b", MORE)
        lease.put("source.c", {})
        assert opened().load() == {"source.a": ENTRY, "source.b": MORE, "source.c": {}}
        lease.sync()
    assert opened().load() == {"source.a": ENTRY, "source.b": MORE, "source.c": {}}


@pytest.mark.parametrize("synced", [False, True])
def test_what_is_forgotten_is_gone_and_the_rest_stays(opened, synced):
    with leased(opened(), "one") as lease:
        for name in "abc":
            lease.put(f"source.{name}", ENTRY)
        lease.sync()
        lease.forget(["source.a", "source.b", "source.never"])
        lease.put("source.b", MORE)
        if synced:
            lease.sync()
        assert opened().load() == {"source.b": MORE, "source.c": ENTRY}
    assert opened().load() == {"source.b": MORE, "source.c": ENTRY}


def test_a_second_owner_is_refused_by_the_name_of_the_first_until_that_lets_go(opened):
    first = opened().acquire("the first, in /somewhere, since noon")
    with pytest.raises(LockedError, match="the first, in /somewhere, since noon") as caught:
        opened().acquire("the second")
    assert (caught.value.exit_code, bool(caught.value.remedy)) == (75, True)
    first.put("source.a", ENTRY)
    first.release()
    second = opened().acquire("the second")
    assert second.token > first.token
    assert (first.left, second.left) == (None, None)
    second.release()


def test_a_lease_that_was_let_go_writes_nothing_and_proves_nothing(opened):
    first = opened().acquire("one")
    first.release()
    first.release()
    second = opened().acquire("two")
    for act in (lambda: first.put("source.a", ENTRY), lambda: first.forget(["source.b"]), first.renew):
        with pytest.raises(Fenced) as caught:
            act()
        assert caught.value.exit_code == 75
    first.release()
    second.put("source.b", ENTRY)
    second.renew()
    with pytest.raises(LockedError):
        opened().acquire("three")
    second.release()
    assert opened().load() == {"source.b": ENTRY}


def test_a_broken_entry_is_forgotten_by_the_next_run_and_by_no_look(opened, tmp_path):
    with leased(opened(), "one") as lease:
        lease.put("source.a", ENTRY)
        lease.put("source.b", {**ENTRY, "status": "running"})
        lease.sync()
    for _ in range(2):
        assert recall(opened(), tmp_path).broken == ("source.b",)
    with leased(opened(), "two") as lease:
        assert [note for note in Ledger(opened(), tmp_path, lease).notes if "source.b" in note]
    assert opened().load() == {"source.a": ENTRY}


# Runs


def test_a_run_is_remembered_by_every_store(opened, tmp_path):
    first = DAGRunner(manifest("a"), root=tmp_path, state=opened()).run(progress=False)
    second = DAGRunner(manifest("a"), root=tmp_path, state=opened()).run(progress=False)
    assert (first.successful_nodes, second.cached_nodes) == (1, 1)


def test_two_runs_with_one_store_exclude_each_other_from_whatever_folder_and_forget_nothing(opened, tmp_path):
    """The second says who holds it; what the first one keeps meanwhile is there when the second has its turn."""
    one = DAGRunner(manifest("a", "b"), root=tmp_path / "one", state=opened())
    two = DAGRunner(manifest("c"), root=tmp_path / "two", state=opened())
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    events = one.stream(command="run --full")
    next(events)
    with pytest.raises(LockedError, match=f"pid {os.getpid()} .*{tmp_path / 'one'}, since .*: run --full"):
        two.run(progress=False)
    list(events)
    two.run(progress=False)
    one.run(full=True, progress=False)
    assert sorted(opened().load()) == ["source.a", "source.b", "source.c"]


def test_one_folder_has_one_run_at_a_time_whatever_its_stores_are(tmp_path):
    """Its builds are swept by the run that holds it."""
    events = DAGRunner(manifest("a"), root=tmp_path, state=MemoryState()).stream()
    next(events)
    with pytest.raises(LockedError, match="state"):
        DAGRunner(manifest("a"), root=tmp_path, state=MemoryState()).run(progress=False)
    events.close()


def test_a_run_that_fails_while_it_plans_lets_go(opened, tmp_path):
    broken = manifest()
    broken.add_node(Node("source.a", "a", "source", config={"source": "csv", "path": "none.csv", "never_heard_of": 1}))
    for _ in range(2):
        with pytest.raises(SeeknalError) as caught:
            DAGRunner(broken, root=tmp_path, state=opened()).run(progress=False)
        assert not isinstance(caught.value, LockedError)
    opened().acquire("another").release()


def test_who_was_killed_is_followed_at_once_and_what_it_put_is_there(url, tmp_path):
    """A time to live of a minute is for other hosts: here the operating system proves that the holder is dead."""
    store = opened_at(url, tmp_path)
    with holder(url, tmp_path, "the killed one") as process:
        with pytest.raises(LockedError, match="the killed one"):
            store.acquire("another")
        process.send_signal(signal.SIGKILL)
        process.wait()
        lease = store.acquire("another")
    assert (lease.token, lease.left) == (2, "the killed one")
    assert [note for note in Ledger(store, tmp_path, lease).notes if "the killed one" in note]
    lease.put("source.c", MORE)
    lease.release()
    assert store.load() == {"source.a": ENTRY, "source.c": MORE}
    assert not [name for name in files(tmp_path) if "-run-" in name]


# A folder: snapshot and journal


@pytest.fixture
def folder(tmp_path) -> JsonState:
    """A folder whose snapshot has a, and whose journal, which a killed run left, has b."""
    store = JsonState(tmp_path)
    with leased(store, "one") as lease:
        lease.put("source.a", ENTRY)
        lease.sync()
    with leased(store, "killed") as lease:
        lease.put("source.b", ENTRY)
    assert json.loads(store.snapshot.read_bytes()) == {"source.a": ENTRY}
    assert store.journal.exists()
    return store


def test_the_snapshot_has_the_spec_s_four_fields_and_nothing_else_is_left(tmp_path):
    with leased(JsonState(tmp_path), "one") as lease:
        lease.put("source.a", ENTRY)
        lease.sync()
    assert json.loads((tmp_path / "execution_state.json").read_text())["source.a"] == ENTRY
    assert not (tmp_path / "journal.jsonl").exists()


def test_what_a_killed_run_left_in_the_journal_goes_into_the_snapshot_before_another_is_begun(folder):
    with leased(folder, "two") as lease:
        lease.put("source.c", ENTRY)
        assert sorted(json.loads(folder.snapshot.read_bytes())) == ["source.a", "source.b"]
        assert sorted(folder.load()) == ["source.a", "source.b", "source.c"]
        lease.sync()
    assert sorted(json.loads(folder.snapshot.read_bytes())) == ["source.a", "source.b", "source.c"]


def test_a_journal_that_outlived_its_snapshot_s_successor_counts_for_nothing(folder):
    """Killed between the snapshot and the end of the journal: what both hold is not brought in twice."""
    journal = folder.journal.read_bytes()
    with leased(folder, "two") as lease:
        lease.put("source.b", MORE)
        lease.forget(["source.a"])
        lease.sync()
    folder.journal.write_bytes(journal)
    assert folder.load() == {"source.b": MORE}
    folder.snapshot.unlink()
    assert folder.load() == {}
    with leased(folder, "three") as lease:
        lease.put("source.d", ENTRY)
        assert folder.load() == {"source.d": ENTRY}


def test_a_broken_line_of_the_journal_is_told_and_ends_what_is_read(folder):
    lines = folder.journal.read_bytes().splitlines(keepends=True)
    folder.journal.write_bytes(b"".join([*lines, b"00000000 {}\n", lines[1].replace(b"source.b", b"source.c")]))
    assert sorted(folder.load()) == ["source.a", "source.b"]
    assert [note for note in folder.notes if "journal.jsonl:3 is torn" in note]


@contextlib.contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_put_that_fails_before_its_journal_is_begun_spoils_none_that_follows(folder):
    """What is appended behind a torn line counts for nothing: the journal goes into the snapshot first, whenever that can be."""
    with folder.journal.open("ab") as file:
        file.write(b"1234")
    with leased(folder, "two") as lease:
        for name in "cd":
            with full_disk(0), pytest.raises(StateError, match="cannot write"):
                lease.put(f"source.{name}", ENTRY)
        lease.put("source.d", ENTRY)
        assert sorted(JsonState(folder.directory).load()) == ["source.a", "source.b", "source.d"]


def test_a_corrupt_snapshot_is_moved_aside_once_however_often_the_journal_is_begun(folder):
    folder.snapshot.write_text("{")
    with leased(folder, "two") as lease:
        with full_disk(0), pytest.raises(StateError):
            lease.put("source.c", ENTRY)
        lease.put("source.d", ENTRY)
        assert list(JsonState(folder.directory).load()) == ["source.d"]
    assert [path.read_text() for path in folder.directory.glob("*.corrupt-*")] == ["{"]


def test_a_line_that_was_written_in_part_is_told_and_what_is_put_later_is_kept(folder):
    with leased(folder, "two") as lease:
        lease.put("source.c", ENTRY)
        with full_disk(folder.journal.stat().st_size + 20), pytest.raises(StateError, match="cannot write"):
            lease.put("source.lost", ENTRY)
        lease.put("source.d", ENTRY)
        assert sorted(JsonState(folder.directory).load()) == ["source.a", "source.b", "source.c", "source.d"]


def test_a_store_that_was_read_before_another_run_wrote_does_not_undo_what_that_wrote(folder):
    """What was read for the plan is used again for the snapshot, but only where nobody has written meanwhile."""
    stale = JsonState(folder.directory)
    stale.load()
    with leased(folder, "two") as lease:
        lease.put("source.c", ENTRY)
        lease.sync()
    with leased(stale, "three") as lease:
        lease.put("source.d", ENTRY)
        lease.sync()
    assert sorted(folder.load()) == ["source.a", "source.b", "source.c", "source.d"]


def test_a_record_of_the_holder_that_cannot_be_read_stops_nobody(folder):
    for text in ("", "{", "[]", '{"token": "x"}', '{"owner": 3}'):
        (folder.directory / "store.owner.json").write_text(text)
        with leased(folder, "two") as lease:
            assert (lease.token, lease.left) == (1, None)


# The spec's backend


class Backend:
    """SPEC.md § State Backends, kept as JSON."""

    def __init__(self, text: str = "{}", *, shows: bool = True) -> None:
        self.text, self.shows, self.saved = text, shows, 0

    def load(self) -> dict[str, Any] | None:
        return json.loads(self.text) if self.shows else None

    def save(self, state: dict[str, Any]) -> None:
        self.text, self.saved = json.dumps(state), self.saved + 1


def test_the_spec_s_backend_is_saved_whole_with_what_others_put_there_meanwhile(tmp_path):
    backend = Backend(json.dumps({"source.old": ENTRY, "source.gone": ENTRY}))
    lease = WholeState(backend).acquire("one")
    lease.sync()
    assert backend.saved == 0
    lease.put("source.a", ENTRY)
    lease.put("source.brief", ENTRY)
    lease.forget(["source.gone", "source.brief"])
    backend.text = json.dumps({**json.loads(backend.text), "source.theirs": ENTRY, "source.a": MORE})
    lease.sync()
    lease.sync()
    assert json.loads(backend.text) == {"source.old": ENTRY, "source.theirs": ENTRY, "source.a": ENTRY}
    assert backend.saved == 1


def test_two_projects_with_one_backend_forget_nothing_of_each_other(tmp_path):
    backend = Backend()
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    one = DAGRunner(manifest("a"), root=tmp_path / "one", state=backend).stream()
    next(one)
    DAGRunner(manifest("b"), root=tmp_path / "two", state=backend).run(progress=False)
    list(one)
    assert sorted(json.loads(backend.text)) == ["source.a", "source.b"]


def test_a_backend_that_shows_nothing_is_given_all_that_the_run_has_put(tmp_path):
    backend = Backend(shows=False)
    DAGRunner(manifest("a", "b"), root=tmp_path, state=backend).run(progress=False)
    assert sorted(json.loads(backend.text)) == ["source.a", "source.b"]


# URLs


WRONG = [
    ("state.db", UsageError, "is no URL"),
    ("sqlite:", UsageError, "is no URL"),
    ("sqlit:///s.db", PluginError, "did you mean sqlite"),
    ("sqlite://s.db", UsageError, "no path, or a host"),
    ("sqlite:///", UsageError, "no path"),
    ("sqlite:///s.db?ttl=ten", UsageError, "number of seconds"),
    ("sqlite:///s.db?ttl=0", UsageError, "number of seconds"),
    ("sqlite:///s.db?ttl=inf", UsageError, "number of seconds"),
    ("sqlite:///s.db?ttl=nan", UsageError, "number of seconds"),
    ("sqlite:///s.db?tll=10", UsageError, "did you mean ttl"),
    ("json://folder", UsageError, "no path, or a host"),
    ("sqlite:////", UsageError, "no path, or a host"),
    ("sqlite:///~/s.db", UsageError, "holds ~ or"),
    ("sqlite:///${HOME}/s.db", UsageError, "holds ~ or"),
    ("json:///kept?ttl=5", UsageError, "unknown option 'ttl'"),
    ("memory:///kept", UsageError, "has a path"),
    ("memory://?ttl=5", UsageError, "unknown option 'ttl'"),
]


@pytest.mark.parametrize(("url", "kind", "said"), WRONG)
def test_a_url_that_names_no_store_is_refused_with_a_remedy(tmp_path, url, kind, said):
    with pytest.raises(kind, match=said) as caught:
        Project(tmp_path, name="p", state=url)
    assert caught.value.remedy
    assert files(tmp_path) == []


def kept_in(file: Path) -> list[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT project, node_id FROM seeknal_state ORDER BY project, node_id").fetchall()


def test_the_settings_say_where_state_is_and_relative_paths_start_at_the_project(tmp_path, monkeypatch):
    home = settled(tmp_path / "home", 'name = "orders"\nstate = "sqlite:///../shared/state.db?ttl=90"\n')
    assert main(["run", "--project", str(home)]) == 0
    assert kept_in(tmp_path / "shared/state.db") == [("orders", "transform.t")]
    assert not (home / "target/state/execution_state.json").exists()
    monkeypatch.chdir(home)
    assert main(["run"]) == 0
    assert [s.action for s in Project.open(home).plan()] == ["cached"]


def test_the_option_comes_before_the_settings(tmp_path):
    home = settled(tmp_path / "home", 'name = "orders"\nstate = "sqlite:///settings.db"\n')
    assert main(["run", "--project", str(home), "--state", f"sqlite:///{tmp_path}/option.db"]) == 0
    assert kept_in(tmp_path / "option.db") == [("orders", "transform.t")]
    assert not (home / "settings.db").exists()
    project = Project.open(home, name="others", state="sqlite:///argument.db")
    project.run(progress=False)
    project.close()
    assert kept_in(home / "argument.db") == [("others", "transform.t")]


@pytest.mark.parametrize("state", [MemoryState, Backend])
def test_an_object_comes_before_the_settings_too(tmp_path, state):
    home, store = settled(tmp_path / "home", 'state = "sqlite:///settings.db"\n'), state()
    project = Project.open(home, state=store)
    project.run(progress=False)
    project.close()
    assert list(store.load()) == ["transform.t"]
    assert not (home / "settings.db").exists()


def test_shared_state_needs_the_project_s_name(tmp_path, capsys):
    home = settled(tmp_path / "home", 'state = "sqlite:///s.db"\n')
    assert main(["run", "--project", str(home)]) == 2
    said = capsys.readouterr().err
    assert "needs a name" in said
    assert "[tool.seeknal_nb]" in said
    assert main(["run", "--project", str(home), "--state", "json:///s"]) == 0


def test_memory_by_its_url_lasts_as_long_as_the_project(tmp_path):
    project = Project(tmp_path, state="memory://")
    project.transform("t", "SELECT 1 AS x")
    assert project.run(progress=False).successful_nodes == 1
    assert project.run(progress=False).cached_nodes == 1
    project.close()


def test_a_loaded_project_s_state_is_where_its_own_settings_say(tmp_path):
    home = settled(tmp_path / "home", 'name = "orders"\nstate = "sqlite:///own.db"\n')
    (tmp_path / "pyproject.toml").write_text("[tool.seeknal_nb]\nname = 'left'\nstate = 'sqlite:///left.db'\n")
    project = Project(tmp_path)
    project.load(home)
    project.run(progress=False)
    project.close()
    assert kept_in(home / "own.db") == [("orders", "transform.t")]
    assert not (tmp_path / "left.db").exists()


def test_a_run_that_is_refused_names_the_other_and_exits_75(tmp_path, capsys):
    """Two folders of one project, as two machines have them."""
    words = [f"sqlite:///{tmp_path}/shared.db"]
    homes = [settled(tmp_path / name, 'name = "orders"\n') for name in ("one", "two")]
    project = Project.open(homes[0], state=words[0])
    events = project.stream()
    next(events)
    assert main(["run", "--project", str(homes[1]), "--state", words[0]]) == 75
    said = capsys.readouterr().err
    assert "the state of orders" in said
    assert str(homes[0]) in said
    list(events)
    project.close()
    assert main(["run", "--project", str(homes[1]), "--state", words[0]]) == 0
    assert kept_in(tmp_path / "shared.db") == [("orders", "transform.t")]


TOY = """
from seeknal_nb.workflow.stores import MemoryState

class Toy(MemoryState):
    pass

def opened(url, root, project):
    print("toy", url, root.name, repr(project))
    return Toy()
"""


def test_another_distribution_brings_a_store_by_an_entry_point(tmp_path):
    site = tmp_path / "site"
    (site / "toy_store-1.0.dist-info").mkdir(parents=True)
    (site / "toy_store-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: toy-store\nVersion: 1.0\n")
    (site / "toy_store-1.0.dist-info/entry_points.txt").write_text("[seeknal_nb.stores]\ntoy = toy_store:opened\n")
    (site / "toy_store.py").write_text(TOY)
    home = settled(tmp_path / "home", 'state = "toy://somewhere"\n')
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(site)])}
    words = [sys.executable, "-m", "seeknal_nb", "run"]
    ran = subprocess.run(words, env=env, cwd=home, text=True, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "toy toy://somewhere home ''" in ran.stdout
    shutil.rmtree(site)
    ran = subprocess.run(words, env=env, cwd=home, text=True, capture_output=True, check=False)
    assert ran.returncode == 2
    assert "unknown store 'toy'" in ran.stderr


def test_a_lock_whose_file_is_deleted_is_taken_again_and_nobody_gets_in(tmp_path):
    """A file that somebody has deleted locks nobody out: the holder sees that before it writes."""
    store = JsonState(tmp_path)
    lease = store.acquire("one")
    (tmp_path / "store.lock").unlink()
    lease.put("a", {"status": "success"})
    with pytest.raises(LockedError, match="one"):
        JsonState(tmp_path).acquire("two")
    lease.release()
    JsonState(tmp_path).acquire("three").release()


def test_who_lost_its_lock_to_another_run_writes_nothing_and_says_whose_it_is(tmp_path):
    store = JsonState(tmp_path)
    lease = store.acquire("one")
    lease.put("a", {"status": "success"})
    (tmp_path / "store.lock").unlink()
    other = JsonState(tmp_path).acquire("two")
    with pytest.raises(Fenced, match="two"):
        lease.put("b", {"status": "success"})
    other.put("c", {"status": "success"})
    other.sync()
    other.release()
    assert "b" not in JsonState(tmp_path).load()
    assert "c" in JsonState(tmp_path).load()
