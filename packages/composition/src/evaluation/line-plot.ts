import { roundTo } from '@tessera/runtime';

type Point = readonly [x: number, y: number];

export interface PlotAxis {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  /** Distance of the ticks. */
  readonly step: number;
  readonly format: (value: number) => string;
}

export interface PlotSeries {
  readonly name: string;
  /** A second line of the legend. */
  readonly detail?: string;
  /** From left to right. */
  readonly points: readonly Point[];
  /** Corners of an area that is shaded. */
  readonly area?: readonly Point[];
  /** Points that are marked by dots. */
  readonly dots?: readonly Point[];
}

export interface LinePlot {
  readonly title: string;
  /** The content in words, for readers who do not see it. */
  readonly description?: string;
  readonly x: PlotAxis;
  readonly y: PlotAxis;
  /** Whether the line from one corner to the other is drawn. */
  readonly hasDiagonal?: boolean;
  readonly series: readonly PlotSeries[];
}

const width = 760;
const plot = { left: 64, top: 56, side: 400 };
const bottom = plot.top + plot.side;
const right = plot.left + plot.side;
const height = bottom + 64;
const legend = { left: right + 32, top: plot.top + 12, rowHeight: 52 };
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
  .axis { stroke: #59636e; fill: none; }
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

/** The plot as an SVG document that can be read on light and on dark pages. */
export function drawLinePlot({ title, description, x, y, hasDiagonal = false, series }: LinePlot): string {
  const drawn = series.map((item, index) => ({ ...item, ...(strokes[index % strokes.length] ?? strokes[0]) }));
  const toX = (value: number): number => roundTo(plot.left + (plot.side * (value - x.from)) / (x.to - x.from), 1);
  const toY = (value: number): number => roundTo(bottom - (plot.side * (value - y.from)) / (y.to - y.from), 1);
  const path = (points: readonly Point[]): string => `M${points.map(([px, py]) => `${toX(px)} ${toY(py)}`).join('L')}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    ...(description === undefined ? [] : [`<desc>${escapeXml(description)}</desc>`]),
    `<style>${style}</style>`,
    `<rect class="background" width="${width}" height="${height}"/>`,
    `<text class="title" x="${plot.left}" y="32">${escapeXml(title)}</text>`,
    ...ticks(x).flatMap((tick) => [
      `<path class="grid" d="M${toX(tick)} ${plot.top}V${bottom}"/>`,
      `<text class="muted" x="${toX(tick)}" y="${bottom + 20}" text-anchor="middle">${x.format(tick)}</text>`,
    ]),
    ...ticks(y).flatMap((tick) => [
      `<path class="grid" d="M${plot.left} ${toY(tick)}H${right}"/>`,
      `<text class="muted" x="${plot.left - 10}" y="${toY(tick) + 4}" text-anchor="end">${y.format(tick)}</text>`,
    ]),
    `<path class="axis" d="M${plot.left} ${plot.top}V${bottom}H${right}"/>`,
    `<text x="${plot.left + plot.side / 2}" y="${bottom + 46}" text-anchor="middle">${escapeXml(x.label)}</text>`,
    `<text transform="translate(20 ${plot.top + plot.side / 2}) rotate(-90)" text-anchor="middle">${escapeXml(y.label)}</text>`,
    ...(hasDiagonal
      ? [`<path class="axis" stroke-dasharray="4 4" d="M${plot.left} ${bottom}L${right} ${plot.top}"/>`]
      : []),
    ...drawn.flatMap(({ area = [], color }) =>
      area.length === 0 ? [] : [`<path class="area" fill="${color}" d="${path(area)}Z"/>`],
    ),
    ...drawn.flatMap(({ points, dots = [], color, dashes }) => [
      `<path class="line" stroke="${color}" stroke-dasharray="${dashes}" d="${points.length === 0 ? '' : path(points)}"/>`,
      ...dots.map(([px, py]) => `<circle class="dot" fill="${color}" r="6" cx="${toX(px)}" cy="${toY(py)}"/>`),
    ]),
    ...drawn.flatMap(drawLegendEntry),
    '</svg>\n',
  ].join('\n');
}

function drawLegendEntry({ name, detail = '', color, dashes }: PlotSeries & (typeof strokes)[number], index: number) {
  const y = legend.top + index * legend.rowHeight;
  const shownName = name.length > nameLengthMax ? `${name.slice(0, nameLengthMax - 1)}…` : name;
  return [
    `<path class="line" stroke="${color}" stroke-dasharray="${dashes}" d="M${legend.left} ${y}h36"/>`,
    `<text x="${legend.left + 46}" y="${y + 4}">${escapeXml(shownName)}</text>`,
    `<text class="muted" x="${legend.left + 46}" y="${y + 22}">${escapeXml(detail)}</text>`,
  ];
}

/** Evenly spaced round ticks within a range. */
export function ticks({ from, to, step }: Pick<PlotAxis, 'from' | 'to' | 'step'>): number[] {
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => roundTo((first + index) * step, 6));
}

/** Text of strangers as XML text; characters that XML forbids become replacement characters. */
export function escapeXml(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
