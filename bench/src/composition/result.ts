import { cpus, totalmem } from 'node:os';
import type { GeneralisedEvaluation } from '@tessera/composition';
import type { VocabularyMetrics } from '@tessera/contracts';
import { formatFigure, mean, type Figure, type Format } from '@tessera/evaluation';
import type { Plot, StudyResult, Table } from '../pages/study-result.js';
import type { MethodRow, runApparel, runMixed, runPatterns } from './cases.js';
import type { ScaleFigures } from './scale.js';

export interface CompositionalResults {
  readonly seeds: readonly number[];
  readonly apparel: Awaited<ReturnType<typeof runApparel>>;
  readonly patterned: Awaited<ReturnType<typeof runPatterns>>;
  readonly mixed: Awaited<ReturnType<typeof runMixed>>;
  readonly scale: ScaleFigures;
  readonly filteredScale: ScaleFigures;
}

/** The figures, tables and plots of `docs/reference/compositional-benchmark.md`. */
export function compositionalResult(results: CompositionalResults): StudyResult {
  const { apparel, patterned, mixed, scale } = results;
  return {
    figures: {
      date: new Date().toISOString().slice(0, 10),
      machine: machine(),
      seeds: results.seeds.join(', '),
      trainPhotos: apparel.trainPhotos,
      seenPhotos: apparel.blind[0]?.seenImages ?? 0,
      unseenPhotos: apparel.blind[0]?.unseenImages ?? 0,
      aheadOfClip: aucOf(apparel.closed, 'csp') - aucOf(apparel.closed, 'clip'),
      aheadOfCoop: aucOf(apparel.closed, 'csp') - aucOf(apparel.closed, 'coop'),
      blindAuc: spreadOf(apparel.blind, 'auc'),
      trainingSeconds: apparel.training.totalMs / 1000,
      featureSeconds: apparel.training.featuresMs / 1000,
      overheadMs: apparel.overheadMs,
      patternedTrainPhotos: patterned.trainPhotos,
      patternedValPhotos: patterned.valPhotos,
      patternedSeen: patterned.seenCompositions,
      attributes: scale.attributes,
      objects: scale.objects,
    },
    tables: {
      closed: [evaluationTable(apparel.closed)],
      open: [evaluationTable(apparel.open)],
      patternedClosed: [evaluationTable(patterned.closed)],
      patternedOpen: [evaluationTable(patterned.open)],
      mixed: [mixedTable(mixed)],
      scale: [scaleTable(results)],
    },
    plots: {
      'compositional-closed.svg': curves('Colour and garment, closed world', apparel.closed),
      'compositional-open.svg': curves('Colour and garment, open world', apparel.open),
      'compositional-patterned.svg': curves('Pattern, colour and garment', patterned.closed),
    },
  };
}

const metricColumns = ['S', 'U', 'HM', 'AUC'];
const metricFormats: readonly Format[] = ['text', 'spread', 'spread', 'spread', 'spread'];

function evaluationTable(rows: readonly MethodRow[]): Table {
  return {
    columns: ['method', ...metricColumns],
    formats: metricFormats,
    rows: rows.toReversed().map(({ name, evaluations }) => [name, ...metricsOf(evaluations)]),
  };
}

function mixedTable(mixed: CompositionalResults['mixed']): Table {
  return {
    columns: ['learned colours', ...metricColumns],
    formats: metricFormats,
    rows: mixed.flatMap(({ share, learned, attributes, rows }) =>
      rows.map(({ name, evaluations }) => [
        `${formatFigure(share, 'wholePercent')} (${learned} of ${attributes}), ${name}`,
        ...metricsOf(evaluations),
      ]),
    ),
  };
}

function scaleTable({ scale, filteredScale }: CompositionalResults): Table {
  return {
    columns: ['candidates', 'number', 'cold', 'warm', 'peak memory', 'inference process', 'both'],
    formats: ['text', 'whole', 'milliseconds', 'milliseconds', 'gigabytes', 'gigabytes', 'gigabytes'],
    rows: [scale, filteredScale].map(({ candidates, coldMs, warmMs, memory }, index) => [
      index === 0 ? 'all' : `feasibility at least ${filteredScale.usefulThreshold.toFixed(2)}`,
      candidates,
      coldMs,
      warmMs,
      ...(memory === undefined ? [null, null, null] : [memory.parent, memory.child, memory.parent + memory.child]),
    ]),
  };
}

/** The curves of each method's first seed. */
function curves(title: string, rows: readonly MethodRow[]): Plot {
  const series = rows.flatMap(({ name, evaluations: [evaluation] }) => {
    if (evaluation === undefined) return [];
    const { curve, metrics } = evaluation;
    return [{ name, evaluation: { curve, metrics } }];
  });
  return { kind: 'curves', title, series };
}

function metricsOf(evaluations: readonly GeneralisedEvaluation[]): Figure[] {
  return (['best_seen', 'best_unseen', 'best_hm', 'auc'] as const).map((metric) => spreadOf(evaluations, metric));
}

/** Mean and standard deviation in percent; the mean alone of one evaluation. */
function spreadOf(evaluations: readonly GeneralisedEvaluation[], metric: keyof VocabularyMetrics): number[] {
  const values = evaluations.map(({ metrics }) => 100 * metrics[metric]);
  const average = mean(values);
  if (values.length === 1) return [average];
  const variance = values.reduce((sum, value) => sum + (value - average) ** 2, 0) / (values.length - 1);
  return [average, Math.sqrt(variance)];
}

function aucOf(rows: readonly MethodRow[], name: string): number {
  return 100 * mean((rows.find((row) => row.name === name)?.evaluations ?? []).map(({ metrics }) => metrics.auc));
}

function machine(): string {
  const [first] = cpus();
  return `${cpus().length} cores of ${first?.model.trim() ?? 'an unknown processor'}, ${(totalmem() / 1e9).toFixed(0)} GB of memory, Node ${process.version}, the model on the CPU`;
}
