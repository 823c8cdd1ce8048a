import { agreed, holding, singular, type Anchor, type Candidate, type ClassThings } from './context-candidate.js';
import type { SeededRandom } from './seeded-random.js';
import {
  clearlyExtremeInDistance,
  directions,
  judgeBetween,
  judgeRelation,
  opposites,
  pairRelations,
  type PairRelation,
  type Verdict,
} from './spatial-relations.js';
import type { Thing } from './thing.js';

/** Questions about things of one class and things of others. */

/** What other things stand, sit or lie on. */
const supports = new Set([
  'dining table',
  'chair',
  'couch',
  'bed',
  'bench',
  'horse',
  'elephant',
  'skateboard',
  'surfboard',
  'snowboard',
  'bicycle',
  'motorcycle',
  'boat',
]);

/** What people carry or wear. */
const carried = new Set([
  'tie',
  'backpack',
  'handbag',
  'umbrella',
  'suitcase',
  'cell phone',
  'frisbee',
  'baseball bat',
  'baseball glove',
  'tennis racket',
  'skateboard',
  'surfboard',
  'snowboard',
  'skis',
  'sports ball',
  'wine glass',
  'cup',
  'bottle',
  'laptop',
  'book',
  'remote',
  'teddy bear',
]);

/** Whether people would ask for such a thing by such a relation. */
function isSensible(relation: PairRelation, head: string, anchor: string): boolean {
  if (head === anchor) return false;
  if (relation === 'on') return supports.has(anchor) && !supports.has(head);
  if (relation === 'with') return head === 'person' && carried.has(anchor);
  const isWorn = (one: string, other: string): boolean => one === 'person' && carried.has(other);
  return !(relation === 'next to' && (isWorn(head, anchor) || isWorn(anchor, head)));
}

/** Relations to a thing that is the only one of its class. */
export function relationQuestions({ name: head, things }: ClassThings, anchors: readonly Anchor[]): Candidate[] {
  return anchors
    .filter(({ name }) => name !== head)
    .flatMap(({ name, thing: anchor }) => {
      const ask = { head, others: [name] } as const;
      const related = pairRelations
        .filter((relation) => isSensible(relation, head, name))
        .flatMap((relation) =>
          holdingRelation(ask, relation, things, (thing) => judgeRelation(relation, thing, anchor)),
        );
      const denied = directions.flatMap((direction): Candidate[] => {
        const isOpposite = things.every((thing) => judgeRelation(opposites[direction], thing, anchor) === 'yes');
        return isOpposite ? [{ ...ask, kind: 'context_absent', wording: direction, targets: [] }] : [];
      });
      if (things.length === 1) return [...related, ...denied];
      const closest = agreed(things, (some) => clearlyExtremeInDistance(some, anchor, -1));
      const farthest = agreed(things, (some) => clearlyExtremeInDistance(some, anchor, 1));
      return [
        ...related,
        ...denied,
        ...singular({ ...ask, kind: 'relation', wording: 'closest' }, closest),
        ...singular({ ...ask, kind: 'relation', wording: 'farthest' }, farthest),
      ];
    });
}

function holdingRelation(
  ask: Pick<Candidate, 'head' | 'others' | 'article'>,
  relation: PairRelation,
  things: readonly Thing[],
  judge: (thing: Thing) => Verdict,
): Candidate[] {
  const found = holding(things, judge);
  if (found === undefined || found.targets.length === 0) return [];
  const wording = found.targets.length === 1 ? relation : (`many ${relation}` as const);
  const isIndistinct = found.targets.length + found.ignored.length === things.length;
  return [{ ...ask, ...found, kind: 'relation', wording, isIndistinct }];
}

/** Relations to any of several things: “the person with a tie”. */
export function relationToAnyQuestions(
  { name: head, things }: ClassThings,
  classes: readonly ClassThings[],
): Candidate[] {
  if (things.length < 2) return [];
  return classes
    .filter(({ name, things: several }) => several.length > 1 && name !== head)
    .flatMap(({ name, things: several }) =>
      (['on', 'with', 'next to'] as const)
        .filter((relation) => isSensible(relation, head, name))
        .flatMap((relation) =>
          holdingRelation({ head, others: [name], article: 'a' }, relation, things, (thing) =>
            any(several.map((other) => judgeRelation(relation, thing, other))),
          ),
        ),
    );
}

function any(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('yes')) return 'yes';
  return verdicts.includes('unclear') ? 'unclear' : 'no';
}

/** What is between two things of two classes, or between the only two of one. */
export function betweenQuestions(
  { name: head, things }: ClassThings,
  anchors: readonly Anchor[],
  classes: readonly ClassThings[],
): Candidate[] {
  const pairs = [
    ...anchors.flatMap((one, index) =>
      anchors.slice(index + 1).map((other) => ({ others: [one.name, other.name], ends: [one.thing, other.thing] })),
    ),
    ...classes
      .filter(({ things: two }) => two.length === 2 && two.every(({ isPlain }) => isPlain))
      .map(({ name, things: two }) => ({ others: [name], ends: two })),
  ];
  return pairs
    .filter(({ others }) => others.every((name) => isSensible('next to', head, name)))
    .flatMap(({ others, ends: [one, other] }): Candidate[] => {
      const found = one && other && holding(things, (thing) => judgeBetween(thing, one, other));
      if (found?.targets.length !== 1) return [];
      const wording = others.length === 1 ? 'between two' : 'between';
      return [{ ...found, kind: 'relation', wording, head, others, isIndistinct: things.length === 1 }];
    });
}

/** Relations to what the photo does not show, and of what it does not show: one each. */
export function missingThingQuestions(
  classes: readonly ClassThings[],
  anchors: readonly Anchor[],
  missing: readonly string[],
  random: SeededRandom,
): Candidate[] {
  const relations = ['next to', 'left of', 'right of', 'closest'] as const;
  const ask = { kind: 'context_absent', targets: [] } as const;
  const toMissing = classes.map(({ name: head }): Candidate => {
    const other = random.pick(missing);
    const wording = isSensible('with', head, other) ? 'with' : random.pick(relations);
    return { ...ask, wording, head, others: [other] };
  });
  const ofMissing = anchors.map(({ name: other }): Candidate => {
    const head = random.pick(missing);
    const wording = isSensible('on', head, other) ? 'on' : random.pick(relations);
    return { ...ask, wording, head, others: [other] };
  });
  return [...random.sample(toMissing, 1), ...random.sample(ofMissing, 1)];
}
