import { cuts, type ReasonerEvaluation } from '@tessera/evaluation';
import type { PruningPlan } from '@tessera/segmentation';

/** A plan that the study measures. */
export interface MeasuredPlan {
  readonly method: string;
  readonly group: 'off' | 'method' | 'selection' | 'scatter' | 'baseline';
  /** Share of the image-token FLOPs that it was asked to save; 0 for the unpruned model. */
  readonly cut: number;
  readonly isRandom: boolean;
  readonly plan: PruningPlan;
}

const selections = ['cls', 'uniform', 'seg_first', 'random'] as const;
const scatterRules = ['skip', 'copy', 'residual', 'reset'] as const;
const baselines = ['fastv', 'pyramid', 'cls_topk', 'random'] as const;

/**
 * The unpruned model, then for each cut: clustering, scattering and pruning as shipped; with other selections; with other
 * scatter rules; and the baselines.
 */
export function measuredPlans(evaluation: ReasonerEvaluation): MeasuredPlan[] {
  const { pruning } = evaluation.settings;
  const off = { method: 'off', group: 'off', cut: 0, isRandom: false, plan: evaluation.plan({ mode: 'off' }) } as const;
  return [off, ...cuts.flatMap(plansAt)];

  function plansAt(cut: number): MeasuredPlan[] {
    const plan = evaluation.plan({ mode: 'csp', reduction: cut });
    const csp = { method: 'csp', group: 'method', cut, isRandom: pruning.selection === 'random', plan } as const;
    return [
      csp,
      ...selections
        .filter((selection) => selection !== pruning.selection)
        .map((selection) => ({
          ...csp,
          method: `csp, selection ${selection}`,
          group: 'selection' as const,
          isRandom: selection === 'random',
          plan: { ...plan, selection },
        })),
      ...scatterRules
        .filter((scatter) => scatter !== pruning.scatter)
        .map((scatter) => ({
          ...csp,
          method: `csp, scatter ${scatter}`,
          group: 'scatter' as const,
          plan: { ...plan, scatter },
        })),
      ...baselines.map((mode) => ({
        method: mode,
        group: 'baseline' as const,
        cut,
        isRandom: mode === 'random',
        plan: evaluation.plan({ mode, reduction: cut }),
      })),
    ];
  }
}
