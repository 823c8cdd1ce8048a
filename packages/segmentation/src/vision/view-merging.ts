import { boxOverlap, type Box } from './box.js';
import type { ViewPlace } from './image-views.js';

/** What the detector found in one view, with its box in shares of the image. */
export interface Seen {
  readonly box: Box;
  readonly score: number;
  /** Which view of the image it was found in. */
  readonly view: number;
  /** Whether it ends where its view does and the image does not. */
  readonly isCutOff: boolean;
}

/** An object that several views show whole has boxes above this IoU. */
const duplicateOverlap = 0.5;
/** This close to the edge of its view, in shares of the view, a box is cut off by it. */
const edgeWidth = 0.02;

/** Moves a box from shares of a view to shares of the image, and says whether the view cuts it off. */
export function placeInImage(
  [x0, y0, x1, y1]: Box,
  { box: [left, top, right, bottom], isCut }: ViewPlace,
): Pick<Seen, 'box' | 'isCutOff'> {
  const [isCutLeft, isCutTop, isCutRight, isCutBottom] = isCut;
  const x = (share: number): number => Math.min(1, Math.max(0, left + share * (right - left)));
  const y = (share: number): number => Math.min(1, Math.max(0, top + share * (bottom - top)));
  return {
    box: [x(x0), y(y0), x(x1), y(y1)],
    isCutOff:
      (isCutLeft && x0 < edgeWidth) ||
      (isCutTop && y0 < edgeWidth) ||
      (isCutRight && x1 > 1 - edgeWidth) ||
      (isCutBottom && y1 > 1 - edgeWidth),
  };
}

/**
 * What several views of an image show, best first, each object once: in the view that is surest of it. What a view cuts
 * off is left out: the detector's tiles overlap, and its first view shows the whole image, so another one has all of it.
 *
 * @param isSame - whether two detections in nearly the same box may be one object
 */
export function mergeViews<Found extends Seen>(
  found: readonly Found[],
  isSame: (one: Found, other: Found) => boolean,
): Found[] {
  const kept: Found[] = [];
  for (const candidate of found.filter(({ isCutOff }) => !isCutOff).sort((a, b) => b.score - a.score)) {
    const isDuplicate = kept.some(
      (other) =>
        other.view !== candidate.view &&
        isSame(other, candidate) &&
        boxOverlap(other.box, candidate.box) > duplicateOverlap,
    );
    if (!isDuplicate) kept.push(candidate);
  }
  return kept;
}
