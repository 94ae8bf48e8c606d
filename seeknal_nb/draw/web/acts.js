// What each button does, by its data-do.

/** @typedef {import("./view.js").View} View */

/** The runs of what is selected. */
export const RUNS = {
  "run-downstream": { how: "downstream", text: "Run + what follows" },
  "run-only": { how: "only", text: "Only this", many: "Only these" },
  "run-upstream": { how: "upstream", text: "With inputs" },
};

/** @type {Record<string, (view: View, pressed: HTMLElement) => void>} */
const ACTS = {
  "run-changed": ({ commands }) => commands.run("changed"),
  "run-all": ({ commands }) => commands.run("all"),
  retry: ({ commands }) => commands.run("retry"),
  cancel: ({ commands }) => commands.cancel(),
  options: ({ options }) => options.toggle(),
  copy: ({ options }) => options.copy(),
  now: ({ commands }) => commands.ask({ do: "now" }),
  fit: ({ stage }) => stage.fit(true),
  "zoom-in": ({ stage }) => stage.zoomInPlace(1.3),
  "zoom-out": ({ stage }) => stage.zoomInPlace(1 / 1.3),
  focus: ({ commands, finder, panel }) => {
    finder.seek("");
    commands.arrange({ focus: panel.node });
  },
  whole: ({ commands }) => commands.arrange({ focus: -1 }),
  fold: ({ commands }) => commands.arrange({}),
  cell: ({ panel }) => panel.showCell(),
  tab: ({ panel }, pressed) => panel.choose(pressed.dataset.tab ?? ""),
  move: ({ dock }) => dock.turn(),
  close: (view) => view.closePanel(),
  dismiss: (_, pressed) => pressed.parentElement.remove(),
  map: (view, pressed) => view.fold(!pressed.parentElement.classList.contains("sk-folded")),
};
for (const [act, { how }] of Object.entries(RUNS)) ACTS[act] = ({ commands, panel }) => commands.run(how, panel.nodes);

/** @param {View} view @param {HTMLElement | null} pressed a button, a link to a node, or a chip of the legend */
export function press(view, pressed) {
  const { do: act, go, status } = pressed?.dataset ?? {};
  if (act) ACTS[act](view, pressed);
  else if (go) view.go(Number(go));
  else if (status) view.finder.toggle(status);
}
