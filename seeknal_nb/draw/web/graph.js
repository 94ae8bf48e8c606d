// The pipeline as Python told it; knows no page and no rule of a pipeline.
import { Edges } from "./edges.js";
import { lookOf, numbers, sceneOf, stateOf } from "./messages.js";
import { amount, joined, plain, plural, took } from "./text.js";

/** @typedef {import("./messages.js").Look} Look */
/** @typedef {import("./messages.js").State} State */
/** @typedef {import("./geometry.js").Box} Box */
/** @typedef {import("./geometry.js").Sides} Sides */

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
    /** By the number of a status, the worst first. @type {Look[]} */
    this.looks = nodes.looks.map(lookOf);
    /** The number of each status. @type {Record<string, number>} */
    this.code = Object.fromEntries(this.looks.map(({ name }, status) => [name, status]));
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
    const { status, rows, seconds } = known;
    this.state = { ...known, status: status.slice(), rows: rows.slice(), seconds: seconds.slice() };
    this.count();
  }

  /** What a later snapshot says otherwise, as a delta: node, status, rows, seconds, and so on. */
  difference(snapshot) {
    const [was, now] = [this.state, stateOf(snapshot)];
    const differs = (name, node) => !Object.is(was[name][node], now[name][node]);
    const found = [];
    for (let node = 0; node < this.size; node++) {
      if (!["status", "rows", "seconds"].some((name) => differs(name, node))) continue;
      found.push(node, now.status[node], now.rows[node], now.seconds[node]);
    }
    was.source = now.source;
    return { found, run: now.run };
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

  set(node, status, rows, seconds) {
    this.tally(node, -1);
    this.state.status[node] = status;
    this.state.rows[node] = rows ?? NaN;
    this.state.seconds[node] = seconds ?? NaN;
    this.tally(node, 1);
  }

  has = (node) => Number.isInteger(node) && node >= 0 && node < this.size;
  hasStatus = (status) => Number.isInteger(status) && status >= 0 && status < this.looks.length;
  status = (node) => this.state.status[node] ?? this.code.pending;
  word = (status) => this.looks[status].name;
  kindOf = (node) => plain(this.kinds[this.kind[node]]);
  nameOf = (node) => plain(this.names[node]);
  id = (node) => `${this.kindOf(node)}.${this.nameOf(node)}`;
  tagsOf = (node) => this.tags[node].map((tag) => plain(this.tagNames[tag]));

  /** The units that show these nodes, each once. @param {Iterable<number>} nodes @returns {number[]} */
  units = (nodes) => [...new Set(Array.from(nodes, (node) => this.unit[node]))].filter((unit) => this.boxes[unit]);

  /** The nodes that stand so. @param {(status: number) => boolean} test */
  those = (test) => Array.from(this.names.keys()).filter((node) => test(this.status(node)));

  /** The statuses of a unit's nodes, the worst first. @param {number} unit @returns {number[]} */
  statuses = (unit) => [...this.looks.keys()].filter((status) => this.shares[unit][status]);
  worst = (unit) => this.statuses(unit)[0] ?? this.code.pending;
  unreached = (unit) => this.looks[this.worst(unit)].unreached;

  detail(node) {
    const { rows, seconds } = this.state;
    return joined([rows[node] >= 0 && plural(rows[node], "row"), seconds[node] >= 0 && took(seconds[node])]);
  }

  /** Kind, name and detail, as a card has them. @param {number} unit */
  lines(unit) {
    const group = this.scene.groups.get(unit);
    const [node] = this.members[unit];
    if (!group) return node === undefined ? ["", "", ""] : [this.kindOf(node), this.nameOf(node), this.detail(node)];
    const parts = this.statuses(unit).map((status) => `${amount(this.shares[unit][status])} ${this.word(status)}`);
    const kind = plain(group.kind || this.scene.by || "group");
    return [kind, plain(group.name), joined([plural(group.count, "node"), ...parts])];
  }

  /** The share of each status of a group: where it begins in a width, and how wide it is; none is too narrow to see. */
  *parts(unit, width) {
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
    const went = joined([this.word(this.status(node)), this.detail(node)]);
    return joined([this.id(node), went, this.tagsOf(node).join(", ")], "\n");
  }

  /** For who hears the graph. */
  spoken(unit) {
    const [node] = this.members[unit];
    const [kind, name, detail] = this.lines(unit);
    if (this.isGroup(unit) || node === undefined) return `group ${name}, ${detail}`;
    const [down, up] = [0, 1].map((side) => amount(this.edges.next(node, side).length));
    const parts = [`${kind}.${name}`, kind, this.word(this.status(node)), detail, `${up} upstream`, `${down} downstream`];
    return joined(parts, ", ");
  }
}
