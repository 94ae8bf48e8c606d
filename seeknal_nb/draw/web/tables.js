// Tables of the details: numbers to the right, NULL told apart from a text, types under the names.
import { make, put, quiet, scrolling } from "./dom.js";
import { amount, plain, took } from "./text.js";
import { exactly, when } from "./times.js";

/** @typedef {{ when: number, status: string, seconds: number | null, rows: number | null, reason: string }} Past */

const NUMBER = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|REAL|DECIMAL)/;
const BAR = 60;

const cell = (value, number) => {
  if (value === null) return make("td", make("span.sk-null", "NULL"));
  return make(number ? "td.sk-number" : "td", plain(value));
};

/** @param {string[]} columns @param {string[]} types by column, as SQL has them @param {(string | null)[][]} rows */
export function dataTable(columns, types, rows) {
  const numbers = columns.map((_, at) => (types[at] ? NUMBER.test(types[at]) : areNumbers(rows, at)));
  const heading = (name, at) =>
    make(numbers[at] ? "th.sk-number" : "th", plain(name), ...(types[at] ? [make("div.sk-type", plain(types[at]))] : []));
  const body = rows.map((row) => make("tr", ...row.map((value, at) => cell(value, numbers[at]))));
  const head = make("thead", make("tr", ...columns.map(heading)));
  return scrolling("div.sk-scroll", make("table.sk-rows", head, make("tbody", ...body)));
}

/** Where no types are told. */
function areNumbers(rows, at) {
  const known = rows.map((row) => row[at]).filter((value) => value !== null);
  return known.length > 0 && known.every((value) => value !== "" && Number.isFinite(Number(value)));
}

/** A time, in seconds since the epoch. @param {number} seconds */
export const stamp = (seconds) => make("time", { title: exactly(seconds) }, when(seconds));

/** @param {string} name @param {any[][]} rows of texts and of elements */
export function plainTable(name, rows) {
  const shown = (value) => (value instanceof Element ? value : plain(value));
  const body = rows.map((row) => make("tr", ...row.map((value) => make("td", shown(value)))));
  return scrolling("div.sk-scroll", make(`table.sk-table.${name}`, make("tbody", ...body)));
}

/** @param {Past[]} runs the newest first @param {(status: string) => any} sign */
export function historyTable(runs, sign) {
  const longest = Math.max(...runs.map(({ seconds }) => seconds ?? 0)) || 1;
  const bar = (seconds) => {
    const made = make("span.sk-time-bar");
    put(made, { width: Math.max((BAR * seconds) / longest, 1) });
    return made;
  };
  const row = ({ when: at, status, seconds, rows, reason }) =>
    make(
      "tr",
      make("td", sign(status), plain(status)),
      make("td", stamp(at)),
      make("td", ...(seconds == null ? [] : [bar(seconds), took(seconds)])),
      make("td.sk-number", rows == null ? "" : amount(rows)),
      make("td.sk-why", plain(reason)),
    );
  const head = ["", "When", "Time", "Rows", "Why"].map((title) => make("th", quiet(title)));
  const body = make("tbody", ...runs.map(row));
  return scrolling("div.sk-scroll", make("table.sk-table.sk-history", make("thead", make("tr", ...head)), body));
}
