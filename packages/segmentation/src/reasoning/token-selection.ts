import type { TokenSelection } from '@tessera/contracts';
import { SeededRandom } from '@tessera/runtime';
import { boxArea, distinctBoxes, type Box } from '../vision/box.js';
import type { Proposals } from '../vision/proposals.js';

/** The image tokens of a reasoner: the cells of a square grid, row by row, then the best proposals. */
export interface ImageTokens {
  readonly gridSide: number;
  readonly regions: number;
}

/** A proposal counts as an instance from this score on. */
const instanceScore = 0.2;
const instanceOverlap = 0.7;

/**
 * Ranks the image tokens for the layers that see only some of them, `[N]`, the highest first to be taken.
 *
 * - `random`, by a seed;
 * - `uniform`: every ⌊N / count⌋-th token;
 * - `cls`: by objectness, which takes the place of the vision tower's CLS attention that a detector does not have;
 * - `seg_first`: to every detected instance tokens by its share of the instances' area, at least one, then by objectness.
 *
 * @param count - how many will be taken
 */
export function tokenPriority(
  selection: TokenSelection,
  proposals: Proposals,
  tokens: ImageTokens,
  count: number,
  seed: string,
): Float32Array {
  const total = tokens.gridSide ** 2 + tokens.regions;
  switch (selection) {
    case 'random':
      return randomPriority(total, seed);
    case 'uniform':
      return uniformPriority(total, count);
    case 'cls':
      return ranked(byObjectness(proposals, tokens), total);
    case 'seg_first':
      return ranked(instancesFirst(proposals, tokens, count), total);
  }
}

/** Ranks tokens by chance. */
export function randomPriority(total: number, seed: string): Float32Array {
  return ranked(new SeededRandom(seed).permutation(total), total);
}

/** Ranks every ⌊total / count⌋-th token first. */
export function uniformPriority(total: number, count: number): Float32Array {
  const stride = Math.floor(total / count);
  return ranked(
    Array.from({ length: count }, (_, index) => index * stride),
    total,
  );
}

/** Token indices, best first → a rank per token; those not listed come last. */
function ranked(order: readonly number[], total: number): Float32Array {
  const priority = new Float32Array(total);
  for (const [place, token] of order.entries()) priority[token] = order.length - place;
  return priority;
}

function byObjectness({ boxes, objectness }: Proposals, { gridSide, regions }: ImageTokens): number[] {
  const scores = new Float32Array(gridSide ** 2 + regions);
  for (const [index, box] of boxes.entries()) {
    const score = objectness[index] ?? 0;
    const [x, y] = centreOf(box).map((share) => Math.min(gridSide - 1, Math.max(0, Math.floor(share * gridSide))));
    const cell = (y ?? 0) * gridSide + (x ?? 0);
    scores[cell] = Math.max(scores[cell] ?? 0, score);
    if (index < regions) scores[gridSide ** 2 + index] = score;
  }
  return [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
}

function instancesFirst(proposals: Proposals, tokens: ImageTokens, count: number): number[] {
  const order = byObjectness(proposals, tokens);
  const centres = tokenCentres(proposals, tokens);
  const strong = proposals.boxes
    .slice(0, tokens.regions)
    .map((box, index) => ({ box, score: proposals.objectness[index] ?? 0 }))
    .filter(({ score }) => score >= instanceScore)
    .sort((a, b) => b.score - a.score);
  const instances = distinctBoxes(strong, instanceOverlap);
  const area = instances.reduce((sum, { box }) => sum + boxArea(box), 0);
  const chosen = new Set<number>();
  for (const { box } of instances) {
    const quota = Math.max(1, Math.floor((count * boxArea(box)) / Math.max(area, 1e-9)));
    const own = order.filter((token) => !chosen.has(token) && isInside(centres[token], box));
    for (const token of own.slice(0, quota)) chosen.add(token);
  }
  return [...new Set([...chosen, ...order])];
}

function tokenCentres({ boxes }: Proposals, { gridSide, regions }: ImageTokens): (readonly [number, number])[] {
  const cells = Array.from(
    { length: gridSide ** 2 },
    (_, cell) => [((cell % gridSide) + 0.5) / gridSide, (Math.floor(cell / gridSide) + 0.5) / gridSide] as const,
  );
  return [...cells, ...boxes.slice(0, regions).map(centreOf)];
}

function centreOf([x0, y0, x1, y1]: Box): readonly [number, number] {
  return [(x0 + x1) / 2, (y0 + y1) / 2];
}

function isInside(point: readonly [number, number] | undefined, [x0, y0, x1, y1]: Box): boolean {
  return point !== undefined && point[0] >= x0 && point[0] <= x1 && point[1] >= y0 && point[1] <= y1;
}
