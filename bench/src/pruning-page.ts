import type { RegionReasonerSettings } from '@tessera/contracts';
import { queryGroups, withInterval } from './eval-report.js';
import { barPlot, cuts, linePlot, markdownRows, type Series, ticks } from '@tessera/evaluation';
import type { StudyLatency } from './pruning-latency.js';
import { gateLine, type StudyFigures, type StudyQuality, type StudyRow, type StudyWork } from './pruning-study.js';
import { milliseconds } from './timing.js';

export interface Study {
  readonly quality: StudyQuality;
  readonly latency: StudyLatency;
  readonly pruning: RegionReasonerSettings['pruning'];
}

export const plotFiles = {
  context: 'pruning-context.svg',
  overall: 'pruning-overall.svg',
  latency: 'pruning-latency.svg',
} as const;

const share = (value: number): string => `${(100 * value).toFixed(1)} %`;

/** `docs/reference/pruning-benchmark.md`. */
export function pruningPage({ quality, latency, pruning }: Study): string {
  const { gate, queries, rows } = quality;
  return [
    '# Token pruning: the benchmark',
    '',
    '<!-- Written by `npm run bench:pruning`; do not edit. -->',
    '',
    '`tessera-mini` under clustering, scattering and pruning (`csp`) and under other methods at equal image-token FLOPs, on',
    `${queries['all queries'] ?? 0} queries about the 30 annotated photos of COCO val2017, which nothing was trained on; what they had a`,
    'say in is told in the [model card](tessera-mini.md#calibration). What the method is, and which parts of it are ours, is told in',
    '[token pruning](../guides/token-pruning.md).',
    '',
    'Figures come with 95 % confidence intervals (bootstrap over photos); changes and differences are drawn in pairs. gIoU and',
    'cIoU are LISA’s. What is random is drawn with three seeds. Every method chooses among the same regions, whose masks by SAM',
    'are made once. Context kinds: position, size, ordinal, relation, combination.',
    '',
    '## The gate',
    '',
    `${gateLine(gate)} (One token is left, the top left cell: the fewest that the graph takes.)`,
    '',
    ...(gate.passes
      ? []
      : [
          'The model reads its image tokens too little: what follows compares methods on a model that needs them less than a',
          'study should ask for.',
          '',
        ]),
    '## Quality at equal FLOPs',
    '',
    `![gIoU on context kinds against image-token FLOPs](${plotFiles.context})`,
    '',
    `![gIoU, mean of kinds, against image-token FLOPs](${plotFiles.overall})`,
    '',
    `The schedule that ships: ${scheduleText(pruning)}. It was chosen on training photos (\`npm run calibrate:pruning\`);`,
    'other budgets follow it. Layers × image tokens of each stage are in the second column.',
    '',
    ...cuts.flatMap((cut) => cutSection(cut, quality, rows)),
    '## By kind',
    '',
    'gIoU of the unpruned model, and what each method adds or takes away.',
    '',
    ...cuts.flatMap((cut) => [
      `### ${share(cut)} cut`,
      '',
      kindTable(
        quality,
        rows.filter((row) => row.cut === cut),
      ),
      '',
    ]),
    '## cIoU by kind',
    '',
    cIoUTable(quality),
    '',
    '## Latency',
    '',
    `![Prefill by image-token cut](${plotFiles.latency})`,
    '',
    'Prefill: the reasoner’s run, for one query and for eight that share the image (medians; methods take turns). GFLOP/s by',
    'FLOPs 2, for one query.',
    '',
    prefillTable(quality, latency),
    '',
    'A whole request with SAM, of an image that was never seen and of one that was:',
    '',
    requestTable(latency),
    '',
    '## What the FLOPs count',
    '',
    'Per layer and n tokens `4nd² + 2n²d + 3ndm` multiply-accumulates, two FLOPs each, tokens counted as they enter a layer. 1:',
    `image tokens alone. 2: image tokens and ${quality.textTokens} text tokens, the queries’ average. 3: with the detector, the text encoder,`,
    'SAM’s encoder and one mask (`python bench/scripts/count_macs.py models/tessera-baseline bench/macs.json`). This language',
    'model is small, so its tokens are a small part of the third.',
    '',
  ].join('\n');
}

function scheduleText(pruning: RegionReasonerSettings['pruning']): string {
  const { cluster_layers, scatter_layers, selected_tokens, kept_tokens, selection, scatter } = pruning;
  return (
    `${selected_tokens} tokens by \`${selection}\` in the first ${cluster_layers} layers, all in the next ${scatter_layers} ` +
    `(\`${scatter}\`), then ${kept_tokens}`
  );
}

function cutSection(cut: number, { off, offWork }: StudyQuality, rows: readonly StudyRow[]): string[] {
  const header = [
    'method',
    'layers × tokens',
    'FLOPs 1 saved',
    '2',
    '3',
    'gIoU, context kinds',
    'change',
    'gIoU, mean of kinds',
    'change',
    'csp is ahead on context kinds by',
  ];
  const line = (name: string, work: StudyWork, figures: readonly StudyFigures[], behind: string): string[] => [
    name,
    work.stages,
    share(work.imageTokenSaving),
    share(work.languageSaving),
    share(work.wholeSaving),
    ...['context kinds', 'mean of kinds'].flatMap((group) => {
      const found = figures.find((entry) => entry.group === group);
      if (found === undefined) return ['–', '–'];
      return [withInterval(found.gIoU), name === 'off' ? '–' : withInterval(found.change, true)];
    }),
    behind,
  ];
  return [
    `### ${share(cut)} cut`,
    '',
    markdownRows(header, [
      line('off', offWork, off, '–'),
      ...rows
        .filter((row) => row.cut === cut)
        .map((row) =>
          line(row.method, row.work, row.figures, row.method === 'csp' ? '–' : withInterval(row.behindShipped, true)),
        ),
    ]),
    '',
  ];
}

