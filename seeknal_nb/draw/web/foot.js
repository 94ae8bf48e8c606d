// What stands below the graph: what it hides, and the picture of each kind with its word.
import { button, draw, make } from "./dom.js";
import { pathOf } from "./messages.js";
import { plain } from "./text.js";

const NOTHING = "No nodes yet. A cell that begins so is one: %%seeknal transform daily_totals";

// More would be a second legend.
const MOST_KINDS = 16;

/** @param {import("./graph.js").Graph} graph @returns {HTMLElement[]} */
export function kindsOf({ kinds, icons }) {
  return kinds.slice(0, MOST_KINDS).map((kind, at) => {
    const icon = draw("path.sk-icon", { d: pathOf(icons[at]) });
    return make("span.sk-kind", draw("svg", { viewBox: "-8 -8 16 16", "aria-hidden": "true" }, icon), plain(kind));
  });
}

/** What the graph hides, and the ways back. @param {import("./graph.js").Graph} graph @param {boolean} live */
export const notesOf = ({ scene, size }, live) => [
  plain(scene.note) || (size ? "" : NOTHING),
  ...(live && scene.opened ? [button("fold", "Close the groups")] : []),
  ...(live && scene.focus >= 0 ? [button("whole", "Show the whole graph")] : []),
];
