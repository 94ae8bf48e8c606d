// A look as a small sign.
import { draw } from "./dom.js";

/** Its colours are the style sheet's. @param {import("./messages.js").Look} look @returns {SVGElement} */
export function swatchOf({ name, d, width, filled, border, dash }) {
  const thin = {
    "stroke-width": Math.min(border, 2),
    "stroke-dasharray": dash.map((part) => part / 2).join(" ") || "none",
  };
  const box = draw("rect", { x: 1.5, y: 1.5, width: 21, height: 15, rx: 4, ...thin });
  const sign = draw(filled ? "path.sk-sign.sk-filled" : "path.sk-sign", {
    ...{ d, transform: "translate(12 9) scale(.85)", "stroke-width": width },
  });
  return draw(`svg.sk-swatch.sk-${name}`, { viewBox: "0 0 24 18", "aria-hidden": "true" }, box, sign);
}
