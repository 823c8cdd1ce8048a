import { targetMask, type CocoPhoto } from '@tessera/evaluation';
import {
  createMask,
  gIoU,
  intersectionAndUnion,
  intersectionOverUnion,
  maskBoundingBox,
  type BinaryMask,
} from '@tessera/masks';
import { paintRegionShape, type Detection } from '@tessera/segmentation';
import type { PhotoEvidence } from './calibration-evidence.js';

const exponents = [1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75, 3, 3.5, 4, 5, 6, 8, 12];
const thresholds = [0.1, 0.12, 0.15, 0.18, 0.2, 0.25, 0.3, 0.35, 0.4];

/** A detected box counts for the fit when it is this close to the box of the object. */
const matchingOverlap = 0.6;

function paint(photo: CocoPhoto, detections: readonly Detection[], exponent: number): BinaryMask {
  const mask = createMask(photo.height, photo.width);
  for (const { box } of detections) paintRegionShape(mask, box, exponent);
  return mask;
}

/** The superellipse exponent with the highest mean IoU over the objects that the detector found, in its own boxes. */
export function bestShapeExponent(
  photos: readonly PhotoEvidence[],
  classIndexOf: (categoryId: number) => number,
): number {
  const sums = exponents.map(() => 0);
  for (const { photo, evidence } of photos) {
    for (const annotation of photo.annotations) {
      if (annotation.iscrowd === 1) continue;
      const target = targetMask(photo, [annotation.id], []);
      const [x, y, width, height] = maskBoundingBox(target);
      const box = [x / photo.width, y / photo.height, (x + width) / photo.width, (y + height) / photo.height] as const;
      const found = evidence.detections
        .filter(({ classIndex }) => classIndex === classIndexOf(annotation.category_id))
        .find((detection) => overlap(detection.box, box) >= matchingOverlap);
      if (found === undefined) continue;
      for (const [index, exponent] of exponents.entries()) {
        sums[index] = (sums[index] ?? 0) + intersectionOverUnion(paint(photo, [found], exponent), target);
      }
    }
  }
  return exponents[sums.indexOf(Math.max(...sums))] ?? 2;
}

function overlap(one: Detection['box'], other: Detection['box']): number {
  const width = Math.max(0, Math.min(one[2], other[2]) - Math.max(one[0], other[0]));
  const height = Math.max(0, Math.min(one[3], other[3]) - Math.max(one[1], other[1]));
  const area = ([x0, y0, x1, y1]: Detection['box']): number => (x1 - x0) * (y1 - y0);
  return (width * height) / (area(one) + area(other) - width * height);
}

/** gIoU of class-name queries with region shapes, by detector threshold. */
export function gIoUByThreshold(
  photos: readonly PhotoEvidence[],
  classIndexOf: (categoryId: number) => number,
  exponent: number,
): { readonly threshold: number; readonly gIoU: number }[] {
  return thresholds.map((threshold) => {
    const overlaps = photos.flatMap(({ photo, evidence }) => {
      const shown = new Set(photo.annotations.map(({ category_id }) => classIndexOf(category_id)));
      return [...shown].flatMap((classIndex) => {
        const annotations = photo.annotations.filter(({ category_id }) => classIndexOf(category_id) === classIndex);
        const targets = annotations.filter(({ iscrowd }) => iscrowd === 0);
        if (classIndex < 0 || targets.length === 0) return [];
        const crowds = annotations.filter(({ iscrowd }) => iscrowd === 1);
        const detections = evidence.detections.filter(
          (detection) => detection.classIndex === classIndex && detection.score >= threshold,
        );
        const target = targetMask(
          photo,
          targets.map(({ id }) => id),
          crowds.map(({ id }) => id),
        );
        return [intersectionAndUnion(paint(photo, detections, exponent), target)];
      });
    });
    return { threshold, gIoU: gIoU(overlaps) };
  });
}
