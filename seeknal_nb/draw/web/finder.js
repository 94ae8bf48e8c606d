// The search and the legend: what they leave out grows faint.
import { make } from "./dom.js";
import { amount } from "./text.js";

/** A selector is for Python alone to read. */
export class Finder {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    /** The statuses that the user wants to see; empty for all of them. @type {Set<string>} */
    this.filter = new Set(view.memory.filter);
    /** By node, whether it is left out; null where nothing is. @type {Uint8Array | null} */
    this.dimmed = null;
    /** Whether a selector waits for its answer. */
    this.selecting = false;
    /** @type {string[] | null} */
    this.haystacks = null;
    /** @type {HTMLElement[]} */
    this.chips = [];
    const attributes = { type: "search", spellcheck: "false", "aria-label": "Search by id, kind or tag, or give a selector" };
    this.search = make("input.sk-search", attributes);
    this.search.value = view.memory.search ?? "";
    this.found = make("span.sk-found", { role: "status" });
    this.element = make("span.sk-finder", this.search, this.found);
    this.legend = make("div.sk-legend", { role: "group", "aria-label": "Show only" });
  }

  /** Another graph. */
  reset() {
    this.haystacks = null;
  }

  get text() {
    return this.search.value.trim();
  }

  get isSelector() {
    return this.view.live && /[+:@*,]/.test(this.search.value);
  }

  /** The nodes that the search finds; null where there is none, or a selector. */
  matches() {
    const { graph } = this.view;
    const text = this.text.toLowerCase();
    if (!text || this.isSelector) return null;
    this.haystacks ??= graph.names.map((_, node) => [graph.id(node), ...graph.tagsOf(node)].join("\n").toLowerCase());
    return this.haystacks.flatMap((haystack, node) => (haystack.includes(text) ? [node] : []));
  }

  seek(text = this.search.value) {
    this.search.value = this.view.memory.search = text;
    this.view.mark("filter");
  }

  find() {
    const { view } = this;
    const found = this.matches();
    if (found?.length) {
      view.select(found);
      view.stage.resize();
      view.stage.reveal(view.graph.units(found));
    } else if (this.isSelector) {
      view.commands.ask({ do: "select", selector: this.text });
      this.selecting = true;
    }
  }

  /** @param {string} status */
  toggle(status) {
    if (!this.filter.delete(status)) this.filter.add(status);
    this.view.memory.filter = [...this.filter];
    this.view.mark("legend", "filter");
  }

  /** Whether no node of a unit is wanted. @param {number} unit */
  faint = (unit) => this.dimmed !== null && this.view.graph.members[unit].every((node) => this.dimmed[node]);

  paint() {
    const { graph } = this.view;
    const { filter } = this;
    const found = this.matches();
    this.found.textContent = found ? `${amount(found.length)} of ${amount(graph.size)}` : this.text && "Enter selects";
    const wanted = found && new Set(found);
    const out = (node) => (wanted && !wanted.has(node)) || (filter.size && !filter.has(graph.name(graph.status(node))));
    this.dimmed = wanted || filter.size ? Uint8Array.from(graph.names, (_, node) => Number(Boolean(out(node)))) : null;
    this.view.mark("style", "edges", "over");
  }

  /** @returns {HTMLElement} */
  chip(status) {
    const name = this.view.graph.name(status);
    return make("button.sk-chip", { type: "button", "data-status": name }, this.view.swatch(status), make("span"));
  }

  resetLegend() {
    this.chips = this.view.graph.ranked.map((status) => this.chip(status));
  }

  /** A chip for each look that there is, and for "running" while something runs: chips should not move under a click. */
  paintLegend() {
    const { graph, run, focused } = this.view;
    const { legend } = this;
    const shown = this.chips.filter((chip, at) => {
      const status = graph.ranked[at];
      const pressed = this.filter.has(graph.name(status));
      chip.lastChild.textContent = `${amount(graph.totals[status])} ${graph.word(status, graph.totals[status])}`;
      chip.setAttribute("aria-pressed", String(pressed));
      return graph.totals[status] || pressed || (status === graph.code.running && run.told.mode);
    });
    if (shown.length === legend.children.length && shown.every((chip, at) => chip === legend.children[at])) return;
    legend.replaceChildren(...shown);
    if (shown.includes(focused)) focused.focus({ preventScroll: true });
  }
}
