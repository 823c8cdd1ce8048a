import type { Interval } from '../metrics/bootstrap.js';

/** What a study found: one number or text, nothing, `[value, low, high]` or `[mean, standard deviation]`. */
export type Figure = string | number | null | readonly number[];

/** How figures are written, by name; texts stay as they are. */
const formats = {
  text: String,
  whole: (value: number) => value.toFixed(0),
  one: (value: number) => value.toFixed(1),
  two: (value: number) => value.toFixed(2),
  three: (value: number) => value.toFixed(3),
  percent: (value: number) => `${(100 * value).toFixed(1)} %`,
  wholePercent: (value: number) => `${(100 * value).toFixed(0)} %`,
  milliseconds,
  gigabytes: (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`,
  /** A figure between 0 and 1 with its confidence interval. */
  interval: (value: number, low = value, high = value) => withInterval({ value, low, high }),
  /** A difference of two such figures. */
  change: (value: number, low = value, high = value) => withInterval({ value, low, high }, true),
  /** The same in percentage points. */
  points: (value: number, low = value, high = value) => `${points(value)} [${points(low)}, ${points(high)}]`,
  /** A mean, and the standard deviation where there is one. */
  spread: (mean: number, deviation?: number) =>
    mean.toFixed(1) + (deviation === undefined ? '' : ` ± ${deviation.toFixed(1)}`),
} satisfies Readonly<Record<string, (...numbers: number[]) => string>>;

export type Format = keyof typeof formats;

/** A figure in words and digits; `–` where there is none. */
export function formatFigure(figure: Figure, format: Format): string {
  if (figure === null) return '–';
  if (typeof figure === 'string') return figure;
  const write: (...numbers: number[]) => string = formats[format];
  return typeof figure === 'number' ? write(figure) : write(...figure);
}

/** Milliseconds as tables show them, from ten seconds on in seconds. */
export function milliseconds(value: number): string {
  return value < 10_000 ? `${value.toFixed(value < 100 ? 1 : 0)} ms` : `${(value / 1000).toFixed(0)} s`;
}

/** `0.472 [0.405, 0.545]`; a difference always has a sign. */
export function withInterval({ value, low, high }: Interval, isDifference = false): string {
  const number = (share: number): string =>
    (isDifference && share >= 0 ? '+' : '') + share.toFixed(3).replace('-', '−');
  return `${number(value)} [${number(low)}, ${number(high)}]`;
}

function points(share: number): string {
  return `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(1)}`;
}
