/** The merge of two neighbouring pieces. */
interface Merge {
  /** Smaller is sooner. */
  readonly rank: number;
  readonly id: number;
}

/** A possible merge; it is out of date when one of its pieces has been merged since. */
interface Opportunity {
  readonly merge: Merge;
  readonly position: number;
  readonly left: number;
  readonly right: number;
}

/**
 * Byte pair encoding (Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016): again and
 * again joins the two neighbours whose merge has the lowest rank, the leftmost of equals. A heap of the possible merges
 * makes that n log n for n symbols.
 */
export class PairMerger {
  readonly #merges = new Map<number, Map<number, Merge>>();

  /** @param merges - ids of two pieces and of what they make, the most urgent merge first; a repetition does not count */
  constructor(merges: readonly (readonly [left: number, right: number, merged: number])[]) {
    for (const [rank, [left, right, id]] of merges.entries()) {
      const continuations = this.#merges.get(left) ?? new Map<number, Merge>();
      this.#merges.set(left, continuations);
      if (!continuations.has(right)) continuations.set(right, { rank, id });
    }
  }

  /** The pieces that `symbols` become. */
  merge(symbols: readonly number[]): number[] {
    const pieces: (number | undefined)[] = [...symbols];
    const next = Array.from(symbols, (_, index) => index + 1);
    const previous = Array.from(symbols, (_, index) => index - 1);
    const heap: Opportunity[] = [];
    const note = (position: number) => {
      const [left, right] = [pieces[position], pieces[next[position] ?? -1]];
      if (left === undefined || right === undefined) return;
      const merge = this.#merges.get(left)?.get(right);
      if (merge !== undefined) push(heap, { merge, position, left, right });
    };
    for (const position of symbols.keys()) note(position);
    for (let best = pop(heap); best !== undefined; best = pop(heap)) {
      const { position, left, right, merge } = best;
      const consumed = next[position] ?? -1;
      if (pieces[position] !== left || pieces[consumed] !== right) continue;
      pieces[position] = merge.id;
      pieces[consumed] = undefined;
      const following = next[consumed] ?? symbols.length;
      next[position] = following;
      if (following < symbols.length) previous[following] = position;
      note(previous[position] ?? -1);
      note(position);
    }
    return pieces.filter((piece) => piece !== undefined);
  }
}

function precedes(left: Opportunity, right: Opportunity): boolean {
  return left.merge.rank < right.merge.rank || (left.merge.rank === right.merge.rank && left.position < right.position);
}

function push(heap: Opportunity[], item: Opportunity): void {
  let hole = heap.length;
  while (hole > 0) {
    const parentIndex = (hole - 1) >> 1;
    const parent = heap[parentIndex];
    if (parent === undefined || precedes(parent, item)) break;
    heap[hole] = parent;
    hole = parentIndex;
  }
  heap[hole] = item;
}

function pop(heap: Opportunity[]): Opportunity | undefined {
  const [first] = heap;
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return first;
  let hole = 0;
  for (;;) {
    const [leftIndex, rightIndex] = [2 * hole + 1, 2 * hole + 2];
    const [left, right] = [heap[leftIndex], heap[rightIndex]];
    const isRightFirst = left !== undefined && right !== undefined && precedes(right, left);
    const child = isRightFirst ? right : left;
    if (child === undefined || precedes(last, child)) break;
    heap[hole] = child;
    hole = isRightFirst ? rightIndex : leftIndex;
  }
  heap[hole] = last;
  return first;
}
