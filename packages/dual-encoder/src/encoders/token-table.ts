import { canonicalName, readSafetensors, tensorValues } from '@tessera/composition';
import { loadTokenizer, type Tokenizer } from '@tessera/tokenizer';
import type { DualEncoderBundle } from './dual-encoder-bundle.js';

const tensorName = 'token_embedding.weight';
const lettersAndDigits = /[\p{L}\p{N}]/u;
/** Anything but the sign that pieces of a unigram vocabulary have for a space. */
const visibleSigns = /[^\u2581]/u;

/** A bundle's tokenizer and the embedding of each of its tokens. */
export class TokenTable {
  /** Length W of a row. */
  readonly width: number;
  readonly start: Float32Array;
  readonly end: Float32Array;
  readonly #tokenizer: Tokenizer;
  readonly #values: Float32Array;

  private constructor(bundle: DualEncoderBundle, tokenizer: Tokenizer, values: Float32Array) {
    const { text_width: width, start_token: start, end_token: end } = bundle.manifest.settings;
    this.width = width;
    this.#tokenizer = tokenizer;
    this.#values = values;
    this.start = this.#row(start);
    this.end = this.#row(end);
  }

  /** @throws Error when a file of the bundle does not fit its settings */
  static async load(bundle: DualEncoderBundle): Promise<TokenTable> {
    const { tokenizer, token_embedding: file, text_width: width } = bundle.manifest.settings;
    const tensor = readSafetensors(await bundle.readFile(file)).tensors.get(tensorName);
    if (tensor?.shape.length !== 2 || tensor.shape[1] !== width) {
      throw new Error(`${file} of bundle "${bundle.manifest.name}" has no tensor ${tensorName} of width ${width}.`);
    }
    const definition: unknown = JSON.parse(Buffer.from(await bundle.readFile(tokenizer)).toString('utf8'));
    return new TokenTable(bundle, loadTokenizer(definition), tensorValues(tensor));
  }

  /** Embeddings of a text's word pieces; what the vocabulary does not cover has the embedding of the unknown piece. */
  pieceRows(text: string): Float32Array[] {
    return this.#tokenizer.encode(text).ids.map((id) => this.#row(id));
  }

  /**
   * The words of a name, as they are spelled, of which the vocabulary has no piece; of a word with letters or digits it
   * must have a piece with some.
   */
  unknownWords(name: string): string[] {
    return name.split(/[\s_.-]+/).filter((word) => word !== '' && !this.#hasKnownPiece(word));
  }

  /** The mean of the embeddings of the word pieces of a primitive's canonical name, with dots as spaces. */
  meanRow(primitive: string): Float32Array {
    const pieces = this.pieceRows(canonicalName(primitive).replaceAll('.', ' ').trim());
    const rows = pieces.length === 0 ? [this.#row(this.#tokenizer.unknownId)] : pieces;
    const mean = new Float32Array(this.width);
    for (const row of rows) for (const [column, value] of row.entries()) mean[column] = (mean[column] ?? 0) + value;
    return mean.map((sum) => sum / rows.length);
  }

  #hasKnownPiece(word: string): boolean {
    const { ids, pieces } = this.#tokenizer.encode(canonicalName(word));
    const sign = lettersAndDigits.test(word) ? lettersAndDigits : visibleSigns;
    return ids.some((id, index) => id !== this.#tokenizer.unknownId && sign.test(pieces[index] ?? ''));
  }

  #row(id: number): Float32Array {
    const row = this.#values.subarray(id * this.width, (id + 1) * this.width);
    if (row.length !== this.width) throw new Error(`The token embedding has no row for token ${id}.`);
    return row;
  }
}
