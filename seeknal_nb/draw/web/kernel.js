// Whether the kernel that drew a graph is still there, as far as the front end tells.

// Of JupyterLab's session: the kernel has lost what it knew.
const ENDED = new Set(["restarting", "autorestarting", "terminating", "dead"]);

export class Kernel {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    /** It ended; another one knows nothing of this graph. */
    this.lost = false;
    /** The page has no connection to it. */
    this.away = false;
  }

  get gone() {
    return this.lost || this.away;
  }

  /** ipywidgets tell that they are cut off; JupyterLab's session tells it sooner, and of a kernel that died. */
  listen(life, model) {
    life.hear(model, "comm_live_update", () => this.set({ lost: true }));
    const session = model.widget_manager?.context?.sessionContext;
    life.connect(session?.statusChanged, (status) => ENDED.has(status) && this.set({ lost: true }));
    life.connect(session?.kernelChanged, ({ oldValue, newValue }) => oldValue && oldValue.id !== newValue?.id && this.set({ lost: true }));
    life.connect(session?.connectionStatusChanged, (status) => this.set({ away: status === "disconnected" }));
  }

  /** @param {{ lost?: boolean, away?: boolean }} told */
  set(told) {
    const { gone } = this;
    Object.assign(this, told);
    if (this.gone !== gone) this.view.turnStill();
  }
}
