import type { BundleClass } from '@tessera/contracts';
import type { Tokenizer } from '@tessera/tokenizer';
import { PhraseLexicon } from './phrase-lexicon.js';
import { parseQuery, type ParsedQuery } from './query-parser.js';
import type { TextEncoder } from './text-encoder.js';

/** A query before any model reads it. */
export interface QueryReading extends ParsedQuery {
  /** Unknown words that the text encoder can only spell. */
  readonly spelledWords: readonly string[];
  /** Whether the lexicon or the text encoder knows a word of it. */
  readonly isMeaningful: boolean;
}

/** A query in terms of the detector's classes. */
export interface QueryMeaning extends QueryReading {
  /** Similarity of a description with each class; absent when the query names classes or has no meaning. */
  readonly similarities?: Float64Array;
}

/** Finds the classes that queries name, or how similar each class is to them. */
export class QueryMatcher {
  readonly #lexicon: PhraseLexicon;
  readonly #tokenizer: Tokenizer;
  readonly #encoder: TextEncoder;
  /** Of each class the mean over the embeddings of its name and descriptions. */
  readonly #classVectors: readonly Float32Array[];

  private constructor(
    classes: readonly BundleClass[],
    tokenizer: Tokenizer,
    encoder: TextEncoder,
    classVectors: readonly Float32Array[],
  ) {
    this.#lexicon = new PhraseLexicon(classes);
    this.#tokenizer = tokenizer;
    this.#encoder = encoder;
    this.#classVectors = classVectors;
  }

  /** Embeds the texts of all classes once. */
  static async create(
    classes: readonly BundleClass[],
    tokenizer: Tokenizer,
    encoder: TextEncoder,
  ): Promise<QueryMatcher> {
    const texts = classes.map(({ name, descriptions }) => [name, ...descriptions]);
    const vectors = await encoder.embed(texts.flat());
    let start = 0;
    const classVectors = texts.map(({ length }) => mean(vectors.slice(start, (start += length))));
    return new QueryMatcher(classes, tokenizer, encoder, classVectors);
  }

  #read(query: string): QueryReading {
    const parsed = parseQuery(query, this.#lexicon);
    const spelledWords = parsed.unknownWords.filter((word) => this.#isOnlySpelled(word));
    const hasContent = parsed.unknownWords.length > spelledWords.length || parsed.modifierWords.length > 0;
    return { ...parsed, spelledWords, isMeaningful: parsed.classes.length > 0 || hasContent };
  }

  #similarities(vector: Float32Array): Float64Array {
    return Float64Array.from(this.#classVectors, (other) => dot(other, vector));
  }

  async match(queries: readonly string[]): Promise<QueryMeaning[]> {
    const readings = queries.map((query) => this.#read(query));
    const described = [...readings.keys()].filter((index) => needsSimilarity(readings[index]));
    const vectors = await this.#encoder.embed(described.map((index) => queries[index] ?? ''));
    return readings.map((reading, index) => {
      const vector = vectors[described.indexOf(index)];
      return vector === undefined ? reading : { ...reading, similarities: this.#similarities(vector) };
    });
  }

  #isOnlySpelled(word: string): boolean {
    if (!/[\p{L}\p{N}]/u.test(word)) return true;
    const { ids } = this.#tokenizer.encode(word);
    return ids.includes(this.#tokenizer.unknownId) || ids.length > Math.max(2, word.length / 3);
  }
}

/** A description is compared as a whole, unless it has no meaning. */
function needsSimilarity(reading: QueryReading | undefined): boolean {
  return reading !== undefined && reading.isMeaningful && (reading.isDescribed || reading.classes.length === 0);
}

function mean(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) {
    for (let index = 0; index < sum.length; index++) sum[index] = (sum[index] ?? 0) + (vector[index] ?? 0);
  }
  return sum.map((value) => value / vectors.length);
}

function dot(one: Float32Array, other: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < one.length; index++) sum += (one[index] ?? 0) * (other[index] ?? 0);
  return sum;
}
