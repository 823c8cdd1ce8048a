import type { Encoding, Tokenizer } from './tokenizer.js';
import type { UnigramDefinition } from './unigram-definition.js';

/** Marks a word boundary in normalised text (SentencePiece's "lower one eighth block"). */
const WORD_SEPARATOR = '\u2581';

interface VocabularyEntry {
  readonly id: number;
  /** Log probability. */
  readonly score: number;
}

/** The best way to reach a position of the text. */
interface LatticeNode {
  readonly position: number;
  score: number;
  pieceId: number;
  previous: LatticeNode | undefined;
}

/**
 * Unigram tokenizer: of all ways to cut a text into vocabulary pieces it takes the most probable one (Kudo,
 * "Subword Regularization", 2018, section 3.2). Ids equal those of the Universal Sentence Encoder lite's own tokenizer,
 * `@energetic-ai/embeddings@0.2.0`.
 */
export class UnigramTokenizer implements Tokenizer {
  readonly #definition: UnigramDefinition;
  readonly #vocabulary = new Map<string, VocabularyEntry>();
  /** Code points of the longest piece. */
  #longest = 0;

  constructor(definition: UnigramDefinition) {
    this.#definition = definition;
    for (const [id, [piece, score]] of definition.pieces.entries()) {
      if (id < definition.reserved) continue;
      this.#vocabulary.set(piece, { id, score });
      this.#longest = Math.max(this.#longest, Array.from(piece).length);
    }
  }

  get unknownId(): number {
    return this.#definition.unknown_id;
  }

  encode(text: string): Encoding {
    const symbols = Array.from(normalize(text));
    return this.#readBack(symbols, this.#findBestPath(symbols));
  }

  /** Viterbi search; gives the end of the best path through the text's code points. */
  #findBestPath(symbols: readonly string[]): LatticeNode | undefined {
    const lattice = Array.from({ length: symbols.length + 1 }, (_, position): LatticeNode => {
      return { position, score: 0, pieceId: this.unknownId, previous: undefined };
    });
    for (const origin of lattice) {
      const start = origin.position;
      let isSymbolKnown = false;
      let piece = '';
      for (const [index, symbol] of symbols.slice(start, start + this.#longest).entries()) {
        piece += symbol;
        const entry = this.#vocabulary.get(piece);
        if (entry === undefined) continue;
        extend(origin, lattice[start + index + 1], entry);
        isSymbolKnown = true;
      }
      if (!isSymbolKnown) extend(origin, lattice[start + 1], { id: this.unknownId, score: 0 });
    }
    return lattice.at(-1);
  }

  #readBack(symbols: readonly string[], pathEnd: LatticeNode | undefined): Encoding {
    const ids: number[] = [];
    const pieces: string[] = [];
    for (let node = pathEnd; node?.previous !== undefined; node = node.previous) {
      const piece = symbols.slice(node.previous.position, node.position).join('');
      if (node.pieceId === this.unknownId && ids.at(-1) === this.unknownId) {
        pieces.push(piece + (pieces.pop() ?? ''));
      } else {
        ids.push(node.pieceId);
        pieces.push(piece);
      }
    }
    return { ids: ids.reverse(), pieces: pieces.reverse() };
  }
}

/**
 * Offers a piece from `origin` to `target`; past the end there is no target. As in the reference implementation a score of exactly 0 counts as "not
 * reached yet", which decides between cuts of texts that begin with a piece of score 0.
 */
function extend(origin: LatticeNode, target: LatticeNode | undefined, { id, score }: VocabularyEntry): void {
  const total = origin.score + score;
  if (target === undefined || (target.score !== 0 && total < target.score)) return;
  target.score = total;
  target.pieceId = id;
  target.previous = origin;
}

/** NFKC, every space becomes a separator, and one more separator leads. Other white space is left to the vocabulary. */
function normalize(text: string): string {
  const normalized = text.normalize('NFKC');
  return normalized === '' ? '' : WORD_SEPARATOR + normalized.replaceAll(' ', WORD_SEPARATOR);
}
