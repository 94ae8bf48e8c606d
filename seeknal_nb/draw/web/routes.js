// The routes of edges as paths of a canvas.
import { around } from "./geometry.js";

/** @typedef {import("./graph.js").Graph} Graph */
/** @typedef {CanvasRenderingContext2D | Path2D} Path */

const ARROW = 7;
// One stroke of very many lines is slower than a few strokes.
const BUNDLE = 64;

/** @template T @param {T[]} all */
export function* bundles(all) {
  for (let from = 0; from < all.length; from += BUNDLE) yield all.slice(from, from + BUNDLE);
}

/** A route is level at each of its points. @param {Path} path @param {Graph} graph @param {number} edge @param {boolean} straight */
export function trace(path, graph, edge, straight) {
  const { points, starts } = graph.scene;
  const last = starts[edge + 1] - 1;
  let [x, y] = [points[2 * starts[edge]], points[2 * starts[edge] + 1]];
  path.moveTo(x, y);
  for (let at = starts[edge] + 1; at <= last; at++) {
    const right = points[2 * at] - (at === last && !straight ? ARROW : 0);
    const down = points[2 * at + 1];
    const middle = (x + right) / 2;
    if (straight || down === y) path.lineTo(right, down);
    else path.bezierCurveTo(middle, y, middle, down, right, down);
    [x, y] = [right, down];
  }
}

/** @param {Path} path @param {Graph} graph @param {number} edge */
export function arrow(path, graph, edge) {
  const last = 2 * (graph.scene.starts[edge + 1] - 1);
  const [x, y] = graph.scene.points.subarray(last, last + 2);
  path.moveTo(x, y);
  path.lineTo(x - ARROW, y - 3.5);
  path.lineTo(x - ARROW, y + 3.5);
}

/** All edges as straight lines, each path with what is round it. @param {Graph} graph */
export function straightPaths(graph) {
  return [...bundles([...graph.frames.keys()])].map((edges) => {
    const path = new Path2D();
    for (const edge of edges) trace(path, graph, edge, true);
    return { path, ...around(edges.map((edge) => graph.frames[edge])) };
  });
}
