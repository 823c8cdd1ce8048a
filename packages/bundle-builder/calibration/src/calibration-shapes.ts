import { targetMask } from '@tessera/evaluation';
import { createMask, intersectionOverUnion, maskBoundingBox } from '@tessera/masks';
import { boxOverlap, paintRegionShape } from '@tessera/segmentation';
import type { PhotoEvidence } from './calibration-evidence.js';

const exponents = [1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75, 3, 3.5, 4, 5, 6, 8, 12];

/** A detected box counts for the fit when it is this close to the box of the object. */
const matchingOverlap = 0.6;

/** The superellipse exponent with the highest mean IoU over the objects that the detector found, in its own boxes. */
export function bestShapeExponent(
  photos: readonly PhotoEvidence[],
  classIndexOf: (categoryId: number) => number,
): number {
  const sums = exponents.map(() => 0);
  for (const { photo, detections } of photos) {
    for (const annotation of photo.annotations) {
      if (annotation.iscrowd === 1) continue;
      const target = targetMask(photo, [annotation.id], []);
      const [x, y, width, height] = maskBoundingBox(target);
      const box = [x / photo.width, y / photo.height, (x + width) / photo.width, (y + height) / photo.height] as const;
      const found = detections
        .filter(({ classIndex }) => classIndex === classIndexOf(annotation.category_id))
        .find((detection) => boxOverlap(detection.box, box) >= matchingOverlap);
      if (found === undefined) continue;
      for (const [index, exponent] of exponents.entries()) {
        const shape = createMask(photo.height, photo.width);
        paintRegionShape(shape, found.box, exponent);
        sums[index] = (sums[index] ?? 0) + intersectionOverUnion(shape, target);
      }
    }
  }
  return exponents[sums.indexOf(Math.max(...sums))] ?? 2;
}
