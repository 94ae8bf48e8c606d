// The graph in a page without a kernel, which gives a view what it takes for a model.
import { render } from "./view.js";

/** Bytes were written as {"base64": "..."}. */
function revived(_name, value) {
  if (typeof value?.base64 !== "string") return value;
  return new DataView(Uint8Array.from(atob(value.base64), (sign) => sign.codePointAt(0)).buffer);
}

/** As much of an anywidget model as a view uses: it holds what Python wrote and answers for the details alone. */
class Page {
  constructor({ details, ...traits }) {
    this.details = details;
    this.traits = traits;
    /** @type {Map<string, ((...told: any[]) => void)[]>} */
    this.hearers = new Map();
  }

  get = (name) => this.traits[name];

  set(name, value) {
    this.traits[name] = value;
    this.tell(`change:${name}`, this, value);
  }

  save_changes() {}

  on(event, hear) {
    this.hearers.set(event, [...(this.hearers.get(event) ?? []), hear]);
  }

  off(event, hear) {
    this.hearers.set(event, (this.hearers.get(event) ?? []).filter((other) => other !== hear));
  }

  tell(event, ...values) {
    for (const hear of this.hearers.get(event) ?? []) hear(...values);
  }

  send({ do: asked, i, n, view }) {
    const found = asked === "details" && this.details[i];
    if (!found) throw new Error("this page has no kernel");
    queueMicrotask(() => this.tell("msg:custom", { ...found, k: "details", n, view, i }, []));
  }
}

const told = JSON.parse(document.getElementById("data").textContent, revived);
render({ model: new Page(told), el: document.getElementById("graph") });
