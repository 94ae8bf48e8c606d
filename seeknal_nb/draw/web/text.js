// Texts as a reader may see them: nothing is hidden in them, and numbers are written as people do. Knows no page.

// Control, bidirectional and zero-width characters forge what a reader sees; the same ones as in markup.py.
const FORGED =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\u061c]|\p{Surrogate}/gu;

/** @param {string} sign */
function spelled(sign) {
  const code = sign.codePointAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
}

/** Several lines; @param {unknown} text */
export const safe = (text) => String(text ?? "").replace(FORGED, spelled);

/** One line; @param {unknown} text */
export const plain = (text) => safe(text).replaceAll("\n", "\\n").replaceAll("\t", " ");

/** Not toLocaleString, whose first call takes 20 ms; @param {number} number */
export const amount = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");

/** @param {number} number @param {string} noun */
export const plural = (number, noun) => `${amount(number)} ${noun}${number === 1 ? "" : "s"}`;

/** As people say it: 0.04 s, 5.2 s, 3 min 20 s; @param {number} seconds */
export function took(seconds) {
  if (seconds < 120) return `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}

const SIZES = ["", "k", "M", "G", "T"];

/** In three digits: 327k, 1.3M; @param {number} number */
export function brief(number) {
  let size = 0;
  for (; number >= 999.5 && size < SIZES.length - 1; size++) number /= 1000;
  return `${size && number < 9.95 ? number.toFixed(1) : Math.round(number)}${SIZES[size]}`;
}

/** Those parts that there are; @param {(string | false | 0 | null | undefined)[]} parts */
export const joined = (parts, between = " · ") => parts.filter(Boolean).join(between);
