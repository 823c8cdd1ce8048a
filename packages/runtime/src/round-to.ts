/** The number rounded to `digits` decimal places, halves up. */
export function roundTo(value: number, digits: number): number {
  const steps = 10 ** digits;
  return Math.round(value * steps) / steps;
}

/** A share in percent with one digit after the point, without the sign. */
export function percent(share: number): string {
  return (100 * share).toFixed(1);
}
