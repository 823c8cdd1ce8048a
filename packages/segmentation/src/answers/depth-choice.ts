import type { Reading } from '../language/reading.js';
import { boxArea, boxOverlap, type Box } from '../vision/box.js';
import type { Detection } from '../vision/detections.js';
import type { ChosenObject } from './choice.js';

/**
 * Of objects those that are in front or at the back, if the query asks for that: by the line on which they stand and by
 * their size. "Behind the dog" is seen from the dog that was detected best; without a detected one nothing is chosen.
 */
export function chooseByDepth(
  objects: readonly ChosenObject[],
  { depth, references: [anchor], quantity }: Pick<Reading, 'depth' | 'references' | 'quantity'>,
  detections: readonly Detection[],
  leastScore: number,
): readonly ChosenObject[] {
  if (depth === undefined) return objects;
  const sign = depth === 'front' ? 1 : -1;
  const placed = objects.flatMap((object) => {
    const { box } = object.prompt;
    return box === undefined ? [] : [{ object, box, nearness: sign * nearness(box) }];
  });
  placed.sort((a, b) => b.nearness - a.nearness);
  const [first] = placed;
  const last = placed.at(-1);
  if (first === undefined || last === undefined) return [];
  if (anchor === undefined) {
    if (!quantity.isPlural) return [first.object];
    const middle = (first.nearness + last.nearness) / 2;
    const wanted = quantity.count === undefined ? placed.filter((own) => own.nearness >= middle) : placed;
    return wanted.map(({ object }) => object);
  }
  const seenFrom = detections
    .filter(({ classIndex, score }) => anchor.includes(classIndex) && score >= leastScore)
    .reduce<Detection | undefined>(
      (best, own) => (best === undefined || own.score > best.score ? own : best),
      undefined,
    );
  if (seenFrom === undefined) return [];
  const beyond = placed.filter(
    ({ box, nearness: own }) => own > sign * nearness(seenFrom.box) && boxOverlap(box, seenFrom.box) < sameObject,
  );
  beyond.sort((a, b) => distance(a.box, seenFrom.box) - distance(b.box, seenFrom.box));
  const wanted = quantity.isPlural ? beyond : beyond.slice(0, 1);
  return wanted.map(({ object }) => object);
}

/** Boxes that overlap as much are one object under two names. */
const sameObject = 0.7;

/** Higher for what is nearer to the camera: it stands lower in the image and is larger. */
function nearness(box: Box): number {
  return box[3] + Math.sqrt(boxArea(box)) / 2;
}

/** Between the centres. */
function distance(one: Box, other: Box): number {
  return Math.hypot((one[0] + one[2] - other[0] - other[2]) / 2, (one[1] + one[3] - other[1] - other[3]) / 2);
}
