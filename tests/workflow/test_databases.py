"""State in a database, SQLite's and PostgreSQL's: lease, time and token."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from holders import ENTRY, MORE, ROOT, files, holder, manifest, settled, told
from kinds.postgres import USER, Server, free_port
from waiting import Gate, eventually, ours

from seeknal_nb import DAGRunner, Node
from seeknal_nb.cli import main
from seeknal_nb.errors import Fenced, LockedError, StateError, UsageError
from seeknal_nb.workflow.events import NodeFinished, NodeStarted
from seeknal_nb.workflow.ledger import leased
from seeknal_nb.workflow.litestate import SqliteFile
from seeknal_nb.workflow.pgstate import PostgresDatabase
from seeknal_nb.workflow.sqlstate import Connection, Database, DatabaseState
from seeknal_nb.workflow.state import read_states
from seeknal_nb.workflow.stores import open_store


@dataclass
class Kept:
    """A database, and what other programs do in it."""

    url: str
    database: Database

    def store(self, project: str = "p", **options: Any) -> DatabaseState:
        return DatabaseState(self.database, project, **options)

    def changed(self, sql: str) -> list[tuple[Any, ...]]:
        if isinstance(self.database, SqliteFile):
            with contextlib.closing(sqlite3.connect(self.database.path, timeout=60)) as connection, connection:
                return connection.execute(sql).fetchall()
        with contextlib.closing(self.database.connect()) as session:
            found = session.execute(sql)
            return found.fetchall() if found.description else []

    def signs(self) -> list[str]:
        """What runs of this host have left."""
        return [path.name for path in self.database.beside.parent.glob(f"{self.database.beside.name}-run-*")]

    def elsewhere(self) -> None:
        """The holder is on another host, where nobody here can see whether it lives."""
        ((owner,),) = self.changed("SELECT owner FROM seeknal_lease")
        text = json.dumps({**json.loads(owner), "host": "elsewhere"}).replace("'", "''")
        self.changed(f"UPDATE seeknal_lease SET owner = '{text}'")

    def over(self) -> None:
        """The lease has not been renewed for its whole time."""
        self.changed("UPDATE seeknal_lease SET until = until - 1000")


@pytest.fixture
def sqlite(tmp_path) -> Kept:
    return Kept(f"sqlite:///{tmp_path}/kept/state.db", SqliteFile(tmp_path / "kept/state.db"))


@pytest.fixture
def pg(postgres_url) -> Kept:
    return Kept(postgres_url, PostgresDatabase(postgres_url))


@pytest.fixture(params=["sqlite", "pg"])
def database(request) -> Kept:
    return request.getfixturevalue(request.param)


def test_two_projects_in_one_file_run_at_once_and_see_nothing_of_each_other(database):
    with leased(database.store("one"), "a") as one, leased(database.store("two"), "b") as two:
        one.put("source.a", ENTRY)
        two.put("source.a", MORE)
        two.put("source.b", MORE)
        one.forget(["source.b"])
    assert database.store("one").load() == {"source.a": ENTRY}
    assert database.store("two").load() == {"source.a": MORE, "source.b": MORE}


def test_another_host_s_holder_is_waited_for_until_its_time_is_over_and_then_fenced(database):
    first = database.store(ttl=900).acquire("the sleeper")
    first.put("source.a", ENTRY)
    database.elsewhere()
    with pytest.raises(LockedError, match="the sleeper"):
        database.store().acquire("another")
    database.over()
    second = database.store().acquire("the successor")
    assert (second.token, second.left) == (first.token + 1, "the sleeper")
    for act in (lambda: first.put("source.a", MORE), lambda: first.forget(["source.a"]), first.renew):
        with pytest.raises(Fenced, match="the successor"):
            act()
    first.release()
    second.put("source.b", ENTRY)
    with pytest.raises(LockedError, match="the successor"):
        database.store().acquire("a third")
    second.release()
    assert database.store().load() == {"source.a": ENTRY, "source.b": ENTRY}


def test_a_free_lock_proves_nothing_of_another_host_s_holder(database, tmp_path):
    """Some file systems that hosts share do not share locks."""
    with holder(database.url, tmp_path, "the far one") as process:
        process.kill()
        process.wait()
    database.elsewhere()
    with pytest.raises(LockedError, match="the far one"):
        database.store().acquire("another")
    database.over()
    database.store().acquire("another").release()


def test_a_lease_whose_time_is_over_is_good_as_long_as_nobody_took_it(database):
    """A machine that slept for the night goes on, where nobody wanted the state meanwhile."""
    lease = database.store(ttl=900).acquire("the sleeper")
    database.over()
    lease.put("source.a", ENTRY)
    lease.renew()
    database.elsewhere()
    with pytest.raises(LockedError):
        database.store().acquire("another")
    lease.release()


class Slow(DatabaseState):
    """A database whose next transaction, where there is a gate, waits in it."""

    gate: Gate | None = None

    @contextlib.contextmanager
    def transaction(self, connection: Connection) -> Iterator[None]:
        with super().transaction(connection):
            gate, self.gate = self.gate, None
            if gate is not None:
                gate.wait()
            yield


def test_a_lease_is_let_go_after_the_verb_that_another_thread_is_in_and_before_any_other(database):
    """Ctrl-C while an exposure proves its lease: a connection that is closed while it is used ends the process."""
    store, others, gate = Slow(database.database, "p", ttl=900), ours(), Gate()
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


def test_killed_runs_whose_time_is_over_leave_no_signs_of_life(database, tmp_path):
    for token in (1, 2, 3):
        with holder(database.url, tmp_path, "the killed one", token) as process:
            process.kill()
            process.wait()
        database.over()
    assert database.signs()
    database.store().acquire("another").release()
    assert database.signs() == []


def test_a_lease_is_renewed_while_nothing_is_put(database):
    """A statement may take hours."""
    until = lambda: database.changed("SELECT until FROM seeknal_lease")[0][0]  # noqa: E731
    with leased(database.store(ttl=1), "one"):
        before = until()
        eventually(lambda: until() > before + 1)
        with pytest.raises(LockedError):
            database.store().acquire("another")


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_a_process_that_was_stopped_past_its_time_is_fenced_when_it_goes_on(database, tmp_path):
    with holder(database.url + "?ttl=1", tmp_path, "the stopped one") as process:
        process.send_signal(signal.SIGSTOP)

        def taken() -> Any:
            with contextlib.suppress(LockedError):
                return database.store().acquire("the successor")

        lease = eventually(taken)
        process.send_signal(signal.SIGCONT)
        for verb in ("put", "renew"):
            assert told(process, verb).startswith("Fenced this run no longer holds the state of p"), verb
        assert told(process, "release") == "done\n"
        lease.put("source.c", ENTRY)
        lease.release()
    assert sorted(database.store().load()) == ["source.a", "source.c"]


RACER = """
import sys
from pathlib import Path
from seeknal_nb.errors import LockedError
from seeknal_nb.workflow.stores import open_store
url, name = sys.argv[1:]
store = open_store(url, root=Path.cwd(), project="p")
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


