import assert from "node:assert/strict";
import { test } from "node:test";

import { detailSize, isShort, nameSize, saysDetail, stepOf, STEPS } from "../../../seeknal_nb/draw/web/card.js";

test("a name keeps its size on the screen while the card shrinks", () => {
  for (const step of STEPS) assert.ok(nameSize(step) * step > 10.99);
  assert.equal(nameSize(1), 13);
  assert.equal(detailSize(1), 10.5);
});

test("texts are laid anew in eight steps", () => {
  assert.deepEqual([0.1, 0.42, 0.5, 0.6, 0.69, 0.7, 0.85, 2].map(stepOf), [0.42, 0.42, 0.5, 0.54, 0.61, 0.7, 0.846, 0.846]);
});

test("below 0.7 numbers are short, and below 0.54 there is a name alone", () => {
  assert.deepEqual([0.54, 0.61, 0.7].map(isShort), [true, true, false]);
  assert.deepEqual([0.5, 0.54].map(saysDetail), [false, true]);
});
