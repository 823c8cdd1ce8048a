interface Entry {
  readonly index: number;
  readonly value: number;
}

/**
 * Indices of the `count` largest values, largest first; of equal values the first one leads. One pass that keeps the best
 * so far in order: the values are neither copied nor sorted.
 *
 * @param valueAt - gives the value at an index below `length`; never NaN
 */
export function largestIndexes(length: number, count: number, valueAt: (index: number) => number): number[] {
  const best: Entry[] = [];
  for (let index = 0; index < length; index++) {
    const value = valueAt(index);
    const last = best[count - 1];
    if (last !== undefined && value <= last.value) continue;
    best.splice(rankOf(value, best), 0, { index, value });
    if (best.length > count) best.pop();
  }
  return best.map(({ index }) => index);
}

/** How many entries of the descending list `best` are at least `value`. */
function rankOf(value: number, best: readonly Entry[]): number {
  let [low, high] = [0, best.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((best[middle]?.value ?? -Infinity) >= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
