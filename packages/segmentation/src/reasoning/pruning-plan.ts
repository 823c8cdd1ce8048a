import {
  TesseraError,
  type PruningMode,
  type RegionReasonerSettings,
  type ScatterRule,
  type SegmentOptions,
  type TokenSelection,
} from '@tessera/contracts';
import {
  flopsReduction,
  planBaseline,
  planSchedule,
  scheduleStages,
  unprunedStages,
  type DecoderShape,
  type Schedule,
  type Stage,
} from '@tessera/token-pruning';

/** Which image tokens enter each layer. */
export interface StagePlan {
  readonly mode: PruningMode;
  readonly stages: readonly Stage[];
  /** How the tokens of the first stage are chosen, when it does not see all. */
  readonly selection: TokenSelection;
}

/** Which image tokens a run of the reasoner uses. */
export interface PruningPlan extends StagePlan {
  readonly scatter: ScatterRule;
}

type ReasonerSettings = Pick<RegionReasonerSettings, 'decoder' | 'pruning'>;

export function decoderShape({ decoder }: Pick<ReasonerSettings, 'decoder'>): DecoderShape {
  return {
    layers: decoder.layers,
    width: decoder.width,
    feedForwardWidth: decoder.feed_forward_width,
    imageTokens: decoder.grid_side ** 2 + decoder.regions,
  };
}

type PruningSettings = Omit<RegionReasonerSettings['pruning'], 'selection' | 'scatter'> & {
  readonly selection: TokenSelection;
};

/**
 * The plan for a request's options; without them the bundle's schedule, and for a mode without a reduction one that saves
 * as much as that schedule.
 *
 * @throws TesseraError `TSR_OPTION_UNSUPPORTED` for a reduction without pruning
 */
export function planPruning(settings: ReasonerSettings, requested: SegmentOptions['pruning']): PruningPlan {
  const { pruning } = settings;
  return { ...planStages(decoderShape(settings), pruning, requested), scatter: pruning.scatter };
}

/** As {@link planPruning}, for a model that tokens come back to in one way. */
export function planStages(
  shape: DecoderShape,
  pruning: PruningSettings,
  requested: SegmentOptions['pruning'],
): StagePlan {
  const mode = requested?.mode ?? pruning.mode;
  const { selection } = pruning;
  if (mode === 'off') {
    if ((requested?.reduction ?? 0) > 0) {
      throw new TesseraError('TSR_OPTION_UNSUPPORTED', 'The pruning mode "off" saves nothing; leave "reduction" out.', {
        fields: [{ pointer: '/pruning/reduction', message: 'must be absent for the mode "off"' }],
      });
    }
    return { mode, stages: unprunedStages(shape), selection };
  }
  const shipped = shippedSchedule(pruning);
  if (mode === 'csp') {
    const schedule = requested?.reduction === undefined ? shipped : planSchedule(shape, shipped, requested.reduction);
    return { mode, stages: scheduleStages(shape, schedule), selection };
  }
  const reduction = requested?.reduction ?? flopsReduction(shape, scheduleStages(shape, shipped));
  return {
    mode,
    stages: planBaseline(shape, mode, Math.min(0.9, reduction), pruning.fastv_layer),
    selection: mode === 'random' ? 'random' : 'cls',
  };
}

function shippedSchedule(pruning: PruningSettings): Schedule {
  return {
    clusterLayers: pruning.cluster_layers,
    scatterLayers: pruning.scatter_layers,
    selectedTokens: pruning.selected_tokens,
    keptTokens: pruning.kept_tokens,
  };
}
