// Nodes and groups as SVG, where they are few and legible.
import { draw, dress, fitted } from "./dom.js";

/** @typedef {import("./stage.js").Stage} Stage */

const PLAY = "M-3 -5L5.5 0L-3 5Z";
const PLUS = "M-4.5 0H4.5M0 -4.5V4.5";
const TEXT = { left: 34, right: 12, line: 15, sizes: [10, 13, 10.5] };

/** The colours are the style sheet's, by the classes that `mark` gives. */
export class Cards {
  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.shown = new Map();
    this.stale = new Set();
    this.world = draw("g");
    this.element = draw("svg.sk-layer.sk-cards", { "aria-hidden": "true" }, this.world);
  }

  get graph() {
    return this.stage.graph;
  }

  reset() {
    this.shown.clear();
    this.world.replaceChildren();
  }

  /** Those of some units, and no others. @param {number[]} units */
  lay(units) {
    const kept = new Set(units);
    for (const [unit, card] of this.shown) {
      if (kept.has(unit)) continue;
      card.element.remove();
      this.shown.delete(unit);
    }
    for (const unit of kept) if (!this.shown.has(unit)) this.shown.set(unit, this.make(unit));
    const { k, x, y } = this.stage.camera;
    this.world.setAttribute("transform", `translate(${x} ${y}) scale(${k})`);
  }

  make(unit) {
    const { width, height, left, top } = this.graph.boxes[unit];
    const group = this.graph.isGroup(unit);
    const which = group ? { "data-unit": unit } : { "data-i": this.graph.members[unit][0] };
    const card = {
      ...{ unit, group, title: draw("title"), box: draw("rect.sk-box", { width, height, rx: 8 }) },
      sign: draw("path.sk-sign", { transform: `translate(18 ${height / 2})` }),
      texts: ["text.sk-kind", "text.sk-name", "text.sk-detail"].map((name) => draw(name, { x: TEXT.left })),
      bar: draw("g", { transform: `translate(8 ${height - 14})` }),
      element: draw("g", { ...which, transform: `translate(${left} ${top})` }),
    };
    const { element, title, box, sign, texts, bar } = card;
    element.append(title, ...this.under(card), box, sign, ...texts, bar, this.runButton(card));
    this.world.append(element);
    this.update(card);
    return card;
  }

  /** A ring, and the second sheet of a group. */
  under({ unit, group }) {
    const { width, height } = this.graph.boxes[unit];
    const ring = draw("rect.sk-ring", { x: -4, y: -4, width: width + 8, height: height + 8, rx: 11 });
    return group ? [ring, draw("rect.sk-sheet", { width, height, rx: 8, x: 4, y: 4 })] : [ring];
  }

  runButton({ unit, group }) {
    const { width, height } = this.graph.boxes[unit];
    const does = group ? draw("path.sk-plus", { d: PLUS }) : draw("path.sk-play", { d: PLAY });
    return draw("g.sk-run", { transform: `translate(${width} ${height / 2})` }, draw("circle", { r: 12 }), does);
  }

  update(card) {
    const { unit, group } = card;
    const { width, height } = this.graph.boxes[unit];
    const look = this.graph.looks[this.graph.worst(unit)];
    card.title.textContent = this.graph.tip(unit);
    dress(card.box, {
      "stroke-width": group ? 1.2 : look.border,
      "stroke-dasharray": (!group && look.dash.join(" ")) || "none",
    });
    dress(card.sign, { d: look.d, "stroke-width": look.width });
    card.sign.classList.toggle("sk-filled", look.filled);
    this.write(card, group ? {} : look, width, group ? height - 14 : height);
    if (group) card.bar.replaceChildren(...this.bar(unit, width - 16));
    this.mark(card);
  }

  write({ unit, texts }, { bold = false, italic = false }, width, height) {
    const lines = this.graph.lines(unit);
    let y = height / 2 - (TEXT.line * lines.filter(Boolean).length) / 2 - 2;
    lines.forEach((line, part) => {
      const weight = part === 1 ? (bold ? 700 : 600) : 400;
      const slant = italic ? "italic" : "normal";
      if (line) y += TEXT.line;
      dress(texts[part], { y, "font-weight": weight, "font-style": slant });
      const font = `${slant} ${weight} ${TEXT.sizes[part]}px ${this.stage.view.theme.font}`;
      texts[part].textContent = fitted(line, width - TEXT.left - TEXT.right, font);
    });
  }

  *bar(unit, width) {
    for (const { status, x, wide } of this.graph.parts(unit, width))
      yield draw(`rect.sk-share.sk-${this.graph.word(status)}`, { x, width: wide, height: 6 });
    yield draw("rect.sk-bar-frame", { width, height: 6 });
  }

  /** Its status, and what the user did with it, as classes. */
  mark({ unit, group, element }) {
    const { view, at } = this.stage;
    const some = (nodes) => nodes.size > 0 && this.graph.members[unit].some((node) => nodes.has(node));
    const marks = {
      "sk-sel": some(view.selected),
      "sk-asked": some(view.commands.asked),
      "sk-at": unit === at,
      "sk-dim": view.finder.faint(unit),
    };
    const names = Object.keys(marks).filter((name) => marks[name]);
    const status = `sk-${this.graph.word(this.graph.worst(unit))}`;
    element.setAttribute("class", [group ? "sk-group" : "sk-node", status, ...names].join(" "));
  }

  markAll() {
    for (const card of this.shown.values()) this.mark(card);
  }

  /** Those of what has changed, and no others. */
  refresh() {
    for (const unit of this.stale) if (this.shown.has(unit)) this.update(this.shown.get(unit));
    this.stale.clear();
  }
}
