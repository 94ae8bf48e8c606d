// The tabs of a node's details, as Python told them; one that has nothing to show is not there.
import { make, pre, quiet, scrolling } from "./dom.js";
import { dataTable, historyTable, plainTable, stamp } from "./tables.js";
import { amount, plain, safe } from "./text.js";

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {string} severity
 * @property {boolean} ok
 * @property {string} text what was found: "412 of 327,346 rows"
 * @property {number} of how many rows offend
 * @property {string[]} columns of the offending rows
 * @property {string[]} types of the columns; empty where they are not known
 * @property {(string | null)[][]} rows the first of them
 */

/**
 * What is another than before.
 * @typedef {object} Cause
 * @property {string} title
 * @property {[string, string]} values old and new
 * @property {string[]} lines of a text: "- " is gone, "+ " is new, "  " stands beside, "..." between distant places
 * @property {string} why of an input
 */

/**
 * @typedef {object} Details
 * @property {number} i the node
 * @property {string} [reason] why it ran, or will
 * @property {{ then: string, causes: Cause[], note: string }} [why] then: what its last execution was for
 * @property {Cause[]} [changed] since the stored build
 * @property {string} [error]
 * @property {string} [note]
 * @property {string} [change]
 * @property {string} [log] what it printed
 * @property {string} [cell] the code of its cell
 * @property {string} [cell_id] as the front end has it
 * @property {number | null} [last_run] seconds since the epoch
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
function checkPart({ name, severity, ok, text, of, columns, types = [], rows }, most, sign) {
  const shown = rows.slice(0, most);
  const more = shown.length < of ? [quiet(`${shown.length} of ${amount(of)}`)] : [];
  const look = ok ? "success" : severity === "error" ? "failed" : "warning";
  const title = make("h4.sk-part-title", sign(look), plain(name), quiet(plain(text)));
  return make("section.sk-part.sk-check", title, ...(shown.length ? [dataTable(columns, types, shown), ...more] : []));
}

const SIDES = { "+": "sk-added", "-": "sk-removed" };

/** Lines of a text that changed, each with its sign. @param {string[]} lines */
function difference(lines) {
  const line = (text) => make(SIDES[text[0]] ? `span.sk-diff-line.${SIDES[text[0]]}` : "span.sk-diff-line", safe(text), "\n");
  return scrolling("pre.sk-diff", make("code", ...lines.map(line)));
}

/** @param {Cause} cause */
function causePart({ title, values: [old, now], lines, why }) {
  const value = (text, name) => (text ? make(`span.${name}`, plain(text)) : quiet("none"));
  const values = lines.length ? [difference(lines)] : [value(old, "sk-old"), " → ", value(now, "sk-new")];
  return make("li", make("b", plain(title)), " ", ...values, ...(why ? [quiet(` · ${plain(why)}`)] : []));
}

/** @param {Details} details */
function whyOf({ reason, why = { then: "", causes: [], note: "" } }) {
  const then = why.then && !reason?.startsWith("ran because") ? `last ran because: ${why.then}` : "";
  const lines = [reason, then].filter(Boolean).map((text) => make("p.sk-reason", plain(text)));
  const causes = why.causes.length ? [make("ul.sk-causes", ...why.causes.map(causePart))] : [];
  const note = why.note ? [make("p.sk-quiet", plain(why.note))] : [];
  const content = [...lines, ...causes, ...note];
  return content.length > 0 && part("Why", "", ...content);
}

/** @param {Details} details */
function factsOf({ facts = [], last_run: last }) {
  const rows = last == null ? facts : [...facts, ["last run", stamp(last)]];
  return rows.length > 0 && part("Facts", "", plainTable("sk-facts", rows));
}

/** @param {Details} details */
const failing = ({ checks = [] }) => checks.filter(({ ok }) => !ok);

/** @param {Details} details @param {any[]} links to what it reads and what reads it @param {(status: string) => any} sign */
function overviewOf(details, links, sign) {
  const { error, note, change, definition } = details;
  const mark = definition?.mark ?? 0;
  return [
    error && pre("sk-error", error),
    mark > 0 && definition && listing(definition, Math.max(mark - 1 - AROUND, 0), mark + AROUND),
    ...failing(details).map((check) => checkPart(check, FEW, sign)),
    note && make("p.sk-quiet", plain(note)),
    whyOf(details),
    ...links,
    change && make("p", plain(change)),
    factsOf(details),
  ];
}

/** @param {Details} details */
function codeOf({ definition, cell, changed = [] }) {
  const lines = definition?.lines.length ? [listing(definition)] : [];
  const causes = changed.length ? [make("ul.sk-causes", ...changed.map(causePart))] : [];
  const since = causes.length > 0 && part("Changed since the stored build", "", ...causes);
  return [since, ...lines, cell && part("Its cell", "", pre("sk-log", cell))];
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
  const { history = [], log, changed = [] } = details;
  const failed = failing(details).length;
  const tabs = [
    { name: "overview", title: "Overview", sign: "", content: overviewOf(details, links, sign) },
    { name: "code", title: "Code", sign: changed.length ? "changed" : "", content: codeOf(details) },
    { name: "data", title: "Data", sign: failed ? `! ${amount(failed)}` : "", content: dataOf(details, sign) },
    { name: "history", title: "History", sign: amount(history.length), content: history.length ? [historyTable(history, sign)] : [] },
    { name: "log", title: "Log", sign: "", content: log ? [pre("sk-log", log)] : [] },
  ];
  return tabs.flatMap((tab) => {
    const content = tab.content.filter(Boolean);
    return content.length || tab.name === "overview" ? [{ ...tab, content }] : [];
  });
}
