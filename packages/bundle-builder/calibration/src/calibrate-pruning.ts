/**
 * `npm run calibrate:pruning`: chooses the pruning schedule of `tessera-mini` on the training photos, prints the tables that
 * it chose from and writes the schedule for the next build of the bundle.
 */
import type { RegionReasonerSettings, ScatterRule, TokenSelection } from '@tessera/contracts';
import {
  contextKinds,
  cuts,
  markdownRows,
  mean,
  metricInterval,
  ReasonerEvaluation,
  runCommand,
  withReasoner,
  type Sample,
} from '@tessera/evaluation';
import type { PruningPlan } from '@tessera/segmentation';
import { flopsReduction, planBaseline, planSchedule, scheduleStages, type Schedule } from '@tessera/token-pruning';
import { writeBundleSettings } from './bundle-settings.js';

/** The image-token FLOPs that the shipped schedule saves. */
const shippedCut = 0.65;
/** How many times as many tokens the clustering layers see as the layers after scattering. */
const tokenRatios = [0.5, 1, 2, 4, 8] as const;
const selections = ['cls', 'uniform', 'seg_first'] as const satisfies readonly TokenSelection[];
const scatterRules = ['skip', 'copy', 'residual', 'reset'] as const satisfies readonly ScatterRule[];
const fastvLayers = [1, 2, 3] as const;
/** So many schedules of the shipped cut are compared at all cuts. */
const finalistCount = 6;

interface Tried {
  readonly label: readonly string[];
  readonly overall: number;
  readonly context: number;
}

interface Choice extends Tried {
  readonly schedule: Schedule;
  readonly selection: TokenSelection;
  readonly scatter: ScatterRule;
}

await runCommand(() =>
  withReasoner(async (runtime) => {
    const evaluation = await ReasonerEvaluation.create(runtime, 'train', 'shapes');
    await writeBundleSettings('reasoner/pruning.json', await choosePruning(evaluation));
  }),
);

/**
 * The schedule to ship, of all splits of the budget between clustering and pruning, all selections and all scatter rules.
 * The best at the shipped cut differ by less than the measurement's error, and a request's own cut scales the shipped
 * schedule; so of these the one counts that is best over all cuts. Between which layers the stages change is given: those
 * that the reasoner's scores are read between. The baseline FastV gets its best layer at the shipped cut.
 */
async function choosePruning(evaluation: ReasonerEvaluation): Promise<RegionReasonerSettings['pruning']> {
  const { settings, shape } = evaluation;
  const { cluster_layers: clusterLayers, scatter_layers: scatterLayers } = settings.pruning;
  const evaluate = async (plan: PruningPlan, label: readonly string[]): Promise<Tried> => {
    const samples = await evaluation.evaluate(plan);
    return {
      label,
      overall: meanOf(samples),
      context: meanOf(samples.filter(({ kind }) => contextKinds.includes(kind))),
    };
  };
  const columns = ['gIoU, mean of kinds', 'gIoU, context kinds'];
  const off = await evaluate(evaluation.plan({ mode: 'off' }), ['all tokens', '', '', '', '']);
  const choices: Choice[] = [];
  for (const scatter of scatterRules) {
    for (const ratio of tokenRatios) {
      const schedule = scheduleAtRatio(evaluation, ratio);
      const stages = scheduleStages(shape, schedule);
      const counts = [String(schedule.selectedTokens), String(schedule.keptTokens)];
      for (const selection of selections) {
        const label = [scatter, selection, ...counts, flopsReduction(shape, stages).toFixed(3)];
        const tried = await evaluate({ mode: 'csp', stages, selection, scatter }, label);
        choices.push({ ...tried, schedule, selection, scatter });
      }
    }
    const own = choices.filter((choice) => choice.scatter === scatter);
    console.log(markdownRows(['scatter', 'selection', 'Nc', 'Np', 'saved', ...columns], [off, ...own].map(cells)));
  }

  const finalists: Choice[] = [];
  for (const finalist of choices.toSorted((a, b) => b.overall - a.overall).slice(0, finalistCount)) {
    const { schedule, selection, scatter, label } = finalist;
    const tried: Tried[] = [];
    for (const cut of cuts) {
      const stages = scheduleStages(shape, planSchedule(shape, schedule, cut));
      tried.push(await evaluate({ mode: 'csp', stages, selection, scatter }, []));
    }
    finalists.push({
      ...finalist,
      label: label.slice(0, 4),
      overall: mean(tried.map(({ overall }) => overall)),
      context: mean(tried.map(({ context }) => context)),
    });
  }
  console.log(
    `Over all cuts:\n${markdownRows(['scatter', 'selection', 'Nc', 'Np', ...columns], finalists.map(cells))}`,
  );
  const best = highest(finalists);

  const fastv: (Tried & { layer: number })[] = [];
  for (const layer of fastvLayers) {
    const stages = planBaseline(shape, 'fastv', shippedCut, layer);
    const plan: PruningPlan = { mode: 'fastv', stages, selection: 'cls', scatter: 'skip' };
    fastv.push({ ...(await evaluate(plan, [String(layer)])), layer });
  }
  console.log(markdownRows(['FastV after layer', ...columns], fastv.map(cells)));

  return {
    mode: settings.pruning.mode,
    cluster_layers: clusterLayers,
    scatter_layers: scatterLayers,
    selected_tokens: best.schedule.selectedTokens,
    kept_tokens: best.schedule.keptTokens,
    selection: best.selection,
    scatter: best.scatter,
    fastv_layer: highest(fastv).layer,
  };
}

/** The schedule with this ratio of tokens that sees most of them and still saves the shipped cut. */
function scheduleAtRatio({ settings, shape }: ReasonerEvaluation, ratio: number): Schedule {
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
