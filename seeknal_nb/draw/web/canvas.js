// The canvases of a stage: edges below the cards; above them what is lit up and, where there are no cards, all nodes.
import { FAR } from "./camera.js";
import { make } from "./dom.js";
import { meet } from "./geometry.js";
import { ends } from "./measure.js";
import { arrow, bundles, straightPaths, trace } from "./routes.js";

/** @typedef {import("./stage.js").Stage} Stage */
/** @typedef {CanvasRenderingContext2D} Context */

// Heights on the screen: of a box that is but a dot of colour, and of one with room for a name.
const [TINY, READABLE] = [5, 13];

/** Paints with the camera of its stage. */
export class Painter {
  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
    /** @type {HTMLCanvasElement[]} */
    this.canvases = [0, 1].map(() => make("canvas.sk-layer"));
    this.labels = { k: 0, fitted: new Map() };
    this.straight = [];
  }

  get graph() {
    return this.stage.graph;
  }

  get view() {
    return this.stage.view;
  }

  /** Begin anew with another scene. */
  reset() {
    this.labels = { k: 0, fitted: new Map() };
    this.straight = straightPaths(this.graph);
  }

  resize({ width, height }, ratio) {
    for (const canvas of this.canvases) [canvas.width, canvas.height] = [width * ratio, height * ratio];
  }

  begin(canvas) {
    const context = canvas.getContext("2d");
    const { camera, ratio } = this.stage;
    const [k, x, y] = [camera.k * ratio, camera.x * ratio, camera.y * ratio];
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.setTransform(k, 0, 0, k, x, y);
    return context;
  }

  paintEdges() {
    const context = this.begin(this.canvases[0]);
    const { window, camera } = this.stage;
    context.strokeStyle = context.fillStyle = this.view.theme.colours.line;
    if (camera.k < FAR) return this.paintStraight(context, window);
    const seen = this.graph.frames.flatMap((frame, edge) => (meet(frame, window) ? [edge] : []));
    return this.stroke(context, seen, 1.2);
  }

  paintStraight(context, window) {
    context.lineWidth = 0.8 / this.stage.camera.k;
    context.globalAlpha = this.view.finder.dimmed ? 0.15 : 0.5;
    for (const bundle of this.straight) if (meet(bundle, window)) context.stroke(bundle.path);
    context.globalAlpha = 1;
  }

  /** Edges with their arrows, dashed and faint ones in strokes of their own. */
  stroke(context, edges, width) {
    const { graph } = this;
    const { finder } = this.view;
    const straight = this.stage.camera.k < FAR;
    const styles = [[], [], [], []];
    for (const edge of edges) {
      const [start, end] = [graph.drawn.other(edge, 1), graph.drawn.other(edge, 0)];
      const aside = this.stage.isAside(start) || this.stage.isAside(end);
      const [dashed, faint] = [graph.unreached(end) && !straight, aside || finder.faint(start) || finder.faint(end)];
      styles[Number(dashed) + 2 * Number(faint)].push(edge);
    }
    context.lineWidth = Math.max(width, 0.8 / this.stage.camera.k);
    styles.forEach((found, style) => {
      context.globalAlpha = style & 2 ? 0.2 : 1;
      context.setLineDash(style & 1 ? [5, 4] : []);
      for (const some of bundles(found)) this.strokeBundle(context, some, straight);
    });
    context.globalAlpha = 1;
    context.setLineDash([]);
  }

  strokeBundle(context, edges, straight) {
    context.beginPath();
    for (const edge of edges) trace(context, this.graph, edge, straight);
    context.stroke();
    if (straight) return;
    context.beginPath();
    for (const edge of edges) arrow(context, this.graph, edge);
    context.fill();
  }

  paintOver() {
    const context = this.begin(this.canvases[1]);
    context.strokeStyle = context.fillStyle = this.view.theme.colours.accent;
    this.stroke(context, this.stage.lit, 2.5);
    if (!this.stage.far) return;
    for (const unit of this.stage.seen()) this.paintBox(context, unit);
    context.globalAlpha = 1;
    this.paintRings(context);
  }

  paintBox(context, unit) {
    const { graph, view } = this;
    const { left, top, width, height } = graph.boxes[unit];
    const status = graph.worst(unit);
    const high = height * this.stage.camera.k;
    const group = graph.isGroup(unit);
    const ground = group && high >= READABLE ? view.theme.colours.group : view.theme.shade(status).fill;
    context.globalAlpha = view.finder.faint(unit) ? 0.2 : this.stage.isAside(unit) ? this.stage.apart(unit) : 1;
    context.fillStyle = high < TINY ? view.theme.dot(status) : ground;
    context.fillRect(left, top, width, height);
    if (group) this.paintShares(context, unit, high < READABLE ? height : height / 5);
    if (high >= TINY) this.paintBorder(context, unit, group, high);
    if (high >= READABLE) this.paintLabel(context, unit, group ? view.theme.colours.ink : view.theme.shade(status).sign);
  }

  paintBorder(context, unit, group, high) {
    const { graph, view } = this;
    const { left, top, width, height } = graph.boxes[unit];
    const status = graph.worst(unit);
    const { border, dash } = graph.looks[status];
    context.strokeStyle = group ? view.theme.colours.line : view.theme.shade(status).edge;
    context.lineWidth = Math.max(border, 0.8 / this.stage.camera.k);
    context.setLineDash(group || high < READABLE ? [] : dash);
    context.strokeRect(left, top, width, height);
    context.setLineDash([]);
  }

  /** The share of each status, at the foot of a group. */
  paintShares(context, unit, height) {
    const { left, bottom, width } = this.graph.boxes[unit];
    for (const { status, x, wide } of this.graph.shareOf(unit, width)) {
      context.fillStyle = this.view.theme.dot(status);
      context.fillRect(left + x, bottom - height, wide, height);
    }
  }

  /** Sign and name, as large on the screen at every scale. */
  paintLabel(context, unit, ink) {
    const { left, top, width, height } = this.graph.boxes[unit];
    const look = this.graph.looks[this.graph.worst(unit)];
    const { k } = this.stage.camera;
    context.save();
    context.translate(left, top + height / 2);
    context.scale(1 / k, 1 / k);
    context.strokeStyle = context.fillStyle = ink;
    const weight = look.bold ? "700" : "600";
    const { text, size } = this.label(unit, width * k - 24, weight);
    context.font = `${weight} ${size}px ${this.view.theme.font}`;
    context.textBaseline = "middle";
    context.fillText(text, 20, 0.5);
    if (!this.graph.isGroup(unit)) this.paintSign(context, look);
    context.restore();
  }

  /** @param {Context} context @param {import("./messages.js").Look} look */
  paintSign(context, look) {
    look.path ??= new Path2D(look.d);
    context.translate(10, 0);
    context.scale(0.75, 0.75);
    context.lineWidth = look.width;
    context.stroke(look.path);
    if (look.filled) context.fill(look.path);
  }

  /** A name cut to the box; kept while the scale stays. */
  label(unit, room, weight) {
    const { k } = this.stage.camera;
    if (this.labels.k !== k) this.labels = { k, fitted: new Map() };
    const known = this.labels.fitted;
    if (!known.has(unit)) known.set(unit, ends(this.graph.nameOfUnit(unit), room, 10, weight, this.view.theme.font));
    return known.get(unit);
  }

  paintRings(context) {
    const { commands, selected, theme } = this.view;
    const { accent, ink } = theme.colours;
    for (const unit of this.graph.units(commands.asked)) this.paintRing(context, unit, accent, [4, 3]);
    for (const unit of this.graph.units(selected)) this.paintRing(context, unit, accent);
    const { element, hover, at } = this.stage;
    const place = element.matches(":focus-visible") ? at : -1;
    for (const unit of [hover, place]) if (unit >= 0) this.paintRing(context, unit, ink);
  }

  paintRing(context, unit, ink, dash = []) {
    const { left, top, width, height } = this.graph.boxes[unit];
    const thick = 2 / this.stage.camera.k;
    context.strokeStyle = ink;
    context.lineWidth = thick;
    context.setLineDash(dash.map((length) => length * thick));
    context.strokeRect(left - thick, top - thick, width + 2 * thick, height + 2 * thick);
    context.setLineDash([]);
  }
}
