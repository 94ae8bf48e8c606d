// The pipeline as Python told it; knows no page and no rule of a pipeline.
import { isShort } from "./card.js";
import { Edges } from "./edges.js";
import { lookOf, numbers, pathOf, sceneOf, stateOf } from "./messages.js";
import { amount, brief, joined, plain, plural, took } from "./text.js";

/** @typedef {import("./messages.js").Look} Look */
/** @typedef {import("./messages.js").State} State */
/** @typedef {import("./geometry.js").Box} Box */
/** @typedef {import("./geometry.js").Sides} Sides */

// The picture of several kinds.
const DIAMOND = "M0-6L6 0L0 6L-6 0Z";
// What the line of a group names.
const URGENT = new Set(["failed", "warning", "running", "changed"]);

/** Nodes by number, how they stand, and the units that show them: a unit is a node, or a group of nodes. */
export class Graph {
  /**
   * @param {{ get(name: string): any }} model
   * @param {{ state?: State }} memory how the nodes stood in the view before this one
   */
  constructor(model, memory) {
    const nodes = model.get("nodes");
    this.title = plain(nodes.title);
    this.version = nodes.version;
    /** @type {string[]} */
    this.names = nodes.name;
    /** @type {string[]} */
    this.kinds = nodes.kinds;
    /** The place of each node's kind among the kinds. @type {number[]} */
    this.kind = nodes.kind;
    /** The places of each node's tags among their names. @type {number[][]} */
    this.tags = nodes.tags;
    /** @type {string[]} */
    this.tagNames = nodes.tag_names;
    this.size = this.names.length;
    /** The paths of the kinds' pictures. @type {string[]} */
    this.icons = nodes.icons ?? [];
    /** How nodes are kept that are no tables. @type {Record<string, string[]>} */
    this.kept = nodes.kept ?? {};
    /** By number. @type {Look[]} */
    this.looks = nodes.looks.map(lookOf);
    /** The number of each status. @type {Record<string, number>} */
    this.code = Object.fromEntries(this.looks.map(({ name }, status) => [name, status]));
    /** The numbers of the looks, the worst first. */
    this.ranked = [...this.looks.keys()].sort((a, b) => this.looks[a].rank - this.looks[b].rank);
    this.edges = new Edges(this.size, numbers(Uint32Array, model.get("edges")));
    this.readScene(model.get("scene"));
    this.readSnapshot(model.get("snapshot"), memory);
  }

  /** @param {any} told */
  readScene(told) {
    const { pairs, ...scene } = sceneOf(told);
    this.scene = scene;
    this.drawn = new Edges(this.boxes.length, pairs);
    this.frames = Array.from({ length: this.drawn.size }, (_, edge) => this.frame(edge));
    /** @type {number[][]} */
    this.members = this.boxes.map(() => []);
    this.unit.slice(0, this.size).forEach((unit, node) => this.members[unit]?.push(node));
  }

  get boxes() {
    return this.scene.boxes;
  }

  /** The unit that shows each node; of one that none shows, a number that no unit has. */
  get unit() {
    return this.scene.unit;
  }

  get width() {
    return this.scene.width;
  }

  get height() {
    return this.scene.height;
  }

  /** @param {number} unit */
  isGroup = (unit) => this.scene.groups.has(unit);

  /** What is round the route of an edge. @param {number} edge @returns {Sides} */
  frame(edge) {
    const { starts, points } = this.scene;
    const frame = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
    for (let at = starts[edge]; at < starts[edge + 1]; at++) {
      const [x, y] = [points[2 * at], points[2 * at + 1]];
      [frame.left, frame.right] = [Math.min(frame.left, x), Math.max(frame.right, x)];
      [frame.top, frame.bottom] = [Math.min(frame.top, y), Math.max(frame.bottom, y)];
    }
    return frame;
  }

  /** The memory is newer than a snapshot that it began with: deltas do not change the model. */
  readSnapshot(snapshot, memory) {
    const known = memory.state?.source === snapshot.status ? memory.state : stateOf(snapshot);
    const { status, rows, seconds, more } = known;
    this.state = { ...known, status: status.slice(), rows: rows.slice(), seconds: seconds.slice(), more: { ...more } };
    this.begun = new Map();
    for (const node of this.names.keys()) this.note(node);
    this.count();
  }

