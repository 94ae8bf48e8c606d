// The cell that defines a node, in the front ends that show their cells in this page.

const EDITORS = ".jp-CodeCell .cm-content, .jp-CodeCell .jp-InputArea-prompt + .jp-Editor";

const firstLine = (text) => text.trim().split("\n")[0].trim();

/** The cell whose code begins so, where the page has it; null elsewhere. @param {string} code @param {ParentNode} page @returns {any} */
export function cellOf(code, page = document) {
  const wanted = firstLine(code);
  for (const editor of page.querySelectorAll(EDITORS)) {
    const line = editor.querySelector(".cm-line")?.textContent ?? editor.textContent ?? "";
    if (wanted && firstLine(line) === wanted) return editor.closest(".jp-CodeCell");
  }
  return null;
}

/** Bring it into sight, and select it as a click on its margin would. @param {HTMLElement} cell */
export function goToCell(cell) {
  cell.scrollIntoView({ block: "center" });
  const margin = cell.querySelector(".jp-InputPrompt") ?? cell;
  for (const type of ["mousedown", "mouseup", "click"]) margin.dispatchEvent(new MouseEvent(type, { bubbles: true, button: 0 }));
}
