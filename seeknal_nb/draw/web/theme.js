// The theme of the front end, and the colours that the style sheet gives to canvases.
import { channels } from "./dom.js";

/** @typedef {{ fill: string, edge: string, sign: string }} Shade */

/** The elements that an element is in, out of shadow trees too. @param {any} element */
function* ancestors(element) {
  for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) yield at;
}

/** What the front end says of its theme; undefined where it says nothing. @param {HTMLElement} element */
function toldDark(element) {
  for (const { dataset, classList } of ancestors(element)) {
    if (dataset.jpThemeLight) return dataset.jpThemeLight === "false";
    if (classList.contains("vscode-light") || classList.contains("vscode-high-contrast-light")) return false;
    if (classList.contains("vscode-dark") || classList.contains("vscode-high-contrast")) return true;
  }
  return undefined;
}

/** By the nearest ground that is not see-through. @param {HTMLElement} element */
function isGroundDark(element) {
  for (const at of ancestors(element)) {
    const [red, green, blue, alpha] = channels(getComputedStyle(at).backgroundColor);
    if (alpha > 127) return 0.299 * red + 0.587 * green + 0.114 * blue < 110;
  }
  return getComputedStyle(document.documentElement).colorScheme.startsWith("dark");
}

/** @param {HTMLElement} element */
const isDark = (element) => toldDark(element) ?? isGroundDark(element);

/** @param {CSSStyleDeclaration} style @param {string[]} statuses in the order of their numbers */
function coloursOf(style, statuses) {
  const token = (name) => style.getPropertyValue(`--sk-${name}`).trim();
  /** @returns {Shade} */
  const shade = (status) => ({
    fill: token(`${status}-fill`),
    edge: token(`${status}-edge`),
    sign: token(`${status}-sign`),
  });
  const [line, accent, ink, group] = ["line", "accent", "ink", "group-ground"].map(token);
  return { line, accent, ink, group, shades: statuses.map(shade) };
}

/** The tokens of the style sheet as an element has them; its texts are empty where the sheet has not come yet. */
export class Theme {
  /** @param {HTMLElement} root @param {import("./messages.js").Look[]} looks */
  constructor(root, looks) {
    this.dark = isDark(root.parentElement);
    root.dataset.dark = String(Number(this.dark));
    const style = getComputedStyle(root);
    this.looks = looks;
    this.font = style.fontFamily;
    this.colours = coloursOf(style, looks.map(({ name }) => name));
  }

  /** @param {Theme | null} other */
  equals(other) {
    const parts = ({ dark, font, colours }) => JSON.stringify([dark, font, colours]);
    return other !== null && parts(this) === parts(other);
  }

  /** @param {number} status */
  shade(status) {
    return this.colours.shades[status];
  }

  /** The colour of a node so small that it has no edge: a hollow one would vanish. @param {number} status */
  dot(status) {
    return this.looks[status].hollow ? this.shade(status).edge : this.shade(status).fill;
  }
}
