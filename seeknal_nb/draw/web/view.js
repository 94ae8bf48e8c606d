// One view of a model: its parts, when each is painted, and what is selected.
import { press } from "./acts.js";
import { Commands } from "./commands.js";
import { Dock, WIDE } from "./dock.js";
import { make } from "./dom.js";
import { Finder } from "./finder.js";
import { kindsOf, notesOf } from "./foot.js";
import { Graph } from "./graph.js";
import { hideKept } from "./kept.js";
import { Kernel } from "./kernel.js";
import { HELP, Keys } from "./keys.js";
import { Lifetime } from "./lifetime.js";
import { linkTo, paintLinks } from "./links.js";
import { Listener } from "./listening.js";
import { nextNumber } from "./messages.js";
import { Notices } from "./notices.js";
import { Options } from "./options.js";
import { Panel } from "./panel.js";
import { Pointer } from "./pointer.js";
import { RunLine } from "./run.js";
import { Sight } from "./sight.js";
import { Stage } from "./stage.js";
import { Strip } from "./strip.js";
import { swatchOf } from "./swatch.js";
import { plural } from "./text.js";
import { Theme } from "./theme.js";
import { Toolbar } from "./toolbar.js";

/**
 * How a view was left.
 * @typedef {object} Memory
 * @property {import("./messages.js").State} [state]
 * @property {import("./camera.js").Camera | null} [camera]
 * @property {boolean} [moved] whether the user has moved the camera
 * @property {boolean} [folded] whether the overview is
 * @property {string} [height] of the stage, where the user chose one
 * @property {boolean} [panel] whether it is open
 * @property {string} [tab] of the details
 * @property {string} [place] of the details, where the user chose one
 * @property {number} [wide] likewise their width
 * @property {import("./sections.js").Details | null} [details]
 * @property {string} [search]
 * @property {string[]} [filter]
 * @property {Record<string, number | boolean>} [options] of the runs that it starts
 */

// More animated nodes make the answer to a click slow.
const MOST_PULSES = 24;
const CLOCK = 200;

// By the model's key: JupyterLab renders a model anew when its output is updated.
/** @type {Map<string, Memory>} */
const memories = new Map();

/** What can be painted anew, in the order of painting. @type {Record<string, (view: View) => void>} */
const PAINTS = {
  theme: (view) => view.retheme(),
  run: (view) => view.paintRun(),
  filter: ({ finder }) => finder.paint(),
  legend: (view) => view.paintLegend(),
  links: (view) => paintLinks(view),
  progress: ({ run }) => run.paint(),
  panel: ({ panel }) => panel.open && panel.paintHead(),
  cards: ({ stage }) => stage.layCards(),
  stale: ({ stage }) => stage.cards.refresh(),
  clocks: ({ stage }) => stage.cards.tick(),
  style: ({ stage }) => stage.cards.markAll(),
  edges: ({ stage }) => stage.painter.paintEdges(),
  over: ({ stage }) => stage.painter.paintOver(),
  map: ({ stage }) => stage.overview.paint(),
  frame: ({ stage }) => stage.overview.paintFrame(),
};

export class View {
  /** @param {any} model anywidget's, or a page's @param {HTMLElement} el */
  constructor(model, el) {
    const key = model.get("key");
    if (key && !memories.has(key)) memories.set(key, {});
    this.model = model;
    /** @type {Memory} */
    this.memory = memories.get(key) ?? {};
    this.life = new Lifetime();
    /** The nodes. @type {Set<number>} */
    this.selected = new Set();
    /** What is to be painted with the next frame. @type {Set<string>} */
    this.marked = new Set();
    this.frame = 0;
    /** The group that is being opened. @type {number | undefined} */
    this.opening = undefined;
    this.raised = "";
    /** @type {Theme | null} */
    this.theme = null;
    this.sight = new Sight(this);
    this.kernel = new Kernel(this);
    this.strip = new Strip(this);
    this.options = new Options(this);
    this.commands = new Commands(this);
    this.notices = new Notices(this.life);
    this.run = new RunLine(this);
    this.finder = new Finder(this);
    this.toolbar = new Toolbar(this);
    this.stage = new Stage(this);
    this.panel = new Panel(this);
    this.dock = new Dock(this);
    this.build();
    el.append(this.root);
    this.load();
    this.listen();
    hideKept(key, this.life);
  }

