import { assertSameSize, createMask, type BinaryMask } from './binary-mask.js';

/** Pixels in both masks and in at least one of them. */
export interface Overlap {
  readonly intersection: number;
  readonly union: number;
}

/** The label that segmentation data sets give to pixels that are not to be judged. */
const ignoreLabel = 255;

/**
 * Intersection and union of a prediction with its target `[H, W]`, pixels that the target labels with `ignore` left out
 * of both. The target's other bytes are 0 or 1.
 *
 * @throws RangeError if the two differ in size.
 */
export function intersectionAndUnion(prediction: BinaryMask, target: BinaryMask, ignore = ignoreLabel): Overlap {
  assertSameSize(prediction, target);
  let intersection = 0;
  let union = 0;
  for (let index = 0; index < target.data.length; index++) {
    const label = target.data[index] ?? 0;
    const predicted = prediction.data[index] ?? 0;
    if (label !== ignore) {
      intersection += predicted & label;
      union += predicted | label;
    }
  }
  return { intersection, union };
}

/**
 * Intersection over union of two masks; 0 if both are empty, as in pycocotools.
 *
 * @throws RangeError if the two differ in size.
 */
export function intersectionOverUnion(one: BinaryMask, other: BinaryMask): number {
  const { intersection, union } = intersectionAndUnion(one, other);
  return union === 0 ? 0 : intersection / union;
}

/**
 * The pixels that are in any of the masks, as a new mask.
 *
 * @throws RangeError if there is no mask or they differ in size.
 */
export function unionOfMasks(masks: readonly BinaryMask[]): BinaryMask {
  const [first, ...others] = masks;
  if (first === undefined) throw new RangeError('The union of no masks has no size.');
  const union = createMask(first.height, first.width, first.data.slice());
  for (const mask of others) {
    assertSameSize(union, mask);
    for (let index = 0; index < union.data.length; index++) {
      union.data[index] = (union.data[index] ?? 0) | (mask.data[index] ?? 0);
    }
  }
  return union;
}
