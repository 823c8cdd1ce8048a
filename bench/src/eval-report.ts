import type { SegmentQueryResult } from '@tessera/contracts';
import { cIoU, gIoU, type Overlap } from '@tessera/masks';
import type { CocoPhoto } from './coco-split.js';
import { queryKinds, type Query, type QueryKind } from './query-set.js';

/** One answered query. */
export interface Outcome {
  readonly photo: CocoPhoto;
  readonly query: Query;
  readonly result: SegmentQueryResult;
  readonly overlap: Overlap;
}

export interface PhotoTiming {
  /** The first query about the photo. */
  readonly firstMs: number;
  /** Each further query, on average. */
  readonly nextMs: number;
}

interface KindSummary {
  readonly kind: QueryKind | 'all';
  readonly queries: number;
  readonly gIoU: number;
  readonly cIoU: number;
  /** Share of the queries whose target was rightly told to be present or absent. */
  readonly presenceAccuracy: number;
}

export interface Summary {
  readonly kinds: readonly KindSummary[];
  readonly firstMs: number;
  readonly nextMs: number;
}

export function summarize(outcomes: readonly Outcome[], timings: readonly PhotoTiming[]): Summary {
  const kinds = ([...queryKinds, 'all'] as const).flatMap((kind): KindSummary[] => {
    const chosen = outcomes.filter(({ query }) => kind === 'all' || query.kind === kind);
    if (chosen.length === 0) return [];
    const overlaps = chosen.map(({ overlap }) => overlap);
    const told = chosen.map(({ query, result }) => (result.present === query.annotations.length > 0 ? 1 : 0));
    return [{ kind, queries: chosen.length, gIoU: gIoU(overlaps), cIoU: cIoU(overlaps), presenceAccuracy: mean(told) }];
  });
  return {
    kinds,
    firstMs: mean(timings.map(({ firstMs }) => firstMs)),
    nextMs: mean(timings.map(({ nextMs }) => nextMs)),
  };
}

export function markdownReport(title: string, { kinds, firstMs, nextMs }: Summary): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const share = (value: number): string => value.toFixed(3);
  return [
    `## ${title}`,
    '',
    row(['kind', 'queries', 'gIoU', 'cIoU', 'presence accuracy']),
    row(['---', '---:', '---:', '---:', '---:']),
    ...kinds.map((summary) =>
      row([
        summary.kind,
        String(summary.queries),
        share(summary.gIoU),
        share(summary.cIoU),
        share(summary.presenceAccuracy),
      ]),
    ),
    '',
    `First query about a photo: ${firstMs.toFixed(0)} ms on average; each further one: ${nextMs.toFixed(0)} ms.`,
    '',
  ].join('\n');
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
