"""One contract for every store of state, and the spec's own shape of one."""

import json

import pytest

from seeknal_nb import DAGRunner, Manifest, Node
from seeknal_nb.errors import StateError
from seeknal_nb.workflow.state import StateStore
from seeknal_nb.workflow.stores import JsonState, MemoryState, SqliteState

ENTRY = {"status": "success", "duration": 0.5, "row_count": 3, "last_run": 1.0}


@pytest.fixture(params=["memory", "json", "sqlite"])
def store(request, tmp_path):
    made = {"memory": MemoryState, "json": lambda: JsonState(tmp_path / "state"), "sqlite": lambda: SqliteState(tmp_path / "s.db")}
    return made[request.param]()


def test_a_fresh_store_is_empty_and_looking_makes_no_file(store, tmp_path):
    assert store.load() == {}
    assert list(tmp_path.iterdir()) == []
    assert isinstance(store, StateStore)


def test_what_was_saved_is_loaded_and_nothing_else(store):
    store.save({"source.a": ENTRY, "source.b": ENTRY})
    store.save({"source.b": {**ENTRY, "row_count": 4}})
    assert store.load() == {"source.b": {**ENTRY, "row_count": 4}}


def test_an_appended_entry_is_there_at_once(store):
    if not hasattr(store, "append"):
        pytest.skip("this store is saved as a whole")
    store.save({"source.a": ENTRY})
    store.append("source.b", ENTRY)
    store.append("source.a", {**ENTRY, "row_count": 9})
    assert store.load() == {"source.a": {**ENTRY, "row_count": 9}, "source.b": ENTRY}


def test_a_run_is_remembered_by_every_store(store, tmp_path):
    manifest = Manifest("m")
    manifest.add_node(Node("source.a", "a", "source", config={"sql": "SELECT 1 AS x"}))
    first = DAGRunner(manifest, root=tmp_path, state=store).run(progress=False)
    second = DAGRunner(manifest, root=tmp_path, state=store).run(progress=False)
    assert (first.successful_nodes, second.cached_nodes) == (1, 1)


def test_a_sqlite_file_that_holds_no_entries_is_one_clear_error(tmp_path):
    store = SqliteState(tmp_path / "s.db")
    store.save({"source.a": ENTRY})
    import sqlite3

    with sqlite3.connect(tmp_path / "s.db") as connection:
        connection.execute("UPDATE state SET entry = '{'")
    connection.close()
    with pytest.raises(StateError, match="cannot use the state"):
        store.load()
    (tmp_path / "t.db").write_bytes(b"no database at all, but long enough to be looked at" * 40)
    with pytest.raises(StateError):
        SqliteState(tmp_path / "t.db").load()


def test_the_json_snapshot_has_the_spec_s_four_fields(tmp_path):
    JsonState(tmp_path).save({"source.a": ENTRY})
    assert json.loads((tmp_path / "execution_state.json").read_text())["source.a"] == ENTRY
