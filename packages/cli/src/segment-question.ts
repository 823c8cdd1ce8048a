import type { SegmentCall, SegmentQueryResult, Warning } from '@tessera/client';
import { warningDescriptions } from '@tessera/contracts';
import { printableLine } from './printable.js';

/** What is asked of an image. */
export type Question = Omit<SegmentCall, 'image' | 'output'>;

/** A warning in words; a service of a later version may have others. */
export function warningText({ query }: Pick<SegmentQueryResult, 'query'>, { code, words, count }: Warning): string {
  const description = (warningDescriptions as Readonly<Record<string, string>>)[code];
  const details = [...words, ...(count === undefined ? [] : [`${count} of them`])].join(', ');
  const parts = [
    ...(query === undefined ? [] : [`"${query}"`]),
    description === undefined ? code : `${description} (${code})`,
    ...(details === '' ? [] : [details]),
  ];
  return printableLine(parts.join(': '));
}
