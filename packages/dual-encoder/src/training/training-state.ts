import type { TrainingEpoch, VocabularyMetrics } from '@tessera/contracts';

/** Everything that one step of Adam hands to the next one; each `[P, W]`. */
export interface AdamState {
  readonly theta: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
}

/** The best epoch so far. */
export interface BestEpoch {
  readonly epoch: number;
  /** What epochs are compared by. */
  readonly score: number;
  readonly metrics: VocabularyMetrics | undefined;
  readonly theta: Float32Array;
}

/** Where a training stands after an epoch. Random numbers follow from the seed and these counts. */
export interface TrainingState extends AdamState {
  /**
   * `choice`: learn from a part of the examples, measure on the rest. `final`: learn from all of them, for as many epochs
   * as were best.
   */
  readonly phase: 'choice' | 'final';
  /** Epochs of this phase that are done. */
  readonly epoch: number;
  readonly best: BestEpoch | undefined;
  /** Of all phases. */
  readonly history: TrainingEpoch[];
}

/** The state before the first step of a phase. */
export function freshState(
  initial: Float32Array,
  phase: TrainingState['phase'],
  { best, history }: Pick<TrainingState, 'best' | 'history'> = { best: undefined, history: [] },
): TrainingState {
  const zeros = () => new Float32Array(initial.length);
  return { phase, epoch: 0, theta: initial, firstMoment: zeros(), secondMoment: zeros(), best, history };
}
