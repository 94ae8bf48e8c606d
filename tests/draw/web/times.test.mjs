import assert from "node:assert/strict";
import { test } from "node:test";

import { exactly, rounded, when } from "../../../seeknal_nb/draw/web/times.js";

const NOW = new Date(2026, 10, 30, 16, 0);
const at = (...parts) => new Date(...parts).getTime() / 1000;

test("a time is said as people say it", () => {
  assert.equal(when(at(2026, 10, 30, 15, 51), NOW), "today 15:51");
  assert.equal(when(at(2026, 10, 30, 0, 0), NOW), "today 00:00");
  assert.equal(when(at(2026, 10, 29, 23, 59, 59), NOW), "yesterday 23:59");
  assert.equal(when(at(2026, 10, 28, 9, 12), NOW), "28 Nov");
  assert.equal(when(at(2026, 0, 3, 9, 12), NOW), "3 Jan");
  assert.equal(when(at(2025, 10, 3, 9, 12), NOW), "3 Nov 2025");
  assert.equal(when(at(2026, 11, 1, 9, 12), NOW), "1 Dec"); // a clock that goes before
});

test("the exact time has the reader's zone", () => {
  assert.match(exactly(at(2026, 10, 3, 9, 5, 7)), /^2026-11-03 09:05:07 UTC[+-]\d\d:\d\d$/);
});

test("what is left is no more exact than it is known", () => {
  assert.deepEqual([1.2, 9, 12, 41, 58, 185, 4000].map(rounded), ["2 s", "9 s", "10 s", "40 s", "1 min", "3 min", "1 h 7 min"]);
});
