import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  computeLogits,
  hashVocabulary,
  requireKnownPrimitives,
  scoreCandidates,
  type CandidateSet,
  type TextMatrix,
  type Vocabulary,
} from '@tessera/composition';
import {
  TesseraError,
  type ClassifyOptions,
  type DualEncoderSettings,
  type InlineVocabulary,
} from '@tessera/contracts';
import type { ImageLimits } from '@tessera/images';
import { concatenate, type InferenceRunner } from '@tessera/inference';
import { StageClock } from '@tessera/runtime';
import type { CompositionImage } from '../encoders/composition-image.js';
import { baseHash, type DualEncoderBundle } from '../encoders/dual-encoder-bundle.js';
import { ImageEmbedder } from '../encoders/image-embedder.js';
import { checkPromptLengths } from '../encoders/prompts.js';
import { encodeCandidates } from '../encoders/text-encoder.js';
import type { TokenTable } from '../encoders/token-table.js';
import { checkBase, isTrained, learnedRows, rowsFor } from '../encoders/vocabulary-rows.js';
import { trainVocabulary } from '../training/train-vocabulary.js';
import type { TrainingHooks, TrainingTask } from '../training/training.js';
import { CandidatePlans } from './candidate-plan.js';
import { describeScores, warningsAbout } from './classify-results.js';
import {
  compositionStages,
  type ClassifyOutcome,
  type CompositionContext,
  type CompositionModel,
  type CompositionStage,
} from './composition-model.js';
import { NoneProbabilities } from './none-probability.js';
import { TextMatrices } from './text-matrices.js';

const defaultTopK = 5;

/** Multiplications after which the comparison of images with candidates lets other work have its turn: some 0.3 s. */
const productsPerTurn = 3e8;

/** Memory for the text matrices that are kept. */
const textMatrixBytes = 256 * 1024 * 1024;

/** Shares of a request's progress that are done once the images and the texts are encoded. */
const imagesShare = 0.5;
const textsShare = 0.95;

/** Pipeline `dual-encoder`: image and prompts are embedded in one space, where the cosine measures how well they fit. */
export class DualEncoderModel implements CompositionModel {
  readonly #bundle: DualEncoderBundle;
  readonly #runner: InferenceRunner;
  readonly #settings: DualEncoderSettings;
  readonly #tokens: TokenTable;
  readonly #words: readonly Float32Array[];
  readonly #images: ImageEmbedder;
  readonly #matrices: TextMatrices;
  readonly #plans: CandidatePlans;
  readonly #noneProbabilities: NoneProbabilities;
  readonly #base: Vocabulary['base'];

  constructor(bundle: DualEncoderBundle, runner: InferenceRunner, tokens: TokenTable, imageLimits: ImageLimits) {
    this.#bundle = bundle;
    this.#runner = runner;
    this.#settings = bundle.manifest.settings;
    this.#tokens = tokens;
    this.#words = tokens.pieceRows(this.#settings.prompt);
    this.#images = new ImageEmbedder(bundle, runner, imageLimits);
    this.#plans = new CandidatePlans(tokens);
    this.#matrices = new TextMatrices(textMatrixBytes);
    this.#noneProbabilities = new NoneProbabilities(bundle, runner, tokens, this.#words);
    this.#base = { name: bundle.manifest.name, sha256: baseHash(bundle) };
  }

  async warmUp(image: CompositionImage): Promise<void> {
    await this.classify([image], { attributes: ['red'], objects: ['dress'] }, {});
  }

