// What is known of the selected nodes: at once what the browser knows, then what Python answers.
import { RUNS } from "./acts.js";
import { cellOf, goToCell } from "./cells.js";
import { button, dress, make, quiet } from "./dom.js";
import { LOCKED } from "./notices.js";
import { tabsOf } from "./sections.js";
import { amount, plural } from "./text.js";

/** @typedef {import("./sections.js").Details} Details */

const LISTED = 100;

export class Panel {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    /** @type {Details | null} */
    this.details = null;
    this.sign = make("span.sk-head-sign");
    this.name = make("b.sk-id");
    this.went = make("span.sk-went");
    this.acts = make(
      "div.sk-acts",
      ...Object.keys(RUNS).map((act) => button(act, "")),
      button("focus", "Focus", "Show only this node, what it reads and what follows from it"),
      button("cell", "Go to the cell"),
    );
    this.lock = make("p.sk-lock", LOCKED);
    this.tabs = make("div.sk-tabs", { role: "tablist", hidden: "" });
    this.body = make("div.sk-body");
    const buttons = make("span.sk-buttons", button("move", "◨", "Move the details"), button("close", "✕", "Close the details"));
    const head = make("div.sk-head", this.sign, this.name, buttons, this.went);
    const attributes = { "aria-label": "Details", hidden: "" };
    this.element = make("aside.sk-panel", attributes, head, this.acts, this.lock, this.tabs, this.body);
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
    const { memory } = this.view;
    this.element.hidden = false;
    memory.panel = true;
    this.details = memory.details?.i === this.node ? memory.details : null;
    this.paint();
  }

  focus() {
    const acts = this.acts.querySelector("button:not(:disabled, [hidden])");
    const first = acts ?? this.element.querySelector("[data-do=close]");
    first.focus({ preventScroll: true });
  }

  hide() {
    if (this.open) this.view.commands.tell({ do: "leave" });
    this.element.hidden = true;
    this.view.memory.panel = false;
  }

  /** `quiet` where nobody clicked. */
  ask(quiet = false) {
    if (this.node >= 0) this.view.sight.ask({ do: "details", i: this.node }, quiet);
    else this.view.commands.tell({ do: "leave" });
  }

  /** @param {Details} details */
  answer(details) {
    if (details.i !== this.node) return;
    const { run, memory } = this.view;
    // A run writes what its nodes printed when it ends.
    const log = details.log || (run.told.mode && this.details?.i === details.i ? this.details.log : "");
    this.details = memory.details = { ...details, log };
    this.paint();
  }

  /** The node runs: what it printed before is of another run. */
  begin() {
    if (!this.details) return;
    this.details.log = "";
    this.paint();
  }

  /** What it has printed until now. @param {{ i: number, text: string }} told */
  hear({ i, text }) {
    if (!this.open || i !== this.node || this.details?.i !== i) return;
    this.details.log = text;
    const known = this.tabs.querySelector("[data-tab=log]");
    if (!known || known.getAttribute("aria-selected") === "true") this.paint();
  }

  paint() {
    const { scrollTop } = this.element;
    const [low, before] = [this.isLogLow(), this.body.querySelector(".sk-log")?.scrollTop ?? 0];
    if (this.node < 0) this.paintMany();
    else this.paintOne();
    this.element.scrollTop = scrollTop;
    const log = this.body.querySelector(".sk-log");
    if (log) log.scrollTop = low ? log.scrollHeight : before;
    this.paintHead();
    this.paintActs();
  }

  /** Whether the end of a log that grows is in sight, as it is before its first line. */
  isLogLow() {
    const { graph } = this.view;
    const log = this.body.querySelector(".sk-log");
    if (!log) return graph.status(this.node) === graph.code.running;
    return log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  }

  paintMany() {
    this.tabs.hidden = true;
    this.body.replaceChildren(this.list(this.nodes));
  }

  /** The tab stays from node to node; where this node has none of it, the first is shown. */
  paintOne() {
    const { node, view } = this;
    const details = this.details ?? { i: node };
    const sign = (status) => (status in view.graph.code ? view.swatch(view.graph.code[status]) : "");
    const tabs = tabsOf(details, this.ends(node, details), sign);
    const shown = tabs.find(({ name }) => name === view.memory.tab) ?? tabs[0];
    const waits = !this.details && view.live ? [quiet(this.waiting)] : [];
    this.tabs.hidden = tabs.length < 2;
    this.tabs.replaceChildren(...tabs.map((tab) => this.tab(tab, tab === shown)));
    this.body.replaceChildren(...shown.content, ...waits);
  }

  tab({ name, title, sign }, shown) {
    const made = button("tab", title);
    dress(made, { role: "tab", "data-tab": name, "aria-selected": String(shown), tabindex: shown ? "0" : "-1" });
    if (sign) made.append(make(sign.startsWith("!") ? "span.sk-count.sk-warning" : "span.sk-count", sign));
    return made;
  }

  /** @param {string} name of a tab */
  choose(name) {
    this.view.memory.tab = name;
    this.paint();
    this.tabs.querySelector("[aria-selected=true]").focus({ preventScroll: true });
  }

  /** The tab beside the one that has the focus. @param {1 | -1} way */
  step(way) {
    const tabs = [...this.tabs.children];
    const at = tabs.indexOf(this.view.focused) + way;
    if (tabs[at]) this.choose(tabs[at].dataset.tab);
  }

  /** What a change of status changes. */
  paintHead() {
    const { node } = this;
    const { graph } = this.view;
    this.name.textContent = node < 0 ? plural(this.nodes.length, "node") : graph.nameOf(node);
    this.name.title = node < 0 ? "" : graph.id(node);
    this.went.textContent = node < 0 ? "selected" : `${graph.kindOf(node)} · ${graph.told(node)}`;
    this.sign.replaceChildren(...(node < 0 ? [] : [this.view.swatch(graph.status(node))]));
  }

  /** The buttons stay the same elements: one that is replaced under the pointer loses its click. */
  paintActs() {
    const { view } = this;
    for (const each of this.acts.children) {
      const act = each.dataset.do;
      const gone = !this.offers(act);
      if (gone && view.focused === each) view.stage.element.focus({ preventScroll: true });
      each.hidden = gone;
      if (!(act in RUNS)) continue;
      each.textContent = (this.node < 0 && RUNS[act].many) || RUNS[act].text;
      each.disabled = view.run.locked;
    }
    this.lock.hidden = !(view.live && view.run.locked);
  }

  /** Whether there is something to do. @param {string} act */
  offers(act) {
    const { live } = this.view;
    if (act === "focus") return live && this.node >= 0;
    return act === "cell" ? Boolean(this.details?.cell) : live;
  }

  list(nodes) {
    const more = nodes.length > LISTED ? [quiet(`and ${amount(nodes.length - LISTED)} more`)] : [];
    return make("div.sk-list", ...nodes.slice(0, LISTED).map((node) => this.view.link(node)), ...more);
  }

  /** What it reads, and what reads it. @param {number} node @param {Details} details */
  ends(node, details) {
    const { edges } = this.view.graph;
    const found = { Inputs: details.inputs ?? edges.next(node, 1), Outputs: details.outputs ?? edges.next(node, 0) };
    return Object.entries(found).map(([title, nodes]) => this.links(title, nodes));
  }

  get waiting() {
    return this.view.run.locked ? "The details come when the cell that runs has ended." : "Asking for the details …";
  }

  links(title, nodes) {
    const known = nodes.filter(this.view.graph.has);
    return known.length > 0 && make("div.sk-links", quiet(title), this.list(known));
  }

  /** Where the page has the cell, go there; elsewhere show its code. */
  showCell() {
    const { model, root } = this.view;
    const cell = cellOf(model, root, { id: this.details?.cell_id ?? "", text: this.details?.cell ?? "" });
    if (cell) goToCell(cell);
    else this.choose("code");
  }
}
