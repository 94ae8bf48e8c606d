// Where a camera looks: decisions about scales and places, as pure functions of what there is room for. Knows no page.
import { around, within } from "./geometry.js";

/** A point of the graph times k, plus x and y, is a point of the screen. @typedef {{ k: number, x: number, y: number }} Camera */
/** @typedef {{ width: number, height: number }} Size */
/** @typedef {import("./geometry.js").Box} Box */
/** @typedef {import("./geometry.js").Sides} Sides */

// Scales: nodes are legible from LEGIBLE on, edges are curves from FAR on; a graph that fits at FIT_LEAST opens whole,
// any other opens at START.
export const [FAR, LEGIBLE, FIT_LEAST, START, NEAREST] = [0.3, 0.42, 0.46, 0.85, 2.5];
export const MARGIN = 24;

/** The part of the graph in sight. @param {Camera} camera @param {Size} size @returns {Sides} */
export function windowOf({ k, x, y }, size) {
  return { left: -x / k, top: -y / k, right: (size.width - x) / k, bottom: (size.height - y) / k };
}

/** @param {Camera} from @param {Camera} to @param {number} part from 0 to 1; it begins fast and ends slowly */
export function between(from, to, part) {
  const ease = 1 - (1 - part) ** 3;
  const mixed = (name) => from[name] + (to[name] - from[name]) * ease;
  return part < 1 ? { k: mixed("k"), x: mixed("x"), y: mixed("y") } : to;
}

/** The spot in some boxes that is nearest to the middle of a window, or the middle itself. */
export function nearestSpot({ left, top, right, bottom }, boxes) {
  const middle = { x: (left + right) / 2, y: (top + bottom) / 2 };
  const apart = (spot) => Math.hypot(spot.x - middle.x, spot.y - middle.y);
  const spots = boxes.map((box) => ({
    x: within(middle.x, [box.left, box.right]),
    y: within(middle.y, [box.top, box.bottom]),
  }));
  return spots.reduce((best, spot) => (apart(spot) < apart(best) ? spot : best), spots[0] ?? middle);
}

/** The room that there is on the screen for a graph. */
export class Room {
  /** @param {Size} size of the screen's part @param {Size} whole of the graph */
  constructor(size, whole) {
    this.size = size;
    this.whole = whole;
  }

  /** The scale at which something fits. @param {Size} box */
  scaleOf({ width, height }) {
    return Math.min((this.size.width - 2 * MARGIN) / width, (this.size.height - 2 * MARGIN) / height);
  }

  get fitScale() {
    return Math.min(this.scaleOf(this.whole), 1);
  }

  get fits() {
    return this.fitScale >= FIT_LEAST;
  }

  get fitted() {
    return this.framed({ k: this.fitScale, x: 0, y: 0 });
  }

  /** The camera that has a point of the graph in its middle. */
  centred(k, x, y) {
    return { k, x: this.size.width / 2 - x * k, y: this.size.height / 2 - y * k };
  }

  /** @param {number} k @param {Box} box */
  centredOn(k, { left, top, width, height }) {
    return this.centred(k, left + width / 2, top + height / 2);
  }

  /** With no empty ground on one side while the graph goes on on the other. @param {Camera} camera */
  framed({ k, x, y }) {
    const settled = (at, room, length) => {
      const spare = room - length * k;
      return spare > 2 * MARGIN ? spare / 2 : within(at, [spare - MARGIN, MARGIN]);
    };
    const { size, whole } = this;
    return { k, x: settled(x, size.width, whole.width), y: settled(y, size.height, whole.height) };
  }

  /** Never so far that nothing of the graph is in sight. @param {Camera} camera */
  kept({ k, x, y }) {
    const kept = (at, room, length) => within(at, [2.5 * MARGIN - length * k, room - 2.5 * MARGIN]);
    const { size, whole } = this;
    return { k, x: kept(x, size.width, whole.width), y: kept(y, size.height, whole.height) };
  }

  /** As little moved as it takes to see these boxes, or the first of too many, legibly. @param {Camera} camera @param {Box[]} boxes */
  revealed(camera, boxes) {
    const all = around(boxes);
    const target = this.scaleOf(all) < LEGIBLE ? boxes[0] : all;
    const k = Math.min(camera.k < LEGIBLE ? START : camera.k, this.scaleOf(target));
    if (k !== camera.k) return this.framed(this.centredOn(k, target));
    const nudged = (at, from, to, length) => within(at, [MARGIN - from * k, length - MARGIN - to * k]);
    const x = nudged(camera.x, target.left, target.right, this.size.width);
    return { k, x, y: nudged(camera.y, target.top, target.bottom, this.size.height) };
  }

  /** Nearer by a factor, about a point of the screen. @param {Camera} camera */
  zoomed({ k, x, y }, factor, sx, sy) {
    const next = within(k * factor, [Math.min(this.fitScale, LEGIBLE / 2), NEAREST]);
    return { k: next, x: sx - ((sx - x) * next) / k, y: sy - ((sy - y) * next) / k };
  }
}