  async classify(
    images: readonly CompositionImage[],
    vocabulary: Vocabulary | InlineVocabulary,
    options: Omit<ClassifyOptions, 'model' | 'vocabulary'>,
    context: CompositionContext = {},
  ): Promise<ClassifyOutcome> {
    this.#check(vocabulary);
    const clock = new StageClock(compositionStages, context);
    const plan = this.#plans.get(vocabulary, options);
    const { candidates } = plan;
    if (options.unknown_primitives === 'error') requireKnownPrimitives(candidates, vocabulary);
    const embeddings = await this.#embedImages(images, clock, context);
    const matrix = await this.#embedCandidates(candidates, vocabulary, clock);
    const noneProbability = await clock.measure('text', () => this.#noneProbabilities.among(matrix, vocabulary));

    const { logit_scale: logitScale } = isTrained(vocabulary) ? vocabulary : this.#settings;
    const { unseen_bias: unseenBias = 0, top_k: topK = defaultTopK, marginals = false } = options;
    const learned = learnedRows(vocabulary);
    const results: ClassifyOutcome['results'] = [];
    const imagesPerTurn = Math.max(1, Math.floor(productsPerTurn / (matrix.rows * matrix.width)));
    for (let start = 0; start < embeddings.length; start += imagesPerTurn) {
      clock.report('scoring', textsShare + (1 - textsShare) * (start / embeddings.length));
      await clock.measure('scoring', async () => {
        const group = embeddings.slice(start, start + imagesPerTurn);
        const logits = computeLogits(concatenate(group), matrix, logitScale);
        if (!logits.every(Number.isFinite)) throw notFinite(vocabulary);
        for (const [offset, embedding] of group.entries()) {
          const ofImage = logits.subarray(offset * matrix.rows, (offset + 1) * matrix.rows);
          const scores = scoreCandidates(ofImage, candidates, { topK, unseenBias, marginals });
          const none = noneProbability?.(embedding, ofImage);
          results.push({
            index: start + offset,
            ...describeScores(scores, plan, learned),
            ...(none === undefined ? {} : { none }),
          });
        }
        await nextTurn();
      });
    }
    return {
      results,
      candidates: { count: candidates.count, excluded: plan.excluded },
      calibration: { unseen_bias: unseenBias, logit_scale: logitScale },
      warnings: warningsAbout(plan, learned),
      timingsMs: clock.timingsMs,
    };
  }

  async embedImages(images: readonly CompositionImage[], context: CompositionContext = {}): Promise<Float32Array[]> {
    return await this.#embedImages(images, new StageClock(compositionStages, context), context, 1);
  }

  async embedCandidates(
    candidates: CandidateSet,
    vocabulary: Vocabulary | InlineVocabulary,
    context: CompositionContext = {},
  ): Promise<TextMatrix> {
    this.#check(vocabulary);
    return await this.#embedCandidates(candidates, vocabulary, new StageClock(compositionStages, context));
  }

  async trainVocabulary(task: TrainingTask, hooks: TrainingHooks = {}): Promise<Vocabulary> {
    const parts = { bundle: this.#bundle, runner: this.#runner, tokens: this.#tokens, words: this.#words };
    return await trainVocabulary({ ...parts, images: this.#images }, task, hooks);
  }

  async #embedImages(
    images: readonly CompositionImage[],
    clock: StageClock<CompositionStage>,
    { shared }: CompositionContext,
    share = imagesShare,
  ): Promise<Float32Array[]> {
    return await this.#images.embed(images, clock, {
      pointerOf: (index) => `/images/${index}`,
      onProgress: (done) => {
        clock.report('vision', (share * done) / images.length);
      },
      shared,
    });
  }

  async #embedCandidates(
    candidates: CandidateSet,
    vocabulary: Vocabulary | InlineVocabulary,
    clock: StageClock<CompositionStage>,
  ): Promise<TextMatrix> {
    const isLearned = isTrained(vocabulary) && vocabulary.learned !== undefined;
    return await clock.measure('text', () =>
      this.#matrices.get(
        isLearned ? hashVocabulary(vocabulary) : 'pretrained',
        candidates,
        () => {
          const rows = rowsFor(candidates, vocabulary, this.#tokens, this.#words);
          checkPromptLengths(candidates, rows.prefix.length, this.#settings.context_length);
          return encodeCandidates(this.#bundle, this.#runner, candidates, rows, {
            signal: clock.signal,
            onProgress: (fraction) => {
              clock.report('text', imagesShare + (textsShare - imagesShare) * fraction);
            },
          });
        },
        clock.signal,
      ),
    );
  }

  #check(vocabulary: Vocabulary | InlineVocabulary): void {
    if (isTrained(vocabulary)) checkBase(vocabulary, this.#base, this.#settings.text_width);
  }
}

/** Learned values that the text encoder cannot take are the vocabulary's fault, anything else is the model's. */
function notFinite(vocabulary: Vocabulary | InlineVocabulary): TesseraError {
  if (!isTrained(vocabulary))
    return new TesseraError('TSR_INFERENCE_FAILED', 'The model gave logits that are not finite.');
  return new TesseraError(
    'TSR_VOCABULARY_INVALID',
    `The learned values of the vocabulary "${vocabulary.name}" give logits that are not finite.`,
  );
}
