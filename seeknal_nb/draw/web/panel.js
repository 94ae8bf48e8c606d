// What is known of the selected nodes: at once what the browser knows, then what Python answers.
import { RUNS } from "./acts.js";
import { button, make, quiet } from "./dom.js";
import { LOCKED } from "./notices.js";
import { dataOf, definitionOf, errorOf, recordsOf } from "./sections.js";
import { amount, joined, plain, plural } from "./text.js";

/** @typedef {import("./sections.js").Details} Details */
/** @typedef {import("./sections.js").Section} Section */

const LISTED = 100;

export class Panel {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    /** @type {Details | null} */
    this.details = null;
    /** Whether the user has opened a section or closed it, by its key. */
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
    this.element.hidden = true;
    this.view.memory.panel = false;
  }

  ask() {
    if (this.node >= 0) this.view.commands.ask({ do: "details", i: this.node });
  }

  /** @param {Details} details */
  answer(details) {
    if (details.i !== this.node) return;
    this.details = this.view.memory.details = details;
    this.paint();
  }

  paint() {
    const { element, body, node } = this;
    const { scrollTop } = element;
    for (const { dataset, open } of body.querySelectorAll("details")) this.opened.set(dataset.part, open);
    const parts = node < 0 ? [this.list(this.nodes)] : this.parts(node, this.details ?? { i: node });
    body.replaceChildren(...parts.filter(Boolean));
    element.scrollTop = scrollTop;
    this.paintHead();
    this.paintActs();
  }

  /** What a change of status changes. */
  paintHead() {
    const { node } = this;
    const { graph } = this.view;
    const status = node < 0 ? -1 : graph.status(node);
    this.name.textContent = node < 0 ? plural(this.nodes.length, "node") : graph.id(node);
    this.went.textContent = node < 0 ? "selected" : joined([graph.kindOf(node), graph.told(node)]);
    this.reason.textContent = plain(this.details?.reason);
    this.sign.replaceChildren(...(node < 0 ? [] : [this.view.swatch(status)]));
  }

  /** The buttons stay the same elements: one that is replaced under the pointer loses its click. */
  paintActs() {
    const { view } = this;
    for (const each of this.acts.children) {
      const act = each.dataset.do;
      const gone = !this.offers(act);
      if (gone && view.focused === each) view.stage.element.focus({ preventScroll: true });
      each.hidden = gone;
      if (act in RUNS) each.textContent = this.node >= 0 ? RUNS[act].one : RUNS[act].many;
      if (act in RUNS || act === "retry") each.disabled = view.run.locked;
    }
    this.lock.hidden = !(view.live && view.run.locked);
  }

  /** Whether there is something to do. @param {string} act */
  offers(act) {
    const { live, graph } = this.view;
    if (act === "retry") return live && graph.totals[graph.code.failed] > 0;
    if (act === "focus") return live && this.node >= 0;
    return act === "cell" ? Boolean(this.details?.cell) : live;
  }

  list(nodes) {
    const more = nodes.length > LISTED ? [quiet(`and ${amount(nodes.length - LISTED)} more`)] : [];
    return make("div.sk-list", ...nodes.slice(0, LISTED).map((node) => this.view.link(node)), ...more);
  }

  /** @param {number} node @param {Details} details */
  parts(node, details) {
    const { edges } = this.view.graph;
    const code = definitionOf(details).map((section) => this.fold(section));
    const marked = details.definition?.mark > 0;
    return [
      ...errorOf(details),
      ...(marked ? code : []),
      this.links("Inputs", details.inputs ?? edges.next(node, 1)),
      this.links("Outputs", details.outputs ?? edges.next(node, 0)),
      details.change && make("p", plain(details.change)),
      ...dataOf(details).map((section) => this.fold(section)),
      ...(marked ? [] : code),
      ...recordsOf(details).map((section) => this.fold(section)),
      !this.details && this.view.live && quiet(this.waiting),
    ];
  }

  get waiting() {
    return this.view.run.locked ? "The details come when the cell that runs has ended." : "Asking for the details …";
  }

  /** It stays as the user left it. @param {Section} section */
  fold({ title, content, open, hint, key = title }) {
    const summary = make("summary", title, quiet(plain(hint)));
    const made = make("details.sk-part", { "data-part": key }, summary, content);
    made.open = this.opened.get(key) ?? Boolean(open);
    return made;
  }

  links(title, nodes) {
    const known = nodes.filter(this.view.graph.has);
    return known.length > 0 && make("div.sk-links", quiet(title), this.list(known));
  }

  showCell() {
    const part = this.body.querySelector("[data-part=Cell]");
    part.open = true;
    part.scrollIntoView({ block: "nearest" });
  }
}
