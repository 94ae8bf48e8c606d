// Whether anybody can see a view: one that nobody sees paints nothing, and asks for nothing.

export class Sight {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    /** Whether it is in the part of the page that is shown. */
    this.near = true;
    /** Whether details are due. */
    this.due = false;
    this.was = this.open;
    this.seen = false;
  }

  get open() {
    return this.near && !document.hidden;
  }

  /** @param {import("./lifetime.js").Lifetime} life */
  listen(life) {
    life.watchSight(this.view.root, (near) => {
      this.near = near;
      this.turn();
    });
    life.on(document, "visibilitychange", () => this.turn());
    life.on(window, "focus", () => this.look());
  }

  /** In sight again, a view takes in what it has missed. */
  turn() {
    const { view, open, was, due, seen } = this;
    this.was = open;
    if (!open) return;
    this.seen = true;
    if (was) return;
    view.listener.read();
    view.mark();
    this.due = false;
    if (due && view.panel.open) view.panel.ask(true);
    if (seen) this.look();
  }

  /** What another program has run, or a cell has changed, shows where somebody sees it. */
  look() {
    const { live, commands } = this.view;
    if (this.open && live && !commands.waits("look")) commands.ask({ do: "look" }, [], true);
  }

  /** Ask now, or as soon as somebody sees the answer. @param {import("./commands.js").Command} command */
  ask(command, quiet = false) {
    if (this.open) this.view.commands.ask(command, [], quiet);
    else this.due = true;
  }
}
