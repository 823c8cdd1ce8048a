import type { BundleClass } from '@tessera/contracts';
import type { Tokenizer } from '@tessera/tokenizer';
import { PhraseLexicon } from './phrase-lexicon.js';
import { parseQuery, type ParsedQuery } from './query-parser.js';
import type { TextEmbedder } from './text-embedder.js';

/** What a query means in terms of the detector's classes. */
export interface QueryMeaning extends ParsedQuery {
  /** Cosine similarity of the query with each class, when it names none; absent when it names some or says nothing. */
  readonly similarities?: Float64Array;
  /** Strange words that the text encoder can only spell. */
  readonly spelledWords: readonly string[];
}

/** The unit vector of a class's name or of one of its descriptions. */
interface ClassText {
  readonly classIndex: number;
  readonly vector: Float32Array;
}

/** Finds the classes that queries name, or how similar each class is to them. */
export class QueryMatcher {
  readonly #classCount: number;
  readonly #lexicon: PhraseLexicon;
  readonly #tokenizer: Tokenizer;
  readonly #embedder: TextEmbedder;
  readonly #classTexts: readonly ClassText[];

  private constructor(
    classes: readonly BundleClass[],
    tokenizer: Tokenizer,
    embedder: TextEmbedder,
    classTexts: readonly ClassText[],
  ) {
    this.#classCount = classes.length;
    this.#lexicon = new PhraseLexicon(classes);
    this.#tokenizer = tokenizer;
    this.#embedder = embedder;
    this.#classTexts = classTexts;
  }

  /** Embeds the texts of all classes once. */
  static async create(
    classes: readonly BundleClass[],
    tokenizer: Tokenizer,
    embedder: TextEmbedder,
  ): Promise<QueryMatcher> {
    const texts = classes.flatMap(({ name, descriptions }, classIndex) =>
      [name, ...descriptions].map((text) => ({ classIndex, text })),
    );
    const vectors = await embedder.embed(texts.map(({ text }) => text));
    const classTexts = texts.map(({ classIndex }, index) => ({
      classIndex,
      vector: vectors[index] ?? new Float32Array(),
    }));
    return new QueryMatcher(classes, tokenizer, embedder, classTexts);
  }

  async match(queries: readonly string[]): Promise<QueryMeaning[]> {
    const parsed = queries.map((query) => parseQuery(query, this.#lexicon));
    const described = parsed.flatMap((meaning, index) => (needsSimilarity(meaning) ? [index] : []));
    const vectors = await this.#embedder.embed(described.map((index) => queries[index] ?? ''));
    const similarities = new Map(described.map((index, row) => [index, this.#similarities(vectors[row])]));
    return parsed.map((meaning, index) => {
      const found = similarities.get(index);
      const spelledWords = meaning.strangeWords.filter((word) => this.#isOnlySpelled(word));
      return { ...meaning, spelledWords, ...(found === undefined ? {} : { similarities: found }) };
    });
  }

  /** Of each class the similarity of its most similar text. */
  #similarities(query: Float32Array = new Float32Array()): Float64Array {
    const best = new Float64Array(this.#classCount).fill(-1);
    for (const { classIndex, vector } of this.#classTexts) {
      best[classIndex] = Math.max(best[classIndex] ?? -1, dot(vector, query));
    }
    return best;
  }

  #isOnlySpelled(word: string): boolean {
    const { ids } = this.#tokenizer.encode(word);
    return ids.includes(this.#tokenizer.unknownId) || ids.length > Math.max(2, word.length / 3);
  }
}

/** A query without a name is compared as a whole, unless it has no content to compare. */
function needsSimilarity({ classes, strangeWords, modifierWords }: ParsedQuery): boolean {
  return classes.length === 0 && strangeWords.length + modifierWords.length > 0;
}

function dot(one: Float32Array, other: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < one.length; index++) sum += (one[index] ?? 0) * (other[index] ?? 0);
  return sum;
}
