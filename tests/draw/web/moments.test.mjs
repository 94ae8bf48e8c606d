import assert from "node:assert/strict";
import { test } from "node:test";

import { dayOf } from "../../../seeknal_nb/draw/web/moments.js";

const NOW = new Date(2026, 10, 30, 16, 20);
const at = (...parts) => dayOf(new Date(...parts).getTime() / 1000, NOW);

test("a moment is told by its day, as people count days", () => {
  assert.equal(at(2026, 10, 30, 15, 51), "today 15:51");
  assert.equal(at(2026, 10, 30, 0, 1), "today 00:01");
  assert.equal(at(2026, 10, 29, 23, 59), "yesterday 23:59");
  assert.equal(at(2026, 10, 28, 15, 51), "28 Nov 15:51");
  assert.equal(at(2025, 10, 30, 15, 51), "30 Nov 2025 15:51");
});

test("a clock that is ahead makes no day of its own", () => assert.equal(at(2026, 11, 1, 9, 5), "1 Dec 09:05"));
