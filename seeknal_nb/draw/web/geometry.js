// Numbers and rectangles; knows no page.

/** @typedef {{ left: number, top: number, right: number, bottom: number }} Sides */
/** @typedef {Sides & { width: number, height: number }} Box */

/** @param {number} value @param {number[]} range low and high; the low end counts where they are the wrong way round */
export const within = (value, [low, high]) => Math.min(Math.max(value, low), high);

/** @param {Sides} a @param {Sides} b */
export const meet = (a, b) => a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top;

/** @param {number} left @param {number} top @param {number} width @param {number} height @returns {Box} */
export const boxOf = (left, top, width, height) => ({ left, top, right: left + width, bottom: top + height, width, height });

/** The least box round some boxes, of which there is at least one; @param {Sides[]} boxes @returns {Box} */
export function around(boxes) {
  const [left, top] = [Math.min(...boxes.map((box) => box.left)), Math.min(...boxes.map((box) => box.top))];
  const [right, bottom] = [Math.max(...boxes.map((box) => box.right)), Math.max(...boxes.map((box) => box.bottom))];
  return { left, top, right, bottom, width: right - left, height: bottom - top };
}
