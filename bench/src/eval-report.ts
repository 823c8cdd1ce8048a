import type { SegmentQueryResult } from '@tessera/contracts';
import {
  figuresByGroup,
  markdownRows,
  mean,
  withInterval,
  type CocoPhoto,
  type Query,
  type Sample,
} from '@tessera/evaluation';
import type { Overlap } from '@tessera/masks';

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

/** A table with the models side by side: figures with 95 % confidence intervals in brackets. */
export function outcomeTable(all: readonly ModelOutcomes[]): string {
  const models = all.map(({ model }) => model);
  const samples = all.map(({ outcomes }) =>
    outcomes.map(({ photo, query, overlap }): Sample => ({ photo: photo.id, kind: query.kind, overlap })),
  );
  const figures = samples.map((own) => figuresByGroup(own, samples[0] ?? []));
  const of = (figure: string): string[] => models.map((model) => (models.length > 1 ? `${figure}, ${model}` : figure));
  const gains = models.slice(1).map((model) => `gIoU gained by ${model}`);
  const header = ['kind', 'queries', ...of('gIoU'), ...gains, ...of('cIoU'), ...of('presence accuracy')];
  const rows = (figures[0] ?? []).map(({ group, kinds, queries }, index) => {
    const own = figures.flatMap((groups) => groups[index] ?? []);
    return [
      group,
      String(queries),
      ...own.map(({ gIoU }) => withInterval(gIoU)),
      ...own.slice(1).map(({ gain }) => withInterval(gain, true)),
      ...own.map(({ cIoU }) => (cIoU === undefined ? '–' : withInterval(cIoU))),
      ...all.map(({ outcomes }) => presenceAccuracy(outcomes.filter(({ query }) => kinds.includes(query.kind)))),
    ];
  });
  return markdownRows(header, rows);
}

/** Share of the queries whose target was rightly reported as present or absent. */
function presenceAccuracy(outcomes: readonly Outcome[]): string {
  const right = ({ query, result }: Outcome): boolean => result.present === query.annotations.length > 0;
  return mean(outcomes.map((outcome) => (right(outcome) ? 1 : 0))).toFixed(3);
}

/** How many queries that no model here can tell were answered with a mask and no warning; nothing without such. */
export function honestyLine({ model, outcomes }: ModelOutcomes): string[] {
  const asked = outcomes.filter(({ query }) => query.warn === true);
  if (asked.length === 0) return [];
  const silent = asked.filter(({ result }) => result.present && result.warnings.length === 0);
  const share = ((100 * silent.length) / asked.length).toFixed(1);
  return [
    `${model}: of ${String(asked.length)} queries for kinds, parts and things that it cannot tell, ${String(silent.length)} (${share} %) got a mask without a warning.`,
  ];
}

export function timingLine({ model, timings }: ModelOutcomes): string {
  const firstMs = mean(timings.flatMap((times) => times.slice(0, 1)));
  const nextMs = mean(timings.flatMap((times) => times.slice(1)));
  return `${model}: first query about a photo ${firstMs.toFixed(0)} ms on average, each further one ${nextMs.toFixed(0)} ms.`;
}
