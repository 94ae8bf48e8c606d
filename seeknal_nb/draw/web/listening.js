// What Python tells a view: another graph, another scene, how the nodes stand now.
import { IDLE } from "./messages.js";

/** @typedef {import("./view.js").View} View */

/** Takes in the traits of the model, and the deltas between them. */
export class Listener {
  /** @param {View} view */
  constructor(view) {
    this.view = view;
    /** The traits that have changed since they were last read. @type {Set<string>} */
    this.news = new Set();
    const { life, model } = view;
    for (const name of ["nodes", "edges", "scene", "snapshot"]) life.hear(model, `change:${name}`, () => this.note(name));
    for (const name of ["live", "frozen"]) life.hear(model, `change:${name}`, () => view.turnStill());
    life.hear(model, "change:selected", () => view.select(model.get("selected"), { told: true }));
    life.hear(model, "msg:custom", (message) => view.commands.receive(message ?? {}));
  }

  /** Read once for all traits that change together. */
  note(name) {
    if (!this.news.size) queueMicrotask(() => this.read());
    this.news.add(name);
  }

  /** Unless nobody sees it. */
  read() {
    const { view, news } = this;
    if (view.life.over || !view.sight.open) return;
    this.news = new Set();
    if (news.has("nodes") || news.has("edges")) return this.readGraph();
    if (news.has("snapshot")) {
      const { found, more, run } = view.graph.difference(view.model.get("snapshot"));
      this.change(found, more, run);
    }
    if (news.has("scene")) this.readScene();
  }

  readGraph() {
    const { view } = this;
    Object.assign(view.memory, { camera: null, details: null });
    view.load();
    view.raise();
    view.stage.resize();
    view.stage.home();
  }

  readScene() {
    const { view } = this;
    const { graph, stage } = view;
    const [held, [place]] = [this.hold(), graph.members[stage.at] ?? []];
    graph.readScene(view.model.get("scene"));
    graph.count();
    stage.at = graph.boxes[graph.unit[place]] ? graph.unit[place] : -1; // the keyboard's place is a node, not a number
    stage.reset();
    this.keep(held);
    view.paintAll();
  }

  /** A node that is in sight, and where it stands. */
  hold() {
    const { graph, stage, opening, selected } = this.view;
    const unit = opening ?? graph.units(selected)[0] ?? stage.seen()[0];
    const { left, top } = graph.boxes[unit] ?? { left: 0, top: 0 };
    const { k, x, y } = stage.camera;
    const { by, focus } = graph.scene;
    return { node: graph.members[unit]?.[0], by, focus, x: left * k + x, y: top * k + y };
  }

  /** With other units of the same view, that node stays where it is. */
  keep({ node, by, focus, x, y }) {
    const { view } = this;
    const { graph, stage } = view;
    const box = graph.boxes[graph.unit[node]];
    view.opening = undefined;
    view.raise();
    stage.resize();
    if (box && by === graph.scene.by && focus === graph.scene.focus) {
      const { k } = stage.camera;
      return stage.moveTo({ k, x: x - box.left * k, y: y - box.top * k });
    }
    stage.home();
    if (graph.scene.focus >= 0) stage.reveal(graph.units([graph.scene.focus]));
  }

  /** Nodes stand otherwise. @param {number[]} found node, look, rows, seconds, and so on @param {any} more by node @param {any} run */
  change(found, more, run) {
    const { view } = this;
    const { graph, panel } = view;
    let finished = false;
    for (let at = 0; at + 3 < found.length; at += 4) {
      const [node, status, rows, seconds] = found.slice(at, at + 4);
      if (!graph.has(node) || !graph.hasStatus(status)) continue;
      const begins = status === graph.code.running && graph.status(node) !== status;
      this.changeNode(node, status, rows, seconds, more?.[node]);
      if (begins && node === panel.node && panel.open) panel.begin();
      finished ||= node === panel.node && !["pending", "changed", "running"].includes(graph.name(status));
    }
    view.memory.state = graph.state;
    if (found.length) this.markChanged();
    if (run) view.run.hear({ ...IDLE, ...run });
    if (finished && panel.open) panel.ask(true);
  }

  changeNode(node, status, rows, seconds, more) {
    const { graph, stage, commands } = this.view;
    const unit = graph.unit[node];
    const unreached = graph.boxes[unit] && graph.unreached(unit);
    graph.set(node, status, rows, seconds, more);
    commands.asked.delete(node);
    if (graph.boxes[unit] && stage.spoil(unit, unreached)) this.view.mark("edges");
  }

  markChanged() {
    const { view } = this;
    view.mark("legend", "links", "panel", "stale", "map");
    if (view.stage.far) view.mark("over");
    if (view.finder.filter.size) view.mark("filter");
  }
}
