// Nodes and groups as SVG, where they are few and legible.
import { CARD, bandPath, detailSize, nameSize, saysDetail } from "./card.js";
import { draw, dress } from "./dom.js";
import { ends, textWidth, whole } from "./measure.js";

/** @typedef {import("./stage.js").Stage} Stage */

const PLAY = "M-3 -5L5.5 0L-3 5Z";
const PLUS = "M-4.5 0H4.5M0 -4.5V4.5";
const FOOT = 14;

/** The colours are the style sheet's, by the classes that `mark` gives. */
export class Cards {
  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.shown = new Map();
    this.stale = new Set();
    /** The scale for which the texts are laid. */
    this.step = 1;
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

  /** Lay the texts for another scale. @param {number} step */
  write(step) {
    this.step = step;
    for (const card of this.shown.values()) this.update(card);
  }

  make(unit) {
    const { width, height, left, top } = this.graph.boxes[unit];
    const group = this.graph.isGroup(unit);
    const which = group ? { "data-unit": unit } : { "data-i": this.graph.members[unit][0] };
    const card = {
      ...{ unit, group, halo: null, box: draw("rect.sk-box", { width, height, rx: CARD.radius }) },
      name: draw("text.sk-name"),
      detail: draw("text.sk-detail"),
      extra: draw("g"),
      element: draw("g", { ...which, transform: `translate(${left} ${top})` }),
    };
    card.element.append(...(group ? this.sheet(width, height) : []), card.box, ...this.signs(card, height));
    card.element.append(card.name, card.detail, card.extra);
    this.world.append(card.element);
    this.update(card);
    return card;
  }

  /** The second sheet of a group. */
  sheet(width, height) {
    return [draw("rect.sk-sheet", { width, height, rx: CARD.radius, x: 4, y: 4 })];
  }

  /** The status's band with its sign, which a group has not, and the kind's picture. */
  signs(card, height) {
    const { unit, group } = card;
    const middle = (group ? height - FOOT : height) / 2;
    const at = `translate(${group ? 20 : CARD.icon} ${middle})`;
    const icon = draw("path.sk-icon", { d: this.graph.icon(unit), transform: at });
    if (group) return [icon];
    card.sign = draw("path.sk-sign", { transform: `translate(${CARD.band / 2} ${middle})` });
    return [draw("path.sk-band", { d: bandPath(height) }), card.sign, icon];
  }

  update(card) {
    const { unit, group } = card;
    const { width } = this.graph.boxes[unit];
    const look = this.graph.looks[this.graph.worst(unit)];
    if (!group) {
      dress(card.box, { "stroke-width": look.border, "stroke-dasharray": look.dash.join(" ") || "none" });
      dress(card.sign, { d: look.d, "stroke-width": look.width });
      card.sign.classList.toggle("sk-filled", look.filled);
    }
    if (card.halo) card.halo.title.textContent = this.graph.tip(unit);
    this.writeCard(card);
    card.extra.replaceChildren(...(group ? this.shares(unit, width - 16) : this.extras(unit)));
    this.mark(card);
  }

  writeCard(card) {
    const { unit, group, name, detail } = card;
    const { width, height } = this.graph.boxes[unit];
    const { bold } = group ? { bold: false } : this.graph.looks[this.graph.worst(unit)];
    const { font } = this.stage.view.theme;
    const left = group ? CARD.left - 18 : CARD.left;
    const room = width - left - CARD.right;
    const shown = ends(this.graph.nameOfUnit(unit), room, nameSize(this.step), `${bold ? 700 : 600}`, font);
    const line = saysDetail(this.step) ? whole(this.graph.parts(unit, this.step), room, detailSize(this.step), font) : "";
    const middle = (group ? height - FOOT : height) / 2;
    dress(name, { x: left, y: middle + (line ? -3 : 5), "font-weight": bold ? 700 : 600, "font-size": shown.size });
    dress(detail, { x: left, y: middle + (line ? 3 + detailSize(this.step) * 0.9 : 0), "font-size": detailSize(this.step) });
    name.textContent = shown.text;
    detail.textContent = line;
  }

  /** The second line of a node that runs, as time goes on. */
  tick() {
    const { code } = this.graph;
    for (const card of this.shown.values())
      if (!card.group && this.graph.worst(card.unit) === code.running) {
        this.writeCard(card);
        card.extra.replaceChildren(...this.extras(card.unit));
      }
  }

  *shares(unit, width) {
    const at = this.graph.boxes[unit].height - FOOT;
    for (const { status, x, wide } of this.graph.shareOf(unit, width))
      yield draw(`rect.sk-share.sk-${this.graph.name(status)}`, { x: 8 + x, y: at, width: wide, height: 6 });
    yield draw("rect.sk-bar-frame", { x: 8, y: at, width, height: 6 });
  }

  /** Badges on the upper edge, and how far a node that runs is at its foot. */
  *extras(unit) {
    const { width, height } = this.graph.boxes[unit];
    const [node] = this.graph.members[unit];
    const { font } = this.stage.view.theme;
    let right = width - 8;
    for (const { text, warns } of this.graph.badges(node, this.step)) {
      const shown = ends(text, 60, 9, "600", font).text;
      const wide = textWidth(shown, 9, "600", font) + 10;
      right -= wide;
      yield draw(warns ? "rect.sk-badge.sk-warning" : "rect.sk-badge", { x: right, y: -7, width: wide, height: 14, rx: 7 });
      yield draw(warns ? "text.sk-badge-text.sk-warning" : "text.sk-badge-text", { x: right + 5, y: 3.3 }, shown);
      right -= 4;
    }
    const part = this.graph.done(node);
    if (part >= 0) yield draw("rect.sk-done", { x: CARD.band, y: height - 4, width: (width - CARD.band - 4) * part, height: 3 });
  }

  /** What only a card has that somebody points at or has chosen: a ring, a tooltip, and a button. */
  halo(card) {
    if (card.halo) return;
    const { unit, group, element } = card;
    const { width, height } = this.graph.boxes[unit];
    const title = draw("title", this.graph.tip(unit));
    const ring = draw("rect.sk-ring", { x: -4, y: -4, width: width + 8, height: height + 8, rx: CARD.radius + 4 });
    const does = group ? draw("path.sk-plus", { d: PLUS }) : draw("path.sk-play", { d: PLAY });
    const button = draw("g.sk-run", { transform: `translate(${width} ${height / 2})` }, draw("circle", { r: 12 }), does);
    card.halo = { title };
    element.prepend(title, ring);
    element.append(button);
  }

  /** The pointer is on a unit. @param {number} unit */
  point(unit) {
    const card = this.shown.get(unit);
    if (card) this.halo(card);
  }

  /** Its look, and what the user did with it, as classes. */
  mark(card) {
    const { unit, group, element } = card;
    const { view, at } = this.stage;
    const some = (nodes) => nodes.size > 0 && this.graph.members[unit].some((node) => nodes.has(node));
    const marks = {
      "sk-sel": some(view.selected),
      "sk-asked": some(view.commands.asked),
      "sk-at": unit === at,
      "sk-dim": view.finder.faint(unit),
      "sk-aside": this.stage.isAside(unit),
    };
    if (marks["sk-sel"] || marks["sk-asked"] || marks["sk-at"]) this.halo(card);
    const names = Object.keys(marks).filter((name) => marks[name]);
    const look = `sk-${this.graph.name(this.graph.worst(unit))}`;
    element.setAttribute("class", [group ? "sk-group" : "sk-node", look, ...names].join(" "));
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
