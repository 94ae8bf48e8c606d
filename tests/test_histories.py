"""G5: whatever is edited, damaged, broken, stopped or run in part, a run shows what a fresh computation would, and does no more."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from graphs import (
    MEMORY,
    ROWS,
    Model,
    Pipeline,
    Place,
    S,
    Step,
    below,
    csv_of,
    executed,
    pipelines,
    queries,
    sources,
    tables,
)
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from seeknal_nb.workflow.events import NodeFinished

pick = st.data()


class Histories(RuleBasedStateMachine):
    """A pipeline, its directory, and the model that says which nodes a run must execute.

    After a partial run a node may have been built under today's key or not: ``maybe`` are these. After ``clean`` an
    earlier build may be there or not: ``perhaps`` are those keys.
    """

    def __init__(self) -> None:
        super().__init__()
        self.here = Place(Path(tempfile.mkdtemp(dir=MEMORY, prefix="seeknal-")))
        self.pipeline: Pipeline = {}
        self.model = Model()
        self.maybe: set[str] = set()
        self.perhaps: dict[str, set[Any]] = {}

    def teardown(self) -> None:
        shutil.rmtree(self.here.root)

    @initialize(pipeline=pipelines(most=6, least=3))
    def begin(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._all_is_well(self.here.run(pipeline))

    def _choose(self, data: st.DataObject, among: list[str]) -> Step:
        return self.pipeline[data.draw(st.sampled_from(sorted(among)), label="node")]

    def _put(self, step: Step) -> None:
        self.pipeline = {**self.pipeline, step.id: step}

    def _of(self, *, csv: bool | None = None, source: bool | None = None, built: bool = False) -> list[str]:
        return [
            i for i, s in self.pipeline.items()
            if (csv is None or bool(s.file) is csv) and (source is None or (s.kind == "source") is source)
            and (not built or (self.here.root / "target/outputs" / s.kind / s.name).is_dir())
            and (csv is not True or (self.here.root / str(s.file)).exists())
        ]  # fmt: skip

    # Edits

    @precondition(lambda self: self._of(source=False))
    @rule(data=pick, number=st.integers(0, 4), twist=st.integers(0, 2))
    def edit_sql(self, data: st.DataObject, number: int, twist: int) -> None:
        """Often a former number: going back; or another body of the same rows."""
        step = self._choose(data, self._of(source=False))
        self._put(replace(step, twist=twist) if twist else replace(step, number=number))

    @precondition(lambda self: self._of(csv=False, source=True))
    @rule(data=pick, rows=ROWS)
    def edit_rows(self, data: st.DataObject, rows: tuple[tuple[int, int], ...]) -> None:
        self._put(replace(self._choose(data, self._of(csv=False, source=True)), rows=rows))

    @rule(data=pick, words=st.sampled_from(["", "one", "two"]))
    def edit_words(self, data: st.DataObject, words: str) -> None:
        step = self._choose(data, list(self.pipeline))
        self._put(replace(step, description=words, tags=(words,) if words else ()))

    @precondition(lambda self: self._of(csv=True))
    @rule(data=pick, touch=st.booleans())
    def edit_or_touch_a_file(self, data: st.DataObject, touch: bool) -> None:
        """The edit keeps the file's size and puts its time of change back."""
        step = self._choose(data, self._of(csv=True))
        path = self.here.root / str(step.file)
        if touch:
            path.touch()
            return
        stat, rows = path.stat(), tuple((k, 10 + (v + 1) % 40) for k, v in step.rows)
        path.write_text(csv_of(rows))
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        self._put(replace(step, rows=rows))

    @precondition(lambda self: len(self.pipeline) < 9)
    @rule(data=pick, number=st.integers(0, 9))
    def add_node(self, data: st.DataObject, number: int) -> None:
        """Some names come back, with another body."""
        name = f"n{number}"
        if all(step.name != name for step in self.pipeline.values()):
            known = sorted(self.pipeline)
            new = queries(name, known) if known and data.draw(st.booleans(), label="query") else sources(name)
            self._put(data.draw(new, label="step"))

    @precondition(lambda self: len(self.pipeline) > 1)
    @rule(data=pick)
    def remove_node(self, data: st.DataObject) -> None:
        gone = self._choose(data, list(self.pipeline)).id
        self.pipeline = {
            i: replace(s, inputs=tuple(n for n in s.inputs if n != gone)) for i, s in self.pipeline.items() if i != gone
        }

    @precondition(lambda self: self._of(source=False))
    @rule(data=pick)
    def add_or_remove_an_edge(self, data: st.DataObject) -> None:
        step = self._choose(data, self._of(source=False))
        other = data.draw(st.sampled_from(sorted(self.pipeline)), label="other end")
        if other in step.inputs:
            self._put(replace(step, inputs=tuple(i for i in step.inputs if i != other)))
        elif other != step.id and other not in below(self.pipeline, [step.id]):
            self._put(replace(step, inputs=(*step.inputs, other)))

    @precondition(lambda self: self._of(csv=False))
    @rule(data=pick)
    def break_or_mend(self, data: st.DataObject) -> None:
        step = self._choose(data, self._of(csv=False))
        self._put(replace(step, broken=not step.broken))

    # Damage

    @precondition(lambda self: self._of(built=True))
    @rule(data=pick, delete=st.booleans(), at=st.floats(0, 0.999), bit=st.integers(0, 7))
    def delete_or_damage_outputs(self, data: st.DataObject, delete: bool, at: float, bit: int) -> None:
        """All builds of one node; times of change are put back."""
        step = self._choose(data, self._of(built=True))
        for path in (self.here.root / "target/outputs" / step.kind / step.name).glob("*/data.parquet"):
            if delete:
                shutil.rmtree(path.parent)
                continue
            stat, whole = path.stat(), bytearray(path.read_bytes())
            whole[int(at * len(whole))] ^= 1 << bit
            path.write_bytes(whole)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        if not step.view:
            self.model.built.pop(step.id, None)
            self.perhaps.pop(step.id, None)

    @rule(lose=st.integers(0, 5))
    def clean_or_lose_the_state(self, lose: int) -> None:
        """``clean`` never takes what a run would read now; deleting the state forces a rebuild of all."""
        if lose == 0:
            (self.here.root / "target/state/execution_state.json").unlink(missing_ok=True)
            self.model, self.perhaps, self.maybe = Model(), {}, set()
            return
        self.here.write(self.pipeline)
        runner = self.here.runner(self.pipeline)
        runner.outputs.remove(runner.garbage())
        keys, _ = self.model.keys(self.pipeline)
        for node_id, built in self.model.built.items():
            kept = {key for key in built if key == keys.get(node_id)}
            self.perhaps.setdefault(node_id, set()).update(built - kept)
            self.model.built[node_id] = kept

    # Runs

    def _bounds(self) -> tuple[set[str], set[str]]:
        """What a run of all must execute at least, and at most."""
        loose = Model({i: keys | self.perhaps.get(i, set()) for i, keys in self.model.built.items()}, self.model.failed)
        for node_id, keys in self.perhaps.items():
            loose.built.setdefault(node_id, set()).update(keys)
        return loose.due(self.pipeline) - self.maybe, self.model.due(self.pipeline)

    @rule(workers=st.sampled_from([1, 1, 3]))
    def run(self, workers: int) -> None:
        least, most = self._bounds()
        summary = self.here.run(self.pipeline, workers=workers, continue_on_error=True)
        assert least <= executed(summary) <= most
        self._all_is_well(summary)

    @rule(workers=st.sampled_from([1, 3]))
    def run_full(self, workers: int) -> None:
        summary = self.here.run(self.pipeline, workers=workers, continue_on_error=True, full=True)
        reached, _ = self.model.keys(self.pipeline)
        assert executed(summary) == reached.keys()
        self._all_is_well(summary)

    def _all_is_well(self, summary: Any) -> None:
        rows = tables(self.pipeline)
        keys, _ = self.model.keys(self.pipeline)
        for result in summary.results:
            expected = {S.SUCCESS, S.CACHED} if result.node_id in rows else {S.FAILED, S.SKIPPED}
            assert result.status in expected, result
        self.model.failed -= rows.keys()
        self.model.failed |= {r.node_id for r in summary.failed}
        for node_id in rows:
            self.model.built.setdefault(node_id, set()).add(keys[node_id])
        self.maybe = set()
        assert self.here.rows(self.pipeline, rows) == rows
        again = self.here.run(self.pipeline, continue_on_error=True)
        assert executed(again) == {r.node_id for r in summary.failed}
        assert self.here.rows(self.pipeline, rows) == rows

    @rule(data=pick)
    def run_nodes(self, data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.sampled_from(sorted(self.pipeline)), min_size=1, max_size=2, unique=True), label="nodes")
        self._run_in_part(nodes=chosen)

    @rule(data=pick)
    def run_types(self, data: st.DataObject) -> None:
        kinds = sorted({step.kind for step in self.pipeline.values()})
        self._run_in_part(node_types=[data.draw(st.sampled_from(kinds), label="type")])

    def _run_in_part(self, **selection: Any) -> None:
        summary = self.here.run(self.pipeline, continue_on_error=True, **selection)
        self.maybe |= {r.node_id for r in summary.results if r.status is S.SUCCESS}
        failed = {r.node_id for r in summary.failed}
        self.model.failed |= failed
        self.maybe -= failed

    @rule(stop=st.integers(1, 12))
    def run_and_stop(self, stop: int) -> None:
        """As a crash does: what has finished is kept, the rest runs next time."""
        self.here.write(self.pipeline)
        keys, _ = self.model.keys(self.pipeline)
        events = self.here.runner(self.pipeline).stream(continue_on_error=True)
        for number, event in enumerate(events, 1):
            if isinstance(event, NodeFinished) and event.result.attempts:
                node_id = event.result.node_id
                if event.result.status is S.SUCCESS:
                    self.model.built.setdefault(node_id, set()).add(keys[node_id])
                    self.model.failed.discard(node_id)
                else:
                    self.model.failed.add(node_id)
                self.maybe.discard(node_id)
            if number == stop:
                break
        events.close()


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=int(os.environ.get("SEEKNAL_HISTORIES", "40")), stateful_step_count=25, deadline=None,
    suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)  # fmt: skip
