// The run that goes on, or how the last one came out.
import { make, quiet } from "./dom.js";
import { IDLE } from "./messages.js";
import { LOCKED } from "./notices.js";
import { amount, joined, plain, plural } from "./text.js";
import { rounded } from "./times.js";

/** @typedef {import("./messages.js").Run} Run */

// Python tells how a run goes on once a second.
const SILENT = 8;
const TOTALS_EVERY = 5000;
const NAMED = 3;

/** One line, a bar, and below the graph failures and warnings. */
export class RunLine {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    this.told = IDLE;
    this.heard = this.totalled = 0;
    this.signature = "";
    this.line = make("div.sk-progress");
    this.fill = make("div.sk-fill");
    this.track = make("div.sk-track", { role: "progressbar", "aria-label": "Run" }, this.fill);
    this.notes = make("div.sk-notes", { role: "group", "aria-label": "Failures and warnings" });
  }

  /** Whether a cell runs the pipeline, so that no click can. */
  get locked() {
    return this.told.mode === "foreground";
  }

  /** The seconds since Python told of it. */
  get since() {
    return this.told.mode ? (performance.now() - this.heard) / 1000 : 0;
  }

  /** As Python told of it, with the seconds that went by since. @returns {Run} */
  get current() {
    return { ...this.told, elapsed: this.told.elapsed + this.since, left: this.told.left - this.since };
  }

  /** @param {Run} run */
  hear(run) {
    const { mode } = this.told;
    const { commands, panel, graph } = this.view;
    this.told = graph.state.run = run;
    this.heard = performance.now();
    if (mode && !run.mode) commands.forget();
    if (mode && !run.mode && panel.open) panel.ask(true); // what it leaves is all written now
    this.view.mark("run");
    if (mode === run.mode && !(run.mode && this.heard - this.totalled > TOTALS_EVERY)) return;
    this.totalled = this.heard;
    this.view.notices.announce(run.mode ? `${run.done} of ${run.todo} done` : plain(run.text));
  }

  paint() {
    const { mode, done, todo, text } = this.told;
    const part = mode && todo ? done / todo : 0;
    this.fill.style.transform = `scaleX(${part})`;
    this.track.setAttribute("aria-valuenow", Math.round(100 * part));
    this.line.replaceChildren(mode ? this.progress() : plain(text));
    if (this.locked && this.view.live) this.line.append(make("div.sk-locked-line", LOCKED));
  }

  progress() {
    const { graph } = this.view;
    const { done, todo, now, queued, cancelling, elapsed, left, least, warned } = this.current;
    const running = now.filter(graph.has).map(graph.id);
    const more = running.length > NAMED && `${running.length - NAMED} more`;
    const silent = Math.floor(this.since);
    return joined([
      `${amount(done)} of ${amount(todo)}`,
      `${elapsed.toFixed(1)} s`,
      left >= 1 && `${least ? "at least" : "about"} ${rounded(left)} left`,
      warned && plural(warned, "warning"),
      joined([...running.slice(0, NAMED), more], ", "),
      queued && `${queued} queued`,
      cancelling && "cancelling",
      silent >= SILENT && `no word from the kernel for ${silent} s`,
    ]);
  }

  paintNotes() {
    const known = this.told.notes.filter(([node]) => this.view.graph.has(node));
    const signature = JSON.stringify(known);
    if (this.signature !== signature)
      this.notes.replaceChildren(...known.map(([node, text]) => this.view.link(node, quiet(plain(text)))));
    this.signature = signature;
  }
}
