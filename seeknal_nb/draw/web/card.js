// The measures of a card, in units of the graph: what stands where in it, and what it says at which scale. Knows no page.

const [CORNER, BAND] = [7, 26];

/** Where the texts begin and how far from the right they end, the middle of the kind's picture, and how round a card is. */
export const CARD = { left: 54, right: 10, icon: 40, radius: CORNER, band: BAND };

/** The left end of a card, within its edge. @param {number} height */
export const bandPath = (height) => `M1 ${CORNER}A6 6 0 0 1 7 1H${BAND}V${height - 1}H7A6 6 0 0 1 1 ${height - 7}Z`;

// Where texts are laid anew: between two of them they keep their size in the graph.
export const STEPS = [0.42, 0.46, 0.5, 0.54, 0.61, 0.7, 0.77, 0.846];

/** The last step that a scale has come to. @param {number} k */
export const stepOf = (k) => STEPS.findLast((step) => step <= k) ?? STEPS[0];

/** No smaller than 11 pixels on the screen. @param {number} step */
export const nameSize = (step) => Math.max(13, 11 / step);

/** @param {number} step */
export const detailSize = (step) => Math.max(10.5, 9.4 / step);

/** Whether there is room for a second line. @param {number} step */
export const saysDetail = (step) => step >= 0.54;

/** Whether rows are written as 327k. @param {number} step */
export const isShort = (step) => step < 0.7;
