import type { CurvePoint, GeneralisedEvaluation } from './generalised-evaluation.js';

/** One line of the picture. */
export interface CurveSeries {
  readonly name: string;
  readonly evaluation: Pick<GeneralisedEvaluation, 'metrics' | 'curve'>;
}

const width = 760;
const plot = { left: 64, top: 56, side: 400 };
const legend = { left: plot.left + plot.side + 32, top: plot.top + 12, rowHeight: 52 };
const height = plot.top + plot.side + 64;
const nameLengthMax = 28;

/** Told apart by dashes as well, for readers who see no difference of hue. */
const strokes = [
  { color: '#2f81f7', dashes: 'none' },
  { color: '#e8590c', dashes: '7 4' },
  { color: '#2f9e44', dashes: '2 3' },
  { color: '#ae3ec9', dashes: '10 3 2 3' },
  { color: '#c2255c', dashes: '4 4' },
  { color: '#868e96', dashes: '14 4' },
] as const;

const style = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .muted { fill: #59636e; }
  .background { fill: #ffffff; }
  .grid { stroke: #d1d9e0; }
  .axis { stroke: #59636e; }
  .dot { stroke: #ffffff; stroke-width: 2; }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
  .area { fill-opacity: 0.08; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .muted { fill: #9198a1; }
    .background { fill: #0d1117; }
    .grid { stroke: #3d444d; }
    .axis { stroke: #9198a1; }
    .dot { stroke: #0d1117; }
    .area { fill-opacity: 0.16; }
  }`;

/**
 * The seen–unseen curves of several methods as an SVG document: accuracy on seen pairs over accuracy on unseen ones in
 * percent, the area below shaded, a dot where the harmonic mean is best. Readable on light and on dark pages.
 */
export function drawSeenUnseenCurves(title: string, series: readonly CurveSeries[]): string {
  const limit = axisLimit(series);
  const drawn = series.map((item, index) => ({ ...item, ...(strokes[index % strokes.length] ?? strokes[0]) }));
  const summary = series.map(({ name, evaluation }) => `${name}: AUC ${percent(evaluation.metrics.auc)}`).join('; ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<desc>${escapeXml(summary)}</desc>`,
    `<style>${style}</style>`,
    `<rect class="background" width="${width}" height="${height}"/>`,
    `<text class="title" x="${plot.left}" y="32">${escapeXml(title)}</text>`,
    ...drawAxes(limit),
    ...drawn.flatMap((item) => drawArea(item.evaluation.curve, item.color, limit)),
    ...drawn.flatMap((item) => drawLine(item, limit)),
    ...drawn.flatMap(drawLegendEntry),
    '</svg>\n',
  ].join('\n');
}

type DrawnSeries = CurveSeries & (typeof strokes)[number];

function drawAxes(limit: number): string[] {
  const bottom = plot.top + plot.side;
  const right = plot.left + plot.side;
  const ticks = Array.from({ length: 6 }, (_, index) => (limit * index) / 5);
  const tickLabel = (value: number) => (100 * value).toFixed(0);
  return [
    ...ticks.flatMap((value) => {
      const [x, y] = [round(horizontal(value, limit)), round(vertical(value, limit))];
      return [
        `<path class="grid" d="M${x} ${plot.top}V${bottom}M${plot.left} ${y}H${right}"/>`,
        `<text class="muted" x="${x}" y="${bottom + 20}" text-anchor="middle">${tickLabel(value)}</text>`,
        `<text class="muted" x="${plot.left - 10}" y="${y + 4}" text-anchor="end">${tickLabel(value)}</text>`,
      ];
    }),
    `<path class="axis" fill="none" d="M${plot.left} ${plot.top}V${bottom}H${right}"/>`,
    `<text x="${plot.left + plot.side / 2}" y="${bottom + 46}" text-anchor="middle">Accuracy on unseen pairs (%)</text>`,
    `<text transform="translate(20 ${plot.top + plot.side / 2}) rotate(-90)" text-anchor="middle">Accuracy on seen pairs (%)</text>`,
  ];
}

function drawArea(curve: readonly CurvePoint[], color: string, limit: number): string[] {
  const [first, last] = [curve[0], curve.at(-1)];
  if (first === undefined || last === undefined) return [];
  const baseline = vertical(0, limit);
  const start = `M${round(horizontal(first.unseen, limit))} ${baseline}`;
  const end = `L${round(horizontal(last.unseen, limit))} ${baseline}Z`;
  return [`<path class="area" fill="${color}" d="${start}L${pathOf(curve, limit)}${end}"/>`];
}

function drawLine({ evaluation: { curve, metrics }, color, dashes }: DrawnSeries, limit: number): string[] {
  const best = curve.find(({ bias }) => bias === metrics.bias);
  return [
    `<path class="line" stroke="${color}" stroke-dasharray="${dashes}" d="M${pathOf(curve, limit)}"/>`,
    ...(best === undefined ? [] : [`<circle class="dot" fill="${color}" r="6" ${centre(best, limit)}/>`]),
  ];
}

function drawLegendEntry({ name, evaluation: { metrics }, color, dashes }: DrawnSeries, index: number): string[] {
  const y = legend.top + index * legend.rowHeight;
  const shownName = name.length > nameLengthMax ? `${name.slice(0, nameLengthMax - 1)}…` : name;
  return [
    `<path class="line" stroke="${color}" stroke-dasharray="${dashes}" d="M${legend.left} ${y}h36"/>`,
    `<text x="${legend.left + 46}" y="${y + 4}">${escapeXml(shownName)}</text>`,
    `<text class="muted" x="${legend.left + 46}" y="${y + 22}">AUC ${percent(metrics.auc)}, best HM ${percent(metrics.best_hm)}</text>`,
  ];
}

/** A multiple of 10 % for each of five intervals that leaves every point inside, at least 10 % in all. */
function axisLimit(series: readonly CurveSeries[]): number {
  const largest = Math.max(
    0.01,
    ...series.map(({ evaluation }) => Math.max(evaluation.metrics.best_seen, evaluation.metrics.best_unseen)),
  );
  return Math.min(1, Math.ceil(largest * 10) / 10);
}

function pathOf(curve: readonly CurvePoint[], limit: number): string {
  return curve
    .map(({ seen, unseen }) => `${round(horizontal(unseen, limit))} ${round(vertical(seen, limit))}`)
    .join('L');
}

function centre({ seen, unseen }: CurvePoint, limit: number): string {
  return `cx="${round(horizontal(unseen, limit))}" cy="${round(vertical(seen, limit))}"`;
}

function horizontal(share: number, limit: number): number {
  return plot.left + (plot.side * share) / limit;
}

function vertical(share: number, limit: number): number {
  return plot.top + plot.side - (plot.side * share) / limit;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function percent(share: number): string {
  return (100 * share).toFixed(1);
}

/** Text of strangers as XML text; characters that XML forbids become replacement characters. */
function escapeXml(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