  /** When a node began that runs, in milliseconds of the page. */
  note(node) {
    if (this.status(node) !== this.code.running) this.begun.delete(node);
    else this.begun.set(node, performance.now() - 1000 * (this.state.seconds[node] || 0));
  }

  /** What a later snapshot says otherwise, as a delta: node, look, rows, seconds, and so on. */
  difference(snapshot) {
    const [was, now] = [this.state, stateOf(snapshot)];
    const same = (a, b) => a === b || (a && b && JSON.stringify(a) === JSON.stringify(b));
    const differs = (name, node) => (name === "more" ? !same(was.more[node], now.more[node]) : !Object.is(was[name][node], now[name][node]));
    const found = [];
    for (let node = 0; node < this.size; node++) {
      if (!["status", "rows", "seconds", "more"].some((name) => differs(name, node))) continue;
      found.push(node, now.status[node], now.rows[node], now.seconds[node]);
    }
    was.source = now.source;
    return { found, more: now.more, run: now.run };
  }

  /** How many nodes of each status there are, in all and by unit. */
  count() {
    this.totals = new Uint32Array(this.looks.length);
    this.shares = this.boxes.map(() => new Uint32Array(this.looks.length));
    for (let node = 0; node < this.size; node++) this.tally(node, 1);
  }

  tally(node, by) {
    const [status, shares] = [this.status(node), this.shares[this.unit[node]]];
    this.totals[status] += by;
    if (shares) shares[status] += by;
  }

  /** @param {import("./messages.js").More} [more] */
  set(node, status, rows, seconds, more) {
    this.tally(node, -1);
    this.state.status[node] = status;
    this.state.rows[node] = rows ?? NaN;
    this.state.seconds[node] = seconds ?? NaN;
    if (more) this.state.more[node] = more;
    else delete this.state.more[node];
    this.note(node);
    this.tally(node, 1);
  }

  has = (node) => Number.isInteger(node) && node >= 0 && node < this.size;
  hasStatus = (status) => Number.isInteger(status) && status >= 0 && status < this.looks.length;
  status = (node) => this.state.status[node] ?? this.code.pending;
  name = (status) => this.looks[status].name;
  word = (status, count = 1) => (count === 1 ? this.looks[status].word : this.looks[status].many);
  more = (node) => this.state.more[node] ?? {};
  kindOf = (node) => plain(this.kinds[this.kind[node]]);
  nameOf = (node) => plain(this.names[node]);
  id = (node) => `${this.kindOf(node)}.${this.nameOf(node)}`;
  tagsOf = (node) => this.tags[node].map((tag) => plain(this.tagNames[tag]));

  /** The units that show these nodes, each once. @param {Iterable<number>} nodes @returns {number[]} */
  units = (nodes) => [...new Set(Array.from(nodes, (node) => this.unit[node]))].filter((unit) => this.boxes[unit]);

  /** The nodes that stand so. @param {(status: number) => boolean} test */
  those = (test) => Array.from(this.names.keys()).filter((node) => test(this.status(node)));

  /** The looks of a unit's nodes, the worst first. @param {number} unit @returns {number[]} */
  statuses = (unit) => this.ranked.filter((status) => this.shares[unit][status]);
  worst = (unit) => this.statuses(unit)[0] ?? this.code.pending;
  unreached = (unit) => this.looks[this.worst(unit)].unreached;

  /** What stands before the name of a unit; a group of several kinds has a diamond. @param {number} unit */
  icon(unit) {
    const kinds = new Set(this.members[unit].map((node) => this.kind[node]));
    const path = kinds.size === 1 ? this.icons[[...kinds][0]] : undefined;
    return pathOf(path ?? DIAMOND);
  }

  nameOfUnit = (unit) => (this.isGroup(unit) ? plain(this.scene.groups.get(unit).name) : this.lines(unit)[1]);

  /** How long a node that runs has done so, in seconds. */
  elapsed = (node) => (performance.now() - (this.begun.get(node) ?? performance.now())) / 1000;

  /** Rows, or how many checks held of those of a rule. @param {number} node */
  counted(node, short = false) {
    const { checks } = this.more(node);
    if (checks) return `${amount(checks[0])} of ${plural(checks[1], "check")}`;
    const rows = this.state.rows[node];
    return rows >= 0 && (short ? `${rows < 10_000 ? amount(rows) : brief(rows)} row${rows === 1 ? "" : "s"}` : plural(rows, "row"));
  }

