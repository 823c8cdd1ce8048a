import { formatFigure, type Format } from './formats.js';

export interface PlotAxis {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  /** Distance of the ticks. */
  readonly step: number;
  readonly format: Format;
}

/** Curves with their confidence bands. */
export interface LinePlot {
  readonly title: string;
  readonly x: PlotAxis;
  readonly y: PlotAxis;
  /** Whether the line from one corner to the other is drawn. */
  readonly hasDiagonal?: boolean;
  readonly series: readonly {
    readonly name: string;
    /** Whether the band is drawn. */
    readonly hasBand: boolean;
    /** `[x, y, low, high]` from left to right; `low` and `high` bound the band. */
    readonly points: readonly (readonly [number, number, number, number])[];
  }[];
}

const width = 760;
const height = 420;
const margin = { left: 68, right: 190, top: 40, bottom: 56 } as const;
const colours = ['#0072b2', '#d55e00', '#009e73', '#b5629b', '#8a6d00', '#4d7ea8', '#7a7a7a', '#a3421f'];

const style = `<style>
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 }
  .grid { stroke: #8c959f; stroke-opacity: 0.3 }
  .axis { stroke: #57606a }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .axis { stroke: #9198a1 }
    .curve, .bar { filter: brightness(1.35) }
  }
</style>`;

/** The plot as SVG that can be read on light and on dark pages. */
export function drawLinePlot({ title, x, y, hasDiagonal = false, series }: LinePlot): string {
  const [plotWidth, plotHeight] = [width - margin.left - margin.right, height - margin.top - margin.bottom];
  const toX = (value: number): number => margin.left + (plotWidth * (value - x.from)) / (x.to - x.from);
  const toY = (value: number): number => margin.top + plotHeight * (1 - (value - y.from) / (y.to - y.from));
  const at = (px: number, py: number): string => `${px.toFixed(1)} ${py.toFixed(1)}`;
  const bottom = margin.top + plotHeight;
  const grid = [
    ...ticks(x).map(
      (tick) =>
        `<line class="grid" x1="${toX(tick).toFixed(1)}" x2="${toX(tick).toFixed(1)}" y1="${margin.top}" y2="${bottom}"/>` +
        `<text x="${toX(tick).toFixed(1)}" y="${bottom + 20}" text-anchor="middle">${formatFigure(tick, x.format)}</text>`,
    ),
    ...ticks(y).map(
      (tick) =>
        `<line class="grid" x1="${margin.left}" x2="${margin.left + plotWidth}" y1="${toY(tick).toFixed(1)}" y2="${toY(tick).toFixed(1)}"/>` +
        `<text x="${margin.left - 8}" y="${(toY(tick) + 4).toFixed(1)}" text-anchor="end">${formatFigure(tick, y.format)}</text>`,
    ),
  ];
  const curves = series.map(({ points, hasBand }, index) => {
    const colour = colours[index % colours.length] ?? '';
    const band = [
      ...points.map(([px, , , high]) => at(toX(px), toY(high))),
      ...points.toReversed().map(([px, , low]) => at(toX(px), toY(low))),
    ];
    const line = points.map(([px, py]) => at(toX(px), toY(py)));
    const dots = points.map(
      ([px, py]) => `<circle cx="${toX(px).toFixed(1)}" cy="${toY(py).toFixed(1)}" r="3.5" fill="${colour}"/>`,
    );
    return [
      '<g class="curve">',
      hasBand ? `<path d="M${band.join('L')}Z" fill="${colour}" fill-opacity="0.16"/>` : '',
      `<path d="M${line.join('L')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...dots,
      '</g>',
    ].join('');
  });
  const legend = series.map(({ name }, index) => {
    const top = margin.top + 8 + 22 * index;
    const left = width - margin.right + 16;
    return (
      `<rect class="bar" x="${left}" y="${top}" width="14" height="14" fill="${colours[index % colours.length] ?? ''}"/>` +
      `<text x="${left + 22}" y="${top + 12}">${escapeXml(name)}</text>`
    );
  });
  const content = [
    ...grid,
    hasDiagonal
      ? `<path d="M${at(toX(x.from), toY(y.from))}L${at(toX(x.to), toY(y.to))}" class="axis" stroke-dasharray="4 4"/>`
      : '',
    ...curves,
    `<path class="axis" fill="none" d="M${margin.left} ${margin.top}V${bottom}H${margin.left + plotWidth}"/>`,
    `<text x="${margin.left + plotWidth / 2}" y="${height - 12}" text-anchor="middle">${escapeXml(x.label)}</text>`,
    `<text transform="translate(18 ${margin.top + plotHeight / 2}) rotate(-90)" text-anchor="middle">${escapeXml(y.label)}</text>`,
    ...legend,
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    style,
    `<text class="title" x="${margin.left}" y="22">${escapeXml(title)}</text>`,
    ...content.filter((line) => line !== ''),
    '</svg>',
    '',
  ].join('\n');
}

/** Text as the content of an XML element. */
export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Evenly spaced round ticks within a range. */
export function ticks({ from, to, step }: Pick<PlotAxis, 'from' | 'to' | 'step'>): number[] {
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toFixed(6)));
}
