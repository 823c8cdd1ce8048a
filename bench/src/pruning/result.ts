import type { RegionReasonerSettings } from '@tessera/contracts';
import { cuts, formatFigure, type Figure, type GroupFigures, type Interval } from '@tessera/evaluation';
import type { Plot, StudyResult, Table } from '../pages/study-result.js';
import type { LatencyRow } from './latency.js';
import type { QualityRow, StudyQuality } from './quality.js';

type Pruning = RegionReasonerSettings['pruning'];

/** The figures, tables and plots of `docs/reference/pruning-benchmark.md`. */
export function pruningResult(
  { rows, gate, textTokens }: StudyQuality,
  latency: readonly LatencyRow[],
  pruning: Pruning,
): StudyResult {
  const byCut = (table: (rows: readonly QualityRow[]) => Table): Table[] =>
    cuts.map((cut) => ({
      title: `${formatFigure(cut, 'percent')} cut`,
      ...table(rows.filter((row) => row.cut === cut || row.group === 'off')),
    }));
  return {
    figures: {
      queries: rows[0]?.figures.find(({ group }) => group === 'all queries')?.queries ?? 0,
      gate,
      schedule: scheduleText(pruning),
      textTokens,
    },
    tables: {
      quality: byCut(qualityTable),
      kinds: byCut(kindTable),
      cIoU: [cIoUTable(rows)],
      prefill: [prefillTable(rows, latency)],
      requests: [requestTable(latency)],
    },
    plots: {
      'pruning-context.svg': qualityPlot(rows, 'context kinds'),
      'pruning-overall.svg': qualityPlot(rows, 'mean of kinds'),
    },
  };
}

function scheduleText(pruning: Pruning): string {
  const { cluster_layers, scatter_layers, selected_tokens, kept_tokens, selection, scatter } = pruning;
  return (
    `${selected_tokens} tokens by \`${selection}\` in the first ${cluster_layers} layers, all in the next ${scatter_layers} ` +
    `(\`${scatter}\`), then ${kept_tokens}`
  );
}

const intervalOf = (interval: Interval | undefined): Figure =>
  interval === undefined ? null : [interval.value, interval.low, interval.high];
const cutOf = (cut: number): Figure => (cut === 0 ? null : cut);

function figuresIn({ figures }: QualityRow, name: string): GroupFigures | undefined {
  return figures.find(({ group }) => group === name);
}

const texts = ['text', 'text'] as const;
const shares = ['percent', 'percent', 'percent'] as const;

function qualityTable(rows: readonly QualityRow[]): Table {
  const groups = ['context kinds', 'mean of kinds'];
  return {
    columns: [
      ...['method', 'layers × tokens', 'FLOPs 1 saved', '2', '3'],
      ...groups.flatMap((group) => [`gIoU, ${group}`, 'change']),
      'csp is ahead on context kinds by',
    ],
    formats: [...texts, ...shares, 'interval', 'change', 'interval', 'change', 'change'],
    rows: rows.map((row) => [
      row.method,
      row.work.stages,
      ...[row.work.imageTokenSaving, row.work.languageSaving, row.work.wholeSaving],
      ...groups.flatMap((group) => {
        const found = figuresIn(row, group);
        return [intervalOf(found?.gIoU), row.group === 'off' ? null : intervalOf(found?.gain)];
      }),
      row.group === 'off' || row.group === 'method' ? null : intervalOf(row.behindShipped),
    ]),
  };
}

function kindTable([off, ...rows]: readonly QualityRow[]): Table {
  return {
    columns: ['kind', 'queries', 'off', ...rows.map(({ method }) => method)],
    formats: ['text', 'whole', 'three', ...rows.map(() => 'points' as const)],
    rows: (off?.figures ?? []).map(({ group, queries, gIoU }) => [
      group,
      queries,
      gIoU.value,
      ...rows.map((row) => intervalOf(figuresIn(row, group)?.gain)),
    ]),
  };
}

/** One table for all cuts: cIoU follows gIoU, so the methods' figures suffice. */
function cIoUTable(rows: readonly QualityRow[]): Table {
  const groups = (rows[0]?.figures ?? []).flatMap(({ group, cIoU }) => (cIoU === undefined ? [] : [group]));
  return {
    columns: ['method', 'cut', ...groups],
    formats: ['text', 'percent', ...groups.map(() => 'interval' as const)],
    rows: rows.map((row) => [
      row.method,
      cutOf(row.cut),
      ...groups.map((group) => intervalOf(figuresIn(row, group)?.cIoU)),
    ]),
  };
}

function prefillTable(rows: readonly QualityRow[], latency: readonly LatencyRow[]): Table {
  const [off] = latency;
  return {
    columns: ['method', 'cut', 'one query', 'of off', 'GFLOP/s', 'eight queries', 'of off'],
    formats: ['text', 'percent', 'milliseconds', 'two', 'one', 'milliseconds', 'two'],
    rows: latency.map(({ method, cut, oneQueryMs, eightQueriesMs }) => {
      const flops = rows.find((row) => row.method === method && row.cut === cut)?.work.languageFlops ?? Number.NaN;
      return [
        method,
        cutOf(cut),
        oneQueryMs,
        oneQueryMs / (off?.oneQueryMs ?? Number.NaN),
        flops / oneQueryMs / 1e6,
        eightQueriesMs,
        eightQueriesMs / (off?.eightQueriesMs ?? Number.NaN),
      ];
    }),
  };
}

function requestTable(latency: readonly LatencyRow[]): Table {
  return {
    columns: ['method', 'cut', 'new image', 'image seen before'],
    formats: ['text', 'percent', 'milliseconds', 'milliseconds'],
    rows: latency.flatMap(({ method, cut, coldMs, cachedMs }) =>
      Number.isNaN(coldMs) ? [] : [[method, cutOf(cut), coldMs, cachedMs]],
    ),
  };
}

/** Curves start at the unpruned model; bands are drawn for the method and its strongest kind of rival, FastV. */
function qualityPlot(rows: readonly QualityRow[], group: string): Plot {
  const methods = rows.filter((row) => row.group === 'method' || row.group === 'baseline');
  const series = [...new Set(methods.map(({ method }) => method))].map((name) => ({
    name,
    hasBand: name === 'csp' || name === 'fastv',
    points: rows
      .filter(({ method }) => method === name || method === 'off')
      .flatMap((row): [number, number, number, number][] => {
        const { value, low, high } = figuresIn(row, group)?.gIoU ?? {};
        if (value === undefined || low === undefined || high === undefined) return [];
        return [[1 - row.work.imageTokenSaving, value, low, high]];
      })
      .sort(([left], [right]) => left - right),
  }));
  const values = series.flatMap(({ points, hasBand }) => points.flatMap(([, y, ...band]) => (hasBand ? band : [y])));
  const from = Math.floor(20 * Math.min(...values)) / 20;
  const to = Math.ceil(20 * Math.max(...values)) / 20;
  return {
    kind: 'lines',
    title: `gIoU, ${group}`,
    x: { label: 'image-token FLOPs that are left', from: 0.15, to: 1, step: 0.1, format: 'wholePercent' },
    y: { label: 'gIoU', from, to, step: 0.05, format: 'two' },
    series,
  };
}