  build() {
    const { stage, panel, finder, run, notices, strip, options } = this;
    const keys = make("div.sk-unseen", { id: `sk-keys-${nextNumber()}` }, HELP);
    this.main = make("div.sk-main", stage.element, this.dock.edge, panel.element);
    this.note = make("div.sk-note");
    this.key = make("div.sk-key", { role: "note", "aria-label": "Kinds of nodes" });
    stage.element.append(notices.element);
    stage.element.setAttribute("aria-describedby", keys.id);
    stage.element.style.height = this.memory.height ?? "";
    const above = [this.toolbar.element, make("div.sk-status", finder.legend, run.line), run.track, strip.element];
    const below = [this.key, this.note, run.notes, notices.voice, keys];
    this.root = make("div.sk-root", ...above, this.main, ...below, options.element);
  }

  listen() {
    const { life, root, stage, finder, toolbar, run } = this;
    life.on(root, "click", (event) => press(this, event.target.closest("[data-do], [data-go], .sk-chip")));
    life.on(finder.search, "input", () => finder.seek());
    life.on(toolbar.by, "change", () => this.commands.arrange({ by: toolbar.by.value }));
    this.keys = new Keys(this);
    this.pointer = new Pointer(this);
    this.listener = new Listener(this);
    stage.overview.listen(life);
    this.dock.listen(life);
    this.options.listen(life);
    this.sight.listen(life);
    this.kernel.listen(life, this.model);
    life.watchSizes([root, stage.element], () => this.resize());
    life.watchAttributes([document.documentElement, document.body], () => this.mark("theme"));
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"])
      life.on(matchMedia(query), "change", () => this.mark("theme"));
    life.on(window, "resize", () => this.resize());
    life.every(CLOCK, () => run.told.mode && !this.still && this.mark("progress", "clocks"));
    life.atEnd(() => this.close());
  }

  close() {
    cancelAnimationFrame(this.frame);
    cancelAnimationFrame(this.stage.moving);
    this.root.remove();
  }

  /** Whether there is a kernel to ask, of which it shows how the nodes stand now. */
  get live() {
    return Boolean(this.model.get("live")) && !this.still;
  }

  /** Whether it shows an earlier moment, or what a kernel told that is gone. */
  get still() {
    return Boolean(this.model.get("frozen")) || this.kernel.gone;
  }

  /** It is live no longer, or again. */
  turnStill() {
    this.options.close({ back: false });
    this.paintAll();
    if (this.live && this.panel.open) this.panel.ask(true);
  }

  /** What has the focus, in the view or elsewhere. */
  get focused() {
    return this.root.getRootNode().activeElement;
  }

  // --- painting

  /** Paint once somebody sees it, each part once, whatever comes until then. @param {(keyof PAINTS)[]} parts */
  mark(...parts) {
    for (const part of parts) this.marked.add(part);
    if (this.sight.open) this.frame ||= requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.frame = 0;
    if (!this.stage.size.width || !this.sight.open) return;
    for (const [part, paint] of Object.entries(PAINTS)) if (this.marked.delete(part)) paint(this);
    if (this.marked.size) this.mark();
  }

  paintAll() {
    const { graph, live, root } = this;
    root.classList.toggle("sk-dead", !live);
    this.toolbar.paint();
    this.strip.paint();
    this.stage.element.setAttribute("aria-label", `Graph ${graph.title}: ${plural(graph.size, "node")}`);
    this.note.replaceChildren(...notesOf(graph, live));
    this.key.replaceChildren(...kindsOf(graph));
    this.finder.resetLegend();
    this.paintRun();
    if (this.panel.open) this.panel.paint();
    this.mark("filter", "cards", "edges", "over", "map", "frame");
  }

