// The drawing: what is in sight of it, and how one gets about in it.
import { FAR, LEGIBLE, MARGIN, Room, START, between, nearestSpot, windowOf } from "./camera.js";
import { stepOf } from "./card.js";
import { Painter } from "./canvas.js";
import { Cards } from "./cards.js";
import { calm, make, put } from "./dom.js";
import { meet, within } from "./geometry.js";
import { Overview } from "./overview.js";

/** @typedef {import("./camera.js").Camera} Camera */

// More elements make panning slow.
const MOST_CARDS = 600;
// More of what is selected lights up no edges.
const MOST_LIT = 100;
const GLIDE = 220;
// After so many milliseconds zooming pauses.
const PAUSE = 80;
// More of what is selected leaves the rest as it is.
const MOST_APART = 4;
const URGENT_LOOKS = ["failed", "warning", "running"];

/** Edges on a canvas; nodes as SVG where they are few and legible, else as boxes on a second canvas. */
export class Stage {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    /** @type {Camera} */
    this.camera = { k: START, x: 0, y: 0 };
    this.size = { width: 0, height: 0 };
    this.ratio = 0;
    /** The edges that are lit up. @type {Set<number>} */
    this.lit = new Set();
    /** The unit that the pointer is on. */
    this.hover = -1;
    /** The unit that is the keyboard's place. */
    this.at = -1;
    this.far = false;
    this.moving = 0;
    /** The timer of texts that are laid anew. @type {number | undefined} */
    this.writing = undefined;
    /** The units that are not up or down of the few that are selected, and stand back. @type {Set<number> | null} */
    this.near = null;
    this.painter = new Painter(this);
    this.cards = new Cards(this);
    this.overview = new Overview(this);
    this.tip = make("div.sk-tip", { hidden: "" });
    const layers = [...this.painter.canvases, this.cards.element, this.overview.element, this.tip];
    this.element = make("div.sk-stage", { tabindex: "0", role: "application" }, ...layers);
  }

  get graph() {
    return this.view.graph;
  }

  get room() {
    return new Room(this.size, this.graph);
  }

  get window() {
    return windowOf(this.camera, this.size);
  }

  /** Begin anew with other units or other colours. */
  reset() {
    this.cards.reset();
    this.painter.reset();
    this.hover = -1;
    if (!this.graph.boxes[this.at]) this.at = -1;
    this.light();
  }

  fit(animated = false) {
    this.moveTo(this.room.fitted, animated);
    this.view.memory.moved = false;
  }

  /** Where a graph opens: all of it where that is legible, else where something failed or runs, else its beginning. */
  home() {
    const { boxes } = this.graph;
    if (this.room.fits || !boxes.length) return this.fit();
    const found = this.urgent();
    const { left, top } = boxes[found < 0 ? this.first() : found];
    const beginning = { k: START, x: MARGIN - left * START, y: MARGIN - top * START };
    this.moveTo(this.room.framed(found < 0 ? beginning : this.room.centredOn(START, boxes[found])));
    this.view.memory.moved = false;
  }

  /** The first unit where something failed, else runs, came with warnings, or changed, or -1. */
  urgent() {
    const { code, shares } = this.graph;
    const asked = [code.failed, code.running, code.warning, code.changed];
    const found = asked.map((status) => shares.findIndex((share) => share[status]));
    return found.find((unit) => unit >= 0) ?? -1;
  }

  /** The unit that is nearest to the upper left. */
  first() {
    const far = ({ left, top }) => left + top;
    return this.graph.boxes.reduce((best, box, unit, boxes) => (far(box) < far(boxes[best]) ? unit : best), 0);
  }

  /** Move as little as it takes to see these units, or the first of too many, legibly. @param {number[]} units */
  reveal(units) {
    const boxes = units.map((unit) => this.graph.boxes[unit]).filter(Boolean);
    if (boxes.length) this.moveTo(this.room.revealed(this.camera, boxes), true);
  }

  /** About a point of the screen. */
  zoom(factor, sx, sy) {
    this.moveTo(this.room.zoomed(this.camera, factor, sx, sy));
    this.view.memory.moved = true;
  }

  /** About the middle or, where nothing stands there, what is nearest to it. */
  zoomInPlace(factor) {
    const { k, x, y } = this.camera;
    const boxes = this.seen().map((unit) => this.graph.boxes[unit]);
    const spot = nearestSpot(this.window, boxes);
    this.zoom(factor, spot.x * k + x, spot.y * k + y);
  }

  pan(dx, dy) {
    const { k, x, y } = this.camera;
    this.moveTo({ k, x: x + dx, y: y + dy });
    this.view.memory.moved = true;
  }

  /** @param {number} x of the graph @param {number} y of the graph */
  lookAt(x, y) {
    this.moveTo(this.room.centred(this.camera.k, x, y));
    this.view.memory.moved = true;
  }

  /** @param {Camera} camera */
  moveTo(camera, animated = false) {
    const target = this.room.kept(camera);
    cancelAnimationFrame(this.moving);
    if (animated && !calm()) this.glide(this.camera, target);
    else this.place(target);
  }

  glide(from, target) {
    const began = performance.now();
    const step = (now) => {
      const part = within((now - began) / GLIDE, [0, 1]);
      this.place(between(from, target, part));
      if (part < 1) this.moving = requestAnimationFrame(step);
    };
    this.moving = requestAnimationFrame(step);
  }

  /** @param {Camera} camera */
  place(camera) {
    this.camera = this.view.memory.camera = camera;
    this.view.mark("cards", "edges", "over", "frame");
  }

  /** Take the size of the element; gives whether it is another one. */
  resize() {
    const { clientWidth: width, clientHeight: height } = this.element;
    const ratio = window.devicePixelRatio || 1;
    const same = width === this.size.width && height === this.size.height && ratio === this.ratio;
    if (!width || !height || same) return false;
    this.size = { width, height };
    this.ratio = ratio;
    this.painter.resize(this.size, ratio);
    return true;
  }

  /** The units in sight. */
  seen() {
    const { window } = this;
    return this.graph.boxes.flatMap((box, unit) => (meet(box, window) ? [unit] : []));
  }

  /** The unit at a point of the screen, or -1. */
  hit(sx, sy) {
    const { k, x, y } = this.camera;
    const [left, top] = [(sx - x) / k, (sy - y) / k];
    return this.graph.boxes.findIndex((box) => meet(box, { left, top, right: left, bottom: top }));
  }

  layCards() {
    const seen = this.seen();
    this.far = this.camera.k < LEGIBLE || seen.length > MOST_CARDS;
    if (!this.cards.shown.size) this.cards.step = stepOf(this.camera.k);
    this.cards.lay(this.far ? [] : seen);
    if (!this.far && stepOf(this.camera.k) !== this.cards.step) this.write();
  }

  /** Lay the texts anew once zooming pauses: at each step it would double what a zoom costs. */
  write() {
    const { life } = this.view;
    life.drop(this.writing);
    this.writing = life.after(PAUSE, () => this.cards.write(stepOf(this.camera.k)));
  }

  /** The edges up and down from where the pointer is, else from what is selected. */
  light() {
    const { drawn } = this.graph;
    const from = this.hover >= 0 ? [this.hover] : this.graph.units(this.view.selected).slice(0, MOST_LIT);
    this.lit = new Set([...drawn.reach(from, 0).edges, ...drawn.reach(from, 1).edges]);
    this.view.mark("over");
  }

  /** What few selected nodes have up and down stands out; all else stands back. */
  setApart() {
    const units = this.graph.units(this.view.selected);
    const few = units.length > 0 && this.view.selected.size <= MOST_APART;
    const { drawn } = this.graph;
    this.near = few ? new Set([...drawn.reach(units, 0).ends, ...drawn.reach(units, 1).ends]) : null;
    this.view.mark("style", "edges", "over");
  }

  /** How much of a unit is seen that stands back; what needs somebody is seen all the same. @param {number} unit */
  apart = (unit) => (URGENT_LOOKS.includes(this.graph.name(this.graph.worst(unit))) ? 0.75 : 0.4);

  /** @param {number} unit */
  isAside = (unit) => this.near !== null && !this.near.has(unit);

  /** A unit's card is due; gives whether its edges are too. @param {number} unit @param {boolean} unreached before */
  spoil(unit, unreached) {
    this.cards.stale.add(unit);
    return unreached !== this.graph.unreached(unit) && this.camera.k >= FAR;
  }

  /** The pointer is on a unit, or on none (-1), at a point of the screen. */
  point(unit, { x, y } = { x: 0, y: 0 }) {
    this.tip.hidden = unit < 0 || !this.far;
    if (!this.tip.hidden) {
      this.tip.textContent = this.graph.tip(unit);
      put(this.tip, { left: Math.min(x + 14, this.size.width - 200), top: Math.min(y + 14, this.size.height - 60) });
    }
    if (unit === this.hover) return;
    this.hover = unit;
    this.cards.point(unit);
    this.element.classList.toggle("sk-over", unit >= 0);
    this.light();
  }
}
