import type { RegionReasonerSettings, ScatterRule, TokenStage } from '@tessera/contracts';
import {
  finiteOutput,
  int64Output,
  rowsOf,
  type Bundle,
  type HostTensor,
  type InferenceRunner,
} from '@tessera/inference';
import { tokensPerLayer } from '@tessera/token-pruning';
import type { Proposals } from '../vision/proposals.js';
import type { PruningPlan } from './pruning-plan.js';
import type { EncodedTexts } from '../language/text-encoder.js';
import { tokenMaps } from './token-map.js';
import { tokenPriority } from './token-selection.js';

/** Objects that the graph reads of a query: its target and two others. */
const mentionCount = 3;

/** The graph's numbers of the rules. */
const scatterNumbers: Readonly<Record<ScatterRule, bigint>> = { skip: 0n, copy: 1n, residual: 2n, reset: 3n };

/** The queries about one image. */
export interface ReasonerQuestion {
  readonly proposals: Proposals;
  readonly texts: EncodedTexts;
  /** Of each text the class weights of the objects that it names, its target first; empty where it names none. */
  readonly mentions: readonly (readonly ClassWeights[])[];
  readonly plan: PruningPlan;
  /** Decides a random selection. */
  readonly seed: string;
}

/** Weights in [0, 1] by class index. */
export type ClassWeights = ReadonlyMap<number, number>;

/** The scores of one query. */
export interface RegionScores {
  /** Logits of the regions, `[regions]`. */
  readonly scores: Float32Array;
  /** Logits of the class channel alone, `[regions]`. */
  readonly classLogits: Float32Array;
  /** How far the answer depends on more than the class, in [0, 1]. */
  readonly gate: number;
  /** The image tokens that each stage saw. */
  readonly tokenMap: readonly TokenStage[];
}

/**
 * The bundle's graph `reasoner`: all queries about an image in one run, which shares the image tokens' states for as long
 * as no query has chosen its own.
 */
export class Reasoner {
  readonly #bundle: Bundle;
  readonly #runner: InferenceRunner;
  readonly #decoder: RegionReasonerSettings['decoder'];
  readonly #classCount: number;

  constructor(bundle: Bundle, runner: InferenceRunner, decoder: RegionReasonerSettings['decoder'], classCount: number) {
    this.#bundle = bundle;
    this.#runner = runner;
    this.#decoder = decoder;
    this.#classCount = classCount;
  }

  /** The scores of each text. */
  async answer(question: ReasonerQuestion, signal?: AbortSignal): Promise<RegionScores[]> {
    const { outputs } = await this.#runner.run({
      bundle: this.#bundle.manifest.name,
      graph: 'reasoner',
      feeds: this.#feeds(question),
      fetch: ['scores', 'class_logits', 'gate', 'tokens'],
      signal,
    });
    const count = question.mentions.length;
    const scores = rowsOf(finiteOutput(outputs, 'scores'), count);
    const classLogits = rowsOf(finiteOutput(outputs, 'class_logits'), count);
    const gate = finiteOutput(outputs, 'gate');
    const seen = tokenMaps(question.plan.stages, int64Output(outputs, 'tokens'), count);
    return scores.map((own, index) => ({
      scores: own,
      classLogits: classLogits[index] ?? new Float32Array(),
      gate: gate[index] ?? 0,
      tokenMap: seen[index] ?? [],
    }));
  }

  #feeds({ proposals, texts, mentions, plan, seed }: ReasonerQuestion): Record<string, HostTensor> {
    const { grid_side: gridSide, regions, layers } = this.#decoder;
    const perLayer = tokensPerLayer(plan.stages);
    const tokens = { gridSide, regions };
    const priority = tokenPriority(plan.selection, proposals, tokens, perLayer[0] ?? 1, seed);
    return {
      region_boxes: proposals.boxTensor,
      region_class_scores: proposals.scoreTensor,
      sentence: texts.sentence,
      pieces: texts.pieces,
      lengths: texts.lengths,
      mentions: this.#mentionTensor(mentions),
      priority: { type: 'float32', dims: [priority.length], data: priority },
      image_tokens: { type: 'int64', dims: [layers], data: BigInt64Array.from(perLayer, BigInt) },
      scatter: { type: 'int64', dims: [], data: BigInt64Array.of(scatterNumbers[plan.scatter]) },
    };
  }

  #mentionTensor(mentions: readonly (readonly ClassWeights[])[]): HostTensor {
    const data = new Float32Array(mentions.length * mentionCount * this.#classCount);
    for (const [query, objects] of mentions.entries()) {
      for (const [place, weights] of objects.slice(0, mentionCount).entries()) {
        const start = (query * mentionCount + place) * this.#classCount;
        for (const [index, weight] of weights) data[start + index] = weight;
      }
    }
    return { type: 'float32', dims: [mentions.length, mentionCount, this.#classCount], data };
  }
}
