// The key below the graph: the picture of each kind with its word.
import { draw, make } from "./dom.js";
import { pathOf } from "./messages.js";
import { plain } from "./text.js";

// More would be a second legend.
const MOST_KINDS = 16;

/** @param {import("./graph.js").Graph} graph @returns {HTMLElement[]} */
export function kindsOf({ kinds, icons }) {
  return kinds.slice(0, MOST_KINDS).map((kind, at) => {
    const icon = draw("path.sk-icon", { d: pathOf(icons[at]) });
    return make("span.sk-kind", draw("svg", { viewBox: "-8 -8 16 16", "aria-hidden": "true" }, icon), plain(kind));
  });
}
