// The graph of a pipeline in a browser: paints what Python says, sends what the user asks; knows no rule of a pipeline.

const HTML = "http://www.w3.org/1999/xhtml";
const SVG = "http://www.w3.org/2000/svg";
const [PENDING, RUNNING, SUCCESS, FAILED, CACHED, SKIPPED] = [0, 1, 2, 3, 4, 5];
const WORST_FIRST = [FAILED, RUNNING, PENDING, SKIPPED, SUCCESS, CACHED];

// Scales: nodes are legible from LEGIBLE on, edges are curves from FAR on; a graph that fits at FIT_LEAST opens whole,
// any other opens at START.
const [FAR, LEGIBLE, FIT_LEAST, START, NEAREST] = [0.3, 0.42, 0.55, 0.85, 2.5];
// Heights on the screen: of a box that is but a dot of colour, and of one with room for a name.
const [TINY, READABLE] = [5, 13];
// More elements make panning slow; more animated ones make the answer to a click slow.
const MOST_CARDS = 600;
const MOST_PULSES = 24;
const MARGIN = 24;
const HEIGHTS = [180, 520];
const PANEL_HEIGHT = 460;
const NARROW = 700;
const ARROW = 8;
const TEXT = { left: 34, right: 12, line: 15, sizes: [10, 13, 10.5] };
// One stroke of very many lines is slower than a few strokes.
const BUNDLE = 64;
const LISTED = 100;
const LONGEST = 400;
const BUSY_AFTER = 600;
// Python tells how a run goes on once a second.
const SILENT = 8;
const DOUBLE_CLICK = 400;
const SAID_FOR = 6000;
const TOTALS_EVERY = 5000;

const BUSY = "The kernel is busy; this waits for it.";
const OCCUPIED = "A cell is running: interrupt the kernel to stop it.";
const LOCKED = "A cell is running this: the kernel's Interrupt (■) stops it.";
const KEYS =
  "Arrow keys follow the edges. Enter runs a node and what follows, or opens a group. Space shows details. " +
  "Slash searches, f fits the graph, plus and minus zoom, Escape clears.";
const GROUPINGS = [
  ["", "All nodes"],
  ["kind", "By kind"],
  ["tag", "By tag"],
  ["folder", "By folder"],
];
const IDLE = { mode: "", done: 0, todo: 0, elapsed: 0, now: [], queued: 0, cancelling: false, text: "", notes: [] };
const WORDS = new Set(["keyword", "string", "number", "comment", "name", "operator"]);
const PLAY = "M-3 -5L5.5 0L-3 5Z";
const PLUS = "M-4.5 0H4.5M0 -4.5V4.5";
// Control, bidirectional and zero-width characters forge what a reader sees; the same ones as in markup.py.
const FORGED =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\u061c]|\p{Surrogate}/gu;

// How a view was left, by the model's key: JupyterLab renders a model anew when its output is updated.
const memories = new Map();
// Every view of a model hears all answers, those of other pages too, so that numbers start at the clock.
let serial = Date.now() % 1e9;

function spelled(sign) {
  const code = sign.codePointAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
}

const safe = (text) => String(text ?? "").replace(FORGED, spelled);
const plain = (text) => safe(text).replaceAll("\n", "\\n").replaceAll("\t", " ");
// Not toLocaleString: its first call takes 20 ms.
const amount = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");
const plural = (number, noun) => `${amount(number)} ${noun}${number === 1 ? "" : "s"}`;
const took = (seconds) => `${seconds.toFixed(2)} s`;
const joined = (parts, between = " · ") => parts.filter(Boolean).join(between);
const within = (value, [low, high]) => Math.min(Math.max(value, low), high);
const meet = (a, b) => a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top;
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function dress(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** In pixels. */
function put(element, sides) {
  for (const [side, length] of Object.entries(sides)) element.style[side] = `${length}px`;
}

/** The element of "tag.class"; attributes stand before the children, where there are any. */
function grow(space, name, [first, ...rest]) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElementNS(space, tag);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  const plainObject = first?.constructor === Object;
  element.append(...(plainObject || first === undefined ? rest : [first, ...rest]));
  return plainObject ? dress(element, first) : element;
}

const make = (name, ...parts) => grow(HTML, name, parts);
const draw = (name, ...parts) => grow(SVG, name, parts);
const quiet = (text) => make("span.sk-quiet", text);

function button(act, text, hint = "") {
  const named = hint && { title: hint, "aria-label": hint };
  return make("button.sk-button", { type: "button", "data-do": act, ...named }, text);
}

/** Over a copy: the bytes of a message need not be aligned. */
function numbers(Type, view) {
  return view ? new Type(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)) : new Type(0);
}

function around(boxes) {
  const most = (side, name) => side(...boxes.map((box) => box[name]));
  const [left, top] = [most(Math.min, "left"), most(Math.min, "top")];
  const [right, bottom] = [most(Math.max, "right"), most(Math.max, "bottom")];
  return { left, top, right, bottom, width: right - left, height: bottom - top };
}

/** Edges by number, as pairs of ends; side 0 is where they start, side 1 where they end. */
class Web {
  constructor(count, pairs) {
    this.count = count;
    this.pairs = pairs;
    this.size = pairs.length / 2;
    this.sides = [this.index(0), this.index(1)];
  }

  /** Counted, summed, filled in: the edges of one end lie side by side. */
  index(side) {
    const { count, pairs } = this;
    const starts = new Uint32Array(count + 2);
    const edges = new Uint32Array(this.size);
    for (let at = side; at < pairs.length; at += 2) starts[pairs[at] + 2]++;
    for (let at = 1; at < starts.length; at++) starts[at] += starts[at - 1];
    for (let at = side; at < pairs.length; at += 2) edges[starts[pairs[at] + 1]++] = at >> 1;
    return { starts, edges };
  }

  edges(end, side) {
    const { starts, edges } = this.sides[side];
    return end >= 0 && end < this.count ? edges.subarray(starts[end], starts[end + 1]) : [];
  }

  other = (edge, side) => this.pairs[2 * edge + 1 - side];
  next = (end, side) => [...new Set(Array.from(this.edges(end, side), (edge) => this.other(edge, side)))];

  /** All ends and edges on the ways from some ends, along the edges (side 0) or against them (side 1). */
  reach(from, side) {
    const [ends, edges] = [new Set(from), new Set()];
    for (const end of ends) {
      for (const edge of this.edges(end, side)) {
        edges.add(edge);
        ends.add(this.other(edge, side));
      }
    }
    return { ends, edges };
  }
}

