import { objectOf, type Composition } from '@tessera/composition';
import type { TrainingMethod } from '@tessera/contracts';
import { concatenate, type HostTensor } from '@tessera/inference';
import { batchOf } from '../encoders/prompts.js';
import type { TokenTable } from '../encoders/token-table.js';
import type { LearningProblem } from './learning-problem.js';

/** What a training learns, and the prompts of the seen pairs with the places that it fills. */
export interface LearnablePrompts {
  /** Number of learned rows P. */
  readonly rows: number;
  /** `[P, W]`, before the first step. */
  readonly initial: Float32Array;
  /** Feeds of `soft_prompt_step` that are the same in every step. */
  readonly feeds: { readonly prompts: HostTensor; readonly rows: HostTensor; readonly end: HostTensor };
}

/** A place in a prompt: a fixed embedding, or the learned row that fills it. */
type Slot = Float32Array | number;

/**
 * `csp`: a row for each attribute, then for each object, that begin as the means of their word pieces (Nayak, Yu, Bach,
 * ICLR 2023). `coop`: the rows of the words before the primitives, which stay fixed themselves (Zhou et al., "Learning to
 * Prompt for Vision-Language Models", 2022).
 *
 * @param words - rows of the words before the primitives, such as "a photo of"
 */
export function learnablePrompts(
  method: Exclude<TrainingMethod, 'clip'>,
  { attributes, objects, seenPairs }: Pick<LearningProblem, 'attributes' | 'objects' | 'seenPairs'>,
  tokens: TokenTable,
  words: readonly Float32Array[],
): LearnablePrompts {
  const cspSlots = (pair: Composition): Slot[] => [
    tokens.start,
    ...words,
    ...pair.slice(0, -1).map((name) => attributes.indexOf(name)),
    attributes.length + objects.indexOf(objectOf(pair)),
    tokens.end,
  ];
  const coopSlots = (pair: Composition): Slot[] => [
    tokens.start,
    ...words.keys(),
    ...pair.map((name) => tokens.meanRow(name)),
    tokens.end,
  ];
  const learned = method === 'csp' ? [...attributes, ...objects].map((name) => tokens.meanRow(name)) : words;
  return {
    rows: learned.length,
    initial: concatenate(learned),
    feeds: feedsOf(seenPairs.map(method === 'csp' ? cspSlots : coopSlots), learned.length, tokens.width),
  };
}

/** The places that learned rows fill hold zeros in `prompts`; all others hold P in `rows`. */
function feedsOf(prompts: readonly (readonly Slot[])[], learnedRows: number, width: number): LearnablePrompts['feeds'] {
  const blank = new Float32Array(width);
  const fixed = prompts.map((slots) => slots.map((slot) => (typeof slot === 'number' ? blank : slot)));
  const { inputs_embeds: embeddings, end } = batchOf(fixed, width);
  const [count = 0, length = 0] = embeddings.dims;
  const rows = new BigInt64Array(count * length).fill(BigInt(learnedRows));
  for (const [index, slots] of prompts.entries()) {
    for (const [position, slot] of slots.entries()) {
      if (typeof slot === 'number') rows[index * length + position] = BigInt(slot);
    }
  }
  return { prompts: embeddings, rows: { type: 'int64', dims: [count, length], data: rows }, end };
}
