import type { SegmentCall, SegmentQueryResult, Warning } from '@tessera/client';
import { warningDescriptions } from '@tessera/contracts';
import { printableLine } from './printable.js';

/** What is asked of an image. */
export type Question = Omit<SegmentCall, 'image' | 'output'>;

/** Warnings that count something, as sentences. */
const countedWarnings: Readonly<Record<string, (count: number) => string>> = {
  unused_points: (count) =>
    count === 1
      ? '1 excluding point is not on the mask and changes nothing'
      : `${count} excluding points are not on the mask and change nothing`,
  coarse_masks: (count) => (count === 1 ? '1 object has a coarse shape' : `${count} objects have a coarse shape`),
};

/** A warning in words; a service of a later version may have others. */
export function warningText({ query }: Pick<SegmentQueryResult, 'query'>, { code, words, count }: Warning): string {
  const counted = count === undefined ? undefined : countedWarnings[code]?.(count);
  const description = counted ?? (warningDescriptions as Readonly<Record<string, string>>)[code];
  const parts = [
    ...(query === undefined ? [] : [`"${query}"`]),
    description === undefined ? code : `${description} (${code})`,
    ...(words.length === 0 ? [] : [words.join(', ')]),
  ];
  return printableLine(parts.join(': '));
}
