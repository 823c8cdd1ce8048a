import { byteSymbols } from './byte-symbols.js';
import { endOfText, wordEnd, type ClipVocabulary } from './clip-definition.js';
import { PairMerger } from './pair-merger.js';
import type { Encoding, Tokenizer } from './tokenizer.js';

/** English contractions, runs of letters, single digits, and runs of anything else that is visible. */
const wordPattern = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+/gu;

/**
 * CLIP's tokenizer (Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021):
 * lower-case text in words, each word's bytes joined by byte pair encoding. Ids equal those of Hugging Face's
 * `CLIPTokenizerFast`, except that `<|endoftext|>` in a text does not end it: it is read as punctuation and a word.
 */
export class ClipTokenizer implements Tokenizer {
  readonly unknownId: number;
  readonly #spellings = new Map<number, string>();
  readonly #merger: PairMerger;
  readonly #innerIds: readonly number[];
  readonly #lastIds: readonly number[];

  constructor({ ids, merges }: ClipVocabulary) {
    const idOf = (piece: string): number => ids.get(piece) ?? Number.NaN;
    for (const [piece, id] of ids) this.#spellings.set(id, piece);
    this.#merger = new PairMerger(merges.map(([left, right]) => [idOf(left), idOf(right), idOf(left + right)]));
    this.#innerIds = byteSymbols.map(idOf);
    this.#lastIds = byteSymbols.map((symbol) => idOf(symbol + wordEnd));
    this.unknownId = idOf(endOfText);
  }

  encode(text: string): Encoding {
    const ids: number[] = [];
    for (const [word] of normalize(text).matchAll(wordPattern)) {
      const bytes = Buffer.from(word);
      const symbols = Array.from(bytes, (byte, index) => {
        return (index < bytes.length - 1 ? this.#innerIds : this.#lastIds)[byte] ?? this.unknownId;
      });
      for (const id of this.#merger.merge(symbols)) ids.push(id);
    }
    return { ids, pieces: ids.map((id) => this.#spellings.get(id) ?? '') };
  }
}

/** NFC in lower case, letter by letter: whether a sigma ends its word makes no difference. */
function normalize(text: string): string {
  return text.normalize('NFC').replaceAll(/\p{Changes_When_Lowercased}/gu, (letter) => letter.toLowerCase());
}
