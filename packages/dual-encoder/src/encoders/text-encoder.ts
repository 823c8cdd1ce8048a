import { toHalfFloats, type CandidateSet, type TextMatrix } from '@tessera/composition';
import { float32Output, type InferenceRunner } from '@tessera/inference';
import type { DualEncoderBundle } from './dual-encoder-bundle.js';
import { normalizeRows } from './normalize-rows.js';
import { severalAhead } from './several-ahead.js';
import { promptBatch, type PromptRows } from './prompts.js';

/** Prompts of one run: large enough to keep the cores busy, small enough that other runs get their turn. */
const promptsPerRun = 256;

/** As many prompts that share their attributes are worth a run of their own: it encodes the attributes once. */
const sharedPromptsMin = 64;

/** A matrix with more values than this is stored in half precision: 16 MB become 8. */
const float32ValuesMax = 4 * 1024 * 1024;

export interface EncodingProgress {
  readonly signal?: AbortSignal | undefined;
  /** @param fraction - share of the prompts that are encoded */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/**
 * Embeds the prompts of all candidates, batch by batch.
 *
 * @throws the signal's reason between two batches
 * @throws TesseraError `TSR_INFERENCE_FAILED`
 */
export async function encodeCandidates(
  bundle: DualEncoderBundle,
  runner: InferenceRunner,
  candidates: CandidateSet,
  rows: PromptRows,
  { signal, onProgress }: EncodingProgress = {},
): Promise<TextMatrix> {
  const width = bundle.manifest.settings.embedding_width;
  const length = candidates.count * width;
  const values = length > float32ValuesMax ? new Uint16Array(length) : new Float32Array(length);
  const encode = async ({ from, to }: Span): Promise<Float32Array> => {
    signal?.throwIfAborted();
    const { outputs } = await runner.run({
      bundle: bundle.manifest.name,
      graph: 'text_encoder',
      feeds: { ...promptBatch(candidates, from, to, rows) },
      fetch: ['text_embeds'],
      signal,
    });
    return normalizeRows(float32Output(outputs, 'text_embeds'), width);
  };
  await severalAhead(promptSpans(candidates), encode, ({ from, to }, embeddings) => {
    signal?.throwIfAborted();
    values.set(values instanceof Uint16Array ? toHalfFloats(embeddings) : embeddings, from * width);
    onProgress?.(to / candidates.count);
  });
  return { rows: candidates.count, width, values };
}

/** Candidates from `from` up to `to`. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** The candidates of each run: those of one list of attributes, where there are enough of them. */
function promptSpans(candidates: CandidateSet): Span[] {
  const spans: Span[] = [];
  let from = 0;
  while (from < candidates.count) {
    const sameUntil = endOfSameAttributes(candidates, from);
    const to = Math.min(sameUntil - from < sharedPromptsMin ? candidates.count : sameUntil, from + promptsPerRun);
    spans.push({ from, to });
    from = to;
  }
  return spans;
}

/** The first candidate after `from` that has other attributes. */
function endOfSameAttributes({ count, attributeStarts, attributeIndexes }: CandidateSet, from: number): number {
  const startOf = (candidate: number) => attributeStarts[candidate] ?? 0;
  const attributes = attributeIndexes.subarray(startOf(from), startOf(from + 1));
  let to = from + 1;
  while (
    to < count &&
    startOf(to + 1) - startOf(to) === attributes.length &&
    attributes.every((attribute, place) => attributeIndexes[startOf(to) + place] === attribute)
  ) {
    to += 1;
  }
  return to;
}
