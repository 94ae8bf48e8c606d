// The whole graph in a corner of the stage, with a frame round what is in sight.
import { button, make, put } from "./dom.js";
import { within } from "./geometry.js";

/** @typedef {import("./stage.js").Stage} Stage */

// The most that it is wide and high.
const [WIDTH, HEIGHT] = [170, 110];
// On a lower stage it is folded, unless somebody opens it.
const LOW = 300;

/** Hidden while all is in sight. */
export class Overview {
  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.canvas = make("canvas");
    this.frame = make("div.sk-map-frame");
    this.body = make("div.sk-map-body", this.canvas, this.frame);
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
    const { window, view, size, graph } = this.stage;
    const { width, height } = graph;
    const whole = window.left <= 0 && window.top <= 0 && window.right >= width && window.bottom >= height;
    if (this.element.hidden && !whole) view.mark("map");
    this.element.hidden = whole;
    this.element.classList.toggle("sk-folded", view.memory.folded ?? size.height < LOW);
    const k = this.scale;
    const [left, right] = [window.left, window.right].map((x) => within(x, [0, width]) * k);
    const [top, bottom] = [window.top, window.bottom].map((y) => within(y, [0, height]) * k);
    put(this.frame, { left, top, width: right - left, height: bottom - top });
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
