import { toHalfFloats, type CandidateSet, type TextMatrix } from '@tessera/composition';
import { float32Output, type InferenceRunner } from '@tessera/inference';
import type { DualEncoderBundle } from './dual-encoder-bundle.js';
import { normalizeRows } from './normalize-rows.js';
import { promptBatch, type PromptRows } from './prompts.js';

/** Prompts of one run: large enough to keep the cores busy, small enough that other runs get their turn. */
const promptsPerRun = 256;

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
  for (let from = 0; from < candidates.count; from += promptsPerRun) {
    signal?.throwIfAborted();
    const to = Math.min(candidates.count, from + promptsPerRun);
    const { outputs } = await runner.run({
      bundle: bundle.manifest.name,
      graph: 'text_encoder',
      feeds: { ...promptBatch(candidates, from, to, rows) },
      fetch: ['text_embeds'],
    });
    const embeddings = normalizeRows(float32Output(outputs, 'text_embeds'), width);
    values.set(values instanceof Uint16Array ? toHalfFloats(embeddings) : embeddings, from * width);
    onProgress?.(to / candidates.count);
  }
  return { rows: candidates.count, width, values };
}
