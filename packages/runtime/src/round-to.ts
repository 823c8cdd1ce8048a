/** The number rounded to `digits` decimal places, halves up. */
export function roundTo(value: number, digits: number): number {
  const steps = 10 ** digits;
  return Math.round(value * steps) / steps;
}
