import { boxArea, type Box } from '../vision/box.js';
import type { Detection } from '../vision/detections.js';
import { scoreLogit } from './logistic.js';

/** What the detector says of a class in a box. */
export interface ClassEvidence {
  readonly box: Box;
  /** Of the class, in [0, 1]. */
  readonly score: number;
  /** The best score of another class in nearly the same box, in [0, 1]. */
  readonly rivalScore: number;
}

/** Boxes with a smaller share of the image count as having this one. */
const leastArea = 1e-4;

/**
 * Features of a class in a box for its calibration: logit of its score, logit of its rival's, log of the box's share of
 * the image. A dog that is rather a cat is mostly false, and so is a speck.
 */
export function evidenceFeatures({ box, score, rivalScore }: ClassEvidence): number[] {
  return [scoreLogit(score), scoreLogit(rivalScore), Math.log(Math.max(leastArea, boxArea(box)))];
}

/**
 * {@link evidenceFeatures} of a detection.
 *
 * @param asked - classes that are asked for together: a car is no rival of a truck where vehicles are
 */
export function detectionFeatures({ box, score, rivals }: Detection, asked: ReadonlySet<number>): number[] {
  const others = rivals.filter(({ classIndex }) => !asked.has(classIndex));
  return evidenceFeatures({ box, score, rivalScore: Math.max(0, ...others.map((rival) => rival.score)) });
}
