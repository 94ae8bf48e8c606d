import assert from "node:assert/strict";
import { test } from "node:test";

import { Graph } from "../../../seeknal_nb/draw/web/graph.js";
import { IDLE, lookOf } from "../../../seeknal_nb/draw/web/messages.js";
import { grouped, hidden, model, number, snapshot } from "./traits.mjs";

const graph = (traits, memory = {}) => new Graph(model(traits), memory);

test("the bytes of a message are read wherever they lie", () => {
  const { boxes, unit, drawn, frames } = graph();
  assert.deepEqual(boxes[2], { left: 200, top: 60, right: 260, bottom: 100, width: 60, height: 40 });
  assert.deepEqual([[...unit], [...drawn.pairs]], [[0, 1, 2], [0, 1, 1, 2, 0, 2]]);
  assert.deepEqual(frames[2], { left: 60, top: 20, right: 200, bottom: 80 });
});

test("a node says kind, name, rows and seconds", () => {
  assert.deepEqual(graph().lines(0), ["source", "a", "12 rows · 0.50 s"]);
  assert.deepEqual(graph().lines(1), ["source", "b", "failed"]);
  assert.equal(graph().tip(2), "model.c\nchanged · was 1,336,776 rows\ncore, night\\u202e");
  assert.equal(graph().spoken(1), "source.b, source, failed, 1 upstream, 1 downstream");
});

test("the second line says why, or what came out, and shorter where there is less room", () => {
  const more = { 0: { checks: [7, 8], warns: 2 }, 1: { why: "no column x" }, 2: { why: "SQL changed" } };
  const told = snapshot(["warning", "failed", "changed"], [8, undefined, 1336776], [0.5], more);
  const shown = graph({ snapshot: told });
  assert.deepEqual(shown.parts(0, 1), ["7 of 8 checks", "0.50 s"]);
  assert.deepEqual(shown.parts(1, 1), ["no column x", "failed"]);
  assert.deepEqual(shown.parts(2, 0.6), ["SQL changed", "was 1.3M rows"]);
  assert.deepEqual(shown.badges(0), [{ text: "! 2", warns: true }]);
  shown.set(2, number("pending"), null, null);
  assert.deepEqual(shown.parts(2, 1), ["never run"]);
});

test("a node that runs counts its seconds, of those that it may take", () => {
  const shown = graph({ snapshot: snapshot(["running", "pending", "pending"], [], [6.4], { 0: { expect: 9.6 } }) });
  assert.deepEqual(shown.parts(0, 1), ["6.4 s of ~9.6 s"]);
  assert.ok(shown.done(0) > 0.6 && shown.done(0) < 0.97);
  assert.equal(shown.done(1), -1);
});

test("a kind has its picture, and several kinds a diamond", () => {
  assert.deepEqual([graph().icon(0), graph().icon(2)], ["M1 1", "M2 2"]);
  assert.equal(graph({ nodes: { ...model().get("nodes"), icons: ["url(x)"] } }).icon(0), "M0 0");
});

test("a group says how many of each status it has, the worst first", () => {
  const shown = graph({ scene: grouped });
  assert.deepEqual(shown.lines(0), ["kind", "source", "2 nodes · 1 failed · 1 success"]);
  assert.equal(shown.word(shown.worst(0)), "failed");
  assert.deepEqual(shown.parts(0, 1), ["2 nodes", "1 failed"]);
  assert.equal(shown.spoken(0), "group source, 2 nodes · 1 failed · 1 success");
});

test("the shares of a group fill its width, and the smallest is wide enough to see", () => {
  const parts = [...graph({ scene: grouped }).shareOf(0, 46)];
  assert.deepEqual(parts, [
    { status: number("failed"), x: 0, wide: 23 },
    { status: number("success"), x: 23, wide: 23 },
  ]);
});

test("what changes is counted, in all and by unit", () => {
  const shown = graph({ scene: grouped });
  shown.set(1, number("success"), 3, null);
  assert.deepEqual([...shown.totals], [0, 0, 0, 0, 2, 0, 0, 1]);
  assert.equal(shown.word(shown.worst(0)), "success");
  assert.equal(shown.detail(1), "3 rows");
});

test("edges to what was not reached are told apart", () => {
  assert.deepEqual([0, 1, 2].map(graph().unreached), [false, false, true]);
});

test("a later snapshot is the difference to what is known", () => {
  const shown = graph();
  const { found, run } = shown.difference(snapshot(["success", "running", "changed"], [12, undefined, 1336776], [0.5]));
  assert.deepEqual(found, [1, number("running"), NaN, NaN]);
  assert.deepEqual(run, { ...IDLE, done: 2 });
});

test("what deltas told is remembered over the snapshot that they began with, and no other", () => {
  const [before, after] = [snapshot(["pending", "pending", "pending"]), snapshot(["cached", "cached", "cached"])];
  const first = graph({ snapshot: before });
  first.set(0, number("success"), 1, 1);
  const memory = { state: first.state };
  assert.equal(graph({ snapshot: before }, memory).status(0), number("success"));
  assert.equal(graph({ snapshot: after }, memory).status(0), number("cached"));
});

test("a node that no unit shows is in no unit", () => {
  const shown = graph({ scene: hidden });
  assert.deepEqual([shown.members, shown.units([0, 1, 2])], [[[1]], [0]]);
  shown.set(0, number("failed"), null, null);
  assert.equal(shown.totals[number("failed")], 2);
});

test("numbers that are no node and no status are known as such", () => {
  const shown = graph();
  assert.deepEqual([0, 2, 3, -1, 0.5, "0", null].map(shown.has), [true, true, false, false, false, false, false]);
  assert.deepEqual([0, 7, 8, "length"].map(shown.hasStatus), [true, true, false, false]);
});

test("a look that is not one becomes harmless", () => {
  const look = lookOf({ name: "x\n", sign: { d: "M0 0\" onload=\"x", width: "y" }, dash: "6 z", border: "url(x)" });
  assert.deepEqual([look.name, look.d, look.width, look.dash, look.border], ["x\\n", "M0 0", 1, [6], 1]);
});
