// What a view has begun and must end with it: listeners, timers, whatever else watches.

/** All of it ends with `close`. */
export class Lifetime {
  constructor() {
    this.end = new AbortController();
    /** @type {Set<number>} */
    this.timers = new Set();
    this.atEnd(() => this.timers.forEach((timer) => clearTimeout(timer)));
  }

  get over() {
    return this.end.signal.aborted;
  }

  close() {
    this.end.abort();
  }

  /** @param {() => void} act */
  atEnd(act) {
    this.end.signal.addEventListener("abort", act, { once: true });
  }

  /** @param {EventTarget} target @param {string} type @param {(event: any) => void} act */
  on(target, type, act, options = {}) {
    target.addEventListener(type, act, { ...options, signal: this.end.signal });
  }

  /** What a model tells. @param {any} model @param {string} event @param {(...told: any[]) => void} act */
  hear(model, event, act) {
    model.on(event, act);
    this.atEnd(() => model.off(event, act));
  }

  /** Gives the timer. @param {number} delay milliseconds @param {() => void} act */
  after(delay, act) {
    const timer = setTimeout(() => this.timers.delete(timer) && act(), delay);
    this.timers.add(timer);
    return timer;
  }

  /** @param {number | undefined} timer */
  drop(timer) {
    clearTimeout(timer);
    this.timers.delete(timer);
  }

  /** @param {number} period milliseconds @param {() => void} act */
  every(period, act) {
    const clock = setInterval(act, period);
    this.atEnd(() => clearInterval(clock));
  }

  /** @param {Element[]} elements @param {() => void} act when one of them has another size */
  watchSizes(elements, act) {
    const sizes = new ResizeObserver(act);
    for (const element of elements) sizes.observe(element);
    this.atEnd(() => sizes.disconnect());
  }

  /** @param {Element} element @param {(near: boolean) => void} act when it comes into sight, or goes */
  watchSight(element, act) {
    const seen = new IntersectionObserver((entries) => act(entries[entries.length - 1].isIntersecting));
    seen.observe(element);
    this.atEnd(() => seen.disconnect());
  }

  /** A signal of JupyterLab's, where there is one. @param {any} signal @param {(told: any) => void} act */
  connect(signal, act) {
    const slot = (_, told) => act(told);
    signal?.connect?.(slot);
    this.atEnd(() => signal?.disconnect?.(slot));
  }

  /** @param {Element[]} elements @param {() => void} act when one of them has other attributes */
  watchAttributes(elements, act) {
    const seen = new MutationObserver(act);
    for (const element of elements) seen.observe(element, { attributes: true });
    this.atEnd(() => seen.disconnect());
  }
}
