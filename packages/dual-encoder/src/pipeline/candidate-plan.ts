import { createHash } from 'node:crypto';
import {
  closedWorld,
  feasibilityScores,
  feasibleCandidates,
  openWorld,
  pairCandidates,
  selectCandidates,
  type CandidateSet,
  type Vocabulary,
} from '@tessera/composition';
import { TesseraError, type ClassifyOptions, type InlineVocabulary } from '@tessera/contracts';
import { RecentValues } from '@tessera/runtime';
import type { TokenTable } from '../encoders/token-table.js';
import { isTrained } from '../encoders/vocabulary-rows.js';

/** The candidates of a request. */
export interface CandidatePlan {
  readonly candidates: CandidateSet;
  /** `[C]`, when the request has a threshold for it. */
  readonly feasibility: Float32Array | undefined;
  /** Of each name that has some, the words that the model's tokenizer knows no piece of. */
  readonly unknownWords: UnknownWords;
  /** Number of candidates that are not feasible and were left out. */
  readonly excluded: number;
}

/** By the names of a candidate set. */
interface UnknownWords {
  readonly attributes: ReadonlyMap<string, readonly string[]>;
  readonly objects: ReadonlyMap<string, readonly string[]>;
}

/** How many plans are remembered; one of 278 362 candidates takes 5 MB. */
const rememberedPlans = 8;

type PlanOptions = Pick<ClassifyOptions, 'pairs' | 'world' | 'feasibility_threshold'>;

/** The plans of recent requests: that of a large open world takes longer to make than to use. */
export class CandidatePlans {
  readonly #tokens: TokenTable;
  readonly #plans = new RecentValues<CandidatePlan>(rememberedPlans);

  constructor(tokens: TokenTable) {
    this.#tokens = tokens;
  }

  /** As {@link planCandidates}. */
  get(vocabulary: Vocabulary | InlineVocabulary, options: PlanOptions): CandidatePlan {
    const { attributes, objects } = vocabulary;
    const seenPairs = isTrained(vocabulary) ? vocabulary.seen_pairs : undefined;
    const { pairs, world, feasibility_threshold: threshold } = options;
    const key = createHash('sha256')
      .update(JSON.stringify([attributes, objects, seenPairs, pairs, world, threshold]))
      .digest('hex');
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    const chosen = planCandidates(vocabulary, options, this.#tokens);
    const plan = { ...chosen, unknownWords: unknownWordsOf(chosen.candidates, this.#tokens) };
    this.#plans.set(key, plan);
    return plan;
  }
}

/**
 * Decides among which compositions an image is classified. How feasible a pair is follows from the pretrained embeddings
 * of its words, whether they were trained or not.
 *
 * @throws TesseraError `TSR_VALIDATION`
 */
function planCandidates(
  vocabulary: Vocabulary | InlineVocabulary,
  options: PlanOptions,
  tokens: TokenTable,
): Omit<CandidatePlan, 'unknownWords'> {
  const { pairs, world = 'closed', feasibility_threshold: threshold } = options;
  const seenPairs = isTrained(vocabulary) ? vocabulary.seen_pairs : [];
  if (pairs !== undefined) return allOf(pairCandidates(pairs, seenPairs));
  if (world === 'closed' && isTrained(vocabulary)) return allOf(closedWorld(seenPairs));
  if (world === 'closed' || threshold === undefined) {
    return allOf(openWorld(vocabulary.attributes, vocabulary.objects, seenPairs));
  }
  if (!isTrained(vocabulary) || seenPairs.length === 0) {
    throw new TesseraError('TSR_VALIDATION', 'Feasibility needs a vocabulary that was trained on some pairs.', {
      fields: [{ pointer: '/feasibility_threshold', message: 'needs a trained vocabulary' }],
    });
  }
  const { everyPair, scores } = ratedPairs(vocabulary, tokens);
  const feasible = feasibleCandidates(scores, everyPair.seen, threshold);
  const candidates = selectCandidates(everyPair, feasible);
  return {
    candidates,
    feasibility: scores.filter((_, index) => feasible[index] === 1),
    excluded: everyPair.count - candidates.count,
  };
}

/** The open world of a vocabulary and the feasibility of each pair. */
interface RatedPairs {
  readonly everyPair: CandidateSet;
  readonly scores: Float32Array;
}

/** They take longer than the classification in a large world, and only the threshold changes from request to request. */
const knownRatings = new WeakMap<Vocabulary, RatedPairs>();

function ratedPairs(vocabulary: Vocabulary, tokens: TokenTable): RatedPairs {
  const known = knownRatings.get(vocabulary);
  if (known !== undefined) return known;
  const { attributes, objects, seen_pairs: seenPairs } = vocabulary;
  const everyPair = openWorld(attributes, objects, seenPairs);
  const rowsOf = (names: readonly string[]) => new Map(names.map((name) => [name, tokens.meanRow(name)]));
  const embeddings = { attributes: rowsOf(attributes), objects: rowsOf(objects) };
  const rated = { everyPair, scores: feasibilityScores(everyPair, seenPairs, embeddings) };
  knownRatings.set(vocabulary, rated);
  return rated;
}

function allOf(candidates: CandidateSet): Omit<CandidatePlan, 'unknownWords'> {
  return { candidates, feasibility: undefined, excluded: 0 };
}

function unknownWordsOf({ attributes, objects }: CandidateSet, tokens: TokenTable): UnknownWords {
  const wordsByName = (names: readonly string[]) =>
    new Map(
      names.flatMap((name) => {
        const words = tokens.unknownWords(name);
        return words.length === 0 ? [] : [[name, words] as const];
      }),
    );
  return { attributes: wordsByName(attributes), objects: wordsByName(objects) };
}
