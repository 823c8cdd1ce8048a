import type { BundleClass } from '@tessera/contracts';
import type { Tokenizer } from '@tessera/tokenizer';
import { PhraseLexicon } from './phrase-lexicon.js';
import { parseQuery, type ParsedQuery } from './query-parser.js';
import type { TextEmbedder } from './text-embedder.js';

/** What a query means in terms of the detector's classes. */
export interface QueryMeaning extends ParsedQuery {
  /** Similarity of the query with each class, when it is a description; absent when it names classes or says nothing. */
  readonly similarities?: Float64Array;
  /** Strange words that the text encoder can only spell. */
  readonly spelledWords: readonly string[];
}

/** Finds the classes that queries name, or how similar each class is to them. */
export class QueryMatcher {
  readonly #lexicon: PhraseLexicon;
  readonly #tokenizer: Tokenizer;
  readonly #embedder: TextEmbedder;
  /** Of each class the mean over the embeddings of its name and descriptions. */
  readonly #classVectors: readonly Float32Array[];

  private constructor(
    classes: readonly BundleClass[],
    tokenizer: Tokenizer,
    embedder: TextEmbedder,
    classVectors: readonly Float32Array[],
  ) {
    this.#lexicon = new PhraseLexicon(classes);
    this.#tokenizer = tokenizer;
    this.#embedder = embedder;
    this.#classVectors = classVectors;
  }

  /** Embeds the texts of all classes once. */
  static async create(
    classes: readonly BundleClass[],
    tokenizer: Tokenizer,
    embedder: TextEmbedder,
  ): Promise<QueryMatcher> {
    const texts = classes.map(({ name, descriptions }) => [name, ...descriptions]);
    const vectors = await embedder.embed(texts.flat());
    let start = 0;
    const classVectors = texts.map(({ length }) => mean(vectors.slice(start, (start += length))));
    return new QueryMatcher(classes, tokenizer, embedder, classVectors);
  }

  async match(queries: readonly string[]): Promise<QueryMeaning[]> {
    const meanings = queries.map((query) => {
      const parsed = parseQuery(query, this.#lexicon);
      return { ...parsed, spelledWords: parsed.strangeWords.filter((word) => this.#isOnlySpelled(word)) };
    });
    const described = [...meanings.entries()].filter(([, meaning]) => needsSimilarity(meaning)).map(([index]) => index);
    const vectors = await this.#embedder.embed(described.map((index) => queries[index] ?? ''));
    return meanings.map((meaning, index) => {
      const vector = vectors[described.indexOf(index)];
      if (vector === undefined) return meaning;
      return { ...meaning, similarities: Float64Array.from(this.#classVectors, (other) => dot(other, vector)) };
    });
  }

  #isOnlySpelled(word: string): boolean {
    if (!/[\p{L}\p{N}]/u.test(word)) return true;
    const { ids } = this.#tokenizer.encode(word);
    return ids.includes(this.#tokenizer.unknownId) || ids.length > Math.max(2, word.length / 3);
  }
}

/** A description is compared as a whole, unless nothing in it has a meaning to compare. */
function needsSimilarity({ classes, isDescribed, ...words }: Omit<QueryMeaning, 'similarities'>): boolean {
  const hasMeaning = words.strangeWords.length > words.spelledWords.length || words.modifierWords.length > 0;
  return isDescribed || (classes.length === 0 && hasMeaning);
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
