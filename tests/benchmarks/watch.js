// When the page shows what, in milliseconds since the epoch: the change of its elements, and the end of the frame that has it.
window.seeknalWatch = (() => {
  const FILTER = ["class", "hidden", "data-asked", "data-said"];
  const frame = window.requestAnimationFrame.bind(window);
  const now = () => performance.timeOrigin + performance.now();
  let [framing, released, marks, known, seen] = [false, 0, {}, {}, {}];

  // What a frame's own script changes is on the screen with that frame; anything else is with the next one.
  window.requestAnimationFrame = (act) => frame((time) => {
    framing = true;
    try {
      act(time);
    } finally {
      queueMicrotask(() => { framing = false; });
    }
  });

  function soon(act) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => act(now());
    port2.postMessage(0);
  }

  const painted = (act) => (framing ? soon(act) : frame(() => soon(act)));
  const keys = ([selector, key]) =>
    new Set(Array.from(document.querySelectorAll(selector), (el) => (key ? el.getAttribute(key) : el)));

  function look() {
    const changed = now();
    for (const [name, mark] of Object.entries(marks)) {
      const found = keys(mark);
      for (const key of found) {
        if (known[name].has(key)) continue;
        const entry = { key: String(key), changed, painted: 0 };
        seen[name].push(entry);
        painted((time) => { entry.painted = time; });
      }
      known[name] = found;
    }
  }

  document.addEventListener("pointerup", (event) => { released = performance.timeOrigin + event.timeStamp; }, true);
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: FILTER });

  return {
    // From now on, by name: what comes to match a selector, told apart by an attribute, or each element by itself.
    start(asked) {
      marks = asked;
      known = Object.fromEntries(Object.entries(marks).map(([name, mark]) => [name, keys(mark)]));
      seen = Object.fromEntries(Object.keys(marks).map((name) => [name, []]));
    },
    over: (count) => Object.values(seen).every((entries) => entries.length >= count && entries.every((e) => e.painted)),
    told: () => ({ released, seen, drift: Date.now() - now() }),

    // The nodes that a mouse can click, on their middle and on their right end.
    reachable() {
      const hit = (el, x, y) => document.elementFromPoint(x, y)?.closest(".sk-node") === el;
      return Array.from(document.querySelectorAll(".sk-node")).filter((el) => {
        const { x, y, width, height } = el.querySelector(".sk-box").getBoundingClientRect();
        return hit(el, x + width / 2, y + height / 2) && hit(el, x + width - 4, y + height / 2);
      }).map((el) => Number(el.dataset.i));
    },
  };
})();