const colour = (text) => (/^#[0-9a-f]{3,8}$/i.test(text) ? text : "#808080");
const colours = ({ fill, stroke, text }) => ({ fill: colour(fill), stroke: colour(stroke), text: colour(text) });

function checked(look) {
  const { sign = {}, dash = "" } = look;
  return {
    name: plain(look.name),
    shades: [colours(look), colours(look.dark ?? look)],
    border: Number(look.border) || 1,
    dash: dash.split(" ").map(Number).filter(Boolean),
    bold: Boolean(look.bold),
    italic: Boolean(look.italic),
    d: /^[\d\s.,a-z-]{1,2000}$/i.test(sign.d) ? sign.d : "M0 0",
    width: Number(sign.width) || 1,
    filled: Boolean(sign.filled),
  };
}

function stateOf({ status, rows, seconds, run }) {
  const [statuses, all, times] = [numbers(Uint8Array, status), numbers(Float64Array, rows), numbers(Float32Array, seconds)];
  return { source: status, status: statuses, rows: all, seconds: times, run: { ...IDLE, ...run } };
}

/** The pipeline as Python told it: nodes by number, how they stand, and the units that show them. */
class Graph {
  constructor(model, memory) {
    const { tag_names: tagNames, looks, ...nodes } = model.get("nodes");
    Object.assign(this, nodes, { tagNames, looks: looks.map(checked), size: nodes.name.length });
    this.web = new Web(this.size, numbers(Uint32Array, model.get("edges")));
    this.readScene(model.get("scene"));
    this.readSnapshot(model.get("snapshot"), memory);
  }

  readScene({ width, height, note, by, focus, ...scene }) {
    const [boxes, starts] = [numbers(Float32Array, scene.boxes), numbers(Uint32Array, scene.starts)];
    Object.assign(this, { width: width || 1, height: height || 1, note, by, focus, starts, staged: scene.version, opened: scene.opened });
    this.boxes = Array.from({ length: boxes.length / 4 }, (_, unit) => {
      const [left, top, wide, high] = boxes.subarray(4 * unit, 4 * unit + 4);
      return { left, top, right: left + wide, bottom: top + high, width: wide, height: high };
    });
    this.points = numbers(Float32Array, scene.points);
    this.drawn = new Web(this.boxes.length, numbers(Uint32Array, scene.edges));
    this.frames = Array.from({ length: this.drawn.size }, (_, edge) => this.frame(edge));
    this.unit = numbers(Uint32Array, scene.unit);
    this.groups = new Map(scene.groups.map(([unit, name, kind, count]) => [unit, { name, kind, count }]));
    this.members = this.boxes.map(() => []);
    this.unit.slice(0, this.size).forEach((unit, node) => this.members[unit]?.push(node));
  }

  frame(edge) {
    const frame = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
    for (let at = this.starts[edge]; at < this.starts[edge + 1]; at++) {
      const [x, y] = [this.points[2 * at], this.points[2 * at + 1]];
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

  /** What a later snapshot says otherwise, as a delta. */
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
    this.totals = new Uint32Array(6);
    this.shares = this.boxes.map(() => new Uint32Array(6));
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
  status = (node) => this.state.status[node] ?? PENDING;
  word = (status) => this.looks[status].name;
  kindOf = (node) => plain(this.kinds[this.kind[node]]);
  nameOf = (node) => plain(this.name[node]);
  id = (node) => `${this.kindOf(node)}.${this.nameOf(node)}`;
  tagsOf = (node) => this.tags[node].map((tag) => plain(this.tagNames[tag]));
  units = (nodes) => [...new Set(Array.from(nodes, (node) => this.unit[node]))].filter((unit) => this.boxes[unit]);
  worst = (unit) => WORST_FIRST.find((status) => this.shares[unit][status]) ?? PENDING;
  unreached = (unit) => [PENDING, SKIPPED].includes(this.worst(unit));

  detail(node) {
    const { rows, seconds } = this.state;
    return joined([rows[node] >= 0 && plural(rows[node], "row"), seconds[node] >= 0 && took(seconds[node])]);
  }

  /** Kind, name and detail, as a card has them. */
  lines(unit) {
    const group = this.groups.get(unit);
    const [node] = this.members[unit];
    if (!group) return node === undefined ? ["", "", ""] : [this.kindOf(node), this.nameOf(node), this.detail(node)];
    const found = WORST_FIRST.filter((status) => this.shares[unit][status]);
    const parts = found.map((status) => `${amount(this.shares[unit][status])} ${this.word(status)}`);
    return [plain(group.kind || this.by || "group"), plain(group.name), joined([plural(group.count, "node"), ...parts])];
  }

  /** The share of each status of a group: where it begins in a width, and how wide it is; none is too narrow to see. */
  *parts(unit, width) {
    const shares = this.shares[unit];
    const found = WORST_FIRST.filter((status) => shares[status]);
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
    if (this.groups.has(unit) || node === undefined) return this.lines(unit).join("\n");
    const went = joined([this.word(this.status(node)), this.detail(node)]);
    return joined([this.id(node), went, this.tagsOf(node).join(", ")], "\n");
  }

  /** For who hears the graph. */
  told(unit) {
    const [node] = this.members[unit];
    const [kind, name, detail] = this.lines(unit);
    if (this.groups.has(unit) || node === undefined) return `group ${name}, ${detail}`;
    const [down, up] = [0, 1].map((side) => amount(this.web.next(node, side).length));
    const parts = [`${kind}.${name}`, kind, this.word(this.status(node)), detail, `${up} upstream`, `${down} downstream`];
    return joined(parts, ", ");
  }
}

const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

/** As much of a text as there is room for. */
function fitted(text, room, font) {
  pen.font = font;
  const fits = (shown) => pen.measureText(shown).width <= room;
  if (text.length <= LONGEST && fits(text)) return text;
  let [low, high] = [0, Math.min(text.length - 1, LONGEST)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (fits(`${text.slice(0, middle)}…`)) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** The elements that an element is in, out of shadow trees too. */
function* ancestors(element) {
  for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) yield at;
}

/** By the front end's own mark, else by the nearest ground that is not see-through. */
function isDark(element) {
  for (const { dataset, classList } of ancestors(element)) {
    if (dataset.jpThemeLight) return dataset.jpThemeLight === "false";
    if (classList.contains("vscode-light") || classList.contains("vscode-high-contrast-light")) return false;
    if (classList.contains("vscode-dark") || classList.contains("vscode-high-contrast")) return true;
  }
  for (const at of ancestors(element)) {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = "transparent";
    pen.fillStyle = getComputedStyle(at).backgroundColor;
    pen.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
    if (alpha > 127) return 0.299 * red + 0.587 * green + 0.114 * blue < 110;
  }
  return getComputedStyle(document.documentElement).colorScheme.startsWith("dark");
}

/** The drawing: edges on a canvas; nodes as SVG where they are few and legible, else as boxes on a second canvas. */
class Stage {
  constructor(view) {
    this.view = view;
    this.camera = { k: START, x: 0, y: 0 };
    this.size = { width: 0, height: 0 };
    this.cards = new Map();
    this.stale = new Set();
    this.lit = new Set();
    this.hover = this.at = -1;
    this.far = false;
    this.canvases = [0, 1].map(() => make("canvas.sk-layer"));
    this.world = draw("g");
    this.tip = make("div.sk-tip", { hidden: "" });
    this.mapCanvas = make("canvas");
    this.mapFrame = make("div.sk-map-frame");
    this.mapBody = make("div.sk-map-body", this.mapCanvas, this.mapFrame);
    this.map = make("div.sk-map", { hidden: "" }, this.mapBody, button("map", "▾", "Show or hide the overview"));
    const cards = draw("svg.sk-layer.sk-cards", { "aria-hidden": "true" }, this.world);
    const attributes = { tabindex: "0", role: "application" };
    this.element = make("div.sk-stage", attributes, ...this.canvases, cards, this.map, this.tip);
  }

  get graph() {
    return this.view.graph;
  }

  /** Begin anew with other units or other colours. */
  reset() {
    this.cards.clear();
    this.labels = {};
    this.world.replaceChildren();
    this.hover = -1;
    if (!this.graph.boxes[this.at]) this.at = -1;
    this.bundles = this.straight();
    this.light();
  }

  // --- the camera: a point of the graph times k, plus x and y, is a point of the screen

  get fitScale() {
    const { width, height } = this.size;
    return Math.min((width - 2 * MARGIN) / this.graph.width, (height - 2 * MARGIN) / this.graph.height, 1);
  }

  fit(animated = false) {
    this.moveTo(this.framed({ k: this.fitScale, x: 0, y: 0 }), animated);
    this.view.memory.moved = false;
  }

  /** Where a graph opens: all of it where that is legible, else where something failed or runs, else its beginning. */
  home() {
    const { boxes, shares } = this.graph;
    if (this.fitScale >= FIT_LEAST || !boxes.length) return this.fit();
    const found = [FAILED, RUNNING].map((status) => shares.findIndex((share) => share[status])).find((unit) => unit >= 0);
    const { left, top, width, height } = boxes[found ?? this.first()];
    if (found === undefined) this.moveTo(this.framed({ k: START, x: MARGIN - left * START, y: MARGIN - top * START }));
    else this.moveTo(this.framed(this.centred(START, left + width / 2, top + height / 2)));
    this.view.memory.moved = false;
  }

  first() {
    const far = ({ left, top }) => left + top;
    return this.graph.boxes.reduce((best, box, unit, boxes) => (far(box) < far(boxes[best]) ? unit : best), 0);
  }

  centred = (k, x, y) => ({ k, x: this.size.width / 2 - x * k, y: this.size.height / 2 - y * k });

  /** With no empty ground on one side while the graph goes on on the other. */
  framed({ k, x, y }) {
    const settled = (at, room, length) => {
      const spare = room - length * k;
      return spare > 2 * MARGIN ? spare / 2 : within(at, [spare - MARGIN, MARGIN]);
    };
    const { width, height } = this.graph;
    return { k, x: settled(x, this.size.width, width), y: settled(y, this.size.height, height) };
  }

  /** Move as little as it takes to see these units, or the first of too many, legibly. */
  reveal(units) {
    const boxes = units.map((unit) => this.graph.boxes[unit]).filter(Boolean);
    if (!boxes.length) return;
    const { camera, size } = this;
    const room = (box) => Math.min((size.width - 2 * MARGIN) / box.width, (size.height - 2 * MARGIN) / box.height);
    const all = around(boxes);
    const target = room(all) < LEGIBLE ? boxes[0] : all;
    const k = Math.min(camera.k < LEGIBLE ? START : camera.k, room(target));
    const middle = this.centred(k, target.left + target.width / 2, target.top + target.height / 2);
    const nudged = (at, from, to, length) => within(at, [MARGIN - from * k, length - MARGIN - to * k]);
    const x = nudged(camera.x, target.left, target.right, size.width);
    const y = nudged(camera.y, target.top, target.bottom, size.height);
    this.moveTo(k === camera.k ? { k, x, y } : this.framed(middle), true);
  }

  zoom(factor, sx, sy) {
    const { k, x, y } = this.camera;
    const next = within(k * factor, [Math.min(this.fitScale, LEGIBLE / 2), NEAREST]);
    this.moveTo({ k: next, x: sx - ((sx - x) * next) / k, y: sy - ((sy - y) * next) / k });
    this.view.memory.moved = true;
  }

  /** About the middle or, where nothing stands there, what is nearest to it. */
  zoomInPlace(factor) {
    const { k, x, y } = this.camera;
    const { left, top, right, bottom } = this.window;
    const middle = { x: (left + right) / 2, y: (top + bottom) / 2 };
    const apart = (spot) => Math.hypot(spot.x - middle.x, spot.y - middle.y);
    const spots = this.seen().map((unit) => {
      const box = this.graph.boxes[unit];
      return { x: within(middle.x, [box.left, box.right]), y: within(middle.y, [box.top, box.bottom]) };
    });
    const spot = spots.reduce((best, spot) => (apart(spot) < apart(best) ? spot : best), spots[0] ?? middle);
    this.zoom(factor, spot.x * k + x, spot.y * k + y);
  }

  pan(dx, dy) {
    const { k, x, y } = this.camera;
    this.moveTo({ k, x: x + dx, y: y + dy });
    this.view.memory.moved = true;
  }

  /** Never so far that nothing of the graph is in sight. */
  moveTo({ k, x, y }, animated = false) {
    const kept = (at, room, length) => within(at, [2.5 * MARGIN - length * k, room - 2.5 * MARGIN]);
    const { width, height } = this.graph;
    const target = { k, x: kept(x, this.size.width, width), y: kept(y, this.size.height, height) };
    cancelAnimationFrame(this.moving);
    if (animated && !calm()) this.glide(this.camera, target);
    else this.place(target);
  }

  glide(from, target) {
    const began = performance.now();
    const step = (now) => {
      const part = within((now - began) / 220, [0, 1]);
      const ease = 1 - (1 - part) ** 3;
      const [k, x, y] = ["k", "x", "y"].map((name) => from[name] + (target[name] - from[name]) * ease);
      this.place(part < 1 ? { k, x, y } : target);
      if (part < 1) this.moving = requestAnimationFrame(step);
    };
    this.moving = requestAnimationFrame(step);
  }

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
    for (const canvas of this.canvases) [canvas.width, canvas.height] = [width * ratio, height * ratio];
    return true;
  }

  /** The part of the graph in sight. */
  get window() {
    const { k, x, y } = this.camera;
    return { left: -x / k, top: -y / k, right: (this.size.width - x) / k, bottom: (this.size.height - y) / k };
  }

  seen() {
    const { window } = this;
    return this.graph.boxes.flatMap((box, unit) => (meet(box, window) ? [unit] : []));
  }

  hit(sx, sy) {
    const { k, x, y } = this.camera;
    const [left, top] = [(sx - x) / k, (sy - y) / k];
    return this.graph.boxes.findIndex((box) => meet(box, { left, top, right: left, bottom: top }));
  }

  // --- canvases

  begin(canvas) {
    const context = canvas.getContext("2d");
    const [k, x, y] = ["k", "x", "y"].map((name) => this.camera[name] * this.ratio);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.setTransform(k, 0, 0, k, x, y);
    return context;
  }

  trace(path, edge, straight) {
    const { points, starts } = this.graph;
    const last = starts[edge + 1] - 1;
    let [x, y] = [points[2 * starts[edge]], points[2 * starts[edge] + 1]];
    path.moveTo(x, y);
    for (let at = starts[edge] + 1; at <= last; at++) {
      const right = points[2 * at] - (at === last && !straight ? ARROW : 0);
      const down = points[2 * at + 1];
      const middle = (x + right) / 2;
      if (straight || down === y) path.lineTo(right, down);
      else path.bezierCurveTo(middle, y, middle, down, right, down);
      [x, y] = [right, down];
    }
  }

  arrow(path, edge) {
    const last = 2 * (this.graph.starts[edge + 1] - 1);
    const [x, y] = this.graph.points.subarray(last, last + 2);
    path.moveTo(x, y);
    path.lineTo(x - ARROW, y - 4);
    path.lineTo(x - ARROW, y + 4);
  }

  /** All edges as straight lines, in paths that last until the next scene. */
  straight() {
    const { frames } = this.graph;
    const bundles = [];
    for (let from = 0; from < frames.length; from += BUNDLE) {
      const path = new Path2D();
      const some = frames.slice(from, from + BUNDLE);
      some.forEach((_, at) => this.trace(path, from + at, true));
      bundles.push({ path, ...around(some) });
    }
    return bundles;
  }

  paintEdges() {
    const context = this.begin(this.canvases[0]);
    const { window, view, camera } = this;
    context.strokeStyle = context.fillStyle = view.colours.line;
    if (camera.k >= FAR) {
      const { frames } = this.graph;
      return this.stroke(
        context,
        frames.flatMap((frame, edge) => (meet(frame, window) ? [edge] : [])),
        1.5,
      );
    }
    context.lineWidth = 0.8 / camera.k;
    context.globalAlpha = view.dimmed ? 0.15 : 0.5;
    for (const bundle of this.bundles) if (meet(bundle, window)) context.stroke(bundle.path);
    context.globalAlpha = 1;
  }

  /** Edges with their arrows, dashed and faint ones in strokes of their own. */
  stroke(context, edges, width) {
    const { graph, view } = this;
    const straight = this.camera.k < FAR;
    const styles = [[], [], [], []];
    for (const edge of edges) {
      const [start, end] = [graph.drawn.other(edge, 1), graph.drawn.other(edge, 0)];
      styles[(graph.unreached(end) && !straight) + 2 * (view.faint(start) || view.faint(end))].push(edge);
    }
    context.lineWidth = Math.max(width, 0.8 / this.camera.k);
    styles.forEach((found, style) => {
      context.globalAlpha = style & 2 ? 0.2 : 1;
      context.setLineDash(style & 1 ? [5, 4] : []);
      for (let at = 0; at < found.length; at += BUNDLE) {
        const some = found.slice(at, at + BUNDLE);
        context.beginPath();
        for (const edge of some) this.trace(context, edge, straight);
        context.stroke();
        context.beginPath();
        if (!straight) for (const edge of some) this.arrow(context, edge);
        context.fill();
      }
    });
    context.globalAlpha = 1;
    context.setLineDash([]);
  }

  /** Over the edges: those lit up and, where there are no cards, all nodes. */
  paintOver() {
    const context = this.begin(this.canvases[1]);
    context.strokeStyle = context.fillStyle = this.view.colours.accent;
    this.stroke(context, this.lit, 2.5);
    if (!this.far) return;
    for (const unit of this.seen()) this.paintBox(context, unit);
    context.globalAlpha = 1;
    const { asked, selected, colours } = this.view;
    for (const unit of this.graph.units(asked)) this.paintRing(context, unit, colours.accent, [4, 3]);
    for (const unit of this.graph.units(selected)) this.paintRing(context, unit, colours.accent);
    const at = this.element.matches(":focus-visible") ? this.at : -1;
    for (const unit of [this.hover, at]) if (unit >= 0) this.paintRing(context, unit, colours.ink);
  }

  paintBox(context, unit) {
    const { graph, view, camera } = this;
    const { left, top, width, height } = graph.boxes[unit];
    const status = graph.worst(unit);
    const high = height * camera.k;
    const group = graph.groups.has(unit);
    const ground = group && high >= READABLE ? view.colours.group : view.shade(status).fill;
    context.globalAlpha = view.faint(unit) ? 0.2 : 1;
    context.fillStyle = high < TINY ? view.dot(status) : ground;
    context.fillRect(left, top, width, height);
    if (group) this.paintShares(context, unit, high < READABLE ? height : height / 5);
    if (high < TINY) return;
    context.strokeStyle = group ? view.colours.line : view.shade(status).stroke;
    context.lineWidth = Math.max(graph.looks[status].border, 0.8 / camera.k);
    context.setLineDash(group || high < READABLE ? [] : graph.looks[status].dash);
    context.strokeRect(left, top, width, height);
    context.setLineDash([]);
    if (high >= READABLE) this.paintLabel(context, unit, group ? view.colours.ink : view.shade(status).text);
  }

  /** The share of each status, at the foot of a group. */
  paintShares(context, unit, height) {
    const { left, bottom, width } = this.graph.boxes[unit];
    for (const { status, x, wide } of this.graph.parts(unit, width)) {
      context.fillStyle = this.view.shade(status).fill;
      context.fillRect(left + x, bottom - height, wide, height);
    }
  }

  /** Sign and name, as large on the screen at every scale. */
  paintLabel(context, unit, ink) {
    const { left, top, width, height } = this.graph.boxes[unit];
    const look = this.graph.looks[this.graph.worst(unit)];
    const { k } = this.camera;
    look.path ??= new Path2D(look.d);
    context.save();
    context.translate(left, top + height / 2);
    context.scale(1 / k, 1 / k);
    context.strokeStyle = context.fillStyle = ink;
    context.font = `${look.bold ? 700 : 600} 9.5px ${this.view.font}`;
    context.textBaseline = "middle";
    context.fillText(this.label(unit, width * k - 24, context.font), 20, 0.5);
    context.translate(11, 0);
    context.scale(0.75, 0.75);
    context.lineWidth = look.width;
    context.stroke(look.path);
    if (look.filled) context.fill(look.path);
    context.restore();
  }

  /** A name cut to the box; kept while the scale stays. */
  label(unit, room, font) {
    if (this.labels.k !== this.camera.k) this.labels = { k: this.camera.k, fitted: new Map() };
    const { fitted: known } = this.labels;
    if (!known.has(unit)) known.set(unit, fitted(this.graph.lines(unit)[1], room, font));
    return known.get(unit);
  }

  paintRing(context, unit, ink, dash = []) {
    const { left, top, width, height } = this.graph.boxes[unit];
    const thick = 2 / this.camera.k;
    context.strokeStyle = ink;
    context.lineWidth = thick;
    context.setLineDash(dash.map((length) => length * thick));
    context.strokeRect(left - thick, top - thick, width + 2 * thick, height + 2 * thick);
    context.setLineDash([]);
  }

  /** The edges up and down from where the pointer is, else from what is selected. */
  light() {
    const { drawn } = this.graph;
    const from = this.hover >= 0 ? [this.hover] : this.graph.units(this.view.selected).slice(0, LISTED);
    this.lit = new Set([...drawn.reach(from, 0).edges, ...drawn.reach(from, 1).edges]);
    this.view.mark("over");
  }

  // --- cards

  layCards() {
    const { k, x, y } = this.camera;
    const seen = this.seen();
    this.far = k < LEGIBLE || seen.length > MOST_CARDS;
    const kept = new Set(this.far ? [] : seen);
    for (const [unit, card] of this.cards) {
      if (kept.has(unit)) continue;
      card.element.remove();
      this.cards.delete(unit);
    }
    for (const unit of kept) if (!this.cards.has(unit)) this.cards.set(unit, this.makeCard(unit));
    this.world.setAttribute("transform", `translate(${x} ${y}) scale(${k})`);
  }

  makeCard(unit) {
    const { left, top, width, height } = this.graph.boxes[unit];
    const group = this.graph.groups.has(unit);
    const size = { width, height, rx: 8 };
    const [title, box] = [draw("title"), draw("rect.sk-box", size)];
    const sign = draw("path.sk-sign", { transform: `translate(18 ${height / 2})` });
    const texts = ["text.sk-kind", "text.sk-name", "text.sk-detail"].map((name) => draw(name, { x: TEXT.left }));
    const bar = draw("g", { transform: `translate(8 ${height - 14})` });
    const ring = draw("rect.sk-ring", { x: -4, y: -4, width: width + 8, height: height + 8, rx: 11 });
    const under = group ? [ring, draw("rect.sk-sheet", { ...size, x: 4, y: 4 })] : [ring];
    const does = group ? draw("path.sk-plus", { d: PLUS }) : draw("path.sk-play", { d: PLAY });
    const run = draw("g.sk-run", { transform: `translate(${width} ${height / 2})` }, draw("circle", { r: 12 }), does);
    const which = group ? { "data-unit": unit } : { "data-i": this.graph.members[unit][0] };
    const place = { ...which, transform: `translate(${left} ${top})` };
    const element = draw("g", place, title, ...under, box, sign, ...texts, bar, run);
    const card = { unit, group, element, title, box, sign, texts, bar };
    this.world.append(element);
    this.updateCard(card);
    return card;
  }

  updateCard(card) {
    const { graph, view } = this;
    const { unit, group } = card;
    const { width, height } = graph.boxes[unit];
    const status = graph.worst(unit);
    const look = graph.looks[status];
    const shade = group ? { fill: "var(--sk-group)", stroke: "var(--sk-line)", text: "var(--sk-ink)" } : view.shade(status);
    card.title.textContent = graph.tip(unit);
    dress(card.box, {
      "stroke-width": group ? 1.2 : look.border,
      "stroke-dasharray": (!group && look.dash.join(" ")) || "none",
    });
    Object.assign(card.box.style, { fill: shade.fill, stroke: shade.stroke });
    dress(card.sign, { d: look.d, "stroke-width": look.width });
    Object.assign(card.sign.style, { stroke: shade.text, fill: look.filled ? shade.text : "none" });
    this.write(card, group ? {} : look, shade.text, width, group ? height - 14 : height);
    if (group) card.bar.replaceChildren(...this.bar(unit, width - 16));
    this.styleCard(card);
  }

  write({ unit, texts }, { bold, italic }, ink, width, height) {
    const lines = this.graph.lines(unit);
    let y = height / 2 - (TEXT.line * lines.filter(Boolean).length) / 2 - 2;
    lines.forEach((line, part) => {
      const weight = part === 1 ? (bold ? 700 : 600) : 400;
      const slant = italic ? "italic" : "normal";
      if (line) y += TEXT.line;
      dress(texts[part], { y, "font-weight": weight, "font-style": slant });
      texts[part].style.fill = ink;
      const font = `${slant} ${weight} ${TEXT.sizes[part]}px ${this.view.font}`;
      texts[part].textContent = fitted(line, width - TEXT.left - TEXT.right, font);
    });
  }

  *bar(unit, width) {
    for (const { status, x, wide } of this.graph.parts(unit, width))
      yield draw("rect", { x, width: wide, height: 6, fill: this.view.shade(status).fill });
    yield draw("rect.sk-bar-frame", { width, height: 6 });
  }

  styleCard({ unit, group, element }) {
    const { view, graph } = this;
    const some = (nodes) => nodes.size > 0 && graph.members[unit].some((node) => nodes.has(node));
    const marks = {
      "sk-sel": some(view.selected),
      "sk-asked": some(view.asked),
      "sk-at": unit === this.at,
      "sk-dim": view.faint(unit),
    };
    const names = Object.keys(marks).filter((name) => marks[name]);
    element.setAttribute("class", [group ? "sk-group" : "sk-node", `sk-s${graph.worst(unit)}`, ...names].join(" "));
  }

  restyle() {
    for (const card of this.cards.values()) this.styleCard(card);
  }

  /** The cards of what has changed, and no others. */
  refresh() {
    for (const unit of this.stale) if (this.cards.has(unit)) this.updateCard(this.cards.get(unit));
    this.stale.clear();
  }

  // --- the overview

  get mapScale() {
    return Math.min(170 / this.graph.width, 110 / this.graph.height);
  }

  paintMap() {
    if (this.map.hidden) return;
    const { graph, mapCanvas: canvas, mapScale: k, ratio } = this;
    const [width, height] = [Math.max(graph.width * k, 8), Math.max(graph.height * k, 8)];
    [canvas.width, canvas.height] = [width * ratio, height * ratio];
    put(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.scale(k * ratio, k * ratio);
    graph.boxes.forEach((box, unit) => {
      context.fillStyle = this.view.dot(graph.worst(unit));
      context.fillRect(box.left, box.top, Math.max(box.width, 2 / k), Math.max(box.height, 2 / k));
    });
  }

  frameMap() {
    const { window, mapScale: k, view } = this;
    const { width, height } = this.graph;
    const whole = window.left <= 0 && window.top <= 0 && window.right >= width && window.bottom >= height;
    if (this.map.hidden && !whole) view.mark("map");
    this.map.hidden = whole;
    this.map.classList.toggle("sk-folded", view.memory.folded ?? this.size.height < 300);
    const [left, right] = [window.left, window.right].map((x) => within(x, [0, width]) * k);
    const [top, bottom] = [window.top, window.bottom].map((y) => within(y, [0, height]) * k);
    put(this.mapFrame, { left, top, width: right - left, height: bottom - top });
  }
}

const RUNS = {
  "run-downstream": { how: "downstream", one: "Run this and what follows", many: "Run these and what follows" },
  "run-only": { how: "only", one: "Run only this", many: "Run only these" },
  "run-upstream": { how: "upstream", one: "Run with upstream", many: "Run with upstream" },
};

// What scrolls can be reached by keys.
const SCROLLS = { tabindex: "0" };
const pre = (name, text) => make(`pre.${name}`, SCROLLS, safe(text));

function table(name, head, rows) {
  const row = (tag, cells) => make("tr", ...cells.map((cell) => make(tag, plain(cell))));
  const body = make("tbody", ...rows.map((cells) => row("td", cells)));
  return make("div.sk-scroll", SCROLLS, make(`table.${name}`, make("thead", row("th", head)), body));
}

function listing({ lines, mark }) {
  const word = ([kind, text]) => make(WORDS.has(kind) ? `span.sk-${kind}-word` : "span", safe(text));
  const line = (words, at) =>
    make(at + 1 === mark ? "span.sk-code-line.sk-marked" : "span.sk-code-line", ...words.map(word), "\n");
  return make("pre.sk-code", SCROLLS, make("code", ...lines.map(line)));
}

/** What is known of the selected nodes: at once what the browser knows, then what Python answers. */
class Panel {
  constructor(view) {
    this.view = view;
    this.opened = new Map();
    this.sign = make("span.sk-head-sign");
    this.name = make("b.sk-id");
    this.went = make("span.sk-went");
    this.reason = make("p.sk-reason");
    this.acts = make(
      "div.sk-acts",
      ...Object.keys(RUNS).map((act) => button(act, "")),
      button("retry", "Retry failed"),
      button("focus", "Focus", "Show only this node, what it reads and what follows from it"),
      button("cell", "Show the cell's code"),
    );
    this.lock = make("p.sk-lock", LOCKED);
    this.body = make("div.sk-body");
    const head = make("div.sk-head", this.sign, this.name, button("close", "✕", "Close the details"), this.went);
    const attributes = { "aria-label": "Details", hidden: "" };
    this.element = make("aside.sk-panel", attributes, head, this.reason, this.acts, this.lock, this.body);
  }

  get open() {
    return !this.element.hidden;
  }

  get nodes() {
    return [...this.view.selected];
  }

  /** The one node that is shown, or -1. */
  get node() {
    return this.view.selected.size === 1 ? this.nodes[0] : -1;
  }

  show() {
    const { details } = this.view.memory;
    this.element.hidden = false;
    this.view.memory.panel = true;
    this.details = details?.i === this.node ? details : null;
    this.paint();
  }

  focus() {
    const first =
      this.acts.querySelector("button:not(:disabled, [hidden])") ?? this.element.querySelector("[data-do=close]");
    first.focus({ preventScroll: true });
  }

  hide() {
    this.element.hidden = true;
    this.view.memory.panel = false;
  }

  ask() {
    if (this.node >= 0) this.view.ask({ do: "details", i: this.node });
  }

  answer(details) {
    if (details.i !== this.node) return;
    this.details = this.view.memory.details = details;
    this.paint();
  }

  paint() {
    const { element, body, node } = this;
    const { scrollTop } = element;
    for (const { dataset, open } of body.querySelectorAll("details")) this.opened.set(dataset.part, open);
    body.replaceChildren(...(node < 0 ? [this.list(this.nodes)] : this.sections(node, this.details ?? {})).filter(Boolean));
    element.scrollTop = scrollTop;
    this.paintHead();
    this.paintActs();
  }

  /** What a change of status changes. */
  paintHead() {
    const { view, node } = this;
    const { graph } = view;
    const status = node < 0 ? -1 : graph.status(node);
    this.name.textContent = node < 0 ? plural(this.nodes.length, "node") : graph.id(node);
    this.went.textContent = node < 0 ? "selected" : joined([graph.word(status), graph.detail(node)]);
    this.reason.textContent = plain(this.details?.reason);
    this.sign.replaceChildren(...(node < 0 ? [] : [view.swatch(status)]));
  }

  /** The buttons stay the same elements: one that is replaced under the pointer loses its click. */
  paintActs() {
    const { view, node } = this;
    const live = Boolean(view.model.get("live"));
    const shown = { retry: live && view.graph.totals[FAILED], focus: live && node >= 0, cell: this.details?.cell };
    for (const each of this.acts.children) {
      const run = RUNS[each.dataset.do];
      const gone = !(run ? live : shown[each.dataset.do]);
      if (gone && view.focused === each) view.stage.element.focus({ preventScroll: true });
      each.hidden = gone;
      if (run) each.textContent = node >= 0 ? run.one : run.many;
      if (run || each.dataset.do === "retry") each.disabled = view.locked;
    }
    this.lock.hidden = !(live && view.locked);
  }

  list(nodes) {
    const more = nodes.length > LISTED ? [quiet(`and ${amount(nodes.length - LISTED)} more`)] : [];
    return make("div.sk-list", ...nodes.slice(0, LISTED).map((node) => this.view.link(node)), ...more);
  }

  sections(node, details) {
    const { web } = this.view.graph;
    const { definition, schema = [], columns = [], rows = [], history = [], facts = [] } = details;
    const code =
      definition?.lines.length &&
      this.part(
        "Definition", listing(definition), definition.mark || !rows.length, definition.language,
        definition.mark ? "Marked" : "Definition",
      );
    return [
      details.error && pre("sk-error", details.error),
      details.note && make("p.sk-quiet", plain(details.note)),
      definition?.mark && code,
      this.links("Inputs", details.inputs ?? web.next(node, 1)),
      this.links("Outputs", details.outputs ?? web.next(node, 0)),
      details.change && make("p", plain(details.change)),
      columns.length && this.part("Rows", table("sk-rows", columns, rows), true, details.more),
      schema.length &&
        this.part("Schema", table("sk-table", ["Column", "Type"], schema), false, plural(schema.length, "column")),
      !definition?.mark && code,
      details.cell && this.part("Cell", pre("sk-log", details.cell), false),
      details.log && this.part("Log", pre("sk-log", details.log), false),
      history.length && this.part("History", this.history(history), false, plural(history.length, "run")),
      facts.length && this.part("Facts", table("sk-table.sk-facts", ["", ""], facts), true),
      !this.details && this.view.model.get("live") && quiet(this.view.locked ? "The details come when the cell that runs has ended." : "Asking for the details …"),
    ];
  }

  /** It stays as the user left it, by its key. */
  part(title, content, open, hint = "", key = title) {
    const made = make("details.sk-part", { "data-part": key }, make("summary", title, quiet(plain(hint))), content);
    made.open = this.opened.get(key) ?? Boolean(open);
    return made;
  }

  links(title, nodes) {
    const known = nodes.filter(this.view.graph.has);
    return known.length && make("div.sk-links", quiet(title), this.list(known));
  }

  history(runs) {
    const known = (value, shown) => (value == null ? "" : shown(value));
    const row = (run) => [run.when, run.status, known(run.seconds, took), known(run.rows, amount), run.reason];
    return table("sk-table", ["When", "Status", "Time", "Rows", "Why"], runs.map(row));
  }

  showCell() {
    const part = this.body.querySelector("[data-part=Cell]");
    part.open = true;
    part.scrollIntoView({ block: "nearest" });
  }
}

/** The mouse or the fingers on a stage: what is a drag, a pinch, a click. */
class Hand {
  constructor(view) {
    const { element } = view.stage;
    Object.assign(this, { view, element, spots: new Map(), dragged: false });
    view.on(element, "pointerdown", (event) => this.down(event));
    view.on(element, "pointermove", (event) => this.move(event));
    view.on(element, "pointerup", (event) => this.spots.delete(event.pointerId));
    view.on(element, "pointercancel", (event) => this.spots.delete(event.pointerId));
    view.on(element, "pointerleave", () => view.hover(-1));
    view.on(element, "click", (event) => !this.dragged && this.isOver(event) && view.click(event, this.spot(event)));
    view.on(element, "wheel", (event) => this.wheel(event), { passive: false });
  }

  spot({ clientX, clientY }) {
    const { left, top } = this.element.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  isOver = ({ target }) => !target.closest(".sk-map, .sk-message");

  down(event) {
    this.dragged = false;
    if (!event.button && this.isOver(event))
      this.spots.set(event.pointerId, { ...this.spot(event), from: this.spot(event) });
  }

  move(event) {
    // A button let go outside is not heard of.
    if (!event.buttons) this.spots.clear();
    const [last, now] = [this.spots.get(event.pointerId), this.spot(event)];
    if (!last) return this.view.hover(this.isOver(event) ? this.view.stage.hit(now.x, now.y) : -1, now);
    if (!this.dragged && Math.hypot(now.x - last.from.x, now.y - last.from.y) < 4) return;
    if (!this.dragged) this.element.setPointerCapture(event.pointerId);
    this.dragged = true;
    this.drag(event.pointerId, last, now);
  }

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
}

// What a button does, by its data-do.
const ACTS = {
  "run-changed": (view) => view.run("changed"),
  "run-all": (view) => view.run("all"),
  retry: (view) => view.run("retry"),
  cancel: (view) => view.cancel(),
  options: (view) => view.ask({ do: "options" }),
  fit: (view) => view.stage.fit(true),
  "zoom-in": (view) => view.stage.zoomInPlace(1.3),
  "zoom-out": (view) => view.stage.zoomInPlace(1 / 1.3),
  focus: (view) => {
    view.search.value = "";
    view.seek();
    view.ask({ do: "view", by: view.graph.by, focus: view.panel.node });
  },
  whole: (view) => view.ask({ do: "view", by: view.graph.by, focus: -1 }),
  fold: (view) => view.ask({ do: "view", by: view.graph.by, focus: view.graph.focus }),
  cell: (view) => view.panel.showCell(),
  close: (view) => view.closePanel(),
  dismiss: (view, pressed) => pressed.parentElement.remove(),
  map: (view, pressed) => view.fold(!pressed.parentElement.classList.contains("sk-folded")),
};
for (const [act, { how }] of Object.entries(RUNS)) ACTS[act] = (view) => view.run(how, view.panel.nodes);

// What can be painted anew, in the order of painting.
const PAINTS = {
  theme: (view) => view.theme(),
  filter: (view) => view.paintFilter(),
  legend: (view) => view.paintLegend(),
  links: (view) => view.paintLinks(),
  progress: (view) => view.paintProgress(),
  panel: (view) => view.panel.open && view.panel.paintHead(),
  cards: (view) => view.stage.layCards(),
  stale: (view) => view.stage.refresh(),
  style: (view) => view.stage.restyle(),
  edges: (view) => view.stage.paintEdges(),
  over: (view) => view.stage.paintOver(),
  map: (view) => view.stage.paintMap(),
  frame: (view) => view.stage.frameMap(),
};

/** One view of a model: its parts, what Python tells it, what the user does. */
class View {
  constructor(model, el) {
    const key = model.get("key");
    if (key && !memories.has(key)) memories.set(key, {});
    this.model = model;
    this.memory = memories.get(key) ?? {};
    this.end = new AbortController();
    this.timers = new Set();
    this.waiting = new Map();
    this.marked = new Set();
    this.asked = new Set();
    this.selected = new Set();
    this.filter = new Set(this.memory.filter);
    this.last = { unit: -1 };
    this.chips = [];
    this.progress = IDLE;
    this.stage = new Stage(this);
    this.panel = new Panel(this);
    this.build();
    el.append(this.root);
    this.theme();
    this.load();
    this.listen();
    this.hideKept(key);
  }

  /** The drawing below, for who opens the notebook without a kernel, says the same as the live graph. */
  hideKept(key) {
    if (!/^[0-9a-f]{32}$/.test(key)) return;
    const rule = make("style", `.sk-kept-${key} { display: none; }`);
    document.head.append(rule);
    this.end.signal.addEventListener("abort", () => rule.remove());
  }

  build() {
    const { stage, panel } = this;
    const bar = this.makeBar();
    const keys = make("div.sk-unseen", { id: `sk-keys-${++serial}` }, KEYS);
    this.legend = make("div.sk-legend", { role: "group", "aria-label": "Show only" });
    this.line = make("div.sk-progress");
    this.fill = make("div.sk-fill");
    this.track = make("div.sk-track", { role: "progressbar", "aria-label": "Run" }, this.fill);
    this.errors = make("div.sk-errors");
    this.message = make("div.sk-ack", { role: "status" });
    this.main = make("div.sk-main", stage.element, panel.element);
    this.note = make("div.sk-note");
    this.notes = make("div.sk-notes", { role: "group", "aria-label": "Failures and warnings" });
    this.voice = make("div.sk-unseen", { role: "status" });
    stage.element.append(make("div.sk-message", this.errors, this.message));
    stage.element.setAttribute("aria-describedby", keys.id);
    stage.element.style.height = this.memory.height ?? "";
    const status = make("div.sk-status", this.legend, this.line);
    this.root = make("div.sk-root", bar, status, this.track, this.main, this.note, this.notes, this.voice, keys);
  }

  makeBar() {
    const changed = button("run-changed", "Run changed", "Run changed: what changed and what follows");
    const finder = { type: "search", spellcheck: "false", "aria-label": "Search by id, kind or tag, or give a selector" };
    const option = ([value, text]) => make("option", { value }, text);
    const zooms = [
      button("zoom-out", "−", "Zoom out"),
      button("fit", "Fit", "Fit the graph"),
      button("zoom-in", "+", "Zoom in"),
    ];
    this.title = make("span.sk-title");
    this.canceller = button("cancel", "Cancel");
    this.runs = make("span.sk-buttons", changed, button("run-all", "Run all"), this.canceller, button("options", "Options"));
    this.search = make("input.sk-search", finder);
    this.search.value = this.memory.search ?? "";
    this.found = make("span.sk-found", { role: "status" });
    this.by = make("select.sk-by", { "aria-label": "Group by" }, ...GROUPINGS.map(option));
    const search = make("span.sk-finder", this.search, this.found);
    return make("div.sk-bar", this.title, this.runs, search, this.by, make("span.sk-buttons", ...zooms));
  }

  listen() {
    const { root, stage, main, by } = this;
    this.on(root, "click", (event) => this.press(event.target.closest("[data-do], [data-go], .sk-chip")));
    // Notebook 7 listens on the document before the event comes down to the graph: `a` would add a cell.
    this.on(window, "keydown", (event) => event.composedPath().includes(root) && this.key(event), { capture: true });
    this.on(this.search, "input", () => this.seek());
    this.on(by, "change", () => this.ask({ do: "view", by: by.value, focus: this.graph.focus }));
    this.on(main, "click", (event) => this.clickAgain(event), { capture: true });
    this.on(stage.element, "focus", () => this.enter());
    this.hand = new Hand(this);
    this.listenToMap(stage.mapBody);
    for (const name of ["nodes", "edges", "scene", "snapshot"]) this.hear(`change:${name}`, () => this.reload(name));
    this.hear("change:live", () => this.paintAll());
    this.hear("change:selected", () => this.select(this.model.get("selected"), { told: true }));
    this.hear("msg:custom", (message) => this.receive(message ?? {}));
    this.watch();
  }

  /** Sizes, themes, time. */
  watch() {
    const sizes = new ResizeObserver(() => this.resize());
    const themes = new MutationObserver(() => this.mark("theme"));
    for (const element of [this.root, this.stage.element]) sizes.observe(element);
    for (const element of [document.documentElement, document.body]) themes.observe(element, { attributes: true });
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"])
      this.on(matchMedia(query), "change", () => this.mark("theme"));
    this.on(window, "resize", () => this.resize());
    const clock = setInterval(() => this.progress.mode && this.mark("progress"), 200);
    this.end.signal.addEventListener("abort", () => {
      sizes.disconnect();
      themes.disconnect();
      clearInterval(clock);
      this.timers.forEach(clearTimeout);
      cancelAnimationFrame(this.frame);
      cancelAnimationFrame(this.stage.moving);
      this.root.remove();
    });
  }

  on(target, type, act, options = {}) {
    target.addEventListener(type, act, { ...options, signal: this.end.signal });
  }

  hear(event, act) {
    this.model.on(event, act);
    this.end.signal.addEventListener("abort", () => this.model.off(event, act));
  }

  after(delay, act) {
    const timer = setTimeout(() => this.timers.delete(timer) && act(), delay);
    this.timers.add(timer);
    return timer;
  }

  drop(timer) {
    clearTimeout(timer);
    this.timers.delete(timer);
  }

  // --- painting

  /** Paint with the next frame, each part once, whatever comes until then. */
  mark(...parts) {
    for (const part of parts) this.marked.add(part);
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (!this.stage.size.width) return;
      for (const [part, paint] of Object.entries(PAINTS)) if (this.marked.delete(part)) paint(this);
      if (this.marked.size) this.mark();
    });
  }

  paintAll() {
    const { graph, model, root } = this;
    const live = Boolean(model.get("live"));
    const title = plain(graph.title);
    root.classList.toggle("sk-dead", !live);
    this.runs.hidden = this.by.hidden = !live;
    this.by.value = graph.by;
    this.search.placeholder = live ? "Search, or select with +name, tag:core" : "Search";
    this.title.textContent = this.title.title = title;
    this.stage.element.setAttribute("aria-label", `Graph ${title}: ${plural(graph.size, "node")}`);
    this.note.replaceChildren(
      plain(graph.note) || (graph.size ? "" : "No nodes yet: run the cells that define them."),
      ...(live && graph.opened ? [button("fold", "Close the groups")] : []),
      ...(live && graph.focus >= 0 ? [button("whole", "Show the whole graph")] : []),
    );
    this.chips = WORST_FIRST.map((status) => this.chip(status));
    this.paintRun();
    if (this.panel.open) this.panel.paint();
    this.mark("filter", "cards", "edges", "over", "map", "frame");
  }

  /** The theme's colours, for the canvases too; all is painted anew where they are others. */
  theme() {
    const { root } = this;
    root.dataset.dark = Number(isDark(root.parentElement));
    const style = getComputedStyle(root);
    const names = ["line", "accent", "ink", "group"];
    const found = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--sk-${name}`).trim()]));
    const signature = [root.dataset.dark, style.fontFamily, ...Object.values(found)].join();
    if (signature === this.themed) return;
    Object.assign(this, { themed: signature, colours: found, font: style.fontFamily });
    // A style sheet may come after the view, as in a shadow tree.
    if (!found.line && root.isConnected) this.after(100, () => this.mark("theme"));
    if (!this.graph) return;
    this.stage.reset();
    this.paintAll();
  }

  shade = (status) => this.graph.looks[status].shades[Number(this.root.dataset.dark)];
  /** For a node so small that it has no border: pending ones would vanish. */
  dot = (status) => (status === PENDING ? this.colours.line : this.shade(status).fill);
  faint = (unit) => Boolean(this.dimmed) && this.graph.members[unit].every((node) => this.dimmed[node]);

  swatch(status) {
    const { d, width, filled, border, dash } = this.graph.looks[status];
    const { fill, stroke, text } = this.shade(status);
    const thin = {
      "stroke-width": Math.min(border, 2),
      "stroke-dasharray": dash.map((part) => part / 2).join(" ") || "none",
    };
    const box = draw("rect", { x: 1.5, y: 1.5, width: 21, height: 15, rx: 4, fill, stroke, ...thin });
    const ink = { stroke: text, "stroke-width": width, fill: filled ? text : "none" };
    const sign = draw("path.sk-sign", { d, transform: "translate(12 9) scale(.85)", ...ink });
    return draw("svg.sk-swatch", { viewBox: "0 0 24 18", "aria-hidden": "true" }, box, sign);
  }

  chip(status) {
    return make("button.sk-chip", { type: "button", "data-status": status }, this.swatch(status), make("span"));
  }

  /** A node to click. */
  link(node, ...more) {
    const [status, id] = [this.graph.status(node), this.graph.id(node)];
    const attributes = { type: "button", "data-go": node, "data-status": status, title: id };
    return make("button.sk-link", attributes, this.swatch(status), make("span", id), ...more);
  }

  paintLinks() {
    for (const link of this.root.querySelectorAll(".sk-link")) {
      const status = this.graph.status(Number(link.dataset.go));
      if (Number(link.dataset.status) === status) continue;
      link.dataset.status = status;
      link.firstChild.replaceWith(this.swatch(status));
    }
  }

  /** A chip for each status that there is, and for "running" while something runs: chips should not move under a click. */
  paintLegend() {
    const { graph, filter, legend, focused } = this;
    const shown = this.chips.filter((chip) => {
      const status = Number(chip.dataset.status);
      chip.lastChild.textContent = `${amount(graph.totals[status])} ${graph.word(status)}`;
      chip.setAttribute("aria-pressed", filter.has(status));
      return graph.totals[status] || filter.has(status) || (status === RUNNING && this.progress.mode);
    });
    if (shown.length !== legend.children.length || shown.some((chip, at) => chip !== legend.children[at])) {
      legend.replaceChildren(...shown);
      if (shown.includes(focused)) focused.focus({ preventScroll: true });
    }
    this.root.classList.toggle("sk-still", graph.totals[RUNNING] > MOST_PULSES);
  }

  get locked() {
    return this.progress.mode === "foreground";
  }

  /** What depends on whether something runs. */
  paintRun() {
    const { mode, cancelling, notes } = this.progress;
    const { canceller } = this;
    this.root.classList.toggle("sk-locked", this.locked);
    for (const each of this.runs.querySelectorAll("[data-do^=run]")) each.disabled = this.locked;
    if ((mode !== "background" || cancelling) && this.focused === canceller)
      this.stage.element.focus({ preventScroll: true });
    canceller.hidden = mode !== "background";
    canceller.disabled = Boolean(cancelling);
    canceller.textContent = cancelling ? "Cancelling …" : "Cancel";
    const known = notes.filter(([node]) => this.graph.has(node));
    const signature = JSON.stringify([this.themed, known]);
    if (this.noted !== signature)
      this.notes.replaceChildren(...known.map(([node, text]) => this.link(node, quiet(plain(text)))));
    this.noted = signature;
    this.paintLegend();
    this.paintProgress();
    if (this.panel.open) this.panel.paintActs();
  }

  paintProgress() {
    const { mode, done, todo, now, queued, cancelling, text } = this.progress;
    const part = mode && todo ? done / todo : 0;
    this.fill.style.transform = `scaleX(${part})`;
    this.track.setAttribute("aria-valuenow", Math.round(100 * part));
    const running = now.filter(this.graph.has).map(this.graph.id);
    const names = joined([...running.slice(0, 3), running.length > 3 && `${running.length - 3} more`], ", ");
    const far = [`${amount(done)} of ${amount(todo)}`, `${this.elapsed.toFixed(1)} s`];
    const silent = mode ? Math.floor((performance.now() - this.heard) / 1000) : 0;
    const lost = silent >= SILENT && `no word from the kernel for ${silent} s`;
    const shown = joined([...far, names, queued && `${queued} queued`, cancelling && "cancelling", lost]);
    this.line.replaceChildren(mode ? shown : plain(text));
    if (this.locked && this.model.get("live")) this.line.append(make("div.sk-locked-line", LOCKED));
  }

  get elapsed() {
    return this.progress.elapsed + (this.progress.mode ? (performance.now() - this.heard) / 1000 : 0);
  }

  /** What the filter and the search leave out grows faint. */
  paintFilter() {
    const { graph, filter } = this;
    const found = this.matches();
    const text = this.search.value.trim();
    this.found.textContent = found ? `${amount(found.length)} of ${amount(graph.size)}` : text && "Enter selects";
    this.dimmed = found || filter.size ? new Uint8Array(graph.size).fill(found ? 1 : 0) : null;
    for (const node of found ?? []) this.dimmed[node] = 0;
    if (filter.size) this.dimmed.forEach((dim, node) => (this.dimmed[node] = dim | !filter.has(graph.status(node))));
    this.mark("style", "edges", "over");
  }

  resize() {
    const { stage, root, memory } = this;
    const { height } = stage.element.style;
    root.classList.toggle("sk-narrow", root.clientWidth < NARROW);
    if (this.raised && height !== this.raised) memory.height = height;
    const first = !stage.size.width;
    if (!stage.resize()) return;
    if (first) this.settle();
    else if (!memory.moved && stage.fitScale >= FIT_LEAST) stage.fit();
    else stage.place(stage.camera);
    this.mark("map");
  }

  /** The first time that there is room: a view may be made before it is put into the page. */
  settle() {
    this.theme();
    this.raise();
    this.stage.resize();
    if (this.memory.camera) this.stage.place(this.memory.camera);
    else this.stage.home();
    this.paintAll();
  }

  /** As high as the graph needs, unless the user chose a height. */
  raise() {
    const { root, stage, graph, memory } = this;
    if (memory.height || !root.clientWidth) return;
    const wide = Math.min((root.clientWidth - 2 * MARGIN) / graph.width, 1);
    const high = within(graph.height * (wide < FIT_LEAST ? START : wide) + 2 * MARGIN, HEIGHTS);
    const beside = this.panel.open && !root.classList.contains("sk-narrow");
    stage.element.style.height = this.raised = `${Math.round(Math.max(high, beside ? PANEL_HEIGHT : 0))}px`;
  }

  // --- what Python tells

  load() {
    this.graph = new Graph(this.model, this.memory);
    this.haystacks = null;
    this.asked.clear();
    this.stage.reset();
    this.hearRun(this.graph.state.run);
    this.select(this.model.get("selected"), { told: true });
    if (this.memory.panel && this.selected.size) this.panel.show();
    this.paintAll();
    this.resize();
  }

  /** Once for all traits that change together. */
  reload(name) {
    if (!this.news) queueMicrotask(() => this.read());
    this.news = (this.news ?? new Set()).add(name);
  }

  read() {
    const { news, model, memory, graph, stage } = this;
    this.news = null;
    if (this.end.signal.aborted) return;
    if (news.has("nodes") || news.has("edges")) {
      Object.assign(memory, { camera: null, details: null });
      this.load();
      this.raise();
      stage.resize();
      return stage.home();
    }
    if (news.has("snapshot")) {
      const { found, run } = graph.difference(model.get("snapshot"));
      this.change(found, run);
    }
    if (!news.has("scene")) return;
    const [held, at] = [this.hold(), graph.members[stage.at]?.[0]];
    graph.readScene(model.get("scene"));
    graph.count();
    stage.at = graph.boxes[graph.unit[at]] ? graph.unit[at] : -1; // the keyboard's place is a node, not a number
    stage.reset();
    this.keep(held);
    this.paintAll();
  }

  /** A node that is in sight, and where it stands. */
  hold() {
    const { graph, stage } = this;
    const unit = this.opening ?? graph.units(this.selected)[0] ?? stage.seen()[0];
    const { left, top } = graph.boxes[unit] ?? { left: 0, top: 0 };
    const { k, x, y } = stage.camera;
    return { node: graph.members[unit]?.[0], by: graph.by, focus: graph.focus, x: left * k + x, y: top * k + y };
  }

  /** With other units of the same view, that node stays where it is. */
  keep({ node, by, focus, x, y }) {
    const { graph, stage } = this;
    const box = graph.boxes[graph.unit[node]];
    this.opening = undefined;
    this.raise();
    stage.resize();
    if (!box || by !== graph.by || focus !== graph.focus) {
      stage.home();
      if (graph.focus >= 0) stage.reveal(graph.units([graph.focus]));
      return;
    }
    const { k } = stage.camera;
    stage.moveTo({ k, x: x - box.left * k, y: y - box.top * k });
  }

  receive(message) {
    const { k, n, text } = message;
    const mine = this.waiting.get(n);
    if (k === "delta") this.change(Array.isArray(message.d) ? message.d : [], message.run);
    if (k === "error" && (mine || !n)) this.complain(text);
    if (!mine || k === "delta") return;
    this.drop(mine.timer);
    this.waiting.delete(n);
    this.selecting = false;
    if (k === "ack") this.say(plain(text));
    else if ([BUSY, OCCUPIED].includes(this.message.textContent)) this.say("");
    if (k === "details") this.panel.answer(message);
    if (k === "ack" && mine.command.do === "run") this.after(1500, () => this.progress.mode || this.forget());
    if (k === "error") this.takeBack(mine);
  }

  /** Python refused: what was shown ahead of its answer is undone. */
  takeBack({ command, asked }) {
    for (const node of asked) this.asked.delete(node);
    this.by.value = this.graph.by;
    this.opening = undefined;
    if (command.do === "details") this.panel.answer(command);
    if (command.do === "cancel") this.hearRun({ ...this.progress, elapsed: this.elapsed, cancelling: false });
    this.mark("style", "over");
  }

  change(found, run) {
    const { graph, stage, panel } = this;
    let final = false;
    for (let at = 0; at + 3 < found.length; at += 4) {
      const [node, status, rows, seconds] = found.slice(at, at + 4);
      if (!graph.has(node) || !WORST_FIRST.includes(status)) continue;
      const unit = graph.unit[node];
      const was = graph.boxes[unit] && graph.unreached(unit);
      graph.set(node, status, rows, seconds);
      this.asked.delete(node);
      final ||= node === panel.node && status > RUNNING;
      if (!graph.boxes[unit]) continue;
      stage.stale.add(unit);
      if (was !== graph.unreached(unit) && stage.camera.k >= FAR) this.mark("edges");
    }
    this.memory.state = graph.state;
    if (found.length) this.mark("legend", "links", "panel", "stale", "map");
    if (found.length && stage.far) this.mark("over");
    if (found.length && this.filter.size) this.mark("filter");
    if (run) this.hearRun({ ...IDLE, ...run });
    if (final && panel.open) panel.ask();
  }

  hearRun(run) {
    const before = this.progress;
    this.progress = this.graph.state.run = run;
    this.heard = performance.now();
    if (before.mode && !run.mode) this.forget();
    this.paintRun();
    if (before.mode === run.mode && !(run.mode && this.heard - this.totalled > TOTALS_EVERY)) return;
    this.totalled = this.heard;
    this.announce(run.mode ? `${run.done} of ${run.todo} done` : plain(run.text));
  }

  forget() {
    this.asked.clear();
    this.mark("style", "over");
  }

  say(text) {
    this.message.textContent = text;
    this.drop(this.saying);
    if (text && text !== BUSY && text !== OCCUPIED) this.saying = this.after(SAID_FOR, () => this.say(""));
  }

  announce(text) {
    this.voice.textContent = text;
  }

  complain(text) {
    this.say("");
    const parts = [make("span", safe(text)), button("dismiss", "✕", "Dismiss")];
    this.errors.append(make("div.sk-wrong", { role: "alert" }, ...parts));
  }

  // --- what the user asks for

  /** Python answers each command with its number. */
  ask(command, asked = []) {
    const live = this.model.get("live");
    const timer = live ? this.after(BUSY_AFTER, () => this.say(this.locked ? OCCUPIED : BUSY)) : 0;
    this.waiting.set(++serial, { command, asked, timer });
    try {
      this.model.send({ ...command, n: serial, v: this.graph.version, s: this.graph.staged });
    } catch {
      this.drop(timer);
      if (live) this.complain("The kernel that drew this graph is gone: run its cell again.");
    }
  }

  run(how, nodes = []) {
    if (!this.model.get("live")) return;
    if (this.locked) return this.say(LOCKED);
    if (this.isRepeated(`${how} ${nodes}`)) return;
    const expected = this.expected(how, nodes);
    const what = { changed: "what changed", all: "all nodes", retry: "what failed" }[how];
    for (const node of expected) this.asked.add(node);
    this.say(`Asked to run ${what ?? (nodes.length === 1 ? this.graph.id(nodes[0]) : plural(nodes.length, "node"))} …`);
    this.ask({ do: "run", how, i: nodes }, expected);
    this.mark("style", "over");
  }

  /** Whether this was asked for a moment ago: some click twice on everything. */
  isRepeated(what) {
    const [last, now] = [this.lastRun, performance.now()];
    this.lastRun = { what, now };
    return last?.what === what && now - last.now < DOUBLE_CLICK;
  }

  /** What a run will touch, as far as the browser can tell; Python corrects it. */
  expected(how, nodes) {
    const { graph } = this;
    const those = (test) => Array.from(graph.state.status.keys()).filter((node) => test(graph.status(node)));
    if (how === "all") return those(() => true);
    if (how === "retry") return those((status) => [FAILED, SKIPPED].includes(status));
    if (how === "only" || how === "changed") return nodes;
    return [...graph.web.reach(nodes, how === "upstream" ? 1 : 0).ends];
  }

  cancel() {
    this.ask({ do: "cancel" });
    this.hearRun({ ...this.progress, elapsed: this.elapsed, cancelling: true });
  }

  /** Show these as selected; `told` where Python says so. */
  select(nodes, { told = false, focused = false } = {}) {
    const next = new Set((nodes ?? []).filter(this.graph.has));
    const same = next.size === this.selected.size && [...next].every((node) => this.selected.has(node));
    if (told && same) return;
    this.selected = next;
    this.stage.light();
    this.mark("style", "over");
    if (!told) {
      this.model.set("selected", [...next]);
      this.model.save_changes();
    }
    if (!next.size) this.panel.hide();
    else if (!told || this.selecting || this.panel.open) this.open(focused);
    if (this.selecting) this.stage.reveal(this.graph.units(next));
    this.raise();
  }

  open(focused) {
    this.panel.show();
    this.panel.ask();
    if (focused) this.panel.focus();
  }

  go(node) {
    const [unit = -1] = this.graph.units([node]);
    this.select([node]);
    this.stage.at = unit;
    this.stage.resize();
    this.stage.reveal([unit]);
  }

  closePanel() {
    this.panel.hide();
    this.raise();
    this.stage.element.focus({ preventScroll: true });
  }

  fold(folded) {
    this.memory.folded = folded;
    this.mark("frame");
  }

  press(pressed) {
    const { do: act, go, status } = pressed?.dataset ?? {};
    if (act) ACTS[act](this, pressed);
    else if (go) this.go(Number(go));
    else if (status) this.toggle(Number(status));
  }

  toggle(status) {
    if (!this.filter.delete(status)) this.filter.add(status);
    this.memory.filter = [...this.filter];
    this.mark("legend", "filter");
  }

  seek() {
    this.memory.search = this.search.value;
    this.mark("filter");
  }

  /** Only Python can read one. */
  get isSelector() {
    return Boolean(this.model.get("live")) && /[+:@*,]/.test(this.search.value);
  }

  /** The nodes that the search finds; null where there is none, or a selector. */
  matches() {
    const { graph } = this;
    const text = this.search.value.trim().toLowerCase();
    if (!text || this.isSelector) return null;
    this.haystacks ??= graph.name.map((_, node) => [graph.id(node), ...graph.tagsOf(node)].join("\n").toLowerCase());
    return this.haystacks.flatMap((haystack, node) => (haystack.includes(text) ? [node] : []));
  }

  find() {
    const found = this.matches();
    if (found?.length) {
      this.select(found);
      this.stage.resize();
      this.stage.reveal(this.graph.units(found));
    } else if (this.isSelector) {
      this.ask({ do: "select", selector: this.search.value.trim() });
      this.selecting = true;
    }
  }

  // --- the pointer

  listenToMap(body) {
    const follow = ({ clientX, clientY, buttons }) => {
      const { left, top } = body.getBoundingClientRect();
      const { stage } = this;
      const k = stage.mapScale;
      if (buttons) stage.moveTo(stage.centred(stage.camera.k, (clientX - left) / k, (clientY - top) / k));
      if (buttons) this.memory.moved = true;
    };
    this.on(body, "pointermove", follow);
    this.on(body, "pointerdown", (event) => {
      body.setPointerCapture(event.pointerId);
      follow(event);
    });
  }

  hover(unit, { x, y } = {}) {
    const { stage } = this;
    const { tip, size } = stage;
    tip.hidden = unit < 0 || !stage.far;
    if (!tip.hidden) {
      tip.textContent = this.graph.tip(unit);
      put(tip, { left: Math.min(x + 14, size.width - 200), top: Math.min(y + 14, size.height - 60) });
    }
    if (unit === stage.hover) return;
    stage.hover = unit;
    stage.element.classList.toggle("sk-over", unit >= 0);
    stage.light();
  }

  click(event, { x, y }) {
    const { stage, graph } = this;
    const card = event.target.closest(".sk-run")?.parentElement.dataset;
    if (card) return this.activate(card.unit ? Number(card.unit) : graph.unit[Number(card.i)]);
    const unit = stage.hit(x, y);
    const adding = event.ctrlKey || event.metaKey || event.shiftKey;
    if (unit < 0) return adding || this.select([]);
    const members = graph.members[unit];
    const rest = [...this.selected].filter((node) => graph.unit[node] !== unit);
    const chosen = members.every((node) => this.selected.has(node));
    stage.at = unit;
    if (adding) return this.select(chosen ? rest : [...rest, ...members], { focused: true });
    this.last = { unit, time: performance.now(), x: event.clientX, y: event.clientY };
    this.select(members, { focused: true });
    this.after(DOUBLE_CLICK, () => stage.reveal(graph.units(this.selected)));
  }

  /** The second of two clicks, wherever it falls: the first may have put the panel under the pointer. */
  clickAgain(event) {
    const { unit, time, x, y } = this.last;
    this.last = { unit: -1 };
    const near = performance.now() - time < DOUBLE_CLICK && Math.hypot(event.clientX - x, event.clientY - y) < 6;
    if (unit < 0 || !near) return;
    event.stopPropagation();
    this.activate(unit);
  }

  /** A node runs, with what follows; a group opens. */
  activate(unit) {
    const [node] = this.graph.members[unit] ?? [];
    if (!this.graph.groups.has(unit)) return node !== undefined && this.run("downstream", [node]);
    if (!this.model.get("live")) return;
    this.opening = unit;
    this.say(`Opening ${this.graph.lines(unit)[1]} …`);
    this.ask({ do: "expand", unit });
  }

  // --- keys

  get focused() {
    return this.root.getRootNode().activeElement;
  }

  /** JupyterLab takes single keys for commands on the cell: "dd" would delete it. */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();
    const { key } = event;
    const { focused, search } = this;
    if (key === "Escape") this.escape(focused);
    else if (focused === search && key === "Enter") this.find();
    else if (focused === search || focused === this.by) return;
    else if (key === "/") search.focus();
    else if (focused !== this.stage.element || (key === "Enter" && event.repeat) || !this.walk(key)) return;
    event.preventDefault();
  }

  escape(focused) {
    this.say("");
    if (focused === this.search) {
      this.search.value = "";
      return this.seek();
    }
    this.select([]);
    this.stage.element.focus({ preventScroll: true });
  }

  /** The keyboard's place is somewhere as soon as the graph has the focus. */
  enter() {
    const { stage, graph } = this;
    if (stage.at < 0 && graph.boxes.length) stage.at = graph.units(this.selected)[0] ?? stage.seen()[0] ?? stage.first();
    if (stage.at >= 0) this.announce(graph.told(stage.at));
    this.mark("style", "over");
  }

  /** What a key does on the graph; false where it does nothing. */
  walk(key) {
    const { stage, graph } = this;
    const { drawn, members } = graph;
    const keys = {
      ArrowLeft: () => this.step(drawn.next(stage.at, 1)[0]),
      ArrowRight: () => this.step(drawn.next(stage.at, 0)[0]),
      ArrowUp: () => this.step(this.beside(-1)),
      ArrowDown: () => this.step(this.beside(1)),
      Enter: () => this.activate(stage.at),
      " ": () => this.select(members[stage.at], { focused: true }),
      f: () => stage.fit(true),
      "+": () => stage.zoomInPlace(1.3),
      "=": () => stage.zoomInPlace(1.3),
      "-": () => stage.zoomInPlace(1 / 1.3),
    };
    if (!Object.hasOwn(keys, key)) return false;
    keys[key]();
    return true;
  }

  step(unit = this.stage.at) {
    if (unit < 0) return;
    this.stage.at = unit;
    this.stage.reveal([unit]);
    this.announce(this.graph.told(unit));
    this.mark("style", "over");
  }

  /** The next unit above (-1) or below (1). */
  beside(way) {
    const { boxes } = this.graph;
    const from = boxes[this.stage.at] ?? boxes[this.stage.first()];
    if (!from) return undefined;
    const apart = (unit) => (boxes[unit].top - from.top) * way;
    const column = boxes.flatMap(({ left, right }, unit) =>
      left < from.right && right > from.left && apart(unit) > 0 ? [unit] : [],
    );
    return column.sort((a, b) => apart(a) - apart(b))[0];
  }
}

function render({ model, el, signal }) {
  const { end } = new View(model, el);
  signal?.addEventListener("abort", () => end.abort(), { once: true });
  return () => end.abort();
}

export default { render };
