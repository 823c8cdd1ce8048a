import {
  boxArea,
  centreDistance,
  centreOf,
  extentOf,
  gapBetween,
  sharedExtent,
  type Axis,
  type Thing,
} from './thing.js';

/** Whether a relation holds as people see it; `unclear` where they would not agree. */
export type Verdict = 'yes' | 'no' | 'unclear';

export const directions = ['left of', 'right of', 'above', 'below'] as const;
export type Direction = (typeof directions)[number];
export const pairRelations = [...directions, 'next to', 'on', 'with'] as const;
export type PairRelation = (typeof pairRelations)[number];

export const opposites: Readonly<Record<Direction, Direction>> = {
  'left of': 'right of',
  'right of': 'left of',
  above: 'below',
  below: 'above',
};

/** Pixels below or beside a mask within which another mask touches it. */
const reach = 3;

export function judgeRelation(relation: PairRelation, thing: Thing, anchor: Thing): Verdict {
  switch (relation) {
    case 'left of':
      return beside(thing, anchor, -1);
    case 'right of':
      return beside(thing, anchor, 1);
    case 'above':
      return stacked(thing, anchor, -1);
    case 'below':
      return stacked(thing, anchor, 1);
    case 'next to':
      return nextTo(thing, anchor);
    case 'on':
      return restingOn(thing, anchor);
    case 'with':
      return having(thing, anchor);
  }
}

function decide(yes: boolean, no: boolean): Verdict {
  return yes ? 'yes' : no ? 'no' : 'unclear';
}

/** Mostly to one side, and more to the side than above or below. */
function beside(thing: Thing, anchor: Thing, sign: -1 | 1): Verdict {
  const aside = sign * (centreOf(thing, 'x') - centreOf(anchor, 'x'));
  const apart = Math.abs(centreOf(thing, 'y') - centreOf(anchor, 'y'));
  return decide(aside >= 0.06 && aside >= apart && sharedExtent(thing, anchor, 'x') <= 0.3, aside <= -0.02);
}

/** One over the other and near it: what is further away stands higher in a photo, but nobody calls that above. */
function stacked(thing: Thing, anchor: Thing, sign: -1 | 1): Verdict {
  const down = sign * (centreOf(thing, 'y') - centreOf(anchor, 'y'));
  const isStacked =
    down >= 0.05 &&
    sharedExtent(thing, anchor, 'x') >= 0.6 &&
    sharedExtent(thing, anchor, 'y') <= 0.3 &&
    gapBetween(thing, anchor) <= 0.15;
  return decide(isStacked, down <= -0.02);
}

function nextTo(thing: Thing, anchor: Thing): Verdict {
  const gap = gapBetween(thing, anchor);
  const isBeside =
    gap <= 0.04 &&
    sharedExtent(thing, anchor, 'y') >= 0.4 &&
    sharedExtent(thing, anchor, 'x') <= 0.4 &&
    extentOf(thing, 'y') >= 0.2 * extentOf(anchor, 'y');
  return decide(isBeside, gap >= 0.15);
}

function restingOn(thing: Thing, anchor: Thing): Verdict {
  const share = gapBetween(thing, anchor) > 0.02 ? 0 : contactBelow(thing, anchor);
  const isWithin = sharedExtent(thing, anchor, 'x') >= 0.7;
  return decide(share >= 0.4 && isWithin, share === 0 && gapBetween(thing, anchor) > 0.03);
}

/** Most of the anchor lies within the thing's box, and their masks touch. */
function having(thing: Thing, anchor: Thing): Verdict {
  const inside = ['x', 'y'] as const;
  const covered = inside.reduce((product, axis) => product * Math.max(0, overlapAlong(thing, anchor, axis)), 1);
  const share = covered / Math.max(boxArea(anchor), 1e-9);
  const touching = gapBetween(thing, anchor) > 0.02 ? 0 : contactAround(anchor, thing);
  return decide(share >= 0.6 && touching >= 0.2, touching === 0 && gapBetween(thing, anchor) > 0.02);
}

function overlapAlong(one: Thing, other: Thing, axis: Axis): number {
  return sharedExtent(one, other, axis) * Math.min(extentOf(one, axis), extentOf(other, axis));
}

/** Share of a mask's columns whose lowest pixel has the other mask right below. */
function contactBelow({ mask }: Thing, other: Thing): number {
  let columns = 0;
  let touching = 0;
  for (let column = 0; column < mask.width; column++) {
    let row = mask.height - 1;
    while (row >= 0 && mask.data[row * mask.width + column] === 0) row--;
    if (row < 0) continue;
    columns += 1;
    touching += isNear(other, row, column, [[1, 0]]) ? 1 : 0;
  }
  return touching / Math.max(columns, 1);
}

/** Share of a mask's border pixels that have the other mask beside them. */
function contactAround({ mask }: Thing, other: Thing): number {
  const around = [[1, 0], [-1, 0], [0, 1], [0, -1]] as const; // prettier-ignore
  const isInside = (row: number, column: number): boolean => mask.data[row * mask.width + column] === 1;
  let border = 0;
  let touching = 0;
  for (let row = 1; row < mask.height - 1; row++) {
    for (let column = 1; column < mask.width - 1; column++) {
      if (!isInside(row, column)) continue;
      const outward = around.filter(([down, across]) => !isInside(row + down, column + across));
      if (outward.length === 0) continue;
      border += 1;
      touching += isNear(other, row, column, outward) ? 1 : 0;
    }
  }
  return touching / Math.max(border, 1);
}