def test_first_runners_that_race_make_the_tables_and_lose_nothing(database):
    words = [sys.executable, "-c", RACER, database.url]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    racers = [subprocess.Popen([*words, f"r{n}"], env=env, stdin=subprocess.PIPE, text=True) for n in range(4)]
    for racer in racers:
        racer.stdin.close()
    assert [racer.wait() for racer in racers] == [0] * 4
    assert sorted(database.store().load()) == sorted(f"source.r{n}_{number}" for n in range(4) for number in range(10))
    assert database.changed("SELECT token FROM seeknal_lease") == [(40,)]
    assert database.signs() == []


def test_a_broken_entry_counts_as_never_built_and_holds_nobody_up(database, tmp_path):
    """Its neighbours stay; the next run writes it anew."""
    with leased(database.store(), "one") as lease:
        lease.put("source.a", ENTRY)
        lease.put("source.b", ENTRY)
    database.changed("UPDATE seeknal_state SET entry = '{' WHERE node_id = 'source.a'")
    with leased(database.store(), "two") as lease:
        states, notes = read_states(database.store().load(), tmp_path)
        assert list(states) == ["source.b"]
        assert len(notes) == 1
        assert "source.a" in notes[0]
        lease.put("source.a", ENTRY)
    assert database.store().load()["source.a"] == ENTRY


