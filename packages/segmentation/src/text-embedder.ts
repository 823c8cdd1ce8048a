import type { Bundle, InferenceRunner } from '@tessera/inference';
import type { Tokenizer } from '@tessera/tokenizer';
import { float32Output } from './tensors.js';

/** Unit vectors, one a text, by the bundle's graph `text_encoder`. */
export interface TextEmbedder {
  embed(texts: readonly string[]): Promise<Float32Array[]>;
}

/** A batch is as long as its longest text, so texts of similar length go together and a long one never pads many. */
const batchSize = 32;

export function createTextEmbedder(bundle: Bundle, runner: InferenceRunner, tokenizer: Tokenizer): TextEmbedder {
  async function embedBatch(batch: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const length = Math.max(1, ...batch.map((ids) => ids.length));
    const ids = new BigInt64Array(batch.length * length);
    for (const [row, rowIds] of batch.entries()) {
      for (const [column, id] of rowIds.entries()) ids[row * length + column] = BigInt(id);
    }
    const lengths = BigInt64Array.from(batch, (rowIds) => BigInt(rowIds.length));
    const { outputs } = await runner.run({
      bundle: bundle.manifest.name,
      graph: 'text_encoder',
      feeds: {
        ids: { type: 'int64', dims: [batch.length, length], data: ids },
        lengths: { type: 'int64', dims: [batch.length], data: lengths },
      },
      fetch: ['sentence'],
    });
    const sentences = float32Output(outputs, 'sentence');
    const width = sentences.length / batch.length;
    return batch.map((_, row) => sentences.slice(row * width, (row + 1) * width));
  }

  return {
    async embed(texts) {
      const encoded = texts.map((text, index) => ({ index, ids: tokenizer.encode(text).ids }));
      encoded.sort((a, b) => a.ids.length - b.ids.length);
      const embeddings = new Array<Float32Array>(texts.length);
      for (let start = 0; start < encoded.length; start += batchSize) {
        const batch = encoded.slice(start, start + batchSize);
        const vectors = await embedBatch(batch.map(({ ids }) => ids));
        for (const [row, { index }] of batch.entries()) embeddings[index] = vectors[row] ?? new Float32Array();
      }
      return embeddings;
    },
  };
}
