import { cross, type Point } from './plane.js';

/**
 * A contour along pixel edges with its steps made slopes: an edge of one pixel between a right and a left turn is replaced
 * by its middle. A straight line that was drawn in pixels becomes a straight line again, which halves the mask's pixels
 * along it evenly. No point of the contour is farther than half a pixel from the result.
 *
 * @param polygon - `[x1, y1, x2, y2, …]`, horizontal and vertical edges in turn
 */
export function withStraightSteps(polygon: readonly number[]): number[] {
  const count = polygon.length / 2;
  const at = (index: number): Point => {
    const place = 2 * ((index + count) % count);
    return [polygon[place] ?? 0, polygon[place + 1] ?? 0];
  };
  const turnsRight = Array.from({ length: count }, (_, index) => cross(at(index - 1), at(index), at(index + 1)) > 0);
  const isStep = Array.from({ length: count }, (_, index) => {
    const [from, to] = [at(index), at(index + 1)];
    const length = Math.abs(to[0] - from[0]) + Math.abs(to[1] - from[1]);
    return length === 1 && turnsRight[index] !== turnsRight[(index + 1) % count];
  });
  const smooth: number[] = [];
  for (let index = 0; index < count; index++) {
    const [from, to] = [at(index), at(index + 1)];
    const followsStep = isStep[(index + count - 1) % count] === true;
    if (isStep[index] === true) smooth.push((from[0] + to[0]) / 2, (from[1] + to[1]) / 2);
    else if (!followsStep) smooth.push(...from);
  }
  return smooth;
}
