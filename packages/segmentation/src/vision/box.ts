/** Corners `[x0, y0, x1, y1]`, origin top left; in shares of the image's width and height. */
export type Box = readonly [x0: number, y0: number, x1: number, y1: number];

/** Intersection over union of two boxes; 0 if both are empty. */
export function boxOverlap(one: Box, other: Box): number {
  const width = Math.min(one[2], other[2]) - Math.max(one[0], other[0]);
  const height = Math.min(one[3], other[3]) - Math.max(one[1], other[1]);
  if (width <= 0 || height <= 0) return 0;
  const intersection = width * height;
  return intersection / (boxArea(one) + boxArea(other) - intersection);
}

/** Product of the sides; 0 for a box that is inside out. */
export function boxArea([x0, y0, x1, y1]: Box): number {
  return Math.max(0, x1 - x0) * Math.max(0, y1 - y0);
}

/** Non-maximum suppression: of values whose boxes overlap above a threshold the first one alone, in their order. */
export function distinctBoxes<Value extends { readonly box: Box }>(
  values: readonly Value[],
  overlapThreshold: number,
): Value[] {
  const kept: Value[] = [];
  for (const value of values) {
    if (kept.every(({ box }) => boxOverlap(box, value.box) <= overlapThreshold)) kept.push(value);
  }
  return kept;
}
