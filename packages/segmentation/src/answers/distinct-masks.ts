import { boxOverlap } from '../vision/box.js';
import { maskOverlap } from '../vision/mask-logits.js';
import { isPointedTo, type ChosenObject } from './choice.js';
import type { RefinedMasks } from './refined-masks.js';

/** Masks with a higher intersection over union are taken to be of one object. */
const sameObjectOverlap = 0.75;
/** Boxes that overlap less have other masks, which are not compared. */
const leastBoxOverlap = 0.3;

/**
 * Without the objects that a better one has the mask of: the detector found them twice, in boxes of which one has more of
 * the surroundings, or under two names. What a client pointed to stays.
 *
 * @param objects - best first
 */
export function withoutDoubles(objects: readonly ChosenObject[], masks: Pick<RefinedMasks, 'get'>): ChosenObject[] {
  const kept: ChosenObject[] = [];
  for (const object of objects) {
    const own = masks.get(object.prompt);
    const isDouble = kept.some(({ prompt }) => {
      const other = masks.get(prompt);
      const isNear = prompt.box && object.prompt.box && boxOverlap(prompt.box, object.prompt.box) > leastBoxOverlap;
      return isNear === true && own && other && maskOverlap(own, other) > sameObjectOverlap;
    });
    if (isPointedTo(object) || !isDouble) kept.push(object);
  }
  return kept;
}
