import {
  bestCandidate,
  meanEmbedding,
  noneFeatures,
  objectCandidates,
  type TextMatrix,
  type Vocabulary,
} from '@tessera/composition';
import type { InlineVocabulary } from '@tessera/contracts';
import type { InferenceRunner } from '@tessera/inference';
import { probability } from '@tessera/runtime';
import type { DualEncoderBundle } from '../encoders/dual-encoder-bundle.js';
import { encodeCandidates } from '../encoders/text-encoder.js';
import type { TokenTable } from '../encoders/token-table.js';
import { isTrained, rowsFor } from '../encoders/vocabulary-rows.js';

/** Gives the probability that no candidate fits an image with this embedding and these logits `[C]`. */
export type NoneProbability = (image: Float32Array, logits: Float32Array) => number;

/** Whether images show something else than their candidates, by the bundle's `none_calibration`. */
export class NoneProbabilities {
  readonly #bundle: DualEncoderBundle;
  readonly #runner: InferenceRunner;
  readonly #tokens: TokenTable;
  readonly #words: readonly Float32Array[];
  #background: Promise<Float32Array> | undefined;

  /** @param words - rows of the words before the primitives, such as "a photo of" */
  constructor(bundle: DualEncoderBundle, runner: InferenceRunner, tokens: TokenTable, words: readonly Float32Array[]) {
    this.#bundle = bundle;
    this.#runner = runner;
    this.#tokens = tokens;
    this.#words = words;
  }

  /**
   * @param texts - embeddings of the candidates
   * @returns nothing when the bundle has no calibration for prompts as the vocabulary has them
   * @throws TesseraError `TSR_INFERENCE_FAILED`
   */
  async among(texts: TextMatrix, vocabulary: Vocabulary | InlineVocabulary): Promise<NoneProbability | undefined> {
    const { none_calibration: calibrations, logit_scale: logitScale } = this.#bundle.manifest.settings;
    const method = isTrained(vocabulary) ? vocabulary.method : 'clip';
    if (calibrations === undefined || method === 'coop') return undefined;
    const background = await this.#encodeBackground(calibrations.background);
    const calibration = method === 'csp' ? calibrations.learned : calibrations.words;
    return (image, logits) =>
      probability(calibration, noneFeatures(bestCandidate(image, texts, logits), background, logitScale));
  }

  /** Once; after a failure the next request tries again. */
  #encodeBackground(names: readonly string[]): Promise<Float32Array> {
    const encode = async (): Promise<Float32Array> => {
      const candidates = objectCandidates(names);
      const rows = rowsFor(candidates, { attributes: [], objects: [...names] }, this.#tokens, this.#words);
      return meanEmbedding(await encodeCandidates(this.#bundle, this.#runner, candidates, rows));
    };
    this.#background ??= encode().catch((error: unknown) => {
      this.#background = undefined;
      throw error;
    });
    return this.#background;
  }
}
