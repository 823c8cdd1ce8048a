import type { RegionReasonerSettings } from '@tessera/contracts';
import { cuts, type Interval } from '@tessera/evaluation';
import { formatFigure, type Figure } from '../pages/formats.js';
import type { Plot, StudyResult, Table } from '../pages/study-result.js';
import type { StudyLatency } from './latency.js';
import { gateLine, type StudyFigures, type StudyQuality, type StudyRow, type StudyWork } from './study.js';

export interface Study {
  readonly quality: StudyQuality;
  readonly latency: StudyLatency;
  readonly pruning: RegionReasonerSettings['pruning'];
}

const percentCut = (cut: number): string => `${formatFigure(cut, 'percent')} cut`;
const intervalOf = ({ value, low, high }: Interval): Figure => [value, low, high];

/** The figures, tables and plots of `docs/reference/pruning-benchmark.md`. */
export function pruningResult({ quality, latency, pruning }: Study): StudyResult {
  const rowsAt = (cut: number): StudyRow[] => quality.rows.filter((row) => row.cut === cut);
  return {
    figures: {
      queries: quality.queries['all queries'] ?? 0,
      gate: gateLine(quality.gate),
      schedule: scheduleText(pruning),
      textTokens: quality.textTokens,
    },
    tables: {
      quality: cuts.map((cut) => ({ title: percentCut(cut), ...qualityTable(quality, rowsAt(cut)) })),
      kinds: cuts.map((cut) => ({ title: percentCut(cut), ...kindTable(quality, rowsAt(cut)) })),
      cIoU: [cIoUTable(quality)],
      prefill: [prefillTable(quality, latency)],
      requests: [requestTable(latency)],
    },
    plots: {
      'pruning-context.svg': qualityPlot(quality, 'context kinds'),
      'pruning-overall.svg': qualityPlot(quality, 'mean of kinds'),
      'pruning-latency.svg': prefillPlot(latency),
    },
  };
}

function scheduleText(pruning: RegionReasonerSettings['pruning']): string {
  const { cluster_layers, scatter_layers, selected_tokens, kept_tokens, selection, scatter } = pruning;
  return (
    `${selected_tokens} tokens by \`${selection}\` in the first ${cluster_layers} layers, all in the next ${scatter_layers} ` +
    `(\`${scatter}\`), then ${kept_tokens}`
  );
}

function qualityTable({ off, offWork }: StudyQuality, rows: readonly StudyRow[]): Table {
  const line = (
    name: string,
    work: StudyWork,
    figures: readonly StudyFigures[],
    isUnpruned: boolean,
    behind: Figure,
  ): Figure[] => [
    name,
    work.stages,
    work.imageTokenSaving,
    work.languageSaving,
    work.wholeSaving,
    ...['context kinds', 'mean of kinds'].flatMap((group) => {
      const found = figures.find((entry) => entry.group === group);
      if (found === undefined) return [null, null];
      return [intervalOf(found.gIoU), isUnpruned ? null : intervalOf(found.change)];
    }),
    behind,
  ];
  return {
    columns: [
      ['method', 'text'],
      ['layers × tokens', 'text'],
      ['FLOPs 1 saved', 'percent'],
      ['2', 'percent'],
      ['3', 'percent'],
      ['gIoU, context kinds', 'interval'],
      ['change', 'change'],
      ['gIoU, mean of kinds', 'interval'],
      ['change', 'change'],
      ['csp is ahead on context kinds by', 'change'],
    ],
    rows: [
      line('off', offWork, off, true, null),
      ...rows.map(({ method, work, figures, behindShipped }) =>
        line(method, work, figures, false, method === 'csp' ? null : intervalOf(behindShipped)),
      ),
    ],
  };
}

function kindTable({ off, queries }: StudyQuality, rows: readonly StudyRow[]): Table {
  return {
    columns: [
      ['kind', 'text'],
      ['queries', 'whole'],
      ['off', 'three'],
      ...rows.map(({ method }) => [method, 'points'] as const),
    ],
    rows: off.map(({ group, gIoU }) => [
      group,
      queries[group] ?? 0,
      gIoU.value,
      ...rows.map(({ figures }) => {
        const found = figures.find((entry) => entry.group === group);
        return found === undefined ? null : intervalOf(found.change);
      }),
    ]),
  };
}

