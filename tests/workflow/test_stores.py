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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from seeknal_toy.store import toy_store
from waiting import Gate, eventually, ours

from seeknal_nb import DAGRunner, Manifest, Node, Project
from seeknal_nb.cli import main
from seeknal_nb.errors import Fenced, LockedError, PluginError, SeeknalError, StateError, UsageError
from seeknal_nb.workflow.events import NodeFinished, NodeStarted
from seeknal_nb.workflow.jsonstate import JsonState
from seeknal_nb.workflow.ledger import Ledger, leased, recall
from seeknal_nb.workflow.sqlstate import DatabaseState, SqliteFile
from seeknal_nb.workflow.state import StateStore, read_states
from seeknal_nb.workflow.stores import MemoryState, WholeState, open_store

ROOT = Path(__file__).parents[2]
ENTRY = {"status": "success", "duration": 0.5, "row_count": 3, "last_run": 1.0}
MORE = {**ENTRY, "row_count": 9}
URLS = {"json": "json:///kept", "sqlite": "sqlite:///kept/state.db", "toy": "toy:///kept"}


def opened_at(url: str, root: Path) -> StateStore:
    """The store of a URL; that of the example, which is not installed here, too."""
    return toy_store(url, root, "p") if url.startswith("toy:") else open_store(url, root=root, project="p")


@pytest.fixture(params=["memory", "json", "sqlite", "toy"])
def opened(request, tmp_path) -> Callable[[], StateStore]:
    """Opens the same store as another run would; that in memory is one object."""
    memory = MemoryState()
    return lambda: memory if request.param == "memory" else opened_at(URLS[request.param], tmp_path)


@pytest.fixture(params=["json", "sqlite", "toy"])
def url(request) -> str:
    return URLS[request.param]


def sqlite(root: Path, project: str = "p", **options: Any) -> DatabaseState:
    return DatabaseState(SqliteFile(root / "kept/state.db"), project, **options)


def changed(root: Path, sql: str) -> list[Any]:
    """What another program does in the file."""
    with contextlib.closing(sqlite3.connect(root / "kept/state.db", timeout=60)) as connection, connection:
        return connection.execute(sql).fetchall()


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


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


def manifest(*names: str, **options: Any) -> Manifest:
    found = Manifest("m")
    for name in names:
        found.add_node(Node(f"source.{name}", name, "source", config={"sql": "SELECT 1 AS x"}, **options))
    return found


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


HOLDER = """
import sys
from pathlib import Path
from seeknal_nb.workflow.stores import open_store
from seeknal_toy.store import toy_store
url, root, owner = sys.argv[1:]
store = toy_store(url, Path(root), "p") if url.startswith("toy:") else open_store(url, root=Path(root), project="p")
lease = store.acquire(owner)
lease.put("source.a", {"status": "success", "duration": 0.5, "row_count": 3, "last_run": 1.0})
print("holds", lease.token, flush=True)
for word in sys.stdin:
    try:
        getattr(lease, word.strip())(*(["source.b", {}] if word == "put\\n" else []))
        print("done", flush=True)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
"""


