// The line above the graph: its title, the runs, the search, the groups, the zoom.
import { button, dress, make } from "./dom.js";
import { amount } from "./text.js";

// A graph of so many says how many it shows.
const LARGE = 100;
const GROUPINGS = [
  ["", "All nodes"],
  ["kind", "By kind"],
  ["tag", "By tag"],
  ["folder", "By folder"],
];

/** What each button does stands in the table of acts. */
export class Toolbar {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    const option = ([value, text]) => make("option", { value }, text);
    this.title = make("span.sk-title");
    this.canceller = button("cancel", "Cancel");
    this.runs = make(
      "span.sk-buttons",
      button("run-changed", "Run changed", "Run changed: what changed and what follows"),
      button("run-all", "Run all"),
      button("retry", "Retry failed"),
      this.canceller,
      dress(button("options", "Options"), { "aria-haspopup": "dialog", "aria-expanded": "false" }),
    );
    this.by = make("select.sk-by", { "aria-label": "Group by" }, ...GROUPINGS.map(option));
    const zooms = [
      button("zoom-out", "−", "Zoom out"),
      button("fit", "Fit", "Fit the graph"),
      button("zoom-in", "+", "Zoom in"),
    ];
    const parts = [this.title, this.runs, view.finder.element, this.by, make("span.sk-buttons", ...zooms)];
    this.element = make("div.sk-bar", ...parts);
  }

  paint() {
    const { graph, live, finder } = this.view;
    this.runs.hidden = this.by.hidden = !live;
    const [all] = this.by.options;
    all.textContent = graph.size < LARGE ? "All nodes" : `All ${amount(graph.size)} nodes`;
    all.hidden = all.disabled = !graph.scene.singly;
    this.by.value = graph.scene.by;
    this.title.textContent = this.title.title = graph.title;
    finder.search.placeholder = live ? "Search, or select with +name, tag:core" : "Search";
  }

  /** What depends on whether something runs. */
  paintRun() {
    const { run, stage, focused } = this.view;
    const { mode, cancelling } = run.told;
    const { canceller } = this;
    const { totals, code } = this.view.graph;
    const due = totals[code.changed] + totals[code.pending] + totals[code.failed] + totals[code.skipped];
    const parts = Object.fromEntries([...this.runs.children].map((each) => [each.dataset.do, each]));
    for (const each of this.runs.querySelectorAll("[data-do^=run], [data-do=retry]")) each.disabled = run.locked || !this.view.graph.size;
    parts["run-changed"].textContent = due && !mode ? `Run changed (${amount(due)})` : "Run changed";
    parts.retry.hidden = !totals[code.failed] || Boolean(mode);
    if ((mode !== "background" || cancelling) && focused === canceller) stage.element.focus({ preventScroll: true });
    canceller.hidden = mode !== "background";
    canceller.disabled = Boolean(cancelling);
    canceller.textContent = cancelling ? "Cancelling …" : "Cancel";
  }
}
