import type { RegionReasonerSettings } from '@tessera/contracts';
import type { PruningPlan, RegionReasonerSegmenter } from '@tessera/segmentation';
import type { DecoderShape } from '@tessera/token-pruning';

export type MethodGroup = 'method' | 'selection' | 'scatter' | 'baseline';

export interface PruningMethod {
  readonly name: string;
  readonly group: MethodGroup;
  readonly isRandom: boolean;
  readonly planFor: (cut: number) => PruningPlan;
}

const selections = ['cls', 'uniform', 'seg_first', 'random'] as const;
const scatterRules = ['skip', 'copy', 'residual', 'reset'] as const;
const baselines = ['fastv', 'pyramid', 'cls_topk', 'random'] as const;

/** Clustering, scattering, pruning as shipped; with other selections; with other scatter rules; and the baselines. */
export function pruningMethods(
  segmenter: RegionReasonerSegmenter,
  { pruning }: RegionReasonerSettings,
): PruningMethod[] {
  const csp = (cut: number): PruningPlan => segmenter.plan({ mode: 'csp', reduction: cut });
  const isRandom = pruning.selection === 'random';
  return [
    { name: 'csp', group: 'method', isRandom, planFor: csp },
    ...selections
      .filter((selection) => selection !== pruning.selection)
      .map((selection) => ({
        name: `csp, selection ${selection}`,
        group: 'selection' as const,
        isRandom: selection === 'random',
        planFor: (cut: number) => ({ ...csp(cut), selection }),
      })),
    ...scatterRules
      .filter((scatter) => scatter !== pruning.scatter)
      .map((scatter) => ({
        name: `csp, scatter ${scatter}`,
        group: 'scatter' as const,
        isRandom,
        planFor: (cut: number) => ({ ...csp(cut), scatter }),
      })),
    ...baselines.map((mode) => ({
      name: mode,
      group: 'baseline' as const,
      isRandom: mode === 'random',
      planFor: (cut: number) => segmenter.plan({ mode, reduction: cut }),
    })),
  ];
}

/**
 * The language model without its image tokens, for the gate: it sees one, the cell in the top left corner, which is the
 * fewest that the graph takes. The regions' scores compare the answer with their embeddings.
 */
export function withoutImageTokens({ layers }: DecoderShape): PruningPlan {
  return {
    mode: 'random',
    stages: [{ name: 'selection', layers: [0, layers], imageTokens: 1 }],
    selection: 'uniform',
    scatter: 'skip',
  };
}