function isNear(
  { mask }: Thing,
  row: number,
  column: number,
  ways: readonly (readonly [down: number, across: number])[],
): boolean {
  return ways.some(([down, across]) => {
    for (let step = 1; step <= reach; step++) {
      const [y, x] = [row + step * down, column + step * across];
      if (y >= 0 && y < mask.height && x >= 0 && x < mask.width && mask.data[y * mask.width + x] === 1) return true;
    }
    return false;
  });
}

/** Whether a thing lies between two others, which have to be apart but not at the two ends of the photo. */
export function judgeBetween(thing: Thing, one: Thing, other: Thing): Verdict {
  const reachAcross = centreDistance(one, other);
  if (reachAcross < 0.2 || reachAcross > 0.6) return 'unclear';
  const [startX, startY] = [centreOf(one, 'x'), centreOf(one, 'y')];
  const [wayX, wayY] = [centreOf(other, 'x') - startX, centreOf(other, 'y') - startY];
  const [offsetX, offsetY] = [centreOf(thing, 'x') - startX, centreOf(thing, 'y') - startY];
  const along = (offsetX * wayX + offsetY * wayY) / reachAcross ** 2;
  const aside = Math.abs(offsetX * wayY - offsetY * wayX) / reachAcross ** 2;
  const isBetween = along >= 0.25 && along <= 0.75 && aside <= 0.25;
  return decide(isBetween, along <= 0 || along >= 1 || aside >= 0.7);
}

/** The thing with the highest value when it leads the next by `margin`; nothing of fewer than two. */
export function clearlyFirst(
  things: readonly Thing[],
  value: (thing: Thing) => number,
  margin: number,
): Thing | undefined {
  const [first, second] = things.toSorted((a, b) => value(b) - value(a));
  return first && second && value(first) - value(second) >= margin ? first : undefined;
}

/** The largest (`sign` 1) or smallest (-1) thing, by its pixels and by its box. */
export function clearlyExtremeInSize(things: readonly Thing[], sign: -1 | 1): Thing | undefined {
  const byArea = clearlyFirst(things, ({ area }) => sign * Math.log(area), Math.log(1.5));
  const byBox = clearlyFirst(things, (thing) => sign * Math.log(boxArea(thing)), Math.log(1.3));
  return byArea === byBox ? byArea : undefined;
}

/** The nearest (`sign` -1) or farthest (1) thing, from centre to centre and from edge to edge. */
export function clearlyExtremeInDistance(things: readonly Thing[], anchor: Thing, sign: -1 | 1): Thing | undefined {
  const byCentre = clearlyFirst(things, (thing) => sign * centreDistance(thing, anchor), 0.08);
  const byGap = clearlyFirst(things, (thing) => sign * gapBetween(thing, anchor), 0.04);
  return byCentre === byGap ? byCentre : undefined;
}

export const sides = ['left', 'right', 'top', 'bottom'] as const;
export type Side = (typeof sides)[number];

const sideAxis = { left: 'x', right: 'x', top: 'y', bottom: 'y' } as const satisfies Record<Side, Axis>;

/** The thing at a place counted from a side (0 the outermost), when its neighbours in the row are clearly apart. */
export function nthFrom(things: readonly Thing[], side: Side, place: number): Thing | undefined {
  const axis = sideAxis[side];
  const [low, high] = axis === 'x' ? ([0, 2] as const) : ([1, 3] as const);
  const sign = side === 'left' || side === 'top' ? 1 : -1;
  const row = things.toSorted((a, b) => sign * (centreOf(a, axis) - centreOf(b, axis)));
  const thing = row[place];
  if (thing === undefined) return undefined;
  const isApart = (before: Thing | undefined, after: Thing | undefined): boolean =>
    before === undefined ||
    after === undefined ||
    (sign * (centreOf(after, axis) - centreOf(before, axis)) >= 0.05 &&
      sign * (after.box[low] - before.box[low]) > 0 &&
      sign * (after.box[high] - before.box[high]) > 0);
  return isApart(row[place - 1], thing) && isApart(thing, row[place + 1]) ? thing : undefined;
}

/** Whether a thing lies in the half of the photo at a side. */
export function judgeHalf(thing: Thing, side: Side): Verdict {
  const axis = sideAxis[side];
  const longest = Math.max(thing.mask.width, thing.mask.height);
  const middle = (axis === 'x' ? thing.mask.width : thing.mask.height) / longest / 2;
  const sign = side === 'left' || side === 'top' ? -1 : 1;
  const beyond = sign * (centreOf(thing, axis) - middle);
  const nearestEdge = beyond - extentOf(thing, axis) / 2;
  return decide(nearestEdge >= -0.03 && beyond >= 0.05, beyond <= -0.05 && beyond + extentOf(thing, axis) / 2 <= 0.03);
}
