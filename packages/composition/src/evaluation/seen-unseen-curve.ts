import { percent } from '@tessera/runtime';
import type { GeneralisedEvaluation } from './generalised-evaluation.js';
import { drawLinePlot, type PlotAxis, type PlotSeries } from './line-plot.js';

/** One line of the picture. */
export interface CurveSeries {
  readonly name: string;
  readonly evaluation: Pick<GeneralisedEvaluation, 'metrics' | 'curve'>;
}

/**
 * The seen–unseen curves of several methods as an SVG document: accuracy on seen pairs over accuracy on unseen ones in
 * percent, the area below shaded, a dot where the harmonic mean is best. Readable on light and on dark pages.
 */
export function drawSeenUnseenCurves(title: string, series: readonly CurveSeries[]): string {
  const to = axisLimit(series);
  const axis = (pairs: string): PlotAxis => ({
    label: `Accuracy on ${pairs} pairs (%)`,
    from: 0,
    to,
    step: to / 5,
    format: (value) => (100 * value).toFixed(0),
  });
  return drawLinePlot({
    title,
    description: series.map(({ name, evaluation }) => `${name}: AUC ${percent(evaluation.metrics.auc)}`).join('; '),
    x: axis('unseen'),
    y: axis('seen'),
    series: series.map(plotSeries),
  });
}

function plotSeries({ name, evaluation: { curve, metrics } }: CurveSeries): PlotSeries {
  const points = curve.map(({ seen, unseen }) => [unseen, seen] as const);
  const best = curve.findIndex(({ bias }) => bias === metrics.bias);
  return {
    name,
    detail: `AUC ${percent(metrics.auc)}, best HM ${percent(metrics.best_hm)}`,
    points,
    area: [[points[0]?.[0] ?? 0, 0], ...points, [points.at(-1)?.[0] ?? 0, 0]],
    dots: points.slice(best, best + 1),
  };
}

/** A multiple of 10 % for each of five intervals that leaves every point inside, at least 10 % in all. */
function axisLimit(series: readonly CurveSeries[]): number {
  const largest = Math.max(
    0.01,
    ...series.map(({ evaluation }) => Math.max(evaluation.metrics.best_seen, evaluation.metrics.best_unseen)),
  );
  return Math.min(1, Math.ceil(largest * 10) / 10);
}
