import type { Vocabulary } from '@tessera/composition';
import type { TrainingEpoch, TrainingMethod, TrainingRecipe, VocabularyMetrics } from '@tessera/contracts';
import type { InferenceRunner } from '@tessera/inference';
import { baseHash, type DualEncoderBundle } from '../encoders/dual-encoder-bundle.js';
import type { ImageEmbedder } from '../encoders/image-embedder.js';
import { encodeCandidates } from '../encoders/text-encoder.js';
import type { TokenTable } from '../encoders/token-table.js';
import { rowsFor } from '../encoders/vocabulary-rows.js';
import { learnablePrompts } from './learnable-prompts.js';
import type { LearningProblem } from './learning-problem.js';
import { PromptLearner } from './prompt-learner.js';
import type { BestEpoch, TrainingState } from './training-state.js';
import type { EpochProgress, TrainingHooks, TrainingTask } from './training.js';
import { validate, type Validation } from './validation.js';

/** What a training uses of a model. */
export interface TrainingParts {
  readonly bundle: DualEncoderBundle;
  readonly runner: InferenceRunner;
  readonly tokens: TokenTable;
  /** Rows of the words before the primitives, such as "a photo of". */
  readonly words: readonly Float32Array[];
  readonly images: ImageEmbedder;
}

export type CompleteTask = TrainingTask & { readonly recipe: TrainingRecipe };

/** A training whose images are embedded: epochs, their validation, and the vocabulary that comes of them. */
export class Training {
  readonly #parts: TrainingParts;
  readonly #task: CompleteTask;
  readonly #features: readonly Float32Array[];
  readonly #hooks: TrainingHooks;
  readonly #save: (state: TrainingState) => Promise<void>;

  /**
   * @param features - image embeddings `[D]` of unit length in the order of the task's examples
   * @param save - called after every epoch
   */
  constructor(
    parts: TrainingParts,
    task: CompleteTask,
    features: readonly Float32Array[],
    hooks: TrainingHooks,
    save: (state: TrainingState) => Promise<void> = () => Promise.resolve(),
  ) {
    this.#parts = parts;
    this.#task = task;
    this.#features = features;
    this.#hooks = hooks;
    this.#save = save;
  }

  /**
   * Runs what is left of a phase.
   *
   * @param epochs - of this phase
   * @param progress - what is reported with every epoch: how many there are in all, and the phase where there are two
   * @throws the signal's reason between two steps
   */
  async run(
    method: Exclude<TrainingMethod, 'clip'>,
    problem: LearningProblem,
    from: TrainingState,
    epochs: number,
    progress: Pick<EpochProgress, 'epochs' | 'phase'>,
  ): Promise<TrainingState> {
    const { bundle, runner, tokens, words } = this.#parts;
    const prompts = learnablePrompts(method, problem, tokens, words);
    const examples = { features: this.#featuresOf(problem.fit), labels: problem.labels };
    const learner = new PromptLearner(bundle, runner, prompts, examples, this.#task.recipe);
    let state = from;
    while (state.epoch < epochs) {
      const epoch = state.epoch + 1;
      const { state: learned, loss } = await learner.runEpoch(state, epoch, this.#hooks.signal);
      const validation = await this.validate(problem, learned.theta);
      const auc = validation?.metrics?.auc;
      const report: TrainingEpoch = {
        epoch: state.history.length + 1,
        loss,
        ...(auc === undefined ? {} : { validation_auc: auc }),
      };
      const best = betterOf(state.best, validation && { ...validation, epoch, theta: learned.theta });
      state = { ...learned, phase: state.phase, epoch, best, history: [...state.history, report] };
      await this.#save(state);
      this.#hooks.onProgress?.({ stage: 'epoch', ...progress, ...report });
    }
    return state;
  }

  /**
   * @param theta - the learned rows `[P, W]`, nothing for those that were there before
   * @returns nothing when the problem has no validation images
   */
  async validate(problem: LearningProblem, theta: Float32Array | undefined): Promise<Validation | undefined> {
    if (problem.validation.length === 0) return undefined;
    const { bundle, runner, tokens, words } = this.#parts;
    const { candidates } = problem;
    const rows = rowsFor(candidates, this.vocabulary(problem, theta), tokens, words);
    const matrix = await encodeCandidates(bundle, runner, candidates, rows, { signal: this.#hooks.signal });
    return validate(problem, this.#featuresOf(problem.validation), matrix, bundle.manifest.settings.logit_scale);
  }

  vocabulary(
    { attributes, objects, seenPairs }: LearningProblem,
    theta: Float32Array | undefined,
    metrics?: VocabularyMetrics,
    history?: TrainingEpoch[],
  ): Vocabulary {
    const { name, settings } = this.#parts.bundle.manifest;
    const { text_width: width, logit_scale } = settings;
    return {
      name: this.#task.name,
      model: name,
      method: this.#task.method,
      attributes: [...attributes],
      objects: [...objects],
      seen_pairs: seenPairs.map((pair) => [...pair]),
      logit_scale,
      base: { name, sha256: baseHash(this.#parts.bundle) },
      learned: theta === undefined ? undefined : { rows: theta.length / width, width, values: theta },
      recipe: this.#task.recipe,
      ...(metrics === undefined ? {} : { metrics }),
      ...(history === undefined ? {} : { history }),
    };
  }

  #featuresOf(examples: readonly number[]): Float32Array[] {
    return examples.map((index) => this.#features[index] ?? new Float32Array());
  }
}

/** The earlier one of two that are equally good. */
function betterOf(best: BestEpoch | undefined, latest: BestEpoch | undefined): BestEpoch | undefined {
  return best === undefined || (latest !== undefined && latest.score > best.score) ? latest : best;
}
