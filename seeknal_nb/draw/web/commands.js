// What the user asks Python for, and what Python answers.
import { nextNumber } from "./messages.js";
import { LOCKED } from "./notices.js";
import { plain, plural } from "./text.js";

/** @typedef {{ do: string, how?: string, i?: any, [more: string]: any }} Command */

export const DOUBLE_CLICK = 400;

const BUSY_AFTER = 600;
// A run that was asked for and has not begun by then changes nothing.
const FORGET_AFTER = 1500;
const EVERYTHING = { changed: "what changed", all: "all nodes", retry: "what failed" };

/** Python answers each command with its number. */
export class Commands {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.view = view;
    /** Of this view: every view of a model hears the answers to all. */
    this.id = nextNumber();
    /** Those without an answer, by number. @type {Map<number, { command: Command, asked: number[], timer: number, quiet: boolean }>} */
    this.waiting = new Map();
    /** The nodes that a run was asked for and that do not run yet. @type {Set<number>} */
    this.asked = new Set();
    this.lastRun = { what: "", now: -Infinity };
  }

  /**
   * A graph that is not live asks for one thing: to be so again.
   * @param {Command} command
   * @param {number[]} asked the nodes that it is going to run
   * @param {boolean} quiet whether nobody clicked, so that nobody is told what comes of it
   */
  ask(command, asked = [], quiet = false) {
    const { life, graph, live, still, model, notices, run, kernel } = this.view;
    if (kernel.gone || (still && command.do !== "now")) return;
    const timer = (live || still) && !quiet ? life.after(BUSY_AFTER, () => notices.sayBusy(run.locked)) : 0;
    const number = nextNumber();
    this.waiting.set(number, { command, asked, timer, quiet });
    try {
      model.send({ ...command, n: number, view: this.id, v: graph.version, s: graph.scene.staged });
    } catch {
      life.drop(timer);
      if (live || still) kernel.set({ lost: true });
    }
  }

  /** What needs no answer. @param {Command} command */
  tell(command) {
    const { live, kernel, model } = this.view;
    if (!live || kernel.gone) return;
    try {
      model.send({ ...command, view: this.id });
    } catch {
      kernel.set({ lost: true });
    }
  }

  /** Whether something of this kind waits for its answer. @param {string} what */
  waits(what) {
    return [...this.waiting.values()].some(({ command }) => command.do === what);
  }

  /** @param {any} message */
  receive(message) {
    const { k, n, view = this.id, d, more, run, text } = message;
    if (k === "log") return this.view.panel.hear(message);
    if (k === "delta") return this.view.listener.change(Array.isArray(d) ? d : [], more, run);
    if (k === "stale") return this.view.sight.look();
    if (view !== this.id) return;
    const mine = this.waiting.get(n);
    if (k === "error" && (mine ? !mine.quiet : !n)) this.view.notices.complain(text);
    if (mine) this.settle(message, mine);
  }

  settle(message, mine) {
    const { life, notices, finder, panel, run } = this.view;
    const { k, n, text } = message;
    life.drop(mine.timer);
    this.waiting.delete(n);
    if (!mine.quiet) finder.selecting = false;
    if (k === "ack" && !mine.quiet) notices.say(plain(text));
    else notices.sayFree();
    if (k === "details") panel.answer(message);
    if (k === "ack" && mine.command.do === "run") life.after(FORGET_AFTER, () => run.told.mode || this.forget());
    if (k === "error") this.takeBack(mine);
  }

  /** Python refused: what was shown ahead of its answer is undone. */
  takeBack({ command, asked }) {
    const { view } = this;
    for (const node of asked) this.asked.delete(node);
    view.toolbar.by.value = view.graph.scene.by;
    view.opening = undefined;
    if (command.do === "details") view.panel.answer(command);
    if (command.do === "cancel") view.run.hear({ ...view.run.current, cancelling: false });
    view.mark("style", "over");
  }

  /** @param {string} how @param {number[]} nodes */
  run(how, nodes = []) {
    const { live, run, graph, notices, options } = this.view;
    if (!live) return;
    if (run.locked) return notices.say(LOCKED);
    if (this.isRepeated(`${how} ${nodes}`)) return;
    const expected = options.values.dry_run ? [] : this.expected(how, nodes);
    for (const node of expected) this.asked.add(node);
    const named = nodes.length === 1 ? graph.id(nodes[0]) : plural(nodes.length, "node");
    notices.say(`Asked to run ${EVERYTHING[how] ?? named} …`);
    this.ask({ do: "run", how, i: nodes, options: { ...options.values } }, expected);
    this.view.mark("style", "over");
  }

  /** Whether this was asked for a moment ago: some click twice on everything. @param {string} what */
  isRepeated(what) {
    const [last, now] = [this.lastRun, performance.now()];
    this.lastRun = { what, now };
    return last.what === what && now - last.now < DOUBLE_CLICK;
  }

  /** What a run will touch, as far as the browser can tell; Python corrects it. */
  expected(how, nodes) {
    const { graph } = this.view;
    const { failed, skipped } = graph.code;
    if (how === "all") return graph.those(() => true);
    if (how === "retry") return graph.those((status) => [failed, skipped].includes(status));
    if (how === "only" || how === "changed") return nodes;
    return [...graph.edges.reach(nodes, how === "upstream" ? 1 : 0).ends];
  }

  /** The nodes that run, or will not, are no longer asked for. */
  forget() {
    this.asked.clear();
    this.view.mark("style", "over");
  }

  cancel() {
    const { run } = this.view;
    this.ask({ do: "cancel" });
    run.hear({ ...run.current, cancelling: true });
  }

  /** Another scene: groups, or what is up- and downstream of a node. */
  arrange({ by = this.view.graph.scene.asked, focus = this.view.graph.scene.focus }) {
    this.ask({ do: "view", by, focus });
  }

  /** A node runs, with what follows; a group opens. @param {number} unit */
  activate(unit) {
    const { graph, live, notices } = this.view;
    const [node] = graph.members[unit] ?? [];
    if (!graph.isGroup(unit)) return node !== undefined && this.run("downstream", [node]);
    if (!live) return;
    this.view.opening = unit;
    notices.say(`Opening ${graph.lines(unit)[1]} …`);
    this.ask({ do: "expand", unit });
  }
}
