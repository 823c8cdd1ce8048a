import type { RegionReasonerSettings, ScatterRule, TokenSelection } from '@tessera/contracts';
import type { PruningPlan } from '@tessera/segmentation';
import { flopsReduction, planBaseline, scheduleStages, type Schedule } from '@tessera/token-pruning';
import { metricInterval, type Sample } from './bootstrap.js';
import { markdownRows } from './markdown-table.js';
import { shapeOf } from './pruning-methods.js';
import { contextKinds } from './query-set.js';
import type { ReasonerEvaluation } from './reasoner-evaluation.js';

/** The image-token FLOPs that the shipped schedule saves. */
const shippedCut = 0.65;
/** How many times as many tokens the clustering layers see as the layers after scattering. */
const tokenRatios = [0.5, 1, 2, 4, 8] as const;
const selections = ['cls', 'uniform', 'seg_first'] as const satisfies readonly TokenSelection[];
const scatterRules = ['skip', 'copy', 'residual', 'reset'] as const satisfies readonly ScatterRule[];
const fastvLayers = [1, 2, 3] as const;

interface Tried {
  readonly label: readonly string[];
  readonly overall: number;
  readonly context: number;
}

interface Split extends Tried {
  readonly schedule: Schedule;
  readonly selection: TokenSelection;
}

/**
 * The schedule to ship: of all splits of the budget between clustering and pruning and all selections the best, then the
 * best scatter rule for it, then the best split and selection under that rule, since one depends on the other. The layers
 * are those that the reasoner's scores are read between. The baseline FastV gets its best layer in the same way.
 *
 * @param log - is given the tables that it chose from
 */
export async function choosePruning(
  evaluation: ReasonerEvaluation,
  log: (text: string) => void,
): Promise<RegionReasonerSettings['pruning']> {
  const { settings } = evaluation;
  const shape = shapeOf(settings);
  const { cluster_layers: clusterLayers, scatter_layers: scatterLayers } = settings.pruning;
  const evaluate = async (plan: PruningPlan, label: readonly string[]): Promise<Tried> => {
    const samples = await evaluation.evaluate(plan);
    return {
      label,
      overall: meanOf(samples),
      context: meanOf(samples.filter(({ kind }) => contextKinds.includes(kind))),
    };
  };
  const planOf = (schedule: Schedule, selection: TokenSelection, scatter: ScatterRule): PruningPlan => ({
    mode: 'csp',
    stages: scheduleStages(shape, schedule),
    selection,
    scatter,
  });

  const off = await evaluate(evaluation.segmenter.plan({ mode: 'off' }), ['all tokens', '', '', '']);
  const header = ['selection', 'Nc', 'Np', 'saved', 'gIoU, mean of kinds', 'gIoU, context kinds'];
  const bestSplit = async (scatter: ScatterRule): Promise<Split> => {
    const splits: Split[] = [];
    for (const ratio of tokenRatios) {
      const schedule = scheduleAtRatio(settings, ratio);
      const saved = flopsReduction(shape, scheduleStages(shape, schedule));
      for (const selection of selections) {
        const label = [selection, String(schedule.selectedTokens), String(schedule.keptTokens), saved.toFixed(3)];
        const tried = await evaluate(planOf(schedule, selection, scatter), label);
        splits.push({ ...tried, schedule, selection });
      }
    }
    log(`Scatter rule ${scatter}:\n${markdownRows(header, [off, ...splits].map(cells))}`);
    return highest(splits);
  };
  const first = await bestSplit('skip');

  const rules: (Tried & { scatter: ScatterRule })[] = [];
  for (const scatter of scatterRules) {
    rules.push({ ...(await evaluate(planOf(first.schedule, first.selection, scatter), [scatter])), scatter });
  }
  log(markdownRows(['scatter', ...header.slice(4)], rules.map(cells)));
  const { scatter } = highest(rules);
  const best = scatter === 'skip' ? first : await bestSplit(scatter);

  const fastv: (Tried & { layer: number })[] = [];
  for (const layer of fastvLayers) {
    const stages = planBaseline(shape, 'fastv', shippedCut, layer);
    const plan: PruningPlan = { mode: 'fastv', stages, selection: 'cls', scatter: 'skip' };
    fastv.push({ ...(await evaluate(plan, [String(layer)])), layer });
  }
  log(markdownRows(['FastV after layer', ...header.slice(4)], fastv.map(cells)));

  return {
    mode: settings.pruning.mode,
    cluster_layers: clusterLayers,
    scatter_layers: scatterLayers,
    selected_tokens: best.schedule.selectedTokens,
    kept_tokens: best.schedule.keptTokens,
    selection: best.selection,
    scatter,
    fastv_layer: highest(fastv).layer,
  };
}

/** The schedule with this ratio of tokens that sees most of them and still saves the shipped cut. */
function scheduleAtRatio(settings: RegionReasonerSettings, ratio: number): Schedule {
  const shape = shapeOf(settings);
  const { cluster_layers: clusterLayers, scatter_layers: scatterLayers } = settings.pruning;
  const schedules = Array.from({ length: shape.imageTokens }, (_, index): Schedule => {
    const selectedTokens = Math.min(shape.imageTokens, Math.max(1, Math.round((index + 1) * ratio)));
    return { clusterLayers, scatterLayers, selectedTokens, keptTokens: index + 1 };
  });
  const saving = schedules.filter((schedule) => flopsReduction(shape, scheduleStages(shape, schedule)) >= shippedCut);
  const most = saving.at(-1);
  if (most === undefined) throw new RangeError(`The scattering layers leave no room to save ${shippedCut}.`);
  return most;
}

function meanOf(samples: readonly Sample[]): number {
  return metricInterval('meanOfKinds', samples).value;
}

function cells({ label, overall, context }: Tried): string[] {
  return [...label, overall.toFixed(4), context.toFixed(4)];
}

function highest<Row extends Tried>(rows: readonly Row[]): Row {
  const [best] = rows.toSorted((a, b) => b.overall - a.overall);
  if (best === undefined) throw new RangeError('There is nothing to choose from.');
  return best;
}
