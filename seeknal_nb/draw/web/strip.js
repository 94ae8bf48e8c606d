// The line above a graph that is not live: what it shows instead, and the way back.
import { button, make } from "./dom.js";
import { when } from "./times.js";
import { joined } from "./text.js";

const GONE = "The kernel is gone: run the cells again";
const HINT = "Show in this output how the nodes stand now";

/** @param {{ run: number, at: number }} frozen */
const leftBy = ({ run, at }) =>
  run ? `Run ${run}, ${when(at)} · the graph as that run left it` : `The graph as it was ${when(at)}`;

export class Strip {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    this.element = make("div.sk-strip", { role: "status", hidden: "" });
  }

  paint() {
    const { view, element } = this;
    const [frozen, { gone }] = [view.model.get("frozen"), view.kernel];
    if (element.contains(view.focused)) view.stage.element.focus({ preventScroll: true }); // the button goes with what it says
    element.hidden = !view.still;
    view.root.classList.toggle("sk-past", view.still);
    if (!view.still) return element.replaceChildren();
    const told = make("span", joined([frozen && leftBy(frozen), gone && GONE]));
    if (frozen?.id) told.title = `Run ${frozen.id}`;
    element.replaceChildren(told, ...(gone ? [] : [button("now", "Show now", HINT)]));
  }
}
