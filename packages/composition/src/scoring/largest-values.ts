/**
 * Indices of the `count` largest values, largest first; of equal values the first one leads. One pass with a heap of
 * `count` entries: the values are neither copied nor sorted.
 *
 * @param valueAt - gives the value at an index below `length`; never NaN
 */
export function largestIndexes(length: number, count: number, valueAt: (index: number) => number): number[] {
  const heap: Entry[] = [];
  if (count < 1) return [];
  for (let index = 0; index < length; index++) {
    const value = valueAt(index);
    const smallest = heap[0];
    if (heap.length < count) {
      heap.push({ index, value });
      siftUp(heap);
    } else if (smallest !== undefined && value > smallest.value) {
      heap[0] = { index, value };
      siftDown(heap);
    }
  }
  return heap.sort((left, right) => (ranksBelow(left, right) ? 1 : -1)).map(({ index }) => index);
}

interface Entry {
  readonly index: number;
  readonly value: number;
}

function ranksBelow(left: Entry, right: Entry): boolean {
  return left.value < right.value || (left.value === right.value && left.index > right.index);
}

function siftUp(heap: Entry[]): void {
  let position = heap.length - 1;
  while (position > 0) {
    const parent = (position - 1) >> 1;
    if (!swapIfBelow(heap, position, parent)) return;
    position = parent;
  }
}

function siftDown(heap: Entry[]): void {
  let position = 0;
  for (;;) {
    const [left, right] = [2 * position + 1, 2 * position + 2];
    const child = isBelow(heap, right, left) ? right : left;
    if (!swapIfBelow(heap, child, position)) return;
    position = child;
  }
}

function isBelow(heap: readonly Entry[], position: number, other: number): boolean {
  const [entry, otherEntry] = [heap[position], heap[other]];
  return entry !== undefined && otherEntry !== undefined && ranksBelow(entry, otherEntry);
}

/** Exchanges two entries when the one at `position` ranks below the other; true when it did. */
function swapIfBelow(heap: Entry[], position: number, other: number): boolean {
  const [entry, otherEntry] = [heap[position], heap[other]];
  if (entry === undefined || otherEntry === undefined || !ranksBelow(entry, otherEntry)) return false;
  heap[position] = otherEntry;
  heap[other] = entry;
  return true;
}
