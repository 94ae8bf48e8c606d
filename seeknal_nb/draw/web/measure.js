// How wide texts are, and how much of one there is room for.

const ruler = document.createElement("canvas").getContext("2d");
// A longer text is not measured whole.
const MEASURED = 400;
// How much of a name that is cut stands before its middle, and how much it shrinks first.
const [HEAD, SHRUNK] = [0.45, 7 / 8];
// Widths at 100 px, by font and text: a text is as wide as it is high.
const MOST_KNOWN = 20_000;
/** @type {Map<string, number>} */
const widths = new Map();

/** @param {string} text @param {number} size @param {string} weight @param {string} font */
export function textWidth(text, size, weight, font) {
  const key = `${weight} ${font} ${text}`;
  let width = widths.get(key);
  if (width === undefined) {
    ruler.font = `${weight} 100px ${font}`;
    width = ruler.measureText(text).width / 100;
    if (widths.size > MOST_KNOWN) widths.clear();
    widths.set(key, width);
  }
  return width * size;
}

/** A name that loses its middle, never its end: names that are alike differ there. */
export function ends(text, room, most, weight, font) {
  const width = (shown, size) => textWidth(shown, size, weight, font);
  const size = width(text.slice(0, MEASURED), most) <= room && text.length <= MEASURED ? most : most * SHRUNK;
  if (text.length <= MEASURED && width(text, size) <= room) return { text, size };
  const both = (count) => `${text.slice(0, Math.round(count * HEAD))}…${text.slice(text.length - count + Math.round(count * HEAD))}`;
  let [low, high] = [0, Math.min(text.length - 1, MEASURED)];
  ruler.font = `${weight} 100px ${font}`;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((ruler.measureText(both(middle)).width * size) / 100 <= room) low = middle;
    else high = middle - 1;
  }
  return { text: both(low).replace(/[\ud800-\udbff](?=…)|(?<=…)[\udc00-\udfff]/g, ""), size };
}

/** Those parts that there is room for, whole, in their order. @param {string[]} parts */
export function whole(parts, room, size, font) {
  let line = "";
  for (const part of parts) {
    const longer = line ? `${line} · ${part}` : part;
    if (textWidth(longer, size, "400", font) <= room) line = longer;
  }
  return line;
}
