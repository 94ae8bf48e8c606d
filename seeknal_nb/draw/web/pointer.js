// The mouse or the fingers on a stage: what is a drag, a pinch, a click, and what each does.
import { DOUBLE_CLICK } from "./commands.js";

/** @typedef {{ x: number, y: number }} Spot */

// Pixels that a pointer may move during a click, and between two.
const [STILL, BESIDE] = [4, 6];

export class Pointer {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    this.element = view.stage.element;
    /** Where each pointer is that is down. @type {Map<number, Spot & { from: Spot }>} */
    this.spots = new Map();
    this.dragged = false;
    this.last = { unit: -1, time: 0, x: 0, y: 0 };
    this.listen();
  }

  listen() {
    const { element } = this;
    const { life, stage } = this.view;
    life.on(element, "pointerdown", (event) => this.down(event));
    life.on(element, "pointermove", (event) => this.move(event));
    life.on(element, "pointerup", (event) => this.spots.delete(event.pointerId));
    life.on(element, "pointercancel", (event) => this.spots.delete(event.pointerId));
    life.on(element, "pointerleave", () => stage.point(-1));
    life.on(element, "click", (event) => !this.dragged && this.isOver(event) && this.click(event, this.spot(event)));
    life.on(element, "wheel", (event) => this.wheel(event), { passive: false });
    life.on(this.view.main, "click", (event) => this.clickAgain(event), { capture: true });
  }

  /** @returns {Spot} */
  spot({ clientX, clientY }) {
    const { left, top } = this.element.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  isOver = ({ target }) => !target.closest(".sk-map, .sk-message");

  down(event) {
    this.dragged = false;
    if (event.button || !this.isOver(event)) return;
    this.spots.set(event.pointerId, { ...this.spot(event), from: this.spot(event) });
  }

  move(event) {
    const { stage } = this.view;
    // A button let go outside is not heard of.
    if (!event.buttons) this.spots.clear();
    const [last, now] = [this.spots.get(event.pointerId), this.spot(event)];
    if (!last) return stage.point(this.isOver(event) ? stage.hit(now.x, now.y) : -1, now);
    if (!this.dragged && Math.hypot(now.x - last.from.x, now.y - last.from.y) < STILL) return;
    if (!this.dragged) this.element.setPointerCapture(event.pointerId);
    this.dragged = true;
    this.drag(event.pointerId, last, now);
  }

  /** With a second pointer down it is a pinch. */
  drag(pointer, last, now) {
    const { stage } = this.view;
    const other = [...this.spots].find(([id]) => id !== pointer)?.[1];
    const apart = ({ x, y }) => Math.hypot(x - other.x, y - other.y) || 1;
    if (other) stage.zoom(apart(now) / apart(last), (now.x + other.x) / 2, (now.y + other.y) / 2);
    stage.pan((now.x - last.x) / (other ? 2 : 1), (now.y - last.y) / (other ? 2 : 1));
    Object.assign(last, now);
  }

  /** Without Ctrl a wheel scrolls the page, unless the graph has the focus. */
  wheel(event) {
    if (!event.ctrlKey && !event.metaKey && this.view.focused !== this.element) return;
    event.preventDefault();
    const speed = (event.deltaMode ? 20 : 1) * (event.ctrlKey ? 0.006 : 0.002);
    const { x, y } = this.spot(event);
    this.view.stage.zoom(2 ** (-event.deltaY * speed), x, y);
  }

  /** A node or a group is selected; on the button of a card, it runs or opens. */
  click(event, { x, y }) {
    const { view } = this;
    const { stage, graph } = view;
    const card = event.target.closest(".sk-run")?.parentElement.dataset;
    if (card) return view.commands.activate(card.unit ? Number(card.unit) : graph.unit[Number(card.i)]);
    const unit = stage.hit(x, y);
    const adding = event.ctrlKey || event.metaKey || event.shiftKey;
    if (unit < 0) return adding || view.select([]);
    stage.at = unit;
    if (adding) return view.select(this.toggled(unit), { focused: true });
    this.last = { unit, time: performance.now(), x: event.clientX, y: event.clientY };
    view.select(graph.members[unit], { focused: true });
    view.life.after(DOUBLE_CLICK, () => stage.reveal(graph.units(view.selected)));
  }

  /** What is selected, with a unit's nodes, or without them where they all were. @param {number} unit */
  toggled(unit) {
    const { graph, selected } = this.view;
    const members = graph.members[unit];
    const rest = [...selected].filter((node) => graph.unit[node] !== unit);
    return members.every((node) => selected.has(node)) ? rest : [...rest, ...members];
  }

  /** The second of two clicks, wherever it falls: the first may have put the panel under the pointer. */
  clickAgain(event) {
    const { unit, time, x, y } = this.last;
    this.last = { unit: -1, time: 0, x: 0, y: 0 };
    const near = Math.hypot(event.clientX - x, event.clientY - y) < BESIDE;
    if (unit < 0 || !near || performance.now() - time >= DOUBLE_CLICK) return;
    event.stopPropagation();
    this.view.commands.activate(unit);
  }
}
