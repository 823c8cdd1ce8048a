import { createHash } from 'node:crypto';
import type { Vocabulary } from '@tessera/composition';
import { StageClock } from '@tessera/runtime';
import { baseHash } from '../encoders/dual-encoder-bundle.js';
import { compositionStages } from '../pipeline/composition-model.js';
import { parseCheckpoint, serializeCheckpoint } from './checkpoint.js';
import { learnablePrompts } from './learnable-prompts.js';
import { checkExamples, givenSplit, heldOutSplit, learningProblem, withFirstSpellings } from './learning-problem.js';
import { completeRecipe } from './recipe.js';
import { Training, type CompleteTask, type TrainingParts } from './training-run.js';
import { freshState, type TrainingState } from './training-state.js';
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
  const examples = withFirstSpellings(allExamples.filter(({ set }) => set !== 'test'));
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
    return training.vocabulary(whole, undefined, validation?.metrics, []);
  }

  const { initial } = learnablePrompts(method, choice, parts.tokens, parts.words);
  const taskHash = hashTask(parts, task);
  const lengths = {
    examples: examples.length,
    features: parts.bundle.manifest.settings.embedding_width,
    theta: initial.length,
  };
  const saved = await hooks.loadCheckpoint?.();
  const resumed = saved && parseCheckpoint(saved, taskHash, lengths);
  const features = resumed?.features ?? (await embed());
  const save = async (latest: TrainingState): Promise<void> => {
    await hooks.saveCheckpoint?.(serializeCheckpoint({ features, state: latest }, taskHash));
  };
  const training = new Training(parts, task, features, hooks, save);
  let state = resumed?.state ?? freshState(initial, 'choice');
  if (resumed === undefined) await save(state);
  if (state.phase === 'choice') {
    // A set may be too small to hold anything out.
    const hasChoice = isHeldOut && choice.validation.length > 0;
    const progress = hasChoice ? ({ epochs: 2 * recipe.epochs, phase: 'choice' } as const) : { epochs: recipe.epochs };
    state = await training.run(method, choice, state, recipe.epochs, progress);
  }
  const { best } = state;
  if (best === undefined) return training.vocabulary(whole, state.theta, undefined, state.history);
  if (!isHeldOut) return training.vocabulary(whole, best.theta, best.metrics, state.history);
  if (state.phase === 'choice') state = freshState(initial, 'final', state);
  const progress = { epochs: recipe.epochs + best.epoch, phase: 'final' } as const;
  state = await training.run(method, whole, state, best.epoch, progress);
  return training.vocabulary(whole, state.theta, best.metrics, state.history);
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
    {
      pointerOf: (index) => `/examples/${places[index]}/image`,
      onProgress: (done) => onProgress?.({ stage: 'features', done, total: examples.length }),
    },
  );
}

/** SHA-256 of everything that a training depends on: its checkpoints are of no use to another. */
function hashTask({ bundle }: TrainingParts, { method, recipe, examples }: CompleteTask): string {
  const rows = examples.map(({ image, attributes, object, set }) => [image.id, attributes, object, set]);
  const dependencies = [baseHash(bundle), bundle.graphHash('image_encoder'), method, recipe, rows];
  return createHash('sha256').update(JSON.stringify(dependencies)).digest('hex');
}
