"""Every code block of SPEC.md (a copy lies beside this file), as written, with ``seeknal`` read as ``seeknal_nb``.

``CHECKS`` says of each block, in order, how it is checked; a block that is not in it fails the first test. Python blocks
run in a directory with a pipeline of 15 nodes that do real work.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

import pytest

from seeknal_nb.authoring.folder import nodes_of_yaml
from seeknal_nb.dag.manifest import Manifest, Node
from seeknal_nb.errors import CycleError
from seeknal_nb.kinds import KINDS
from seeknal_nb.workflow.runner import DAGRunner, ExecutionStatus, ExecutionSummary, print_summary

ROOT = Path(__file__).parents[1]
SPEC = (Path(__file__).parent / "SPEC.md").read_text(encoding="utf-8")
BLOCKS = [(m[1], m[2]) for m in re.finditer(r"^```(\w*)\n(.*?)^```$", SPEC, re.MULTILINE | re.DOTALL)]
S = ExecutionStatus
FEATURES = "SELECT id AS user_id, n FROM {}"


def pipeline(clean: str = "SELECT id, n FROM source.users WHERE n IS NOT NULL", *, broken: bool = False) -> Manifest:
    """The spec's nodes, and some more, of every type that it lists."""
    nodes: list[tuple[str, dict[str, Any], list[str], list[str]]] = [
        ("source.users", {"path": "data/users.csv"}, [], []),
        ("transform.clean_users", {"sql": clean}, [], ["source.users"]),
        ("feature_group.user_features", {"sql": FEATURES.format("clean_users"), "key": "user_id"}, [], ["transform.clean_users"]),
        ("source.orders", {"path": "data/orders.csv"}, [], []),
        ("transform.clean_orders", {"sql": "SELECT DISTINCT id, user_id, amount FROM orders"}, [], ["source.orders"]),
        ("feature_group.order_features", {"sql": "SELECT id AS order_id, amount FROM clean_orders", "key": "order_id"}, [],
         ["transform.clean_orders"]),
        ("feature_group.old_features", {"sql": FEATURES.format("clean_users"), "key": "user_id"}, ["deprecated"],
         ["transform.clean_users"]),
        ("feature_group.large_aggregation", {"sql": FEATURES.format("clean_users"), "key": "user_id"},
         ["expensive", "requires_spark"], ["transform.clean_users"]),
        ("aggregation.spend", {"sql": "SELECT user_id, sum(amount) AS amount FROM clean_orders GROUP BY ALL ORDER BY ALL"},
         ["daily"], ["transform.clean_orders"]),
        ("transform.joined", {"sql": "SELECT f.user_id, n, amount FROM user_features f JOIN spend USING (user_id)"}, [],
         ["feature_group.user_features", "aggregation.spend"]),
        ("model.churn", {"python": "import pandas as pd\nframe = ref('transform.joined')\nframe['score'] = frame.n / 10\nframe"},
         [], ["transform.joined"]),
        ("transform.trial", {"sql": "SELECT count(*) AS c FROM joined"}, ["experimental"], ["transform.joined"]),
        ("rule.users_valid", {"checks": [{"not_null": ["id"]}], "blocking": False}, [], ["transform.clean_users"]),
        ("exposure.report", {"to": "exports/report.csv"}, [], ["model.churn"]),
        ("transform.flaky", {"sql": "SELECT nowhere FROM users" if broken else "SELECT id FROM users"}, [], ["source.users"]),
    ]  # fmt: skip
    found = Manifest("spec")
    for node_id, config, tags, inputs in nodes:
        kind, _, name = node_id.partition(".")
        found.add_node(Node(node_id, name, kind, config=config, tags=tags))
        for one in inputs:
            found.add_edge(one, node_id)
    return found


def prepare(directory: Path, *, broken: bool = False) -> None:
    """A project as Example 1 finds it: ``manifest.json.old`` has another body for ``clean_users``."""
    (directory / "data").mkdir()
    (directory / "data/users.csv").write_text("id,n\n1,3\n2,\n3,7\n")
    (directory / "data/orders.csv").write_text("id,user_id,amount\n1,1,2.5\n2,3,4.0\n3,3,1.0\n")
    pipeline("SELECT id, n FROM source.users").save(directory / "target/manifest.json.old")
    pipeline(broken=broken).save(directory / "target/manifest.json")


