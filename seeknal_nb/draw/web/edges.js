// Edges by number, and what they lead to; knows no geometry and no page.

/** Edges as pairs of ends; side 0 is where they start, side 1 where they end. */
export class Edges {
  /** @param {number} count of ends @param {Uint32Array} pairs */
  constructor(count, pairs) {
    this.count = count;
    this.pairs = pairs;
    this.size = pairs.length / 2;
    this.sides = [this.index(0), this.index(1)];
  }

  /** Counted, summed, filled in: the edges of one end lie side by side. @param {number} side */
  index(side) {
    const { count, pairs } = this;
    const starts = new Uint32Array(count + 2);
    const edges = new Uint32Array(this.size);
    for (let at = side; at < pairs.length; at += 2) starts[pairs[at] + 2]++;
    for (let at = 1; at < starts.length; at++) starts[at] += starts[at - 1];
    for (let at = side; at < pairs.length; at += 2) edges[starts[pairs[at] + 1]++] = at >> 1;
    return { starts, edges };
  }

  /** The edges of one end, by number. @param {number} end @param {number} side */
  of(end, side) {
    const { starts, edges } = this.sides[side];
    return end >= 0 && end < this.count ? edges.subarray(starts[end], starts[end + 1]) : new Uint32Array(0);
  }

  /** The end of an edge that is not on this side. @param {number} edge @param {number} side */
  other = (edge, side) => this.pairs[2 * edge + 1 - side];

  /** The ends beside one, each once. @param {number} end @param {number} side */
  next = (end, side) => [...new Set(Array.from(this.of(end, side), (edge) => this.other(edge, side)))];

  /**
   * All ends and edges on the ways from some ends, along the edges (side 0) or against them (side 1).
   * @param {Iterable<number>} from
   * @param {number} side
   */
  reach(from, side) {
    const [ends, edges] = [new Set(from), new Set()];
    for (const end of ends) {
      for (const edge of this.of(end, side)) {
        edges.add(edge);
        ends.add(this.other(edge, side));
      }
    }
    return { ends, edges };
  }
}
