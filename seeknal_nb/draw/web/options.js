// The options of the runs that this view starts, in a popover below their button.
import { button, make, put } from "./dom.js";
import { plain } from "./text.js";

/**
 * @typedef {object} Option
 * @property {string} name
 * @property {string} flag as a cell has it
 * @property {string} label
 * @property {string} text
 * @property {number | null} least of a number; a tick has none
 * @property {number | null} most
 * @property {number | boolean} value that it has unless somebody says otherwise
 */

const COMMAND = "%seeknal run";
const GAP = 6;

export class Options {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    /** @type {Option[]} */
    this.known = view.model.get("options") ?? [];
    /** What differs from what is usual, by name. @type {Record<string, number | boolean>} */
    this.values = view.memory.options ??= {};
    this.command = make("code.sk-command");
    const last = make("div.sk-command-line", this.command, button("copy", "Copy", "Copy the command"));
    const attributes = { role: "dialog", "aria-label": "Options of the runs that this output starts", hidden: "" };
    this.element = make("div.sk-options", attributes, ...this.known.map((option) => this.row(option)), last);
  }

  get open() {
    return !this.element.hidden;
  }

  get button() {
    return this.view.toolbar.element.querySelector("[data-do=options]");
  }

  /** @param {Option} option @returns {HTMLElement} */
  row({ name, label, text, least, most, value }) {
    const now = this.values[name] ?? value;
    const tick = least === null;
    const range = tick ? { type: "checkbox" } : { type: "number", min: least, max: most, step: 1, value: now };
    const input = make("input", { "data-option": name, ...range });
    input.checked = tick && now;
    return make("label.sk-option", input, make("b", plain(label)), make("span.sk-quiet", plain(text)));
  }

  /** @param {import("./lifetime.js").Lifetime} life */
  listen(life) {
    this.paint();
    life.on(this.element, "input", ({ target }) => this.take(target));
    life.on(document, "pointerdown", (event) => {
      const path = event.composedPath();
      if (this.open && !path.includes(this.element) && !path.includes(this.button)) this.close({ back: false });
    });
  }

  /** A number that is none, or out of its range, counts as what is usual. @param {HTMLInputElement} input */
  take(input) {
    const { name, least, value } = this.known.find((option) => option.name === input.dataset.option) ?? {};
    if (!name) return;
    const given = least === null ? input.checked : input.value && input.validity.valid ? input.valueAsNumber : value;
    if (given === value) delete this.values[name];
    else this.values[name] = given;
    this.paint();
  }

  paint() {
    const words = this.known.flatMap(({ name, flag }) => {
      const value = this.values[name];
      return value === undefined ? [] : [value === true ? flag : `${flag} ${value}`];
    });
    this.command.replaceChildren(COMMAND, ...words.flatMap((word) => [" ", make("span", word)]));
    this.button.textContent = words.length ? `Options (${words.length})` : "Options";
    this.button.setAttribute("aria-expanded", String(this.open));
  }

  toggle() {
    if (this.open) return this.close();
    this.element.hidden = false;
    this.paint();
    const { offsetLeft, offsetTop, offsetHeight } = this.button;
    const left = Math.max(Math.min(offsetLeft, this.view.root.clientWidth - this.element.offsetWidth - GAP), GAP);
    put(this.element, { left, top: offsetTop + offsetHeight + GAP });
    this.element.querySelector("input")?.focus({ preventScroll: true });
  }

  /** `back` gives the focus to the button. */
  close({ back = true } = {}) {
    if (!this.open) return;
    this.element.hidden = true;
    this.paint();
    if (back) this.button.focus({ preventScroll: true });
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.command.textContent);
      this.view.notices.say("Copied.");
    } catch {
      getSelection()?.selectAllChildren(this.command);
      this.view.notices.say("The page may not copy: the command is selected.");
    }
  }
}
