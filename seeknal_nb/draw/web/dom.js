// Elements, from text and from other elements alone: no text becomes markup.
import { safe } from "./text.js";

const HTML = "http://www.w3.org/1999/xhtml";
const SVG = "http://www.w3.org/2000/svg";
// What scrolls can be reached by keys.
const SCROLLS = { tabindex: "0" };

const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** @template {Element} T @param {T} element @param {object} attributes @returns {T} */
export function dress(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** In pixels. @param {HTMLElement} element @param {Record<string, number>} sides */
export function put(element, sides) {
  for (const [side, length] of Object.entries(sides)) element.style[side] = `${length}px`;
}

/**
 * The element of "tag.class"; attributes stand before the children, where there are any.
 * @param {string} space
 * @param {string} name
 * @param {any[]} parts
 * @returns {any}
 */
function grow(space, name, parts) {
  const [first, ...rest] = parts;
  const [tag, ...classes] = name.split(".");
  const element = document.createElementNS(space, tag);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  const plainObject = first?.constructor === Object;
  element.append(...(plainObject || first === undefined ? rest : [first, ...rest]));
  return plainObject ? dress(element, first) : element;
}

/** @param {string} name @param {any[]} parts */
export const make = (name, ...parts) => grow(HTML, name, parts);
/** @param {string} name @param {any[]} parts */
export const draw = (name, ...parts) => grow(SVG, name, parts);
export const quiet = (text) => make("span.sk-quiet", text);

/** Text as it was laid out. @param {string} name @param {unknown} text */
export const pre = (name, text) => scrolling(`pre.${name}`, safe(text));
export const scrolling = (name, ...parts) => make(name, SCROLLS, ...parts);

/** @param {string} act of the table of acts @param {string} text @param {string} hint */
export function button(act, text, hint = "") {
  const named = hint && { title: hint, "aria-label": hint };
  return make("button.sk-button", { type: "button", "data-do": act, ...named }, text);
}

/** A colour of CSS as red, green, blue and alpha, each up to 255. @param {string} colour */
export function channels(colour) {
  pen.clearRect(0, 0, 1, 1);
  pen.fillStyle = "transparent";
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  return pen.getImageData(0, 0, 1, 1).data;
}