/** One table for all cuts: cIoU follows gIoU, so the methods' figures suffice. */
function cIoUTable({ off, rows }: StudyQuality): Table {
  const groups = off.filter(({ cIoU }) => cIoU !== undefined).map(({ group }) => group);
  const cells = (figures: readonly StudyFigures[]): Figure[] =>
    groups.map((group) => {
      const found = figures.find((entry) => entry.group === group)?.cIoU;
      return found === undefined ? null : intervalOf(found);
    });
  return {
    columns: [['method', 'text'], ['cut', 'percent'], ...groups.map((group) => [group, 'interval'] as const)],
    rows: [['off', null, ...cells(off)], ...rows.map(({ method, cut, figures }) => [method, cut, ...cells(figures)])],
  };
}

function prefillTable({ rows, offWork }: StudyQuality, { prefill }: StudyLatency): Table {
  const off = prefill.find(({ method }) => method === 'off');
  return {
    columns: [
      ['method', 'text'],
      ['cut', 'percent'],
      ['one query', 'milliseconds'],
      ['of off', 'two'],
      ['GFLOP/s', 'one'],
      ['eight queries', 'milliseconds'],
      ['of off', 'two'],
    ],
    rows: prefill.map(({ method, cut, oneQueryMs, eightQueriesMs }) => {
      const work = rows.find((row) => row.method === method && row.cut === cut)?.work ?? offWork;
      return [
        method,
        cut === 0 ? null : cut,
        oneQueryMs,
        oneQueryMs / (off?.oneQueryMs ?? Number.NaN),
        work.languageFlops / oneQueryMs / 1e6,
        eightQueriesMs,
        eightQueriesMs / (off?.eightQueriesMs ?? Number.NaN),
      ];
    }),
  };
}

function requestTable({ requests }: StudyLatency): Table {
  return {
    columns: [
      ['method', 'text'],
      ['cut', 'percent'],
      ['new image', 'milliseconds'],
      ['image seen before', 'milliseconds'],
    ],
    rows: requests.map(({ method, cut, coldMs, cachedMs }) => [method, cut === 0 ? null : cut, coldMs, cachedMs]),
  };
}

function prefillPlot({ prefill }: StudyLatency): Plot {
  return {
    kind: 'bars',
    title: 'Prefill for one query, median',
    format: 'milliseconds',
    bars: prefill
      .filter(({ method }) => method === 'off' || method === 'csp' || method === 'fastv')
      .map(({ method, cut, oneQueryMs }) => [
        cut === 0 ? method : `${method}, ${formatFigure(cut, 'wholePercent')} cut`,
        oneQueryMs,
      ]),
  };
}

/** Curves start at the unpruned model; bands are drawn for the method and its strongest kind of rival, FastV. */
function qualityPlot({ off, rows }: StudyQuality, group: string): Plot {
  const pointsOf = (figures: readonly StudyFigures[], left: number): [number, number, number, number][] =>
    figures.filter((entry) => entry.group === group).map(({ gIoU }) => [left, gIoU.value, gIoU.low, gIoU.high]);
  const methods = rows.filter((row) => row.group === 'method' || row.group === 'baseline');
  const series = [...new Set(methods.map(({ method }) => method))].map((name) => ({
    name,
    hasBand: name === 'csp' || name === 'fastv',
    points: [
      ...methods
        .filter(({ method }) => method === name)
        .flatMap(({ work, figures }) => pointsOf(figures, 1 - work.imageTokenSaving)),
      ...pointsOf(off, 1),
    ].sort(([left], [right]) => left - right),
  }));
  const values = series.flatMap(({ points, hasBand }) => points.flatMap(([, y, ...band]) => (hasBand ? band : [y])));
  return {
    kind: 'lines',
    title: `gIoU, ${group}`,
    x: { label: 'image-token FLOPs that are left', from: 0.15, to: 1, step: 0.1, format: 'wholePercent' },
    y: {
      label: 'gIoU',
      from: Math.floor(20 * Math.min(...values)) / 20,
      to: Math.ceil(20 * Math.max(...values)) / 20,
      step: 0.05,
      format: 'two',
    },
    series,
  };
}
