// The whole graph in a corner of the stage, with a frame round what is in sight.
import { button, make, put } from "./dom.js";
import { boxOf, meet, within } from "./geometry.js";

/** @typedef {import("./stage.js").Stage} Stage */

// The most that it is wide and high.
const [WIDTH, HEIGHT] = [170, 110];
// How far from the edges of the stage it is, and what its own edge adds.
const [INSET, EDGE] = [10, 12];
// Of so few units it covers none: it folds, unless somebody opens it.
const FEW_UNITS = 60;
// It does not go from corner to corner while somebody moves the graph.
const REST = 150;
const CORNERS = ["sk-lower sk-right", "sk-lower sk-left", "sk-upper sk-right", "sk-upper sk-left"];

/** Hidden while all is in sight. */
export class Overview {
  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.canvas = make("canvas");
    this.frame = make("div.sk-map-frame");
    this.body = make("div.sk-map-body", this.canvas, this.frame);
    this.corner = CORNERS[0];
    /** Whether it covers what few units there are, wherever it stands. */
    this.covers = false;
    /** The timer of its next move. @type {number | undefined} */
    this.settling = undefined;
    this.element = make("div.sk-map", { hidden: "" }, this.body, button("map", "▾", "Show or hide the overview"));
  }

  get scale() {
    const { width, height } = this.stage.graph;
    return Math.min(WIDTH / width, HEIGHT / height);
  }

  paint() {
    if (this.element.hidden) return;
    const { graph, ratio, view } = this.stage;
    const { canvas, scale: k } = this;
    const [width, height] = [Math.max(graph.width * k, 8), Math.max(graph.height * k, 8)];
    [canvas.width, canvas.height] = [width * ratio, height * ratio];
    put(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.scale(k * ratio, k * ratio);
    graph.boxes.forEach((box, unit) => {
      context.fillStyle = view.theme.dot(graph.worst(unit));
      context.fillRect(box.left, box.top, Math.max(box.width, 2 / k), Math.max(box.height, 2 / k));
    });
  }

  paintFrame() {
    const { window, view, graph } = this.stage;
    const { width, height } = graph;
    const whole = window.left <= 0 && window.top <= 0 && window.right >= width && window.bottom >= height;
    if (this.element.hidden && !whole) view.mark("map");
    this.element.hidden = whole;
    this.element.className = ["sk-map", this.corner, ...(view.memory.folded ?? this.covers ? ["sk-folded"] : [])].join(" ");
    if (!whole) this.settle();
    const k = this.scale;
    const [left, right] = [window.left, window.right].map((x) => within(x, [0, width]) * k);
    const [top, bottom] = [window.top, window.bottom].map((y) => within(y, [0, height]) * k);
    put(this.frame, { left, top, width: right - left, height: bottom - top });
  }

  /** Go to the corner where it covers the fewest boxes, once nothing moves. */
  settle() {
    const { life } = this.stage.view;
    life.drop(this.settling);
    this.settling = life.after(REST, () => this.choose());
  }

  choose() {
    const { camera, graph, view } = this.stage;
    const seen = this.stage.seen().map((unit) => graph.boxes[unit]);
    const boxes = seen.map(({ left, top, width, height }) =>
      boxOf(left * camera.k + camera.x, top * camera.k + camera.y, width * camera.k, height * camera.k),
    );
    const covered = CORNERS.map((corner) => boxes.filter((box) => meet(box, this.placeIn(corner))).length);
    const fewest = Math.min(...covered);
    const [corner, covers] = [CORNERS[covered.indexOf(fewest)], fewest > 0 && graph.boxes.length <= FEW_UNITS];
    if (corner === this.corner && covers === this.covers) return;
    [this.corner, this.covers] = [corner, covers];
    view.mark("frame");
  }

  /** What it takes of the stage in a corner. @param {string} corner */
  placeIn(corner) {
    const { size, graph } = this.stage;
    const [width, height] = [graph.width * this.scale + EDGE, graph.height * this.scale + EDGE];
    const left = corner.includes("left") ? INSET : size.width - INSET - width;
    return boxOf(left, corner.includes("upper") ? INSET : size.height - INSET - height, width, height);
  }

  /** The stage shows what the pointer is on. @param {import("./lifetime.js").Lifetime} life */
  listen(life) {
    const follow = ({ clientX, clientY, buttons }) => {
      if (!buttons) return;
      const { left, top } = this.body.getBoundingClientRect();
      this.stage.lookAt((clientX - left) / this.scale, (clientY - top) / this.scale);
    };
    life.on(this.body, "pointermove", follow);
    life.on(this.body, "pointerdown", (event) => {
      this.body.setPointerCapture(event.pointerId);
      follow(event);
    });
  }
}
