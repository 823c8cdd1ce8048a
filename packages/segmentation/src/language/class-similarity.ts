import type { BundleClass } from '@tessera/contracts';
import { dotProduct } from '@tessera/runtime';
import { RememberedTexts } from './remembered-texts.js';
import type { TextEncoder } from './text-encoder.js';

const rememberedSentences = 1_000;

/** How similar sentences are to a bundle's classes, by a sentence encoder. */
export class ClassSimilarity {
  readonly #encoder: TextEncoder;
  /** Of each class the mean over the embeddings of its name and descriptions. */
  readonly #classVectors: readonly Float32Array[];

  /** Words of the class names. */
  readonly #names: ReadonlySet<string>;
  readonly #remembered = new RememberedTexts<Float64Array>(rememberedSentences);

  private constructor(encoder: TextEncoder, classVectors: readonly Float32Array[], names: ReadonlySet<string>) {
    this.#encoder = encoder;
    this.#classVectors = classVectors;
    this.#names = names;
  }

  /** Embeds the texts of all classes once. */
  static async create(classes: readonly BundleClass[], encoder: TextEncoder): Promise<ClassSimilarity> {
    const texts = classes.map(({ name, descriptions }) => [name, ...descriptions]);
    const vectors = await encoder.embed(texts.flat());
    let start = 0;
    return new ClassSimilarity(
      encoder,
      texts.map(({ length }) => mean(vectors.slice(start, (start += length)))),
      new Set(classes.flatMap(({ name }) => name.split(' '))),
    );
  }

  /** Whether a sentence has a word of a class name or one that the encoder knows; else its similarities mean nothing. */
  understands(sentence: string): boolean {
    const words = sentence.toLowerCase().match(/\p{L}+/gu) ?? [];
    return words.some((word) => this.#names.has(word)) || this.#encoder.knowsWordOf(sentence);
  }

  /** Cosine similarity of each sentence with each class, `[sentences][classes]`. */
  async of(sentences: readonly string[], signal?: AbortSignal): Promise<Float64Array[]> {
    return await this.#remembered.of(sentences, async (unknown) => {
      const vectors = await this.#encoder.embed(unknown, signal);
      return vectors.map((vector) => Float64Array.from(this.#classVectors, (other) => dotProduct(other, vector)));
    });
  }
}

function mean(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) {
    for (let index = 0; index < sum.length; index++) sum[index] = (sum[index] ?? 0) + (vector[index] ?? 0);
  }
  return sum.map((value) => value / vectors.length);
}
