// What the tests do in JupyterLab's page, by its own commands (--LabApp.expose_app_in_browser). Put in before any script.
window.seeknalLab = (() => {
  const runs = new Map();
  let booted = null;
  const app = () => window.jupyterapp;
  const panels = () => [...app().shell.widgets("main")].filter((w) => w.content?.widgets && w.sessionContext);
  const panel = (path) => panels().find((w) => w.context.path === path);
  const kernel = (path) => panel(path)?.sessionContext.session?.kernel;
  const plain = (text) => text.replace(/\x1b\[[0-9;]*m/g, "");

  return {
    // Asked again and again by wait_for_function, for which a promise would count as true.
    booted() {
      if (booted === null && app()) {
        booted = false;
        app().restored.then(() => { booted = true; });
      }
      return booted === true;
    },

    // Every notebook that is open is closed without a question, and its kernel ended.
    async closeAll() {
      await Promise.all(panels().map(async (w) => {
        await w.sessionContext.shutdown().catch(() => {});
        w.dispose();
      }));
    },

    async open(path) {
      await app().commands.execute("docmanager:open", { path, factory: "Notebook" });
    },

    connected(path) {
      const w = panel(path);
      return w?.context.isReady && w.sessionContext.isReady && kernel(path)?.status === "idle";
    },

    status: (path) => kernel(path)?.status ?? "none",
    outputs: (path, i) => panel(path).content.widgets[i].model.toJSON().outputs,
    count: (path, i) => panel(path).content.widgets[i].model.executionCount,
    setSource: (path, i, text) => panel(path).content.widgets[i].model.sharedModel.setSource(text),

    remove: (path, i) => panel(path).content.model.sharedModel.deleteCell(i),

    append(path, source) {
      const notebook = panel(path).content.model.sharedModel;
      notebook.addCell({ cell_type: "code", source });
      return notebook.cells.length - 1;
    },

    start(path, i) {
      const w = panel(path);
      app().shell.activateById(w.id);
      w.content.activeCellIndex = i;
      w.content.deselectAll();
      const run = { done: false, error: "" };
      runs.set(`${path} ${i}`, run);
      app().commands.execute("notebook:run-cell")
        .catch((error) => { run.error = String(error); })
        .finally(() => { run.done = true; });
    },

    finished(path, i) {
      const run = runs.get(`${path} ${i}`);
      return run.done && kernel(path)?.status !== "busy" ? run : null;
    },

    // Code that leaves no trace in the notebook. The kernel takes it in its turn.
    evaluate(path, code) {
      const run = { done: false, text: "", error: "" };
      const future = kernel(path).requestExecute({ code, store_history: false, allow_stdin: false });
      future.onIOPub = ({ header, content }) => {
        if (header.msg_type === "stream") run.text += content.text;
        else if (header.msg_type === "error") run.error = plain(content.traceback.join("\n"));
        else if (content.data) run.text += content.data["text/plain"] ?? "";
      };
      future.done.catch((error) => { run.error ||= String(error); }).finally(() => { run.done = true; });
      runs.set("evaluate", run);
    },

    evaluated: () => { const run = runs.get("evaluate"); return run.done ? run : null; },

    interrupt: (path) => kernel(path).interrupt(),
    async restart(path) { await panel(path).sessionContext.restartKernel(); },
    async shutdown(path) { const w = panel(path); await w.sessionContext.shutdown(); w.dispose(); },
    async save(path) { await panel(path).context.save(); },
    async theme(name) { await app().commands.execute("apputils:change-theme", { theme: name }); },
    themed: (name) => document.body.dataset.jpThemeName === name && !document.getElementById("jupyterlab-splash"),

    // Each change of a class or an attribute below `root`, in order: [milliseconds, the element's key, what it is now].
    record(root, selector, attribute, key) {
      const entries = [];
      const note = (el) => {
        if (el.nodeType === 1 && el.matches(selector))
          entries.push([performance.now(), el.getAttribute(key) ?? "", el.getAttribute(attribute) ?? ""]);
      };
      root.querySelectorAll(selector).forEach(note);
      new MutationObserver((seen) => {
        for (const m of seen) {
          if (m.type === "attributes") note(m.target);
          else for (const el of m.addedNodes) if (el.nodeType === 1) [el, ...el.querySelectorAll(selector)].forEach(note);
        }
      }).observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: [attribute] });
      window.seeknalSeen = entries;
    },
  };
})();
