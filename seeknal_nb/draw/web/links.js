// Nodes to click, each with the sign of how it stands.
import { make } from "./dom.js";

/** @typedef {import("./view.js").View} View */

/** @param {View} view @param {number} node @param {any[]} more */
export function linkTo({ graph, swatch }, node, more) {
  const [status, id] = [graph.status(node), graph.id(node)];
  const attributes = { type: "button", "data-go": node, "data-status": graph.name(status), title: id };
  return make("button.sk-link", attributes, swatch(status), make("span", id), ...more);
}

/** The signs of all of them, where their nodes stand otherwise now. @param {View} view */
export function paintLinks({ root, graph, swatch }) {
  for (const link of root.querySelectorAll(".sk-link")) {
    const status = graph.status(Number(link.dataset.go));
    if (link.dataset.status === graph.name(status)) continue;
    link.dataset.status = graph.name(status);
    link.firstChild.replaceWith(swatch(status));
  }
}
