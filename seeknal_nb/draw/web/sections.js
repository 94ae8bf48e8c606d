// The parts of a node's details, as Python told them.
import { make, pre, scrolling, table } from "./dom.js";
import { amount, plain, plural, safe, took } from "./text.js";

/**
 * @typedef {object} Details
 * @property {number} i the node
 * @property {string} [reason] why it ran, or will
 * @property {string} [error]
 * @property {string} [note]
 * @property {string} [change]
 * @property {string} [log] what it printed
 * @property {string} [cell] the code of its cell
 * @property {{ language: string, lines: [string, string][][], mark: number }} [definition] mark counts from 1; 0 marks none
 * @property {number[]} [inputs]
 * @property {number[]} [outputs]
 * @property {string[]} [columns] of the rows
 * @property {string[][]} [rows]
 * @property {string} [more] how many rows there are
 * @property {[string, string][]} [schema] column, type
 * @property {{ when: string, status: string, seconds: number | null, rows: number | null, reason: string }[]} [history]
 * @property {[string, string][]} [facts]
 */

/** @typedef {{ title: string, content: any, open?: boolean, hint?: string, key?: string }} Section key tells it from another title's */

const WORDS = new Set(["keyword", "string", "number", "comment", "name", "operator"]);

function listing({ lines, mark }) {
  const word = ([kind, text]) => make(WORDS.has(kind) ? `span.sk-${kind}-word` : "span", safe(text));
  const line = (words, at) =>
    make(at + 1 === mark ? "span.sk-code-line.sk-marked" : "span.sk-code-line", ...words.map(word), "\n");
  return scrolling("pre.sk-code", make("code", ...lines.map(line)));
}

function historyTable(runs) {
  const known = (value, shown) => (value == null ? "" : shown(value));
  const row = (run) => [run.when, run.status, known(run.seconds, took), known(run.rows, amount), run.reason];
  return table("sk-table", ["When", "Status", "Time", "Rows", "Why"], runs.map(row));
}

/** Open where a line is marked, or where there is nothing else to see. @param {Details} details @returns {Section[]} */
export function definitionOf({ definition, rows = [] }) {
  if (!definition?.lines.length) return [];
  const marked = definition.mark > 0;
  const key = marked ? "Marked" : "Definition";
  const open = marked || !rows.length;
  return [{ title: "Definition", content: listing(definition), open, hint: definition.language, key }];
}

/** @param {Details} details @returns {Section[]} */
export function dataOf({ columns = [], rows = [], schema = [], more }) {
  const types = () => table("sk-table", ["Column", "Type"], schema);
  return [
    ...(columns.length ? [{ title: "Rows", content: table("sk-rows", columns, rows), open: true, hint: more }] : []),
    ...(schema.length ? [{ title: "Schema", content: types(), hint: plural(schema.length, "column") }] : []),
  ];
}

/** @param {Details} details @returns {Section[]} */
export function recordsOf({ cell, log, history = [], facts = [] }) {
  const runs = () => ({ title: "History", content: historyTable(history), hint: plural(history.length, "run") });
  const known = () => ({ title: "Facts", content: table("sk-table.sk-facts", ["", ""], facts), open: true });
  return [
    ...(cell ? [{ title: "Cell", content: pre("sk-log", cell) }] : []),
    ...(log ? [{ title: "Log", content: pre("sk-log", log) }] : []),
    ...(history.length ? [runs()] : []),
    ...(facts.length ? [known()] : []),
  ];
}

/** What stands first. @param {Details} details */
export const errorOf = ({ error, note }) => [error && pre("sk-error", error), note && make("p.sk-quiet", plain(note))];
