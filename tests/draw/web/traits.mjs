// What Python tells of a small pipeline: a -> b -> c and a -> c, of which a and b may be one group.

const LOOKS = ["failed", "running", "pending", "skipped", "success", "cached", "warning", "changed"];
const RANKED = ["failed", "warning", "running", "changed", "pending", "skipped", "success", "cached"];
const WORDS = { pending: "never run" };
const UNREACHED = ["pending", "skipped", "changed"];

/** The bytes of numbers in the middle of a longer buffer, as Jupyter's websocket may give them. */
export function bytes(typed) {
  const whole = new Uint8Array(typed.byteLength + 8).fill(0xaa);
  whole.set(new Uint8Array(typed.buffer), 3);
  return new DataView(whole.buffer, 3, typed.byteLength);
}

export const number = (status) => LOOKS.indexOf(status);

export const snapshot = (statuses, rows = [], seconds = [], more = {}) => ({
  status: bytes(Uint8Array.from(statuses, number)),
  rows: bytes(Float64Array.from(statuses, (_, node) => rows[node] ?? NaN)),
  seconds: bytes(Float32Array.from(statuses, (_, node) => seconds[node] ?? NaN)),
  more,
  run: { mode: "", done: 2 },
});

const geometry = (boxes, edges, routes, unit) => ({
  boxes: bytes(Float32Array.from(boxes.flat())),
  edges: bytes(Uint32Array.from(edges.flat())),
  starts: bytes(Uint32Array.from([0, ...routes.map((_, at) => routes.slice(0, at + 1).flat().length)])),
  points: bytes(Float32Array.from(routes.flat(2))),
  unit: bytes(Uint32Array.from(unit)),
});

const scene = { width: 300, height: 100, note: "", by: "", focus: -1, opened: false, version: 1, groups: [] };
const box = (left, top) => [left, top, 60, 40];

export const whole = {
  ...scene,
  ...geometry(
    [box(0, 0), box(100, 0), box(200, 60)],
    [[0, 1], [1, 2], [0, 2]],
    [[[60, 20], [100, 20]], [[160, 20], [200, 80]], [[60, 20], [130, 70], [200, 80]]],
    [0, 1, 2],
  ),
};

export const grouped = {
  ...scene,
  ...{ by: "kind", groups: [[0, "source", "", 2]] },
  ...geometry([box(0, 0), box(200, 60)], [[0, 1]], [[[60, 20], [200, 80]]], [0, 0, 1]),
};

export const hidden = { ...scene, ...geometry([box(0, 0)], [], [], [0xffffffff, 0, 0xffffffff]) };

export function model(traits = {}) {
  const all = {
    nodes: {
      ...{ title: "flights", version: 7, name: ["a", "b", "c"], kinds: ["source", "model"], kind: [0, 0, 1], icons: ["M1 1", "M2 2"] },
      ...{ tags: [[0], [], [0, 1]], tag_names: ["core", "night\u202e"] },
      looks: LOOKS.map((name) => ({ name, word: WORDS[name] ?? name, rank: RANKED.indexOf(name), sign: { d: "M0 0L1 1" }, dash: "", unreached: UNREACHED.includes(name) })),
    },
    edges: bytes(Uint32Array.from([0, 1, 1, 2, 0, 2])),
    scene: whole,
    snapshot: snapshot(["success", "failed", "changed"], [12, undefined, 1336776], [0.5]),
    ...traits,
  };
  return { get: (name) => all[name] };
}
