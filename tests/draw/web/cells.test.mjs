import assert from "node:assert/strict";
import { test } from "node:test";

import { indexAmong } from "../../../seeknal_nb/draw/web/cells.js";

const cell = (id, text) => ({ id, text });
const CELLS = [cell("1", "%%seeknal transform a\nSELECT 1"), cell("2", "%%seeknal transform a\nSELECT 2"), cell("3", "x"), cell("4", "x")];

test("a cell is known by its id, whatever it says meanwhile", () => {
  assert.equal(indexAmong(CELLS, cell("2", CELLS[0].text)), 1);
});

test("without an id it is known by its whole text", () => {
  assert.equal(indexAmong(CELLS, cell("", `${CELLS[1].text}\n`)), 1);
  assert.equal(indexAmong(CELLS, cell("gone", CELLS[1].text)), 1);
});

test("where that is not sure there is none", () => {
  assert.equal(indexAmong(CELLS, cell("", "x")), -1);
  assert.equal(indexAmong(CELLS, cell("", "%%seeknal transform a")), -1);
  assert.equal(indexAmong(CELLS, cell("", "")), -1);
});
