/**
 * Indices of the `count` largest values, largest first; of equal values the first one leads. One pass that keeps the best
 * so far in order: the values are neither copied nor sorted.
 *
 * @param valueAt - gives the value at an index below `length`; never NaN
 */
export function largestIndexes(length: number, count: number, valueAt: (index: number) => number): number[] {
  const best: { readonly index: number; readonly value: number }[] = [];
  for (let index = 0; index < length; index++) {
    const value = valueAt(index);
    const last = best[count - 1];
    if (last !== undefined && value <= last.value) continue;
    const rank = best.findIndex((other) => value > other.value);
    best.splice(rank === -1 ? best.length : rank, 0, { index, value });
    if (best.length > count) best.pop();
  }
  return best.map(({ index }) => index);
}
