// The tabs of a node's details, as Python told them; one that has nothing to show is not there.
import { make, pre, quiet, scrolling } from "./dom.js";
import { dataTable, historyTable, plainTable } from "./tables.js";
import { amount, plain, safe } from "./text.js";

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {string} severity
 * @property {boolean} ok
 * @property {string} text what was found: "412 of 327,346 rows"
 * @property {string[]} columns of the offending rows
 * @property {(string | null)[][]} rows
 */

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
 * @property {Check[]} [checks]
 * @property {string[]} [columns] of the rows
 * @property {(string | null)[][]} [rows] null is NULL
 * @property {string} [more] how many rows there are
 * @property {[string, string][]} [schema] column, type
 * @property {import("./tables.js").Past[]} [history]
 * @property {[string, string][]} [facts]
 */

/** @typedef {{ name: string, title: string, sign: string, content: any[] }} Tab */

const WORDS = new Set(["keyword", "string", "number", "comment", "name", "operator"]);
// Rows of a failing check, and lines round that of an error, in the overview.
const [FEW, AROUND] = [3, 2];

/** @param {{ lines: [string, string][][], mark: number }} definition @param {number} from counts from 0 */
function listing({ lines, mark }, from = 0, to = lines.length) {
  const word = ([kind, text]) => make(WORDS.has(kind) ? `span.sk-${kind}-word` : "span", safe(text));
  const line = (words, at) =>
    make(from + at + 1 === mark ? "span.sk-code-line.sk-marked" : "span.sk-code-line", ...words.map(word), "\n");
  const code = scrolling("pre.sk-code", make("code", ...lines.slice(from, to).map(line)));
  code.style.counterReset = `sk-line ${from}`;
  return code;
}

/** A part of a tab. @param {string} title @param {any[]} content */
const part = (title, hint, ...content) =>
  make("section.sk-part", make("h4.sk-part-title", title, quiet(plain(hint))), ...content);

/** @param {Check} check @param {number} most rows @param {(status: string) => any} sign */
function checkPart({ name, severity, ok, text, columns, rows }, most, sign) {
  const shown = rows.slice(0, most);
  const look = ok ? "success" : severity === "error" ? "failed" : "warning";
  const title = make("h4.sk-part-title", sign(look), plain(name), quiet(plain(text)));
  return make("section.sk-part.sk-check", title, ...(shown.length ? [dataTable(columns, [], shown)] : []));
}

/** @param {Details} details */
const failing = ({ checks = [] }) => checks.filter(({ ok }) => !ok);

/** @param {Details} details @param {any[]} links to what it reads and what reads it @param {(status: string) => any} sign */
function overviewOf(details, links, sign) {
  const { error, note, reason, change, definition, facts = [] } = details;
  const mark = definition?.mark ?? 0;
  return [
    error && pre("sk-error", error),
    mark > 0 && definition && listing(definition, Math.max(mark - 1 - AROUND, 0), mark + AROUND),
    ...failing(details).map((check) => checkPart(check, FEW, sign)),
    note && make("p.sk-quiet", plain(note)),
    reason && part("Why", "", make("p.sk-reason", plain(reason))),
    ...links,
    change && make("p", plain(change)),
    facts.length > 0 && part("Facts", "", plainTable("sk-facts", facts)),
  ];
}

/** @param {Details} details */
function codeOf({ definition, cell }) {
  const lines = definition?.lines.length ? [listing(definition)] : [];
  return [...lines, cell && part("Its cell", "", pre("sk-log", cell))];
}

/** @param {Details} details @param {(status: string) => any} sign */
function dataOf({ checks = [], columns = [], rows = [], schema = [], more }, sign) {
  const types = Object.fromEntries(schema);
  const named = columns.map((name) => types[name] ?? "");
  return [
    ...checks.map((check) => checkPart(check, Infinity, sign)),
    columns.length > 0 && part("Rows", more, dataTable(columns, named, rows)),
    !columns.length && schema.length > 0 && part("Columns", "", plainTable("sk-facts", schema)),
  ];
}

/** @param {Details} details @param {any[]} links @param {(status: string) => any} sign @returns {Tab[]} */
export function tabsOf(details, links, sign) {
  const { history = [], log } = details;
  const failed = failing(details).length;
  const tabs = [
    { name: "overview", title: "Overview", sign: "", content: overviewOf(details, links, sign) },
    { name: "code", title: "Code", sign: "", content: codeOf(details) },
    { name: "data", title: "Data", sign: failed ? `! ${amount(failed)}` : "", content: dataOf(details, sign) },
    { name: "history", title: "History", sign: amount(history.length), content: history.length ? [historyTable(history, sign)] : [] },
    { name: "log", title: "Log", sign: "", content: log ? [pre("sk-log", log)] : [] },
  ];
  return tabs.flatMap((tab) => {
    const content = tab.content.filter(Boolean);
    return content.length || tab.name === "overview" ? [{ ...tab, content }] : [];
  });
}