def renamed(text: str) -> str:
    return re.sub(r"\bseeknal\b", "seeknal_nb", text)


@dataclasses.dataclass
class Ran:
    """What a block left: its names, what it printed, and the summary before it, if one was made."""

    names: dict[str, Any]
    out: str

    @property
    def summary(self) -> ExecutionSummary:
        return self.names["summary"]

    def status(self, node_id: str) -> ExecutionStatus:
        return self.summary[node_id].status


# How blocks are checked


def runs(check: Callable[[Ran], None], *, broken: bool = False, built: bool = False) -> Callable[..., None]:
    """The block runs as it stands, with the names that blocks before it made; then ``check`` looks at what it left."""

    def checked(block: str, directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        prepare(directory, broken=broken)
        monkeypatch.chdir(directory)
        manifest = Manifest.load("target/manifest.json")
        if built:
            DAGRunner(manifest).run(progress=False)
        names: dict[str, Any] = {
            "Manifest": Manifest, "DAGRunner": DAGRunner, "print_summary": print_summary, "manifest": manifest, "Node": Node,
            "new_manifest": manifest, "old_manifest": Manifest.load("target/manifest.json.old"), "Any": Any, "Dict": dict,
            "List": list, "Optional": Optional, "Path": Path, "ExecutionStatus": ExecutionStatus,
            "runner": DAGRunner(manifest),
        }  # fmt: skip
        capsys.readouterr()
        exec(compile(renamed(block), "SPEC.md", "exec"), names)
        check(Ran(names, capsys.readouterr().out))

    return checked


def signature_of(function: Callable[..., Any]) -> Callable[..., None]:
    """Same parameters, same order, same defaults; ours are keyword-only and have defaults."""

    def checked(block: str, *_: object) -> None:
        text = block if block.rstrip().endswith('"""') else f"{block.rstrip()}\n    ..."
        spec = next(n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef))
        names = [a.arg for a in spec.args.args]
        defaults = [ast.literal_eval(d) for d in spec.args.defaults]
        real = list(inspect.signature(function).parameters.values())
        assert [p.name for p in real[: len(names)]] == names
        assert all(p.kind is p.POSITIONAL_OR_KEYWORD for p in real[: len(names)])
        assert [p.default for p in real[len(names) - len(defaults) : len(names)]] == defaults
        assert all(p.kind in (p.KEYWORD_ONLY, p.VAR_KEYWORD) for p in real[len(names) :])
        assert all(p.default is not p.empty for p in real[len(names) :] if p.kind is p.KEYWORD_ONLY)
        if isinstance(spec.returns, ast.Name):
            assert inspect.signature(function).return_annotation == spec.returns.id

    return checked


def fields_of_summary(block: str, *_: object) -> None:
    spec = next(n for n in ast.walk(ast.parse(block)) if isinstance(n, ast.ClassDef))
    wanted = [(a.target.id, ast.unparse(a.annotation).replace("List", "list")) for a in spec.body if isinstance(a, ast.AnnAssign) and isinstance(a.target, ast.Name)]
    real = [(f.name, f.type) for f in dataclasses.fields(ExecutionSummary)]
    assert spec.name == "ExecutionSummary"
    assert real[: len(wanted)] == wanted


def plain(text: str) -> list[str]:
    """Lines with every number as N, and without the reasons that our plan adds in parentheses."""
    lines = (re.sub(r" \([^()]*\)$", "", line.rstrip()) for line in text.strip("\n").splitlines())
    return [re.sub(r"\d+(\.\d+)?", lambda m: "N.N" if m[1] else "N", line) for line in lines]


