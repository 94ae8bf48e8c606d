// The keyboard on the graph.

export const HELP =
  "Arrow keys follow the edges. Enter runs a node and what follows, or opens a group. Space shows details. " +
  "Slash searches, f fits the graph, plus and minus zoom, Escape clears.";

export class Keys {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    const { life, root, stage } = view;
    // Notebook 7 listens on the document before the event comes down to the graph: `a` would add a cell.
    const ours = (event) => event.composedPath().includes(root);
    life.on(window, "keydown", (event) => ours(event) && this.press(event), { capture: true });
    life.on(stage.element, "focus", () => this.enter());
  }

  /** JupyterLab takes single keys for commands on the cell: "dd" would delete it. @param {KeyboardEvent} event */
  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();
    const { key } = event;
    const { focused, finder, toolbar, options } = this.view;
    if (key === "Escape") this.escape();
    else if (focused === finder.search && key === "Enter") finder.find();
    else if (focused === finder.search || focused === toolbar.by || options.element.contains(focused)) return;
    else if (key === "/") finder.search.focus();
    else if (this.isSideways(key)) this.sideways(key);
    else if (!this.isForStage(event) || !this.walk(key)) return;
    event.preventDefault();
  }

  /** @param {KeyboardEvent} event */
  isForStage({ key, repeat }) {
    return this.view.focused === this.view.stage.element && !(key === "Enter" && repeat);
  }

  /** Whether a key moves from tab to tab, or the edge of the details. @param {string} key */
  isSideways(key) {
    const { focused, dock, panel } = this.view;
    return ["ArrowLeft", "ArrowRight"].includes(key) && (focused === dock.edge || panel.tabs.contains(focused));
  }

  /** @param {string} key */
  sideways(key) {
    const { focused, dock, panel } = this.view;
    const way = key === "ArrowLeft" ? -1 : 1;
    if (focused === dock.edge) dock.step(way === 1 ? -1 : 1);
    else panel.step(way);
  }

  escape() {
    const { notices, finder, focused, stage, options } = this.view;
    if (options.open) return options.close();
    notices.say("");
    if (focused === finder.search) return finder.seek("");
    this.view.select([]);
    stage.element.focus({ preventScroll: true });
  }

  /** The keyboard's place is somewhere as soon as the graph has the focus. */
  enter() {
    const { stage, graph, selected, notices } = this.view;
    if (stage.at < 0 && graph.boxes.length) stage.at = graph.units(selected)[0] ?? stage.seen()[0] ?? stage.first();
    if (stage.at >= 0) notices.announce(graph.spoken(stage.at));
    this.view.mark("style", "over");
  }

  /** What a key does on the graph; false where it does nothing. @param {string} key */
  walk(key) {
    const { stage, graph, commands } = this.view;
    const keys = {
      ArrowLeft: () => this.step(graph.drawn.next(stage.at, 1)[0]),
      ArrowRight: () => this.step(graph.drawn.next(stage.at, 0)[0]),
      ArrowUp: () => this.step(this.beside(-1)),
      ArrowDown: () => this.step(this.beside(1)),
      Enter: () => commands.activate(stage.at),
      " ": () => this.view.select(graph.members[stage.at], { focused: true }),
      f: () => stage.fit(true),
      "+": () => stage.zoomInPlace(1.3),
      "=": () => stage.zoomInPlace(1.3),
      "-": () => stage.zoomInPlace(1 / 1.3),
    };
    if (!Object.hasOwn(keys, key)) return false;
    keys[key]();
    return true;
  }

  step(unit = this.view.stage.at) {
    if (unit < 0) return;
    const { stage, notices, graph } = this.view;
    stage.at = unit;
    stage.reveal([unit]);
    notices.announce(graph.spoken(unit));
    this.view.mark("style", "over");
  }

  /** The next unit above (-1) or below (1). @param {1 | -1} way */
  beside(way) {
    const { boxes } = this.view.graph;
    const { stage } = this.view;
    const from = boxes[stage.at] ?? boxes[stage.first()];
    if (!from) return undefined;
    const apart = (unit) => (boxes[unit].top - from.top) * way;
    const column = boxes.flatMap(({ left, right }, unit) =>
      left < from.right && right > from.left && apart(unit) > 0 ? [unit] : [],
    );
    return column.sort((a, b) => apart(a) - apart(b))[0];
  }
}
