import { decodeMask, type BinaryMask, type SegmentQueryResult, type SegmentResponse } from '@tessera/client';
import { intersectionAndUnion } from '@tessera/masks';
import { learnFrom, type Photo } from '../photo/photo.js';
import type { SegmentQuestion } from '../service/question.js';
import type { Service } from '../service/service.js';

/** The cuts that are compared; the first prunes nothing. */
const cuts: readonly { readonly title: string; readonly pruning: NonNullable<SegmentQuestion['pruning']> }[] = [
  { title: 'All tokens', pruning: { mode: 'off' } },
  { title: 'Save 50 %', pruning: { mode: 'csp', reduction: 0.5 } },
  { title: 'Save 65 %', pruning: { mode: 'csp', reduction: 0.65 } },
  { title: 'Save 75 %', pruning: { mode: 'csp', reduction: 0.75 } },
];

/** One query answered with one cut. */
export interface Run {
  readonly title: string;
  readonly question: SegmentQuestion;
  readonly response: SegmentResponse;
  readonly result: SegmentQueryResult;
  readonly mask: BinaryMask;
  /** IoU of its mask with the one that all tokens give; 1 when both are empty. */
  readonly agreement: number;
}

/** Answers a query with every cut, one after the other, so that they do not share the processor. */
export async function* compareCuts(
  service: Service,
  photo: Photo,
  query: string,
  signal: AbortSignal,
): AsyncGenerator<Run> {
  let whole: BinaryMask | undefined;
  for (const { title, pruning } of cuts) {
    const question = { query, pruning, output: { token_map: true } };
    const response = await service.segment(photo, question, { signal });
    learnFrom(photo, response);
    const [result] = response.results;
    if (result === undefined) throw new Error('The service left out an answer.');
    const mask = decodeMask(result.mask);
    whole ??= mask;
    const { intersection, union } = intersectionAndUnion(mask, whole);
    yield { title, question, response, result, mask, agreement: union === 0 ? 1 : intersection / union };
  }
}
