import { decodeMask, type BinaryMask, type SegmentQueryResult, type SegmentResponse } from '@tessera/client';
import { intersectionAndUnion, maskArea } from '@tessera/masks';
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

/** On a busy machine one time says little. */
const timedAnswers = 3;

/** One query answered with one cut. */
export interface Run {
  readonly title: string;
  readonly question: SegmentQuestion;
  readonly response: SegmentResponse;
  readonly result: SegmentQueryResult;
  readonly mask: BinaryMask;
  /** The least time of the language model over a few answers. */
  readonly languageMs: number;
  /** How its mask differs from the one that all tokens give; undefined for that one. */
  readonly difference: Difference | undefined;
}

/** A query that is answered without the language model: no cut makes a difference to it. */
export interface Unasked {
  readonly title: undefined;
  readonly result: SegmentQueryResult;
}

export interface Difference {
  /** 1 when both masks are empty. */
  readonly overlap: number;
  /** The pixels that are in one of the masks alone. */
  readonly changed: BinaryMask;
  readonly changedPixels: number;
}

/**
 * Answers a query with every cut, one after the other, so that they do not share the processor; with the first one alone
 * when the language model has no part in the answer.
 */
export async function* compareCuts(
  service: Service,
  photo: Photo,
  query: string,
  signal: AbortSignal,
): AsyncGenerator<Run | Unasked> {
  let whole: BinaryMask | undefined;
  for (const { title, pruning } of cuts) {
    const question = { query, pruning, output: { token_map: true } };
    const response = await service.segment(photo, question, { signal });
    learnFrom(photo, response.image);
    const [result] = response.results;
    if (result === undefined) throw new Error('The service left out an answer.');
    if (response.pruning === undefined) {
      yield { title: undefined, result };
      return;
    }
    const times = [response.timings_ms.language ?? 0];
    while (times.length < timedAnswers) {
      const { timings_ms: timings } = await service.segment(photo, { query, pruning, refine: false }, { signal });
      times.push(timings.language ?? 0);
    }
    const mask = decodeMask(result.mask);
    const difference = whole === undefined ? undefined : differenceOf(mask, whole);
    whole ??= mask;
    yield { title, question, response, result, mask, languageMs: Math.min(...times), difference };
  }
}

/** How a mask differs from the one that all tokens give. */
export function differenceOf(mask: BinaryMask, whole: BinaryMask): Difference {
  const { intersection, union } = intersectionAndUnion(mask, whole);
  const changed = { ...mask, data: mask.data.map((value, pixel) => value ^ (whole.data[pixel] ?? 0)) };
  return { overlap: union === 0 ? 1 : intersection / union, changed, changedPixels: maskArea(changed) };
}
