// Where the details stand: beside the graph where it stays legible beside them, else below; and how wide they are.
import { FIT_LEAST, MARGIN, START } from "./camera.js";
import { make } from "./dom.js";
import { within } from "./geometry.js";

/** @typedef {import("./view.js").View} View */

export const WIDE = 900;
// Of the details beside the graph: their share of the width, the range of that, and the range that one can drag them to.
const [SHARE, USUAL, LEAST, MOST] = [0.36, [320, 420], 280, 0.6];
const STEP = 24;
// How high the graph may be: alone, beside its details at least, above them at most, and there in a narrow view.
const HEIGHTS = [180, 540];
const [LOW_BESIDE, ABOVE, ABOVE_NARROW] = [420, 380, 236];

/**
 * @param {number} width of the view
 * @param {{ width: number }} graph
 * @param {string | undefined} chosen
 */
export function placeOf(width, graph, chosen) {
  if (width < WIDE) return "below";
  const room = width - usualWidth(width) - 2 * MARGIN;
  return chosen ?? (Math.min(room / graph.width, 1) >= FIT_LEAST ? "beside" : "below");
}

/** @param {number} width of the view */
export const usualWidth = (width) => within(width * SHARE, USUAL);

export class Dock {
  /** @param {View} view */
  constructor(view) {
    this.view = view;
    const attributes = { role: "separator", tabindex: "0", "aria-orientation": "vertical", "aria-label": "Width of the details" };
    this.edge = make("div.sk-edge", attributes);
    this.place = "beside";
  }

  /** @param {import("./lifetime.js").Lifetime} life */
  listen(life) {
    life.on(this.edge, "pointerdown", (event) => {
      event.preventDefault();
      this.edge.setPointerCapture(event.pointerId);
    });
    life.on(this.edge, "pointermove", (event) => event.buttons && this.drag(event.clientX));
  }

  drag(clientX) {
    this.set(this.view.root.getBoundingClientRect().right - clientX);
  }

  /** By a key of the edge. @param {1 | -1} way */
  step(way) {
    this.set(this.wide + way * STEP);
  }

  /** @param {number} width */
  set(width) {
    this.view.memory.wide = within(width, [LEAST, MOST * this.view.root.clientWidth]);
    this.lay();
    this.view.resize();
  }

  /** To the other place; the choice is kept. */
  turn() {
    this.view.memory.place = this.place === "beside" ? "below" : "beside";
    this.view.raise();
    this.view.resize();
  }

  /** That of the stage, as the graph needs it and the details leave it. */
  get height() {
    const { root, graph, panel } = this.view;
    const room = root.clientWidth - (panel.open && this.place === "beside" ? this.wide : 0);
    const k = Math.min((room - 2 * MARGIN) / graph.width, 1);
    const high = within(graph.height * (k < FIT_LEAST ? START : k) + 2 * MARGIN, HEIGHTS);
    if (!panel.open) return high;
    if (this.place === "beside") return Math.max(high, LOW_BESIDE);
    return Math.min(high, root.clientWidth < WIDE ? ABOVE_NARROW : ABOVE);
  }

  /** How wide the details are, beside the graph. */
  get wide() {
    const width = this.view.root.clientWidth;
    const { wide } = this.view.memory;
    return wide ? within(wide, [LEAST, MOST * width]) : usualWidth(width);
  }

  lay() {
    const { root, graph, memory, panel } = this.view;
    const width = root.clientWidth;
    if (!width) return;
    this.place = placeOf(width, graph, memory.place);
    const beside = this.place === "beside";
    root.classList.toggle("sk-below", !beside);
    root.classList.toggle("sk-columns", !beside && width >= WIDE);
    this.edge.hidden = !beside || !panel.open;
    panel.element.style.flexBasis = beside ? `${Math.round(this.wide)}px` : "";
    panel.element.querySelector("[data-do=move]").hidden = width < WIDE;
  }
}