def plan_output(block: str, directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The same three nodes; brackets hold tags. One more line follows: how many run, in words."""
    monkeypatch.chdir(directory)
    found = Manifest("plan")
    found.add_node(Node("source.users", "users", "source", tags=["source"], config={"sql": "SELECT 1 AS id"}))
    found.add_node(
        Node("transform.clean_users", "clean_users", "transform", tags=["transform"], config={"sql": "FROM users"})
    )
    found.add_node(Node("feature_group.old_features", "old_features", "feature_group", tags=["deprecated"],
                        config={"sql": "FROM clean_users", "key": "id"}))  # fmt: skip
    found.add_edge("source.users", "transform.clean_users")
    found.add_edge("transform.clean_users", "feature_group.old_features")
    DAGRunner(found).print_plan(exclude_tags=["deprecated"])
    shown = capsys.readouterr().out
    assert plain(shown)[: len(plain(block))] == plain(block)
    assert re.findall(r"^ +(\d+)\. ", shown, re.MULTILINE) == ["1", "2", "3"]


def summary_output(block: str, directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(directory)
    monkeypatch.chdir(directory)
    summary = DAGRunner(Manifest.load("target/manifest.json")).run(progress=False)
    print_summary(summary)
    shown = capsys.readouterr().out
    assert plain(shown) == plain(block)
    assert "  Total nodes:     15\n  Changed nodes:   15\n  Cached nodes:    0\n  Successful:      15\n" in shown
    assert f"  Duration:        {summary.total_duration:.2f}s\n" in shown


def progress_output(
    block: str, directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(directory)
    monkeypatch.chdir(directory)
    DAGRunner(Manifest.load("target/manifest.json")).run(full=True)
    shown = capsys.readouterr().out
    wanted = plain(block)
    assert wanted.pop() == "..."
    assert plain(shown)[: len(wanted)] == wanted
    assert shown.startswith("ℹ 1/15: source.users [RUNNING]\n✓ users completed in 0.")
    assert len(shown.splitlines()) == 30


def state_file(block: str, directory: Path, monkeypatch: pytest.MonkeyPatch, *_: object) -> None:
    """The same nodes by id, the same four fields, first and in this order, of the same types; ours follow."""
    prepare(directory)
    monkeypatch.chdir(directory)
    DAGRunner(Manifest.load("target/manifest.json")).run(progress=False)
    found, wanted = json.loads(Path("target/state/execution_state.json").read_text()), json.loads(block)
    assert list(found)[:2] == list(wanted)
    assert all("." in node_id for node_id in found), "no top-level key that is no node"
    for node_id, entry in wanted.items():
        assert list(found[node_id])[:4] == list(entry) == ["status", "duration", "row_count", "last_run"]
        assert [type(found[node_id][name]) for name in entry] == [type(value) for value in entry.values()]
    assert found["source.users"]["row_count"] == 3
    assert found["transform.clean_users"]["row_count"] == 2


WORDS = {
    "seeknal run": "15 successful",
    "seeknal run --full": "15 successful",
    "seeknal run --dry-run": "15 to run",
    "seeknal run --types feature_group": "15 skipped",
    "seeknal run --nodes user_features,order_features": "11 successful",
    "seeknal run --exclude-tags expensive,experimental": "2 skipped",
    "seeknal run --continue-on-error": "15 successful",
    "seeknal run --retry 3": "15 successful",
}


def command_line(block: str, directory: Path, *_: object) -> None:
    """Each command, in a project that was never built, ends with 0 and says what it did."""
    commands = [line for line in block.splitlines() if line and not line.startswith("#")]
    assert commands == list(WORDS)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    for number, command in enumerate(commands):
        (directory / str(number)).mkdir()
        prepare(directory / str(number))
        words = [sys.executable, "-m", "seeknal_nb", *shlex.split(command)[1:]]
        done = subprocess.run(
            words, cwd=directory / str(number), env=env, capture_output=True, text=True, encoding="utf-8", check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), command
        count, what = WORDS[command].split(" ", 1)
        line = {"successful": "Successful:", "skipped": "Skipped:"}.get(what)
        found = re.search(rf"{line} +(\d+)" if line else rf"(\d+) {what}", done.stdout)
        assert found, (command, done.stdout)
        assert found[1] == count, (command, done.stdout)


def tagged_yaml(block: str, directory: Path, monkeypatch: pytest.MonkeyPatch, *_: object) -> None:
    """The YAML gives this node and these tags; filters take them."""
    [(node, _place)] = nodes_of_yaml(block, file="x.yml", root=directory, kinds={})
    assert (node.id, node.tags) == ("feature_group.large_aggregation", ["expensive", "requires_spark"])
    prepare(directory)
    monkeypatch.chdir(directory)
    found = Manifest.load("target/manifest.json")
    assert found.nodes[node.id].tags == node.tags
    for tag in node.tags:
        step = DAGRunner(found).plan(exclude_tags=[tag])[node.id]
        assert (step.action, step.reason) == ("skip", f"excluded by tag {tag}")


# What each block must have done


def all_ran(ran: Ran) -> None:
    assert ran.summary.total_nodes == ran.summary.successful_nodes == 15
    assert (Path("exports/report.csv")).read_text().startswith("user_id,n,amount,score\n")
    assert Path("target/state/execution_state.json").exists()


def all_ran_and_told(ran: Ran) -> None:
    all_ran(ran)
    assert "  Successful:      15\n" in ran.out


def plan_shown(ran: Ran) -> None:
    assert len(re.findall(r"^ +\d+\. RUN ", ran.out, re.MULTILINE)) == 15
    assert not Path("target/state").exists()


def what_differs_ran(ran: Ran) -> None:
    """``clean_users`` differs from the old manifest: it ran, all that reads it, and nothing that does not."""
    below = {
        "transform.clean_users",
        "feature_group.user_features",
        "feature_group.old_features",
        "transform.trial",
        "feature_group.large_aggregation",
        "transform.joined",
        "model.churn",
        "rule.users_valid",
        "exposure.report",
    }
    needed = {"source.users", "aggregation.spend", "transform.clean_orders", "source.orders"}  # fmt: skip
    results = {r.node_id: r for r in ran.summary.results}
    assert {i for i, r in results.items() if r.status is S.SUCCESS} == below | needed
    assert {i for i, r in results.items() if r.reason == "unchanged since the old manifest"} == {
        "feature_group.order_features", "transform.flaky"}  # fmt: skip


def only_feature_groups(ran: Ran) -> None:
    """Filters never pull anything in: what was never built cannot be read."""
    for result in ran.summary.results:
        assert result.status is S.SKIPPED
        is_group = result.node_id.startswith("feature_group.")
        assert ("which is excluded and was never built" in result.reason) == is_group


def only_feature_groups_of_a_built_project(ran: Ran) -> None:
    for result in ran.summary.results:
        assert (result.status is S.SUCCESS) == result.node_id.startswith("feature_group.")
        assert result.status in (S.SUCCESS, S.SKIPPED)


def named_ran(ran: Ran) -> None:
    """Both, all that is downstream, and what they need and nobody has built."""
    ran_ids = {r.node_id for r in ran.summary.results if r.status is S.SUCCESS}
    named = {"feature_group.user_features", "feature_group.order_features"}
    assert named | {"transform.joined", "model.churn", "transform.trial", "exposure.report"} <= ran_ids
    assert "feature_group.old_features" not in ran_ids
    assert {r.reason for r in ran.summary.results if r.node_id in named} == {"never built"}


def tags_left_out(ran: Ran) -> None:
    left_out = {r.node_id: r.reason for r in ran.summary.results if r.status is S.SKIPPED}
    expected = {"feature_group.large_aggregation": "excluded by tag expensive"}
    if "experimental" in str(left_out):
        expected["transform.trial"] = "excluded by tag experimental"
    assert left_out == expected
    assert ran.summary.successful_nodes == 15 - len(expected)


def went_on(ran: Ran) -> None:
    assert (ran.status("transform.flaky"), ran.summary.successful_nodes) == (S.FAILED, 14)


def went_on_after_retries(attempts: int) -> Callable[[Ran], None]:
    def check(ran: Ran) -> None:
        went_on(ran)
        assert ran.summary["transform.flaky"].attempts == attempts

    return check


def retried(ran: Ran) -> None:
    assert ran.summary["transform.flaky"].attempts == 4


def stopped(ran: Ran) -> None:
    assert ran.status("transform.flaky") is S.FAILED
    assert ran.summary.failed_nodes == 1


def told_of_failures(ran: Ran) -> None:
    went_on(ran)
    assert re.search(r"^Failed: transform\.flaky - .*nowhere", ran.out, re.MULTILINE)
    assert ran.summary["transform.flaky"].attempts == 4


def nothing_happened(ran: Ran) -> None:
    assert ran.summary.pending_nodes == 15
    assert len(re.findall(r"^ +\d+\. RUN ", ran.out, re.MULTILINE)) == 15
    assert not Path("target/state").exists()
    assert not Path("exports").exists()


def both_ran(ran: Ran) -> None:
    all_ran(ran)
    assert {r.reason for r in ran.summary.results} == {"full run"}


def state_measured(ran: Ran) -> None:
    assert 0 < ran.names["size_mb"] < 10
    assert ran.out == ""


def executor_registered(ran: Ran) -> None:
    """As ``kinds=`` takes it, and as a subclass's ``_execute_by_type`` does."""
    execute = ran.names["execute_custom_node"]
    found = Manifest("custom")
    found.add_node(Node("custom.a", "a", "custom"))
    result = DAGRunner(found, kinds={"custom": execute}).run(progress=False)["custom.a"]
    assert (result.status, result.row_count, result.metadata) == (S.SUCCESS, 100, {"custom": True})

    class Registered(DAGRunner):
        def _execute_by_type(self, node: Node) -> dict[str, Any]:
            return execute(node) if node.name == "trial" else super()._execute_by_type(node)

    summary = Registered(ran.names["manifest"]).run(full=True, progress=False)
    assert summary["transform.trial"].metadata == {"custom": True}
    assert summary.successful_nodes == 15


def backend_used(ran: Ran) -> None:
    """As it stands it remembers nothing, and nothing breaks; one that remembers makes the second run empty."""
    backend, manifest = ran.names["CustomStateBackend"], ran.names["manifest"]
    for _ in range(2):
        assert DAGRunner(manifest, state=backend()).run(progress=False).successful_nodes == 15

    class Remembers(backend):  # type: ignore[misc, valid-type]
        kept: dict[str, Any] = {}

        def load(self) -> dict[str, Any]:
            return self.kept

        def save(self, state: dict[str, Any]) -> None:
            type(self).kept = json.loads(json.dumps(state))

    assert DAGRunner(manifest, state=Remembers()).run(progress=False).successful_nodes == 15
    assert DAGRunner(manifest, state=Remembers()).run(progress=False).cached_nodes == 15
    assert not Path("target/state/execution_state.json").exists()


def hooks_called(ran: Ran) -> None:
    """The block's own class, whose hooks a subclass fills in, sees each execution once; its result is the node's."""
    seen: list[tuple[str, str]] = []

    class Told(ran.names["DAGRunnerWithHooks"]):  # type: ignore[misc, name-defined]
        def on_node_start(self, node_id: str) -> None:
            seen.append(("start", node_id))

        def on_node_complete(self, node_id: str, result: Any) -> None:
            seen.append((str(result.status), node_id))

    summary = Told(ran.names["manifest"]).run(progress=False)
    assert summary.successful_nodes == 15
    assert seen == [pair for r in summary.results for pair in (("start", r.node_id), ("success", r.node_id))]
    seen.clear()
    assert Told(ran.names["manifest"]).run(progress=False).cached_nodes == 15
    assert seen == []
    assert ran.names["DAGRunnerWithHooks"](ran.names["manifest"]).run(full=True, progress=False).successful_nodes == 15


CHECKS: list[tuple[str, str, Callable[..., None]]] = [
    ("Quick Start", "from seeknal.dag.manifest import Manifest", runs(all_ran_and_told)),
    ("DAGRunner", "class DAGRunner:", signature_of(DAGRunner.__init__)),
    ("run()", "def run(", signature_of(DAGRunner.run)),
    ("print_plan()", "runner.print_plan(", runs(plan_shown)),
    ("print_plan(), output", "ℹ Execution Plan:", plan_output),
    ("Example 1", "# Load old and new manifests", runs(what_differs_ran)),
    ("Example 2", "# Run all nodes regardless of state", runs(both_ran, built=True)),
    ("Example 3", "# Run only feature_groups", runs(only_feature_groups_of_a_built_project, built=True)),
    ("Example 4", "# Run specific nodes (will also", runs(named_ran)),
    ("Example 5", "# Skip nodes tagged as", runs(tags_left_out)),
    ("Example 6", "# Keep going even if some nodes fail", runs(went_on_after_retries(3), broken=True)),
    ("Example 7", "# Show what would be executed", runs(nothing_happened)),
    ("Execution Summary", "@dataclass", fields_of_summary),
    ("Summary Output", "ℹ =====", summary_output),
    ("State Management", "{", state_file),
    ("Stop on First Error", "summary = runner.run(full=True)", runs(stopped, broken=True)),
    ("Continue on Error", "summary = runner.run(", runs(went_on, broken=True)),
    ("Retry Failed Nodes", "summary = runner.run(", runs(retried, broken=True)),
    ("Progress Reporting", "ℹ 1/15: source.users [RUNNING]", progress_output),
    ("CLI Integration", "# Run changed nodes only", command_line),
    ("Best Practice 1", "# Good: Only run what changed", runs(both_ran)),
    ("Best Practice 2, YAML", "kind: feature_group", tagged_yaml),
    ("Best Practice 2", "summary = runner.run(", runs(tags_left_out)),
    ("Best Practice 3", "# Check what will run before executing", runs(nothing_happened)),
    ("Best Practice 4", "# In production: Continue on error", runs(told_of_failures, broken=True)),
    ("Best Practice 5", "import os", runs(state_measured, built=True)),
    ("Custom Executors", "def execute_custom_node(node: Node)", runs(executor_registered)),
    ("State Backends", "class CustomStateBackend:", runs(backend_used)),
    ("Event Hooks", "class DAGRunnerWithHooks(DAGRunner):", runs(hooks_called)),
]


def test_every_block_has_its_check() -> None:
    """No block may be silently ignored, and none may have moved under another's check."""
    assert [block.split("\n", 1)[0][: len(first)] for (_, block), (_, first, _) in zip(BLOCKS, CHECKS, strict=True)] == [
        first for _, first, _ in CHECKS
    ]
    assert SPEC.count("```") == 2 * len(BLOCKS)


@pytest.mark.parametrize("number", range(len(CHECKS)), ids=[name for name, _, _ in CHECKS])
def test_a_block_works_as_written(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the user asked for, word by word."""
    CHECKS[number][2](BLOCKS[number][1], tmp_path, monkeypatch, capsys)


def test_filters_never_pull_anything_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Example 3 in a project that was never built: nothing can run, and every node says why."""
    runs(only_feature_groups)(BLOCKS[7][1], tmp_path, monkeypatch, capsys)


def test_the_types_of_the_spec_are_kinds() -> None:
    """SPEC Example 3 lists them."""
    types = re.findall(r"^- `(\w+)`$", SPEC.partition("Supported types:")[2].partition("###")[0], re.MULTILINE)
    assert len(types) == 7
    assert set(types) <= KINDS.keys()
    assert [t for t in types if not any(n.node_type == t for n in pipeline().nodes.values())] == []


def test_the_statuses_of_the_spec_are_all_there_are() -> None:
    """SPEC § Node Status."""
    names = re.findall(r"^- `([A-Z]+)`: ", SPEC, re.MULTILINE)
    assert names == [status.name for status in ExecutionStatus]


def test_nothing_to_run_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """SPEC § Troubleshooting, "Nodes Not Running"."""
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    runner = DAGRunner(Manifest.load("target/manifest.json"))
    runner.run(progress=False)
    capsys.readouterr()
    runner.run()
    assert "No changes detected. Nothing to run." in SPEC
    assert "No changes detected. Nothing to run." in capsys.readouterr().out


def test_a_cycle_is_the_spec_s_value_error() -> None:
    """SPEC § Troubleshooting, "Cycle Detected": this very text."""
    text = re.search(r"`ValueError: (DAG contains cycle: .*?)`", SPEC)
    found = pipeline()
    found.add_edge("transform.clean_users", "source.users")
    assert text
    with pytest.raises(ValueError, match="DAG contains cycle") as caught:
        DAGRunner(found).run()
    assert str(caught.value) == text[1]
    assert isinstance(caught.value, CycleError)
    assert found.detect_cycles() == (True, ["source.users", "transform.clean_users", "source.users"])


def test_deleting_the_state_rebuilds_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SPEC § Troubleshooting, "State Corruption": delete the file, and every node runs."""
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    runner = DAGRunner(Manifest.load("target/manifest.json"))
    assert runner.run(progress=False).successful_nodes == 15
    Path("target/state/execution_state.json").unlink()
    summary = DAGRunner(Manifest.load("target/manifest.json")).run(progress=False)
    assert summary.successful_nodes == 15
