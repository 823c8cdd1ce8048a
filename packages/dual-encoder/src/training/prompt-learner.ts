import type { TrainingRecipe } from '@tessera/contracts';
import { float32Output, type HostTensor, type InferenceRunner } from '@tessera/inference';
import type { DualEncoderBundle } from '../encoders/dual-encoder-bundle.js';
import type { LearnablePrompts } from './learnable-prompts.js';
import { dropoutMask, epochOrder } from './training-random.js';
import type { AdamState } from './training-state.js';

/** Examples to learn from. */
export interface LabelledFeatures {
  /** Image embeddings of unit length, `[D]` each. */
  readonly features: readonly Float32Array[];
  /** Which prompt describes each image. */
  readonly labels: readonly number[];
}

/**
 * Learns rows of prompts by the graph `soft_prompt_step`: cross-entropy over the prompts, Adam with L2 in the gradient,
 * dropout on the learned rows (Nayak, Yu, Bach, "CSP", ICLR 2023, section 4 and appendix).
 */
export class PromptLearner {
  readonly #bundle: DualEncoderBundle;
  readonly #runner: InferenceRunner;
  readonly #prompts: LearnablePrompts;
  readonly #examples: LabelledFeatures;
  readonly #recipe: TrainingRecipe;

  constructor(
    bundle: DualEncoderBundle,
    runner: InferenceRunner,
    prompts: LearnablePrompts,
    examples: LabelledFeatures,
    recipe: TrainingRecipe,
  ) {
    this.#bundle = bundle;
    this.#runner = runner;
    this.#prompts = prompts;
    this.#examples = examples;
    this.#recipe = recipe;
  }

  /**
   * Shows every example once.
   *
   * @param epoch - from 1
   * @returns the state after it and the mean loss of its steps
   * @throws TesseraError `TSR_INFERENCE_FAILED`
   * @throws the signal's reason between two steps
   */
  async runEpoch(
    before: AdamState,
    epoch: number,
    signal?: AbortSignal,
  ): Promise<{ readonly state: AdamState; readonly loss: number }> {
    const { batch_size: batchSize, seed } = this.#recipe;
    const order = epochOrder(seed, epoch, this.#examples.labels.length);
    const steps = Math.ceil(order.length / batchSize);
    let state = before;
    let lossSum = 0;
    for (let index = 0; index < steps; index++) {
      signal?.throwIfAborted();
      const batch = order.subarray(index * batchSize, (index + 1) * batchSize);
      const result = await this.#runStep(state, batch, (epoch - 1) * steps + index + 1, signal);
      state = result.state;
      lossSum += result.loss;
    }
    return { state, loss: lossSum / steps };
  }

  /** @param step - from 1, over all epochs */
  async #runStep(
    { theta, firstMoment, secondMoment }: AdamState,
    batch: Uint32Array,
    step: number,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly state: AdamState; readonly loss: number }> {
    const { learning_rate: learningRate, weight_decay: weightDecay, dropout, seed } = this.#recipe;
    const {
      logit_scale: logitScale,
      text_width: width,
      embedding_width: embeddingWidth,
    } = this.#bundle.manifest.settings;
    const ofTheta = (data: Float32Array): HostTensor => ({ type: 'float32', dims: [this.#prompts.rows, width], data });
    const { features, labels } = this.#examples;
    const images = new Float32Array(batch.length * embeddingWidth);
    for (const [row, example] of batch.entries()) images.set(features[example] ?? [], row * embeddingWidth);
    const { outputs } = await this.#runner.run({
      bundle: this.#bundle.manifest.name,
      graph: 'soft_prompt_step',
      feeds: {
        ...this.#prompts.feeds,
        theta: ofTheta(theta),
        first_moment: ofTheta(firstMoment),
        second_moment: ofTheta(secondMoment),
        dropout_mask: ofTheta(dropoutMask(seed, step, theta.length, dropout)),
        step: scalar(step),
        learning_rate: scalar(learningRate),
        weight_decay: scalar(weightDecay),
        logit_scale: scalar(logitScale),
        image_embeds: { type: 'float32', dims: [batch.length, embeddingWidth], data: images },
        labels: {
          type: 'int64',
          dims: [batch.length],
          data: BigInt64Array.from(batch, (example) => BigInt(labels[example] ?? 0)),
        },
      },
      fetch: ['loss', 'next_theta', 'next_first_moment', 'next_second_moment'],
      signal,
    });
    const [loss = NaN] = float32Output(outputs, 'loss');
    return {
      loss,
      state: {
        theta: float32Output(outputs, 'next_theta'),
        firstMoment: float32Output(outputs, 'next_first_moment'),
        secondMoment: float32Output(outputs, 'next_second_moment'),
      },
    };
  }
}

function scalar(value: number): HostTensor {
  return { type: 'float32', dims: [], data: Float32Array.of(value) };
}
