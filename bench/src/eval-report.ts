import type { SegmentQueryResult } from '@tessera/contracts';
import type { Overlap } from '@tessera/masks';
import {
  type CocoPhoto,
  contextKinds,
  differenceInterval,
  type Interval,
  markdownRows,
  mean,
  metricInterval,
  type Query,
  type QueryKind,
  queryKinds,
  type Sample,
} from '@tessera/evaluation';
import { withInterval } from './pages/formats.js';

/** One answered query. */
export interface Outcome {
  readonly photo: CocoPhoto;
  readonly query: Query;
  readonly result: SegmentQueryResult;
  readonly overlap: Overlap;
}

/** What one model answered to all queries, in their order. */
export interface ModelOutcomes {
  readonly model: string;
  readonly outcomes: readonly Outcome[];
  /** Of each photo the milliseconds of its queries. */
  readonly timings: readonly (readonly number[])[];
}

interface ModelFigures {
  readonly model: string;
  readonly gIoU: Interval;
  /** Nothing where no query has a target. */
  readonly cIoU: Interval | undefined;
  /** Share of the queries whose target was rightly told to be present or absent. */
  readonly presenceAccuracy: number;
  /** gIoU minus the first model's, for the others. */
  readonly gain?: Interval;
}

export interface GroupFigures {
  readonly group: string;
  readonly queries: number;
  readonly models: readonly ModelFigures[];
}

export interface QueryGroup {
  readonly name: string;
  readonly metric: 'gIoU' | 'meanOfKinds';
  readonly holds: (kind: QueryKind) => boolean;
}

/** Groups of queries that figures are given for: each kind, those that need context, and all in two ways. */
export const queryGroups: readonly QueryGroup[] = [
  ...queryKinds.map((name) => ({ name, metric: 'gIoU', holds: (kind: QueryKind) => kind === name }) as const),
  { name: 'context kinds', metric: 'gIoU', holds: (kind) => contextKinds.includes(kind) },
  { name: 'all queries', metric: 'gIoU', holds: () => true },
  { name: 'mean of kinds', metric: 'meanOfKinds', holds: () => true },
];

/** Figures of every group that has queries. */
export function summarize(models: readonly ModelOutcomes[]): GroupFigures[] {
  return queryGroups.flatMap(({ name, metric, holds }): GroupFigures[] => {
    const chosen = models.map(({ model, outcomes }) => {
      const own = outcomes.filter(({ query }) => holds(query.kind));
      return { model, own, samples: own.map(toSample) };
    });
    const [first] = chosen;
    if (first === undefined || first.own.length === 0) return [];
    const hasTargets = metric === 'gIoU' && first.own.some(({ query }) => query.annotations.length > 0);
    const figures = chosen.map(({ model, own, samples }, index): ModelFigures => ({
      model,
      gIoU: metricInterval(metric, samples),
      cIoU: hasTargets ? metricInterval('cIoU', samples) : undefined,
      presenceAccuracy: mean(own.map(({ query, result }) => (result.present === query.annotations.length > 0 ? 1 : 0))),
      ...(index === 0 ? {} : { gain: differenceInterval(metric, samples, first.samples) }),
    }));
    return [{ group: name, queries: first.own.length, models: figures }];
  });
}

function toSample({ photo, query, overlap }: Outcome): Sample {
  return { photo: photo.id, kind: query.kind, overlap };
}

/** A table with the models side by side: figures with 95 % confidence intervals in brackets. */
export function markdownTable(groups: readonly GroupFigures[]): string {
  const models = groups[0]?.models.map(({ model }) => model) ?? [];
  const of = (figure: string): string[] => models.map((model) => (models.length > 1 ? `${figure}, ${model}` : figure));
  const gains = models.slice(1).map((model) => `gIoU gained by ${model}`);
  const header = ['kind', 'queries', ...of('gIoU'), ...gains, ...of('cIoU'), ...of('presence accuracy')];
  const rows = groups.map(({ group, queries, models: figures }) => [
    group,
    String(queries),
    ...figures.map(({ gIoU }) => withInterval(gIoU)),
    ...figures.flatMap(({ gain }) => (gain === undefined ? [] : [withInterval(gain, true)])),
    ...figures.map(({ cIoU }) => (cIoU === undefined ? '–' : withInterval(cIoU))),
    ...figures.map(({ presenceAccuracy }) => presenceAccuracy.toFixed(3)),
  ]);
  return markdownRows(header, rows);
}

export function timingLine({ model, timings }: ModelOutcomes): string {
  const firstMs = mean(timings.flatMap((times) => times.slice(0, 1)));
  const nextMs = mean(timings.flatMap((times) => times.slice(1)));
  return `${model}: first query about a photo ${firstMs.toFixed(0)} ms on average, each further one ${nextMs.toFixed(0)} ms.`;
}
