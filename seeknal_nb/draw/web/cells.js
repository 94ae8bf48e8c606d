// The cell that defines a node, in the front ends that show their cells in this page.

/** @typedef {{ id: string, text: string }} Cell as the front end has it; the id is empty where it tells none */

/** Where a cell stands among others: by its id, else by its whole text; -1 where that is not sure. @param {Cell[]} cells @param {Cell} wanted */
export function indexAmong(cells, { id, text }) {
  const known = cells.findIndex((cell) => id && cell.id === id);
  if (known >= 0) return known;
  const alike = cells.flatMap((cell, at) => (text && cell.text.trim() === text.trim() ? [at] : []));
  return alike.length === 1 ? alike[0] : -1;
}

/** Those of the notebook that a widget stands in, where its manager tells, as JupyterLab's does. @returns {Cell[] | null} */
function cellsOf(model) {
  const cells = model.widget_manager?.context?.model?.cells;
  return cells ? Array.from(cells, ({ id, sharedModel }) => ({ id, text: sharedModel.getSource() })) : null;
}

/** As far as the page shows it. @param {Element} cell */
function textIn(cell) {
  const lines = [...cell.querySelectorAll(".cm-line")].map((line) => line.textContent);
  return lines.join("\n") || (cell.querySelector(".jp-Editor")?.textContent ?? "");
}

/**
 * The cell, where the page has it; null elsewhere.
 * @param {any} model @param {Element} root of the view @param {Cell} wanted @returns {any}
 */
export function cellOf(model, root, wanted) {
  const shown = [...(root.closest(".jp-Notebook") ?? document).querySelectorAll(".jp-Cell")];
  const cells = cellsOf(model);
  if (!cells) return shown[indexAmong(shown.map((cell) => ({ id: "", text: textIn(cell) })), wanted)] ?? null;
  const place = indexAmong(cells, wanted);
  return shown.find((/** @type {any} */ cell, at) => Number(cell.dataset.windowedListIndex ?? at) === place) ?? null;
}

/** Bring it into sight, and select it as a click on its margin would. @param {HTMLElement} cell */
export function goToCell(cell) {
  cell.scrollIntoView({ block: "center" });
  const margin = cell.querySelector(".jp-InputPrompt") ?? cell;
  for (const type of ["mousedown", "mouseup", "click"]) margin.dispatchEvent(new MouseEvent(type, { bubbles: true, button: 0 }));
}