OWNERS = ["", "null", "[]", '{"who": 3}', '{"who": "x", "host": "h", "sign": 3}', '{"who": "x", "host": "h", "sign": "../../s"}']


@pytest.mark.parametrize("owner", OWNERS)
def test_an_owner_that_somebody_wrote_by_hand_counts_as_nobody(database, owner):
    database.store().acquire("somebody").release()
    database.changed(f"UPDATE seeknal_lease SET owner = '{owner}', until = 9e99")
    lease = database.store().acquire("me")
    lease.put("source.a", ENTRY)
    lease.release()
    assert database.store().load() == {"source.a": ENTRY}


@pytest.mark.parametrize("workers", [1, 3])
def test_a_run_whose_lease_was_taken_over_ends_and_delivers_nothing_more(database, tmp_path, workers):
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
    store, threads = database.store(ttl=900), ours()
    runner = DAGRunner(found, root=tmp_path, state=store, kinds={"work": work}, workers=workers)
    with pytest.raises(Fenced, match="the successor") as caught, contextlib.closing(runner.stream()) as events:
        for event in events:
            if isinstance(event, NodeStarted) and event.node_id == "work.a":
                database.over()
                successor = database.store(ttl=900).acquire("the successor")
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


def test_an_exposure_is_not_delivered_by_who_lost_the_lease_before(database, tmp_path):
    """Nothing is put between the last node and the delivery: the lease is proved right before it."""
    found = manifest("s")
    found.add_node(Node("exposure.e", "e", "exposure", config={"params": {"format": "csv", "path": "out.csv"}}))
    found.add_edge("source.s", "exposure.e")
    store = database.store(ttl=900)
    with pytest.raises(Fenced), contextlib.closing(DAGRunner(found, root=tmp_path, state=store).stream()) as events:
        for event in events:
            if isinstance(event, NodeFinished):
                database.changed("UPDATE seeknal_lease SET token = token + 1")
    assert not (tmp_path / "out.csv").exists()
    assert sorted(store.load()) == ["source.s"]


# A file of SQLite's


def test_a_token_that_is_no_number_is_one_clear_error(sqlite):
    sqlite.store().acquire("somebody").release()
    sqlite.changed("UPDATE seeknal_lease SET token = 'abc'")
    with pytest.raises(StateError, match="token 'abc', which is no number"):
        sqlite.store().acquire("me")


def test_a_path_with_signs_of_its_own_is_written_as_in_any_url(tmp_path):
    lease = open_store("sqlite:///my%20state.db?ttl=30", root=tmp_path, project="p").acquire("me")
    lease.release()
    assert (tmp_path / "my state.db").exists()


