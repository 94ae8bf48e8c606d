import assert from "node:assert/strict";
import { test } from "node:test";

import { LEGIBLE, MARGIN, NEAREST, Room, START, between, nearestSpot, windowOf } from "../../../seeknal_nb/draw/web/camera.js";
import { boxOf } from "../../../seeknal_nb/draw/web/geometry.js";

const size = { width: 800, height: 400 };
const large = new Room(size, { width: 4000, height: 3000 });
const small = new Room(size, { width: 300, height: 100 });

/** Whether all of a box is in sight. */
function shows(camera, box) {
  const { left, top, right, bottom } = windowOf(camera, size);
  return left <= box.left && top <= box.top && right >= box.right && bottom >= box.bottom;
}

test("a graph that fits is no larger than life and stands in the middle", () => {
  assert.deepEqual(small.fitted, { k: 1, x: 250, y: 150 });
  assert.ok(small.fits);
  assert.ok(!large.fits);
});

test("a graph that is fitted is all in sight", () => {
  for (const room of [small, large]) assert.ok(shows(room.fitted, boxOf(0, 0, room.whole.width, room.whole.height)));
});

test("there is no empty ground on one side while the graph goes on on the other", () => {
  const { x, y } = large.framed({ k: 1, x: 500, y: -9000 });
  assert.deepEqual({ x, y }, { x: MARGIN, y: size.height - 3000 - MARGIN });
});

test("however far one pans, some of the graph stays in sight", () => {
  for (const [x, y] of [[1e6, 0], [-1e6, 1e6], [0, -1e6]]) {
    const seen = windowOf(large.kept({ k: 1, x, y }), size);
    assert.ok(seen.left < 4000 && seen.right > 0 && seen.top < 3000 && seen.bottom > 0);
  }
});

test("what is in sight is not moved for, and what is not is moved to, no further than it takes", () => {
  const camera = { k: 1, x: 0, y: 0 };
  assert.deepEqual(large.revealed(camera, [boxOf(100, 100, 60, 40)]), camera);
  assert.deepEqual(large.revealed(camera, [boxOf(900, 100, 60, 40)]), { k: 1, x: size.width - MARGIN - 960, y: 0 });
});

test("what is too small to read is revealed larger", () => {
  const box = boxOf(2000, 1500, 60, 40);
  const camera = large.revealed({ k: LEGIBLE / 2, x: 0, y: 0 }, [box]);
  assert.equal(camera.k, START);
  assert.ok(shows(camera, box));
});

test("what is revealed larger stands in the middle, but for empty ground beside the graph", () => {
  const small = { k: LEGIBLE / 2, x: 0, y: 0 };
  assert.deepEqual(large.revealed(small, [boxOf(2000, 1500, 60, 40)]), large.centred(START, 2030, 1520));
  assert.deepEqual(large.revealed(small, [boxOf(0, 0, 60, 40)]), { k: START, x: MARGIN, y: MARGIN });
});

test("of more than can be seen legibly, the first is revealed", () => {
  const boxes = [boxOf(0, 0, 60, 40), boxOf(3900, 2900, 60, 40)];
  assert.ok(shows(large.revealed({ k: 1, x: -2000, y: -1500 }, boxes), boxes[0]));
});

test("the point that is zoomed at stays where it is, within the scales that there are", () => {
  const camera = large.zoomed({ k: 1, x: 10, y: 20 }, 1.3, 400, 200);
  assert.equal((400 - camera.x) / camera.k, 390);
  assert.equal((200 - camera.y) / camera.k, 180);
  assert.equal(large.zoomed(camera, 1e9, 0, 0).k, NEAREST);
  assert.equal(large.zoomed(camera, 1e-9, 0, 0).k, large.fitScale);
  assert.equal(small.zoomed(camera, 1e-9, 0, 0).k, LEGIBLE / 2);
});

test("one zooms at what is nearest to the middle, else at the middle", () => {
  const window = { left: 0, top: 0, right: 100, bottom: 100 };
  assert.deepEqual(nearestSpot(window, []), { x: 50, y: 50 });
  assert.deepEqual(nearestSpot(window, [boxOf(0, 0, 10, 10), boxOf(60, 40, 10, 20)]), { x: 60, y: 50 });
});

test("a glide begins where it was and ends at its target", () => {
  const [from, to] = [{ k: 1, x: 0, y: 0 }, { k: 2, x: 10, y: 20 }];
  assert.deepEqual(between(from, to, 0), from);
  assert.deepEqual(between(from, to, 1), to);
  assert.ok(between(from, to, 0.5).k > 1.5);
});