  /** What depends on whether something runs. */
  paintRun() {
    this.root.classList.toggle("sk-locked", this.run.locked);
    this.toolbar.paintRun();
    this.run.paintNotes();
    this.paintLegend();
    this.run.paint();
    if (this.panel.open) this.panel.paintActs();
  }

  paintLegend() {
    this.finder.paintLegend();
    this.root.classList.toggle("sk-still", this.graph.totals[this.graph.code.running] > MOST_PULSES);
  }

  /** All anew where the theme has become another one. */
  retheme() {
    if (!this.readTheme()) return;
    this.stage.reset();
    this.paintAll();
  }

  /** Gives whether the theme is another one. */
  readTheme() {
    const theme = new Theme(this.root, this.graph.looks);
    if (theme.equals(this.theme)) return false;
    this.theme = theme;
    // A style sheet may come after the view, as in a shadow tree.
    if (!theme.colours.line && this.root.isConnected) this.life.after(100, () => this.mark("theme"));
    return true;
  }

  /** @param {number} status */
  swatch = (status) => swatchOf(this.graph.looks[status]);

  /** A node to click. @param {number} node @param {any[]} more */
  link = (node, ...more) => linkTo(this, node, more);

  // --- sizes

  resize() {
    const { stage, root, memory } = this;
    const { height } = stage.element.style;
    root.classList.toggle("sk-narrow", root.clientWidth < WIDE);
    this.dock.lay();
    if (this.raised && height !== this.raised) memory.height = height;
    const first = !stage.size.width;
    if (!stage.resize()) return;
    if (first) this.settle();
    else if (!memory.moved && stage.room.fits) stage.fit();
    else stage.place(stage.camera);
    this.mark("map");
  }

  /** The first time that there is room: a view may be made before it is put into the page. */
  settle() {
    this.retheme();
    this.raise();
    this.stage.resize();
    if (this.memory.camera) this.stage.place(this.memory.camera);
    else this.stage.home();
    this.paintAll();
  }

  /** As high as the graph needs, unless the user chose a height. */
  raise() {
    this.dock.lay();
    if (this.memory.height || !this.root.clientWidth) return;
    this.stage.element.style.height = this.raised = `${Math.round(this.dock.height)}px`;
  }

  fold(folded) {
    this.memory.folded = folded;
    this.mark("frame");
  }

  // --- the graph

  load() {
    this.graph = new Graph(this.model, this.memory);
    this.readTheme();
    this.finder.reset();
    this.commands.asked.clear();
    this.stage.reset();
    this.run.hear(this.graph.state.run);
    this.select(this.model.get("selected"), { told: true });
    if (this.memory.panel && this.selected.size) this.panel.show();
    this.paintAll();
    this.resize();
  }

  // --- the selection

  /** Show these as selected; `told` where Python says so. @param {number[]} nodes */
  select(nodes, { told = false, focused = false } = {}) {
    const next = new Set((nodes ?? []).filter(this.graph.has));
    const same = next.size === this.selected.size && [...next].every((node) => this.selected.has(node));
    if (told && same) return;
    this.selected = next;
    this.stage.light();
    this.stage.setApart();
    this.mark("style", "over");
    if (!told && !this.still) this.tellSelected();
    if (!next.size) this.panel.hide();
    else if (!told || this.finder.selecting || this.panel.open) this.open({ focused, quiet: told && !this.finder.selecting });
    if (this.finder.selecting) this.stage.reveal(this.graph.units(next));
    this.raise();
  }

  tellSelected() {
    this.model.set("selected", [...this.selected]);
    this.model.save_changes();
  }

  open({ focused = false, quiet = false }) {
    this.panel.show();
    this.panel.ask(quiet);
    if (focused) this.panel.focus();
  }

  /** @param {number} node */
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
}

/**
 * anywidget's: shows a model in an element until `signal` is aborted, or what it gives is called.
 * @param {{ model: any, el: HTMLElement, signal?: AbortSignal }} place
 */
export function render({ model, el, signal }) {
  const { life } = new View(model, el);
  signal?.addEventListener("abort", () => life.close(), { once: true });
  return () => life.close();
}