@contextlib.contextmanager
def holder(url: str, root: Path, owner: str, token: int = 1) -> Iterator[subprocess.Popen[str]]:
    """Another process, which has the lease and has put ``source.a``; it does what it is told, a verb a line."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests/toy")])
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url, str(root), owner], env={**os.environ, "PYTHONPATH": path}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        assert process.stdout.readline() == f"holds {token}\n"
        yield process
        process.kill()


def told(process: subprocess.Popen[str], verb: str) -> str:
    process.stdin.write(f"{verb}\n")
    process.stdin.flush()
    return process.stdout.readline()


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


# A database: lease, time and token


def test_two_projects_in_one_file_run_at_once_and_see_nothing_of_each_other(tmp_path):
    with leased(sqlite(tmp_path, "one"), "a") as one, leased(sqlite(tmp_path, "two"), "b") as two:
        one.put("source.a", ENTRY)
        two.put("source.a", MORE)
        two.put("source.b", MORE)
        one.forget(["source.b"])
    assert sqlite(tmp_path, "one").load() == {"source.a": ENTRY}
    assert sqlite(tmp_path, "two").load() == {"source.a": MORE, "source.b": MORE}


def elsewhere(root: Path) -> None:
    """The holder is on another host, where nobody here can see whether it lives."""
    changed(root, "UPDATE seeknal_lease SET owner = json_set(owner, '$.host', 'elsewhere')")


def over(root: Path) -> None:
    """The lease has not been renewed for its whole time."""
    changed(root, "UPDATE seeknal_lease SET until = until - 1000")


def test_another_host_s_holder_is_waited_for_until_its_time_is_over_and_then_fenced(tmp_path):
    first = sqlite(tmp_path, ttl=900).acquire("the sleeper")
    first.put("source.a", ENTRY)
    elsewhere(tmp_path)
    with pytest.raises(LockedError, match="the sleeper"):
        sqlite(tmp_path).acquire("another")
    over(tmp_path)
    second = sqlite(tmp_path).acquire("the successor")
    assert (second.token, second.left) == (first.token + 1, "the sleeper")
    for act in (lambda: first.put("source.a", MORE), lambda: first.forget(["source.a"]), first.renew):
        with pytest.raises(Fenced, match="the successor"):
            act()
    first.release()
    second.put("source.b", ENTRY)
    with pytest.raises(LockedError, match="the successor"):
        sqlite(tmp_path).acquire("a third")
    second.release()
    assert sqlite(tmp_path).load() == {"source.a": ENTRY, "source.b": ENTRY}


def test_a_free_lock_proves_nothing_of_another_host_s_holder(tmp_path):
    """Some file systems that hosts share do not share locks."""
    with holder(URLS["sqlite"], tmp_path, "the far one") as process:
        process.kill()
        process.wait()
    elsewhere(tmp_path)
    with pytest.raises(LockedError, match="the far one"):
        sqlite(tmp_path).acquire("another")
    over(tmp_path)
    sqlite(tmp_path).acquire("another").release()


def test_a_lease_whose_time_is_over_is_good_as_long_as_nobody_took_it(tmp_path):
    """A machine that slept for the night goes on, where nobody wanted the state meanwhile."""
    lease = sqlite(tmp_path, ttl=900).acquire("the sleeper")
    over(tmp_path)
    lease.put("source.a", ENTRY)
    lease.renew()
    elsewhere(tmp_path)
    with pytest.raises(LockedError):
        sqlite(tmp_path).acquire("another")
    lease.release()


class Slow(DatabaseState):
    """A database whose next transaction, where there is a gate, waits in it."""

    gate: Gate | None = None

    @contextlib.contextmanager
    def transaction(self, connection: sqlite3.Connection) -> Iterator[None]:
        with super().transaction(connection):
            gate, self.gate = self.gate, None
            if gate is not None:
                gate.wait()
            yield


def test_a_lease_is_let_go_after_the_verb_that_another_thread_is_in_and_before_any_other(tmp_path):
    """Ctrl-C while an exposure proves its lease: a connection that is closed while it is used ends the process."""
    store, others, gate = Slow(SqliteFile(tmp_path / "kept/state.db"), "p", ttl=900), ours(), Gate()
    lease = store.acquire("one")
    with ThreadPoolExecutor() as pool:
        store.gate = gate
        renewed = pool.submit(lease.renew)
        gate.reached.wait()
        late = pool.submit(lease.put, "source.late", ENTRY)
        let_go = pool.submit(lease.release)
        eventually(lambda: ours() <= others)
        gate.opened.set()
        assert (renewed.exception(), let_go.exception()) == (None, None)
        assert isinstance(late.exception(), Fenced)
    assert store.load() == {}
    with leased(store, "two") as second:
        assert (second.token, second.left) == (2, None)


def test_killed_runs_whose_time_is_over_leave_no_signs_of_life(tmp_path):
    for token in (1, 2, 3):
        with holder(URLS["sqlite"], tmp_path, "the killed one", token) as process:
            process.kill()
            process.wait()
        over(tmp_path)
    sqlite(tmp_path).acquire("another").release()
    assert files(tmp_path) == ["kept", "kept/state.db"]


def test_a_lease_is_renewed_while_nothing_is_put(tmp_path):
    """A statement may take hours."""
    until = lambda: changed(tmp_path, "SELECT until FROM seeknal_lease")[0][0]  # noqa: E731
    with leased(sqlite(tmp_path, ttl=1), "one"):
        before = until()
        eventually(lambda: until() > before + 1)
        with pytest.raises(LockedError):
            sqlite(tmp_path).acquire("another")


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_a_process_that_was_stopped_past_its_time_is_fenced_when_it_goes_on(tmp_path):
    with holder(URLS["sqlite"] + "?ttl=1", tmp_path, "the stopped one") as process:
        process.send_signal(signal.SIGSTOP)

        def taken() -> Any:
            with contextlib.suppress(LockedError):
                return sqlite(tmp_path).acquire("the successor")

        lease = eventually(taken)
        process.send_signal(signal.SIGCONT)
        for verb in ("put", "renew"):
            assert told(process, verb).startswith("Fenced this run no longer holds the state of p"), verb
        assert told(process, "release") == "done\n"
        lease.put("source.c", ENTRY)
        lease.release()
    assert sorted(sqlite(tmp_path).load()) == ["source.a", "source.c"]


RACER = """
import sys
from pathlib import Path
from seeknal_nb.errors import LockedError
from seeknal_nb.workflow.stores import open_store
root, name = sys.argv[1:]
store = open_store("sqlite:///kept/state.db", root=Path(root), project="p")
sys.stdin.read(1)
for number in range(10):
    while True:
        try:
            lease = store.acquire(name)
            break
        except LockedError:
            pass
    lease.put(f"source.{name}_{number}", {})
    lease.release()
