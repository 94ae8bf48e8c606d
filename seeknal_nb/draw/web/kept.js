// The drawing below a graph, for who opens the notebook without a kernel: it says the same, so one of them is shown.
import { make } from "./dom.js";

/** @param {string} key of the model @param {import("./lifetime.js").Lifetime} life */
export function hideKept(key, life) {
  if (!/^[0-9a-f]{32}$/.test(key)) return;
  const rule = make("style", `.sk-kept-${key} { display: none; }`);
  document.head.append(rule);
  life.atEnd(() => rule.remove());
}
