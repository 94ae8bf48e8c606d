// What Python tells the browser, taken apart and checked: a saved notebook may hold anything. Knows no page.
import { boxOf } from "./geometry.js";
import { plain } from "./text.js";

/**
 * How a node looks; its place in the list of looks is its number.
 * @typedef {object} Look
 * @property {string} name of its class
 * @property {string} word what a reader is told
 * @property {string} many likewise of several nodes
 * @property {number} rank 0 is the worst
 * @property {string} d the path of its sign, about 12 x 12 round 0
 * @property {number} width of the sign's stroke
 * @property {boolean} filled whether the sign is
 * @property {number} border
 * @property {number[]} dash
 * @property {boolean} bold
 * @property {boolean} italic
 * @property {boolean} unreached whether edges to it are dashed
 * @property {boolean} hollow whether its fill is that of the ground
 * @property {Path2D} [path] the sign, once a canvas has drawn it
 */

/**
 * @typedef {object} Run
 * @property {"" | "foreground" | "background"} mode empty while nothing runs
 * @property {number} done
 * @property {number} todo
 * @property {number} elapsed seconds
 * @property {number[]} now the nodes that run
 * @property {number} queued the runs that wait
 * @property {boolean} cancelling
 * @property {number} left the seconds that are left, as far as they can be told; 0 where they cannot
 * @property {boolean} least whether it will be more, for a node was never built
 * @property {number} warned the nodes that came out with warnings
 * @property {string} text how the last run came out
 * @property {[number, string][]} notes failures and warnings, by node
 */

/**
 * What few nodes have.
 * @typedef {object} More
 * @property {[number, number]} [checks] how many held, of how many
 * @property {[number, number]} [parts] how many partitions were built, or are done, of how many
 * @property {number} [warns] how many warnings there are
 * @property {boolean} [cached] whether it was not built anew, where its look says something else
 * @property {string} [why] the shortest cause
 * @property {number} [expect] the seconds that it may take
 */

/**
 * How the nodes stand.
 * @typedef {object} State
 * @property {DataView} source what it was read from
 * @property {Uint8Array} status
 * @property {Float64Array} rows NaN where there are none
 * @property {Float32Array} seconds NaN where there are none; of a node that runs, since it began
 * @property {Record<string, More>} more by node
 * @property {Run} run
 */

/** @type {Run} */
export const IDLE = {
  ...{ mode: "", done: 0, todo: 0, elapsed: 0, now: [], queued: 0, cancelling: false },
  ...{ left: 0, least: false, warned: 0, text: "", notes: [] },
};

// Every view of a model hears all answers, those of other pages too, so that numbers start at the clock.
let serial = Date.now() % 1e9;

export const nextNumber = () => ++serial;

/**
 * Over a copy: the bytes of a message need not be aligned.
 * @template T
 * @param {new (source: any) => T} Type
 * @param {DataView | undefined} view
 * @returns {T}
 */
export function numbers(Type, view) {
  return new Type(view ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : 0);
}

/** Path data, or a dot where it is none. @param {unknown} d @returns {string} */
export const pathOf = (d) => (/^[\d\s.,a-z-]{1,2000}$/i.test(String(d)) ? String(d) : "M0 0");

/** @param {any} look as Python's table has it @returns {Look} */
export function lookOf({ name, word = name, many = "", sign = {}, dash = "", ...look }) {
  return {
    ...{ name: plain(name), word: plain(word), many: plain(many) || plain(word), rank: Number(look.rank) || 0 },
    d: pathOf(sign.d),
    width: Number(sign.width) || 1,
    filled: Boolean(sign.filled),
    border: Number(look.border) || 1,
    dash: dash.split(" ").map(Number).filter(Boolean),
    bold: Boolean(look.bold),
    italic: Boolean(look.italic),
    unreached: Boolean(look.unreached),
    hollow: Boolean(look.hollow),
  };
}

/** @param {any} snapshot @returns {State} */
export function stateOf({ status, rows, seconds, more = {}, run }) {
  return {
    ...{ source: status, more },
    status: numbers(Uint8Array, status),
    rows: numbers(Float64Array, rows),
    seconds: numbers(Float32Array, seconds),
    run: { ...IDLE, ...run },
  };
}

/** What is drawn where, by unit. @param {any} scene */
export function sceneOf({ width, height, note, by, asked, singly, focus, opened, version, groups, ...scene }) {
  const sides = numbers(Float32Array, scene.boxes);
  const box = (_, unit) => boxOf(sides[4 * unit], sides[4 * unit + 1], sides[4 * unit + 2], sides[4 * unit + 3]);
  return {
    ...{ width: width || 1, height: height || 1, note, by, asked, singly, focus, opened, staged: version },
    boxes: Array.from({ length: sides.length / 4 }, box),
    starts: numbers(Uint32Array, scene.starts),
    points: numbers(Float32Array, scene.points),
    pairs: numbers(Uint32Array, scene.edges),
    unit: numbers(Uint32Array, scene.unit),
    groups: new Map(groups.map(([unit, name, kind, count]) => [unit, { name, kind, count }])),
  };
}