function kindTable({ off, queries }: StudyQuality, rows: readonly StudyRow[]): string {
  const groups = queryGroups.map(({ name }) => name).filter((name) => off.some(({ group }) => group === name));
  const header = ['kind', 'queries', 'off', ...rows.map(({ method }) => method)];
  const change = ({ change: { value, low, high } }: StudyFigures): string => {
    const points = (part: number): string => `${part < 0 ? '−' : '+'}${Math.abs(100 * part).toFixed(1)}`;
    return `${points(value)} [${points(low)}, ${points(high)}]`;
  };
  return markdownRows(
    header,
    groups.map((group) => [
      group,
      String(queries[group] ?? 0),
      ...off.filter((entry) => entry.group === group).map(({ gIoU }) => gIoU.value.toFixed(3)),
      ...rows.map(({ figures }) =>
        figures
          .filter((entry) => entry.group === group)
          .map(change)
          .join(''),
      ),
    ]),
  );
}

/** One table for all cuts: cIoU follows gIoU, so the methods’ figures suffice. */
function cIoUTable({ off, rows }: StudyQuality): string {
  const groups = off.filter(({ cIoU }) => cIoU !== undefined).map(({ group }) => group);
  const cells = (figures: readonly StudyFigures[]): string[] =>
    groups.map((group) => {
      const found = figures.find((entry) => entry.group === group)?.cIoU;
      return found === undefined ? '–' : withInterval(found);
    });
  return markdownRows(
    ['method', 'cut', ...groups],
    [['off', '–', ...cells(off)], ...rows.map(({ method, cut, figures }) => [method, share(cut), ...cells(figures)])],
  );
}

function prefillTable({ rows, offWork }: StudyQuality, { prefill }: StudyLatency): string {
  const off = prefill.find(({ method }) => method === 'off');
  return markdownRows(
    ['method', 'cut', 'one query', 'of off', 'GFLOP/s', 'eight queries', 'of off'],
    prefill.map(({ method, cut, oneQueryMs, eightQueriesMs }) => {
      const work = rows.find((row) => row.method === method && row.cut === cut)?.work ?? offWork;
      return [
        method,
        cut === 0 ? '–' : share(cut),
        milliseconds(oneQueryMs),
        (oneQueryMs / (off?.oneQueryMs ?? Number.NaN)).toFixed(2),
        (work.languageFlops / oneQueryMs / 1e6).toFixed(1),
        milliseconds(eightQueriesMs),
        (eightQueriesMs / (off?.eightQueriesMs ?? Number.NaN)).toFixed(2),
      ];
    }),
  );
}

function requestTable({ requests }: StudyLatency): string {
  return markdownRows(
    ['method', 'cut', 'new image', 'image seen before'],
    requests.map(({ method, cut, coldMs, cachedMs }) => [
      method,
      cut === 0 ? '–' : share(cut),
      milliseconds(coldMs),
      milliseconds(cachedMs),
    ]),
  );
}

/** The plots of the page by file name. */
export function pruningPlots({ quality, latency }: Study): Readonly<Record<string, string>> {
  return {
    [plotFiles.context]: qualityPlot(quality, 'context kinds'),
    [plotFiles.overall]: qualityPlot(quality, 'mean of kinds'),
    [plotFiles.latency]: barPlot(
      'Prefill for one query, median',
      latency.prefill
        .filter(({ method }) => method === 'off' || method === 'csp' || method === 'fastv')
        .map(({ method, cut, oneQueryMs }) => ({
          name: cut === 0 ? method : `${method}, ${(100 * cut).toFixed(0)} % cut`,
          value: oneQueryMs,
          label: milliseconds(oneQueryMs),
        })),
    ),
  };
}

/** Curves start at the unpruned model; bands are drawn for the method and its strongest kind of rival, FastV. */
function qualityPlot({ off, rows }: StudyQuality, group: string): string {
  const full = off.find((entry) => entry.group === group);
  const methods = rows.filter((row) => row.group === 'method' || row.group === 'baseline');
  const names = [...new Set(methods.map(({ method }) => method))];
  const series = names.map((name): Series => {
    const own = methods
      .filter(({ method }) => method === name)
      .flatMap(({ work, figures }) =>
        figures
          .filter((entry) => entry.group === group)
          .map(({ gIoU }) => ({ x: 1 - work.imageTokenSaving, y: gIoU.value, low: gIoU.low, high: gIoU.high })),
      );
    const start = full ? [{ x: 1, y: full.gIoU.value, low: full.gIoU.low, high: full.gIoU.high }] : [];
    return { name, points: [...own, ...start].sort((a, b) => a.x - b.x), hasBand: name === 'csp' || name === 'fastv' };
  });
  const values = series.flatMap(({ points, hasBand }) =>
    points.flatMap(({ y, low, high }) => (hasBand ? [low, high] : [y])),
  );
  const from = Math.floor(20 * Math.min(...values)) / 20;
  const to = Math.ceil(20 * Math.max(...values)) / 20;
  return linePlot(
    `gIoU, ${group}`,
    {
      label: 'image-token FLOPs that are left',
      from: 0.15,
      to: 1,
      ticks: ticks(0.2, 1, 0.1),
      format: (x) => `${(100 * x).toFixed(0)} %`,
    },
    { label: 'gIoU', from, to, ticks: ticks(from, to, 0.05), format: (y) => y.toFixed(2) },
    series,
  );
}