def test_a_file_that_holds_no_entries_is_one_clear_error(sqlite, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/state.db").write_bytes(b"no database at all, but long enough to be looked at" * 40)
    for act in (sqlite.store().load, lambda: sqlite.store().acquire("one")):
        with pytest.raises(StateError, match="cannot use the state"):
            act()
    assert files(tmp_path) == ["kept", "kept/state.db"]


def test_a_database_of_others_holds_nothing_of_ours_and_a_look_leaves_it_so(sqlite, tmp_path):
    (tmp_path / "kept").mkdir()
    sqlite.changed("CREATE TABLE theirs (x)")
    assert sqlite.store().load() == {}
    assert sqlite.changed("SELECT name FROM sqlite_master") == [("theirs",)]


# PostgreSQL


class Cable:
    """What lies between here and a server: it can be cut, and be whole again."""

    def __init__(self, port: int) -> None:
        self._to, self._ends = port, []
        self.port = free_port()
        self.join()

    def join(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._ends += [near, far]
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    @staticmethod
    def _carry(near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(65536):
                far.sendall(data)
        with contextlib.suppress(OSError):
            far.shutdown(socket.SHUT_WR)


@pytest.fixture
def cable(postgres: Server) -> Iterator[Cable]:
    cable = Cable(postgres.port)
    yield cable
    cable.cut()


def far(postgres: Server, cable: Cable, **options: Any) -> DatabaseState:
    """The store behind the cable."""
    url = f"postgresql://{USER}:${{OUR_PASSWORD}}@127.0.0.1:{cable.port}/{postgres.database}"
    return DatabaseState(PostgresDatabase(url), "p", **options)


def test_a_connection_that_is_lost_is_made_again_and_nothing_with_it(pg, postgres, cable):
    lease = far(postgres, cable, ttl=900).acquire("one")
    lease.put("source.a", ENTRY)
    cable.cut()
    cable.join()
    lease.put("source.b", ENTRY)
    cable.cut()
    with ThreadPoolExecutor() as pool:
        put = pool.submit(lease.put, "source.c", ENTRY)
        with contextlib.suppress(TimeoutError):
            assert put.exception(1.2) is None
        cable.join()
    assert put.exception() is None
    lease.release()
    assert sorted(pg.store().load()) == ["source.a", "source.b", "source.c"]


def test_a_server_that_ends_its_connections_costs_nothing(pg, postgres):
    lease = pg.store(ttl=900).acquire("one")
    for name in "abc":
        postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL")
        lease.put(f"source.{name}", ENTRY)
    lease.forget(["source.a"])
    lease.release()
    assert sorted(pg.store().load()) == ["source.b", "source.c"]


def test_a_database_that_is_away_for_as_long_as_the_lease_lasts_ends_the_run(pg, postgres, cable):
    lease = far(postgres, cable, ttl=1).acquire("one")
    cable.cut()
    with pytest.raises(Fenced, match="it could not be reached for as long as the lease lasts: connection failed") as caught:
        lease.put("source.a", ENTRY)
    assert caught.value.exit_code == 75
    lease.release()
    cable.join()
    second = pg.store().acquire("two")
    assert (second.token, second.left) == (2, "one")
    second.release()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_outlives_a_short_absence_of_its_database_and_forgets_nothing(pg, postgres, cable, tmp_path, workers):
    found = manifest("a", "b", "c")
    runner = DAGRunner(found, root=tmp_path, state=far(postgres, cable, ttl=60), workers=workers)
    for event in runner.stream():
        if isinstance(event, NodeFinished) and event.result.node_id == "source.a":
            cable.cut()
            threading.Timer(1, cable.join).start()
    assert sorted(pg.store().load()) == ["source.a", "source.b", "source.c"]


def test_a_transaction_that_is_stopped_in_the_middle_holds_nobody_up_for_ever(pg, postgres, monkeypatch):
    """The server ends it: who was stopped finds another connection, and its lease gone."""
    short = PostgresDatabase.BEGIN.replace("'30s'", "'1s'")
    assert short != PostgresDatabase.BEGIN
    monkeypatch.setattr(PostgresDatabase, "BEGIN", short)
    store, gate = Slow(pg.database, "p", ttl=1), Gate()
    lease = store.acquire("the stopped one")
    with ThreadPoolExecutor() as pool:
        store.gate = gate
        put = pool.submit(lease.put, "source.late", ENTRY)
        gate.reached.wait()
        pg.elsewhere()

        def taken() -> Any:
            with contextlib.suppress(LockedError):
                return pg.store().acquire("the successor")

        second = eventually(taken)
        gate.opened.set()
        assert isinstance(put.exception(), Fenced)
    lease.release()
    assert pg.store().load() == {}
    second.release()


def test_who_may_not_make_tables_uses_those_that_there_are(pg, postgres):
    pg.store().acquire("the administrator").release()
    postgres.execute(
        f"CREATE ROLE {(role := f'poor_{postgres.database}')} LOGIN PASSWORD 'short-Of-1t'",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON seeknal_state, seeknal_lease TO {role}",
    )
    poor = Kept("", PostgresDatabase(f"postgresql://{role}:short-Of-1t@127.0.0.1:{postgres.port}/{postgres.database}"))
    with leased(poor.store(), "one") as lease:
        lease.put("source.a", ENTRY)
    assert poor.store().load() == {"source.a": ENTRY}
    postgres.execute("DROP TABLE seeknal_state, seeknal_lease")
    with pytest.raises(StateError, match="permission denied for schema public"):
        poor.store().acquire("one")
    assert poor.signs() == []
    postgres.execute(f"DROP ROLE {role}")


def test_a_server_that_begins_its_transactions_otherwise_is_no_matter(pg, postgres):
    """Serializable by default, read only, another time zone, another encoding of the client."""
    settings = "default_transaction_isolation = 'serializable'", "client_encoding = 'LATIN1'", "default_transaction_read_only = on"
    postgres.execute(*(f"ALTER DATABASE {postgres.database} SET {setting}" for setting in settings))
    with leased(pg.store("größe 数"), "Jürgen 数") as lease:
        lease.put("source.größe_数", ENTRY)
        with pytest.raises(LockedError, match="Jürgen 数"):
            pg.store("größe 数").acquire("two")
    assert pg.store("größe 数").load() == {"source.größe_数": ENTRY}


REFUSED = [
    ("postgresql://me:typed-0ut@host/db", "the password in state is written out"),
    ("postgresql://host/db?user=me&password=typed-0ut", "the password in state is written out"),
    ("postgresql://host/db?ttl=ten", "number of seconds"),
    ("postgresql://host/db?sslmode=require&ttl=0", "number of seconds"),
]


@pytest.mark.parametrize(("url", "said"), REFUSED)
def test_a_url_that_says_too_much_or_nonsense_is_refused_without_being_repeated(tmp_path, url, said):
    with pytest.raises(UsageError, match=said) as caught:
        open_store(url, root=tmp_path, project="p")
    assert caught.value.remedy
    assert "typed-0ut" not in f"{caught.value!r} {caught.value} {caught.value.__cause__}"


UNREACHED = [
    ("postgresql://${NEVER_SET}@127.0.0.1/db", "the environment has no NEVER_SET"),
    ("postgresql://127.0.0.1:1/db", "Connection refused"),
    ("postgresql://${OUR_PASSWORD}:${OUR_PASSWORD}@127.0.0.1:{port}/db", "password authentication failed for user"),
    ("postgresql://" + USER + ":${OUR_PASSWORD}@127.0.0.1:{port}/none", 'database "none" does not exist'),
    ("postgresql://host/db?tll=10", 'invalid URI query parameter: "tll"'),
]


@pytest.mark.parametrize(("url", "said"), UNREACHED)
def test_a_database_that_cannot_be_reached_is_one_clear_error_and_no_run(pg, postgres, tmp_path, capsys, url, said):
    home = settled(tmp_path / "home", f'name = "orders"\nstate = "{url.replace("{port}", str(postgres.port))}"\n')
    for words in (["plan"], ["run"], ["status"], ["doctor"]):
        assert main([*words, "--project", str(home)]) != 0
        told = "".join(capsys.readouterr())
        assert said in told
        assert "Traceback" not in told
        assert postgres.password not in told
    assert not (home / "target/outputs").exists()
    assert pg.signs() == []


def test_without_its_driver_the_extra_is_named(pg, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StateError, match=r"seeknal_nb\[postgres\]"):
        pg.store().load()


def test_two_folders_with_one_database_run_in_turn_and_the_second_is_told_who_runs(pg, tmp_path, capsys):
    homes = [settled(tmp_path / name, f'name = "orders"\nstate = "{pg.url}"\n') for name in ("one", "two")]
    with contextlib.closing(DAGRunner(manifest("a"), root=homes[0], state=open_store(pg.url, root=homes[0], project="orders")).stream()) as run:
        next(run)
        assert main(["run", "--project", str(homes[1])]) == 75
        assert f"in {homes[0]}" in capsys.readouterr().err
    assert main(["run", "--project", str(homes[1])]) == 0
    assert main(["plan", "--project", str(homes[1])]) == 0
    assert [row[:2] for row in pg.changed("SELECT project, node_id FROM seeknal_state")] == [("orders", "transform.t")]
