import { TesseraError, type LisaSettings, type TokenStage } from '@tessera/contracts';
import {
  finiteOutput,
  int64Output,
  rowsOf,
  type Bundle,
  type HostTensor,
  type InferenceRunner,
} from '@tessera/inference';
import { tokensPerLayer } from '@tessera/token-pruning';
import type { SeenImage } from '../vision/vision-tower.js';
import type { StagePlan } from './pruning-plan.js';
import { tokenMaps } from './token-map.js';
import { randomPriority, uniformPriority } from './token-selection.js';

/** The queries about one image, in tokens. */
export interface LanguageQuestion {
  /** Tokens before the image. */
  readonly prefix: readonly number[];
  /** Tokens after the image, of each query. */
  readonly texts: readonly (readonly number[])[];
  readonly plan: StagePlan;
  /** Decides a random selection. */
  readonly seed: string;
}

/** What the model says of one query. */
export interface LanguageAnswer {
  /** The mask decoder's prompt, `[1, 256]`. */
  readonly embedding: Float32Array;
  /** Log-odds that the next token is [SEG]. */
  readonly segLogit: number;
  /** The image tokens that each stage saw. */
  readonly tokenMap: readonly TokenStage[];
}

/**
 * The bundle's graph `language_model`: one prefill for all queries about an image that fit into it, which shares the image tokens' states
 * for as long as no query has chosen its own. Nothing is generated.
 */
export class ImageLanguageModel {
  readonly #bundle: string;
  readonly #runner: InferenceRunner;
  readonly #settings: Pick<LisaSettings, 'decoder' | 'maximum_tokens'>;

  constructor(bundle: Bundle, runner: InferenceRunner, settings: Pick<LisaSettings, 'decoder' | 'maximum_tokens'>) {
    this.#bundle = bundle.manifest.name;
    this.#runner = runner;
    this.#settings = settings;
  }

  /** @throws TesseraError `TSR_VALIDATION` for a query that does not fit into a prompt, `TSR_INFERENCE_FAILED` */
  async answer(image: SeenImage, question: LanguageQuestion, signal?: AbortSignal): Promise<LanguageAnswer[]> {
    const answers: LanguageAnswer[] = [];
    for (const texts of together(question.texts, this.#room(question))) {
      answers.push(...(await this.#run(image, { ...question, texts }, signal)));
    }
    return answers;
  }

  async #run(image: SeenImage, question: LanguageQuestion, signal: AbortSignal | undefined): Promise<LanguageAnswer[]> {
    const { outputs } = await this.#runner.run({
      bundle: this.#bundle,
      graph: 'language_model',
      feeds: { ...feedsOf(question, image.attention), image_embeddings: image.embeddings },
      fetch: ['embedding', 'seg_logit', 'tokens'],
      signal,
    });
    const count = question.texts.length;
    const segLogits = finiteOutput(outputs, 'seg_logit');
    const seen = tokenMaps(question.plan.stages, int64Output(outputs, 'tokens'), count);
    return rowsOf(finiteOutput(outputs, 'embedding'), count).map((embedding, index) => ({
      embedding,
      segLogit: segLogits[index] ?? 0,
      tokenMap: seen[index] ?? [],
    }));
  }

  /** How many tokens the texts of one run may have together, padded to the longest. */
  #room({ prefix, texts }: LanguageQuestion): number {
    const { maximum_tokens: maximum, decoder } = this.#settings;
    const room = maximum - prefix.length - decoder.grid_side ** 2;
    const index = texts.findIndex(({ length }) => length > room);
    if (index < 0) return room;
    throw new TesseraError('TSR_VALIDATION', 'A query is too long for the model.', {
      fields: [
        { pointer: `/queries/${index}`, message: `has ${texts[index]?.length ?? 0} tokens in its prompt of ${room}` },
      ],
    });
  }
}

/** The texts in their order, as many to a run as fit into it. */
function together(texts: LanguageQuestion['texts'], room: number): LanguageQuestion['texts'][] {
  const runs: (readonly number[])[][] = [];
  for (const text of texts) {
    const last = runs.at(-1);
    const longest = Math.max(text.length, ...(last ?? []).map(({ length }) => length));
    if (last !== undefined && (last.length + 1) * longest <= room) last.push(text);
    else runs.push([text]);
  }
  return runs;
}

function feedsOf({ prefix, texts, plan, seed }: LanguageQuestion, attention: Float32Array): Record<string, HostTensor> {
  const perLayer = tokensPerLayer(plan.stages);
  const longest = Math.max(...texts.map(({ length }) => length));
  const padded = texts.flatMap((text) => [...text, ...new Array<number>(longest - text.length).fill(0)]);
  return {
    prefix: integers(prefix),
    text: integers(padded, texts.length, longest),
    lengths: integers(texts.map(({ length }) => length)),
    priority: {
      type: 'float32',
      dims: [attention.length],
      data: priorityOf(plan, attention, perLayer[0] ?? attention.length, seed),
    },
    image_tokens: integers(perLayer),
  };
}

/** By the class token's attention, unless the plan selects otherwise. */
function priorityOf({ selection }: StagePlan, attention: Float32Array, count: number, seed: string): Float32Array {
  if (selection === 'random') return randomPriority(attention.length, seed);
  return selection === 'uniform' ? uniformPriority(attention.length, count) : attention;
}

function integers(values: readonly number[], ...dims: readonly number[]): HostTensor {
  return { type: 'int64', dims: dims.length === 0 ? [values.length] : dims, data: BigInt64Array.from(values, BigInt) };
}
