import {
  finiteOutput,
  outputTensor,
  rowsOf,
  type Bundle,
  type HostTensor,
  type InferenceRunner,
} from '@tessera/inference';
import type { Tokenizer } from '@tessera/tokenizer';

/** Texts as the bundle's graph `text_encoder` reads them, for a graph that goes on from there. */
export interface EncodedTexts {
  /** Unit vectors `[texts, width]`. */
  readonly sentence: HostTensor;
  /** States of the pieces `[texts, length, width]`; what is behind a text's length means nothing. */
  readonly pieces: HostTensor;
  /** Pieces of each text, int64 `[texts]`. */
  readonly lengths: HostTensor;
}

/** A batch is as long as its longest text, so texts of similar length go together and a long one never pads many. */
const batchSize = 32;

/** The bundle's graph `text_encoder`, from text on. */
export class TextEncoder {
  readonly #bundle: Bundle;
  readonly #runner: InferenceRunner;
  readonly #tokenizer: Tokenizer;

  constructor(bundle: Bundle, runner: InferenceRunner, tokenizer: Tokenizer) {
    this.#bundle = bundle;
    this.#runner = runner;
    this.#tokenizer = tokenizer;
  }

  /** Whether the vocabulary has a word of the text, and not only its letters. */
  knowsWordOf(text: string): boolean {
    return (text.match(/[\p{L}\p{N}]+/gu) ?? []).some((word) => {
      const { ids } = this.#tokenizer.encode(word.toLowerCase());
      return !ids.includes(this.#tokenizer.unknownId) && ids.length <= Math.max(2, word.length / 3);
    });
  }

  /** Unit vectors, one a text. */
  async embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    const encoded = texts.map((text, index) => ({ index, ids: this.#tokenizer.encode(text).ids }));
    encoded.sort((a, b) => a.ids.length - b.ids.length);
    const embeddings = new Array<Float32Array>(texts.length);
    for (let start = 0; start < encoded.length; start += batchSize) {
      const batch = encoded.slice(start, start + batchSize);
      const { outputs } = await this.#run(
        batch.map(({ ids }) => ids),
        ['sentence'],
        signal,
      );
      const vectors = rowsOf(finiteOutput(outputs, 'sentence'), batch.length);
      for (const [row, { index }] of batch.entries()) embeddings[index] = vectors[row] ?? new Float32Array();
    }
    return embeddings;
  }

  /** All that the graph makes of some texts, in one run; at least one text. */
  async encode(texts: readonly string[], signal?: AbortSignal): Promise<EncodedTexts> {
    const ids = texts.map((text) => this.#tokenizer.encode(text).ids);
    const { outputs, lengths } = await this.#run(ids, ['sentence', 'pieces'], signal);
    return {
      sentence: outputTensor(outputs, 'sentence'),
      pieces: outputTensor(outputs, 'pieces'),
      lengths,
    };
  }

  async #run(
    texts: readonly (readonly number[])[],
    fetch: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<{ outputs: Readonly<Record<string, HostTensor>>; lengths: HostTensor }> {
    const length = Math.max(1, ...texts.map((ids) => ids.length));
    const padded = new BigInt64Array(texts.length * length);
    for (const [row, ids] of texts.entries()) {
      for (const [column, id] of ids.entries()) padded[row * length + column] = BigInt(id);
    }
    const lengths: HostTensor = {
      type: 'int64',
      dims: [texts.length],
      data: BigInt64Array.from(texts, (ids) => BigInt(ids.length)),
    };
    const { outputs } = await this.#runner.run({
      bundle: this.#bundle.manifest.name,
      graph: 'text_encoder',
      feeds: { ids: { type: 'int64', dims: [texts.length, length], data: padded }, lengths },
      fetch,
      signal,
    });
    return { outputs, lengths };
  }
}
