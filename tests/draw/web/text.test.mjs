import assert from "node:assert/strict";
import { test } from "node:test";

import { amount, brief, joined, plain, plural, safe, took } from "../../../seeknal_nb/draw/web/text.js";

test("what forges a text is spelled out", () => {
  assert.equal(safe("a\u202eb\x1b[0m\ud800"), "a\\u202eb\\x1b[0m\\ud800");
  assert.equal(safe("ü 😀 \u0301"), "ü 😀 \u0301");
});

test("lines stay lines, but in a plain text", () => {
  assert.equal(safe("a\n\tb"), "a\n\tb");
  assert.equal(plain("a\n\tb"), "a\\n b");
});

test("nothing is an empty text", () => assert.deepEqual([undefined, null, 0].map(safe), ["", "", "0"]));

test("numbers are grouped by thousands", () => {
  assert.deepEqual([0, 999, 1000, 1336776, 2 ** 40].map(amount), ["0", "999", "1,000", "1,336,776", "1,099,511,627,776"]);
  assert.deepEqual([0, 1, 2000].map((count) => plural(count, "row")), ["0 rows", "1 row", "2,000 rows"]);
  assert.deepEqual([0.526, 5.23, 200].map(took), ["0.53 s", "5.2 s", "3 min 20 s"]);
  assert.deepEqual([7, 1000, 327346, 999_600, 12e6].map(brief), ["7", "1.0k", "327k", "1.0M", "12M"]);
});

test("parts that are not there leave no gap", () => assert.equal(joined(["a", false, "", 0, null, undefined, "b"]), "a · b"));
