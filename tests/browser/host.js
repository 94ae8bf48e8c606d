// A host of the graph's module (anywidget's front-end interface), whose Python side is the test.
// Binary values come as a DataView into the middle of a longer buffer, at an odd offset, as Jupyter's websocket may give them.
window.seeknalHost = (() => {
  const views = [];
  let model, module;

  const bytes = (text) => {
    const raw = atob(text), buffer = new ArrayBuffer(raw.length + 8), view = new DataView(buffer, 3, raw.length);
    new Uint8Array(buffer).fill(0xaa);
    for (let i = 0; i < raw.length; i++) view.setUint8(i, raw.charCodeAt(i));
    return view;
  };
  const decode = (text) => JSON.parse(text, (_, value) => (value && typeof value.$bytes === "string" ? bytes(value.$bytes) : value));

  class Model {
    constructor(state) {
      this.state = state;
      this.listeners = [];
      this.sent = [];
      this.saved = [];
      this.changed = new Set();
    }
    get(name) { return this.state[name]; }
    // As Backbone: a listener hears of a change at once, of its own too; nothing is said where the value is the same.
    set(name, value) {
      if (this.state[name] === value) return;
      this.state[name] = value;
      this.changed.add(name);
      this.tell(`change:${name}`, this, value);
      this.tell("change", this);
    }
    save_changes() {
      if (this.changed.size) this.saved.push(Object.fromEntries([...this.changed].map((name) => [name, this.state[name]])));
      this.changed.clear();
    }
    on(names, callback) { for (const name of names.split(/\s+/)) this.listeners.push([name, callback]); }
    off(names, callback) {
      const gone = names?.split(/\s+/);
      this.listeners = this.listeners.filter(([n, c]) => (gone && !gone.includes(n)) || (callback && c !== callback));
    }
    tell(name, ...args) { for (const [n, c] of [...this.listeners]) if (n === name) c(...args); }
    send(content) { this.sent.push({ ...structuredClone(content), at: performance.now() }); }
  }

  const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))));

  return {
    frame,
    state: () => model,

    // Imports the module and draws once; gives how long each took, in milliseconds, the last to the frame that shows it.
    async show(text) {
      const began = performance.now();
      module ??= await import("/graph.js");
      const imported = performance.now();
      model = new Model(decode(text));
      await module.default.initialize?.({ model, signal: new AbortController().signal });
      const decoded = performance.now();
      await this.view();
      const rendered = performance.now();
      return { import: imported - began, decode: decoded - imported, render: rendered - decoded, paint: (await frame()) - rendered };
    },

    // One more view of the same model. As in JupyterLab, the element is in no document until it has been rendered.
    async view() {
      const el = document.createElement("div"), stop = new AbortController();
      el.className = "view";
      const cleanup = await module.default.render({ model, el, signal: stop.signal });
      document.body.append(el);
      views.push({ el, async close() { stop.abort(); await cleanup?.(); el.remove(); } });
    },

    async close() { for (const view of views.splice(0)) await view.close(); },

    push(text) { model.tell("msg:custom", decode(text), []); },
    set(text) { for (const [name, value] of Object.entries(decode(text))) { model.set(name, value); model.changed.delete(name); } },

    // Milliseconds from a call of Python's to the frame that shows what it did.
    async timed(text, what) {
      const began = performance.now();
      this[what](text);
      const done = performance.now();
      return { script: done - began, paint: (await frame()) - began };
    },
  };
})();
