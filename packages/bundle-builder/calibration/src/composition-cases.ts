import { SeededRandom } from '@tessera/runtime';
import type { CalibrationPicture, CalibrationPictures } from './composition-photos.js';

/** Whether a candidate fits, and if none does, how far off the nearest ones are. */
export const caseKinds = ['fits', 'other colour', 'other object', 'other things'] as const;
export type CaseKind = (typeof caseKinds)[number];

/** A picture and candidates: every listed attribute with every listed object. */
export interface CompositionCase {
  readonly picture: CalibrationPicture;
  readonly kind: CaseKind;
  /** Whether the picture is a product photo. */
  readonly isGarment: boolean;
  readonly attributes: readonly string[];
  readonly objects: readonly string[];
}

/** The words that candidates are made of. */
export interface CaseWords {
  readonly colours: readonly string[];
  readonly garments: readonly string[];
  /** Classes of COCO; nothing when the candidates are garments only. */
  readonly things: readonly string[];
}

/** Classes of COCO whose photos may show garments, and the other way round. */
const worn = new Set(['person', 'tie', 'handbag', 'backpack']);

/**
 * Shares of the cases, those with a fitting candidate one half. Photos of something else altogether are what the figure is
 * for; near misses count less.
 */
const shares: Readonly<Record<CaseKind, { readonly garment: number; readonly object: number }>> = {
  fits: { garment: 0.3, object: 0.2 },
  'other colour': { garment: 0.05, object: 0 },
  'other object': { garment: 0.05, object: 0.1 },
  'other things': { garment: 0.15, object: 0.15 },
};

/** One to two cases with and without a fitting candidate for each picture, the same ones for the same pictures. */
export function compositionCases({ garments, objects }: CalibrationPictures, words: CaseWords): CompositionCase[] {
  return [
    ...garments.flatMap((picture) => garmentCases(picture, words)),
    ...objects.flatMap((picture) => objectCases(picture, words)),
  ];
}

/** How much each case counts, so that the kinds have their shares; kinds that do not occur leave theirs to the others. */
export function caseWeights(cases: readonly CompositionCase[]): number[] {
  const keyOf = ({ kind, isGarment }: CompositionCase): string => `${kind}/${isGarment}`;
  const counts = new Map<string, number>();
  for (const item of cases) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  const weights = cases.map((item) => {
    const share = shares[item.kind][item.isGarment ? 'garment' : 'object'];
    return share / (counts.get(keyOf(item)) ?? 1);
  });
  const sumOf = (isFitting: boolean): number =>
    weights.reduce((sum, weight, index) => ((cases[index]?.kind === 'fits') === isFitting ? sum + weight : sum), 0);
  const [fitting, others] = [sumOf(true), sumOf(false)];
  return weights.map((weight, index) => weight / 2 / (cases[index]?.kind === 'fits' ? fitting : others));
}

function garmentCases(picture: CalibrationPicture, { colours, garments, things }: CaseWords): CompositionCase[] {
  const random = new SeededRandom(picture.image.id);
  const { colour = '', object } = picture;
  const otherColours = colours.filter((name) => name !== colour);
  const otherGarments = garments.filter((name) => name !== object);
  const some = (names: readonly string[], from: number, to: number) => random.sample(names, between(random, from, to));
  const known = colours.includes(colour) && garments.includes(object);
  const cases: Omit<CompositionCase, 'picture' | 'isGarment'>[] = [
    ...(known
      ? [
          {
            kind: 'fits' as const,
            attributes: [colour, ...some(otherColours, 1, 5)],
            objects: [object, ...some(otherGarments, 1, 4)],
          },
        ]
      : []),
    { kind: 'other colour', attributes: some(otherColours, 2, 5), objects: [object, ...some(otherGarments, 1, 4)] },
    { kind: 'other object', attributes: [colour, ...some(otherColours, 1, 5)], objects: some(otherGarments, 2, 4) },
  ];
  const unworn = things.filter((name) => !worn.has(name));
  if (unworn.length > 0) {
    cases.push({ kind: 'other things', attributes: some(colours, 2, 6), objects: some(unworn, 2, 8) });
  }
  return cases.map((item) => ({ ...item, picture, isGarment: true }));
}

/** Of people and what they wear garments may fit. */
function objectCases(picture: CalibrationPicture, { colours, garments, things }: CaseWords): CompositionCase[] {
  const random = new SeededRandom(picture.image.id);
  const absent = things.filter((name) => !picture.shown.has(name));
  const some = (names: readonly string[], from: number, to: number) => random.sample(names, between(random, from, to));
  const cases: Omit<CompositionCase, 'picture' | 'isGarment'>[] = [];
  if (things.includes(picture.object)) {
    const objects = [picture.object, ...some(absent, 1, 7)];
    cases.push(
      { kind: 'fits', attributes: colours, objects },
      { kind: 'other object', attributes: colours, objects: some(absent, 2, 8) },
    );
  }
  if (!worn.has(picture.object)) {
    cases.push({ kind: 'other things', attributes: some(colours, 2, 6), objects: some(garments, 2, 5) });
  }
  return cases.map((item) => ({ ...item, picture, isGarment: false }));
}

function between(random: SeededRandom, from: number, to: number): number {
  return from + Math.floor(random.next() * (to - from + 1));
}