  /** The parts of the line below a node's name, what matters most first. @param {number} node @returns {any[]} */
  said(node, short = false) {
    const { why, expect, parts } = this.more(node);
    const portion = parts && `${amount(parts[0])} of ${plural(parts[1], "part")}`;
    const [counted, seconds] = [this.counted(node, short), this.state.seconds[node]];
    const [time, was] = [seconds >= 0 && took(seconds), counted && `was ${counted}`];
    const name = this.name(this.status(node));
    if (name === "failed") return [plain(why), time ? `after ${time}` : "failed"];
    if (name === "running") return [portion, `${took(this.elapsed(node))}${expect ? ` of ~${took(expect)}` : ""}`];
    if (name === "skipped") return [plain(why) || "left out", was];
    if (name === "changed") return [plain(why) || "changed", was];
    return name === "pending" ? [plain(why) || this.word(this.code.pending)] : [portion, counted, time];
  }

  /** The second line of a unit, by parts; a group names what is urgent. @param {number} unit @param {number} step */
  parts(unit, step) {
    const [node] = this.members[unit];
    if (this.isGroup(unit)) return [plural(this.scene.groups.get(unit).count, "node"), ...this.urgent(unit)];
    return node === undefined ? [] : this.said(node, isShort(step)).filter(Boolean);
  }

  urgent(unit) {
    const known = this.statuses(unit).filter((status) => URGENT.has(this.name(status)));
    return known.map((status) => `${amount(this.shares[unit][status])} ${this.word(status, this.shares[unit][status])}`);
  }

  /** How many warnings, and where there is room how a node is kept. @param {number} node @returns {{ text: string, warns: boolean }[]} */
  badges(node, step = 1) {
    const { warns } = this.more(node);
    const kept = (isShort(step) ? [] : (this.kept[node] ?? [])).map((word) => ({ text: plain(word), warns: false }));
    return [...(warns ? [{ text: `! ${amount(warns)}`, warns: true }] : []), ...kept];
  }

  /** How far a node that runs is, as a share; -1 where that cannot be told. @param {number} node */
  done(node) {
    const { expect, parts } = this.more(node);
    if (this.status(node) !== this.code.running) return -1;
    if (parts) return parts[0] / parts[1];
    return expect ? Math.min(this.elapsed(node) / expect, 0.97) : -1;
  }

  detail(node) {
    return joined(this.said(node));
  }

  /** How a node stands, in words. @param {number} node */
  told = (node) => {
    const cached = this.more(node).cached && this.word(this.code.cached);
    return joined([...new Set([this.word(this.status(node)), cached, ...this.said(node)])]);
  };

  /** Kind, name and detail, as a reader is told them. @param {number} unit */
  lines(unit) {
    const group = this.scene.groups.get(unit);
    const [node] = this.members[unit];
    if (!group) return node === undefined ? ["", "", ""] : [this.kindOf(node), this.nameOf(node), this.detail(node)];
    const told = (status) => `${amount(this.shares[unit][status])} ${this.word(status, this.shares[unit][status])}`;
    const kind = plain(group.kind || this.scene.by || "group");
    return [kind, plain(group.name), joined([plural(group.count, "node"), ...this.statuses(unit).map(told)])];
  }

  /** The share of each look of a group: where it begins in a width, and how wide it is; none is too narrow to see. */
  *shareOf(unit, width) {
    const [shares, found] = [this.shares[unit], this.statuses(unit)];
    const all = shares.reduce((sum, share) => sum + share, 0);
    let x = 0;
    for (const status of found) {
      const wide = 3 + ((width - 3 * found.length) * shares[status]) / all;
      yield { status, x, wide };
      x += wide;
    }
  }

  tip(unit) {
    const [node] = this.members[unit];
    if (this.isGroup(unit) || node === undefined) return this.lines(unit).join("\n");
    const kept = joined(this.badges(node).map(({ text }) => text), ", ");
    const went = this.told(node);
    return joined([this.id(node), went, kept, this.tagsOf(node).join(", ")], "\n");
  }

  /** For who hears the graph. */
  spoken(unit) {
    const [node] = this.members[unit];
    const [kind, name, detail] = this.lines(unit);
    if (this.isGroup(unit) || node === undefined) return `group ${name}, ${detail}`;
    const [down, up] = [0, 1].map((side) => amount(this.edges.next(node, side).length));
    const parts = [`${kind}.${name}`, kind, this.told(node), `${up} upstream`, `${down} downstream`];
    return joined(parts, ", ");
  }
}