"""


def test_first_runners_that_race_make_the_tables_and_lose_nothing(tmp_path):
    words = [sys.executable, "-c", RACER, str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    racers = [subprocess.Popen([*words, f"r{n}"], env=env, stdin=subprocess.PIPE, text=True) for n in range(4)]
    for racer in racers:
        racer.stdin.close()
    assert [racer.wait() for racer in racers] == [0] * 4
    assert sorted(sqlite(tmp_path).load()) == sorted(f"source.r{n}_{number}" for n in range(4) for number in range(10))
    assert changed(tmp_path, "SELECT token FROM seeknal_lease") == [(40,)]
    assert files(tmp_path) == ["kept", "kept/state.db"]


def test_a_broken_entry_counts_as_never_built_and_holds_nobody_up(tmp_path):
    """Its neighbours stay; the next run writes it anew."""
    with leased(sqlite(tmp_path), "one") as lease:
        lease.put("source.a", ENTRY)
        lease.put("source.b", ENTRY)
    changed(tmp_path, "UPDATE seeknal_state SET entry = '{' WHERE node_id = 'source.a'")
    with leased(sqlite(tmp_path), "two") as lease:
        states, notes = read_states(sqlite(tmp_path).load(), tmp_path)
        assert list(states) == ["source.b"]
        assert len(notes) == 1
        assert "source.a" in notes[0]
        lease.put("source.a", ENTRY)
    assert sqlite(tmp_path).load()["source.a"] == ENTRY


OWNERS = ["", "null", "[]", '{"who": 3}', '{"who": "x", "host": "h", "sign": 3}', '{"who": "x", "host": "h", "sign": "../../s"}']


@pytest.mark.parametrize("owner", OWNERS)
def test_an_owner_that_somebody_wrote_by_hand_counts_as_nobody(tmp_path, owner):
    sqlite(tmp_path).acquire("somebody").release()
    changed(tmp_path, f"UPDATE seeknal_lease SET owner = '{owner}', until = 9e99")
    lease = sqlite(tmp_path).acquire("me")
    lease.put("source.a", ENTRY)
    lease.release()
    assert sqlite(tmp_path).load() == {"source.a": ENTRY}


def test_a_token_that_is_no_number_is_one_clear_error(tmp_path):
    sqlite(tmp_path).acquire("somebody").release()
    changed(tmp_path, "UPDATE seeknal_lease SET token = 'abc'")
    with pytest.raises(StateError, match="token 'abc', which is no number"):
        sqlite(tmp_path).acquire("me")


def test_a_path_with_signs_of_its_own_is_written_as_in_any_url(tmp_path):
    lease = open_store("sqlite:///my%20state.db?ttl=30", root=tmp_path, project="p").acquire("me")
    lease.release()
    assert (tmp_path / "my state.db").exists()


def test_a_file_that_holds_no_entries_is_one_clear_error(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/state.db").write_bytes(b"no database at all, but long enough to be looked at" * 40)
    for act in (sqlite(tmp_path).load, lambda: sqlite(tmp_path).acquire("one")):
        with pytest.raises(StateError, match="cannot use the state"):
            act()
    assert files(tmp_path) == ["kept", "kept/state.db"]


def test_a_database_of_others_holds_nothing_of_ours_and_a_look_leaves_it_so(tmp_path):
    (tmp_path / "kept").mkdir()
    changed(tmp_path, "CREATE TABLE theirs (x)")
    assert sqlite(tmp_path).load() == {}
    assert changed(tmp_path, "SELECT name FROM sqlite_master") == [("theirs",)]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_run_whose_lease_was_taken_over_ends_and_delivers_nothing_more(tmp_path, workers):
    """It may have slept for an hour: what it would deliver, another run has delivered since."""
    found, gates = manifest(), {name: Gate() for name in "abc"}

    def work(node: Node) -> dict[str, Any]:
        gates[node.name].wait()
        return {"row_count": 1}

    for name in "abc":
        found.add_node(Node(f"work.{name}", name, "work"))
    found.add_node(Node("source.s", "s", "source", config={"sql": "SELECT 1 AS x"}))
    found.add_node(Node("exposure.e", "e", "exposure", config={"params": {"format": "csv", "path": "out.csv"}}))
    found.add_edge("source.s", "exposure.e")
    store, threads = sqlite(tmp_path, ttl=900), ours()
    runner = DAGRunner(found, root=tmp_path, state=store, kinds={"work": work}, workers=workers)
    with pytest.raises(Fenced, match="the successor") as caught, contextlib.closing(runner.stream()) as events:
        for event in events:
            if isinstance(event, NodeStarted) and event.node_id == "work.a":
                over(tmp_path)
                successor = sqlite(tmp_path, ttl=900).acquire("the successor")
                for gate in gates.values():
                    gate.opened.set()
    assert caught.value.exit_code == 75
    successor.release()
    eventually(lambda: ours() <= threads)
    assert store.load().keys() <= {"source.s"}
    assert not (tmp_path / "out.csv").exists()
    summary = DAGRunner(found, root=tmp_path, state=store, kinds={"work": work}).run(progress=False)
    assert summary.failed_nodes == 0
    assert (tmp_path / "out.csv").exists()


def test_an_exposure_is_not_delivered_by_who_lost_the_lease_before(tmp_path):
    """Nothing is put between the last node and the delivery: the lease is proved right before it."""
    found = manifest("s")
    found.add_node(Node("exposure.e", "e", "exposure", config={"params": {"format": "csv", "path": "out.csv"}}))
    found.add_edge("source.s", "exposure.e")
    store = sqlite(tmp_path, ttl=900)
    with pytest.raises(Fenced), contextlib.closing(DAGRunner(found, root=tmp_path, state=store).stream()) as events:
        for event in events:
            if isinstance(event, NodeFinished):
                changed(tmp_path, "UPDATE seeknal_lease SET token = token + 1")
    assert not (tmp_path / "out.csv").exists()
    assert sorted(store.load()) == ["source.s"]


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


def settled(root: Path, text: str) -> Path:
    """A project's folder with one node and these settings."""
    (root / "seeknal").mkdir(parents=True)
    (root / "seeknal/t.yml").write_text("kind: transform\nname: t\ntransform: SELECT 1 AS x\n")
    (root / "pyproject.toml").write_text(f"[tool.seeknal_nb]\n{text}")
    return root


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
