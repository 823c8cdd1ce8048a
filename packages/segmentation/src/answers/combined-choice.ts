import type { RegionReasonerSettings, Warning } from '@tessera/contracts';
import { boxOverlap, distinctBoxes } from '../vision/box.js';
import type { ChosenObject, ObjectChoice } from './choice.js';

/** Two ways to find an object give boxes that overlap by so much: the detector's own, and the one that the reasoner chose. */
const leastOverlap = 0.4;

/** The answer to a part of a query. */
export interface PartChoice {
  readonly query: string;
  readonly choice: ObjectChoice;
}

/**
 * The objects of all parts together, without those that answer what is left out. A part without its objects is a warning
 * beside others that have theirs.
 */
export function combineChoices(
  asked: readonly PartChoice[],
  leftOut: readonly PartChoice[],
  {
    box_overlap_threshold: overlap,
    maximum_objects: most,
  }: Pick<RegionReasonerSettings, 'box_overlap_threshold' | 'maximum_objects'>,
): ObjectChoice {
  const taken = leftOut.flatMap(({ choice }) => choice.objects);
  const found = asked
    .flatMap(({ choice }) => choice.objects)
    .sort((a, b) => (b.probability ?? 1) - (a.probability ?? 1))
    .flatMap((object) => (object.prompt.box === undefined ? [] : [{ box: object.prompt.box, object }]));
  const all = distinctBoxes(found, overlap).map(({ object }) => object);
  const rest = withoutThose(all, taken, leastOverlap);
  // What is left out was found, but in no place of what is asked for: one of them is not what it was taken for.
  const isLost = taken.length > 0 && all.length > 0 && rest.length === all.length;
  const objects = isLost ? [] : rest.slice(0, most);
  const score = Math.max(...asked.map(({ choice }) => choice.score));
  const labels = asked.flatMap(({ choice }) => choice.label?.split(', ') ?? []);
  const missing = objects.length === 0 ? [] : asked.flatMap(missingOf);
  const lost: Warning[] = isLost ? [{ code: 'negation', words: leftOut.map(({ query }) => query) }] : [];
  return {
    score: found.length > 0 && objects.length === 0 ? 0 : score,
    ...(labels.length === 0 ? {} : { label: [...new Set(labels)].join(', ') }),
    objects,
    excluded: objects.length === 0 ? [] : [...asked.flatMap(({ choice }) => choice.excluded ?? []), ...taken],
    warnings: merged([...[...asked, ...leftOut].flatMap(({ choice }) => choice.warnings), ...missing, ...lost]),
  };
}

/** Objects that are one of these under another name or with a slightly different box are left out. */
export function withoutThose(
  objects: readonly ChosenObject[],
  those: readonly ChosenObject[],
  overlap: number,
): ChosenObject[] {
  return objects.filter((object) => those.every((other) => !isSame(object, other, overlap)));
}

function isSame({ prompt: one }: ChosenObject, { prompt: other }: ChosenObject, overlap: number): boolean {
  return one.box !== undefined && other.box !== undefined && boxOverlap(one.box, other.box) > overlap;
}

function missingOf({ query, choice: { objects, count } }: PartChoice): Warning[] {
  if (objects.length === 0) return [{ code: 'fewer_found', words: [query] }];
  return count === undefined || objects.length >= count ? [] : [{ code: 'fewer_found', words: [String(count)] }];
}

/** One warning a code, with the words of all. */
function merged(warnings: readonly Warning[]): Warning[] {
  const codes = [...new Set(warnings.map(({ code }) => code))];
  return codes.map((code) => {
    const words = warnings.flatMap((warning) => (warning.code === code ? warning.words : []));
    return { code, words: [...new Set(words)] };
  });
}
