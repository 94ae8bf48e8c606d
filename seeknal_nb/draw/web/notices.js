// What the view says: a line that passes, errors that stay until somebody takes them away, words for who hears the graph.
import { button, make } from "./dom.js";
import { safe } from "./text.js";

export const LOCKED = "A cell is running this: the kernel's Interrupt (■) stops it.";

const BUSY = "The kernel is busy; this waits for it.";
const OCCUPIED = "A cell is running: interrupt the kernel to stop it.";
const SAID_FOR = 6000;

/** In a corner of the stage. */
export class Notices {
  /** @param {import("./lifetime.js").Lifetime} life */
  constructor(life) {
    this.life = life;
    this.errors = make("div.sk-errors");
    this.message = make("div.sk-ack", { role: "status" });
    this.voice = make("div.sk-unseen", { role: "status" });
    this.element = make("div.sk-message", this.errors, this.message);
    this.saying = undefined;
  }

  /** For a moment. @param {string} text */
  say(text) {
    this.show(text);
    if (text) this.saying = this.life.after(SAID_FOR, () => this.show(""));
  }

  /** Until the kernel answers. @param {boolean} locked whether a cell runs the pipeline */
  sayBusy(locked) {
    this.show(locked ? OCCUPIED : BUSY);
  }

  /** The kernel has answered. */
  sayFree() {
    if ([BUSY, OCCUPIED].includes(this.message.textContent)) this.show("");
  }

  show(text) {
    this.message.textContent = text;
    this.life.drop(this.saying);
  }

  announce(text) {
    this.voice.textContent = text;
  }

  /** @param {string} text */
  complain(text) {
    this.show("");
    const parts = [make("span", safe(text)), button("dismiss", "✕", "Dismiss")];
    this.errors.append(make("div.sk-wrong", { role: "alert" }, ...parts));
  }
}
