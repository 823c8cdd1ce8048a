import { createHash } from 'node:crypto';
import type { Vocabulary } from '@tessera/composition';
import { StageClock } from '@tessera/runtime';
import { baseHash } from '../encoders/dual-encoder-bundle.js';
import { compositionStages } from '../pipeline/composition-model.js';
import { parseCheckpoint, serializeCheckpoint, type Checkpoint } from './checkpoint.js';
import { learnablePrompts } from './learnable-prompts.js';
import { checkExamples, givenSplit, heldOutSplit, learningProblem } from './learning-problem.js';
import { completeRecipe } from './recipe.js';
import { Training, type CompleteTask, type TrainingParts } from './training-run.js';
import { freshState } from './training-state.js';
import type { TrainingHooks, TrainingTask } from './training.js';

/**
 * Learns soft prompts. With a validation set the best epoch on it is kept. Without one a part of the examples is held out
 * to learn how many epochs are best, and then everything is learnt from for as many.
 *
 * @throws TesseraError as `CompositionModel.trainVocabulary`
 */
export async function trainVocabulary(
  parts: TrainingParts,
  { name, method, examples: allExamples, recipe: requested = {} }: TrainingTask,
  hooks: TrainingHooks = {},
): Promise<Vocabulary> {
  checkExamples(allExamples);
  const places = [...allExamples.keys()].filter((index) => allExamples[index]?.set !== 'test');
  const examples = allExamples.filter(({ set }) => set !== 'test');
  const given = givenSplit(examples);
  const recipe = completeRecipe(method, requested, given.fit.length);
  const task: CompleteTask = { name, method, examples, recipe };

  const isHeldOut = given.validation.length === 0;
  const whole = learningProblem(examples, given);
  const choice = isHeldOut ? learningProblem(examples, heldOutSplit(examples, recipe.seed)) : whole;
  const embed = (): Promise<Float32Array[]> => embedExamples(parts, task, hooks, places);

  if (method === 'clip') {
    const training = new Training(parts, task, await embed(), hooks);
    const validation = await training.validate(choice, undefined);
    return training.vocabulary(whole, undefined, { metrics: validation?.metrics, history: [] });
  }

  const { initial } = learnablePrompts(method, choice, parts.tokens, parts.words);
  const checkpoints = new Checkpoints(parts, task, hooks, initial.length);
  const resumed = await checkpoints.load();
  const features = resumed?.features ?? (await embed());
  const training = new Training(parts, task, features, hooks, (state) => checkpoints.save({ features, state }));
  let state = resumed?.state ?? freshState(initial, 'choice');
  if (resumed === undefined) await checkpoints.save({ features, state });
  if (state.phase === 'choice') {
    state = await training.run(method, choice, state, recipe.epochs, isHeldOut ? 2 * recipe.epochs : recipe.epochs);
  }
  const { best } = state;
  if (best === undefined)
    return training.vocabulary(whole, state.theta, { metrics: undefined, history: state.history });
  if (!isHeldOut) return training.vocabulary(whole, best.theta, { metrics: best.metrics, history: state.history });
  if (state.phase === 'choice') state = freshState(initial, 'final', state);
  state = await training.run(method, whole, state, best.epoch, recipe.epochs + best.epoch);
  return training.vocabulary(whole, state.theta, { metrics: best.metrics, history: state.history });
}

/** Image embeddings in the order of the task's examples. */
async function embedExamples(
  { images }: TrainingParts,
  { examples }: CompleteTask,
  { signal, onProgress }: TrainingHooks,
  places: readonly number[],
): Promise<Float32Array[]> {
  return await images.embed(
    examples.map(({ image }) => image),
    new StageClock(compositionStages, { signal }),
    (index) => `/examples/${places[index]}/image`,
    (done) => onProgress?.({ stage: 'features', done, total: examples.length }),
  );
}

/** The checkpoints of one task with one model. */
class Checkpoints {
  readonly #hooks: TrainingHooks;
  readonly #taskHash: string;
  readonly #lengths: { readonly examples: number; readonly features: number; readonly theta: number };

  constructor({ bundle }: TrainingParts, task: CompleteTask, hooks: TrainingHooks, thetaLength: number) {
    this.#hooks = hooks;
    const { method, recipe, examples } = task;
    const imageEncoder = bundle.graphHash('image_encoder');
    const rows = examples.map(({ image, attributes, object, set }) => [image.id, attributes, object, set]);
    this.#taskHash = createHash('sha256')
      .update(JSON.stringify([baseHash(bundle), imageEncoder, method, recipe, rows]))
      .digest('hex');
    this.#lengths = {
      examples: examples.length,
      features: bundle.manifest.settings.embedding_width,
      theta: thetaLength,
    };
  }

  async load(): Promise<Checkpoint | undefined> {
    const bytes = await this.#hooks.loadCheckpoint?.();
    return bytes === undefined ? undefined : parseCheckpoint(bytes, this.#taskHash, this.#lengths);
  }

  async save(checkpoint: Checkpoint): Promise<void> {
    await this.#hooks.saveCheckpoint?.(serializeCheckpoint(checkpoint, this.#taskHash));
  }
}
