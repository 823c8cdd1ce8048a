import { agreed, holding, singular, type Anchor, type Candidate, type ClassThings } from './context-candidate.js';
import {
  clearlyExtremeInSize,
  judgeHalf,
  judgeRelation,
  nthFrom,
  sides,
  type Side,
  type Verdict,
} from './spatial-relations.js';
import { centreOf, type Axis, type Thing } from './thing.js';

/** Questions about things of one class among themselves: their places, sizes and order. */

const ordinals = ['first', 'second', 'third', 'fourth', 'fifth'] as const;
const leftAndRight = ['left', 'right'] as const;

export function positionQuestions({ name: head, things }: ClassThings): Candidate[] {
  if (things.length < 2) return [];
  const ask = { kind: 'position', head } as const;
  return [
    ...sides.flatMap((side) =>
      singular(
        { ...ask, wording: side },
        agreed(things, (some) => nthFrom(some, side, 0)),
      ),
    ),
    ...(things.length === 3
      ? singular(
          { ...ask, wording: 'middle' },
          agreed(things, (some) => nthFrom(some, 'left', 1)),
        )
      : []),
    ...leftAndRight.flatMap((side) => {
      const half = holding(things, (thing) => judgeHalf(thing, side));
      const isTelling = half !== undefined && half.targets.length > 1 && half.targets.length < things.length;
      return isTelling ? [{ ...ask, ...half, wording: 'half', words: { side } } as const] : [];
    }),
    ...leftAndRight.flatMap((side) =>
      (['top', 'bottom'] as const).flatMap((end) => {
        const corner = holding(things, (thing) => both(judgeHalf(thing, side), judgeHalf(thing, end)));
        const words = { upper: end === 'top' ? 'upper' : 'lower', side };
        return corner?.targets.length === 1 ? [{ ...ask, ...corner, wording: 'corner', words } as const] : [];
      }),
    ),
  ];
}

function both(one: Verdict, other: Verdict): Verdict {
  if (one === 'no' || other === 'no') return 'no';
  return one === 'yes' && other === 'yes' ? 'yes' : 'unclear';
}

export function sizeQuestions({ name: head, things }: ClassThings): Candidate[] {
  if (things.length < 2) return [];
  const ask = { kind: 'size', head } as const;
  const isPair = things.length === 2;
  const largest = largestOf(things);
  const smallest = agreed(things, (some) => clearlyExtremeInSize(some, -1));
  const second = isPair || largest === undefined ? undefined : largestOf(things.filter((thing) => thing !== largest));
  return [
    ...singular({ ...ask, wording: isPair ? 'larger' : 'largest' }, largest),
    ...singular({ ...ask, wording: isPair ? 'smaller' : 'smallest' }, smallest),
    ...singular({ ...ask, wording: 'second largest' }, second),
    ...twoLargest(things).map((targets) => ({ ...ask, wording: 'two largest', targets }) as const),
  ];
}

function largestOf(things: readonly Thing[]): Thing | undefined {
  return agreed(things, (some) => clearlyExtremeInSize(some, 1));
}

/** The two largest things, if they are clearly larger than the third. */
function twoLargest(things: readonly Thing[]): Thing[][] {
  const [first, second, ...others] = things.toSorted((a, b) => b.area - a.area);
  if (!first || !second?.isPlain || others.length === 0) return [];
  return clearlyExtremeInSize([second, ...others], 1) === second ? [[first, second]] : [];
}

export function orderQuestions({ name: head, things }: ClassThings): Candidate[] {
  if (things.length < 2) return [];
  const everyPlain = things.every(({ isPlain }) => isPlain);
  return countingSides(things).flatMap((side) =>
    ordinals.flatMap((nth, place): Candidate[] => {
      const ask = { head, wording: 'ordinal', words: { nth, side } } as const;
      if (place === 0 || (place < things.length && things.length < 3)) return [];
      if (place === things.length && everyPlain) return [{ ...ask, kind: 'context_absent', targets: [] }];
      return singular(
        { ...ask, kind: 'ordinal' },
        agreed(things, (some) => nthFrom(some, side, place)),
      );
    }),
  );
}

/** Nobody counts from the top what stands side by side. */
function countingSides(things: readonly Thing[]): readonly Side[] {
  const spread = (axis: Axis): number => {
    const centres = things.map((thing) => centreOf(thing, axis));
    return Math.max(...centres) - Math.min(...centres);
  };
  return spread('y') >= spread('x') ? ['top', 'bottom'] : leftAndRight;
}

/** Size or place among those in some place. */
export function combinedQuestions({ name: head, things }: ClassThings, anchors: readonly Anchor[]): Candidate[] {
  if (things.length < 3) return [];
  const largest = largestOf(things);
  const others = anchors.filter(({ name }) => name !== head);
  return leftAndRight.flatMap((side) => {
    const ask = { kind: 'combination', head, words: { side } } as const;
    const inHalf = holding(things, (thing) => judgeHalf(thing, side));
    const besideLargest =
      largest &&
      holding(
        things.filter((thing) => thing !== largest),
        (thing) => judgeRelation(`${side} of`, thing, largest),
      );
    return [
      ...extremesOf(inHalf, things).flatMap(({ wording, target }) =>
        singular({ ...ask, wording: `${wording} in half` }, target),
      ),
      ...others.flatMap(({ name, thing: anchor }) => {
        const beside = holding(things, (thing) => judgeRelation(`${side} of`, thing, anchor));
        return extremesOf(beside, things).flatMap(({ wording, target }) =>
          singular({ ...ask, wording: `${wording} beside`, others: [name] }, target),
        );
      }),
      ...(besideLargest?.targets.length === 1
        ? [{ ...ask, ...besideLargest, wording: 'beside the largest' } as const]
        : []),
      ...twoLargest(things).flatMap((two) =>
        singular({ ...ask, wording: 'side of the two largest' }, nthFrom(two, side, 0)),
      ),
    ];
  });
}

function extremesOf(
  found: ReturnType<typeof holding>,
  all: readonly Thing[],
): { readonly wording: 'largest' | 'smallest'; readonly target: Thing | undefined }[] {
  if (found === undefined || found.targets.length === all.length) return [];
  return [
    { wording: 'largest', target: clearlyExtremeInSize(found.targets, 1) },
    ...(found.ignored.length === 0
      ? [{ wording: 'smallest', target: clearlyExtremeInSize(found.targets, -1) } as const]
      : []),
  ];
}
