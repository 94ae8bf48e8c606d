import assert from "node:assert/strict";
import { test } from "node:test";

import { Edges } from "../../../seeknal_nb/draw/web/edges.js";

const diamond = new Edges(5, Uint32Array.from([0, 1, 0, 2, 1, 3, 2, 3, 0, 1]));

test("an end has its edges on both sides", () => {
  assert.deepEqual([...diamond.of(0, 0)], [0, 1, 4]);
  assert.deepEqual([...diamond.of(3, 1)], [2, 3]);
  assert.deepEqual([...diamond.of(4, 0)], []);
});

test("what stands beside an end is named once, however many edges lead there", () => {
  assert.deepEqual(diamond.next(0, 0), [1, 2]);
  assert.deepEqual(diamond.next(3, 1), [1, 2]);
});

test("an end that there is not has no edges", () => {
  for (const end of [-1, 5, 0xffffffff]) assert.equal(diamond.of(end, 0).length, 0);
});

test("what is reached has all ends and edges on the way, and ends", () => {
  const down = diamond.reach([1], 0);
  assert.deepEqual([[...down.ends], [...down.edges]], [[1, 3], [2]]);
  const up = diamond.reach([3], 1);
  assert.deepEqual([[...up.ends].sort(), [...up.edges].sort()], [[0, 1, 2, 3], [0, 1, 2, 3, 4]]);
});
