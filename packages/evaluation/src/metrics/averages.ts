/** The arithmetic mean; NaN when there are no values. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The middle of the values, of an even number the upper of the two; NaN when there are none. */
export function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** The median with the 95 % interval that the sign test gives: the values at two ranks, whatever the distribution. */
export function medianInterval(values: readonly number[]): { value: number; low: number; high: number } {
  const sorted = values.toSorted((left, right) => left - right);
  const rank = Math.max(0, Math.floor(values.length / 2 - 0.98 * Math.sqrt(values.length)));
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  return { value: median(values), low: at(rank), high: at(values.length - 1 - rank) };
}
