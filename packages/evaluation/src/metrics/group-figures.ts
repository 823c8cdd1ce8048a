import { contextKinds, queryKinds, type QueryKind } from '../data/query-set.js';
import { differenceInterval, metricInterval, type Interval, type Sample } from './bootstrap.js';

/** Groups of queries that figures are given for: each kind, those that need context, and all in two ways. */
const queryGroups: readonly {
  readonly name: string;
  readonly metric: 'gIoU' | 'meanOfKinds';
  readonly kinds: readonly QueryKind[];
}[] = [
  ...queryKinds.map((name) => ({ name, metric: 'gIoU', kinds: [name] }) as const),
  { name: 'context kinds', metric: 'gIoU', kinds: contextKinds },
  { name: 'all queries', metric: 'gIoU', kinds: queryKinds },
  { name: 'mean of kinds', metric: 'meanOfKinds', kinds: queryKinds },
];
const absentKinds: readonly QueryKind[] = ['absent', 'context_absent', 'part', 'unknown_thing'];

/** Figures of one group of queries. */
export interface GroupFigures {
  readonly group: string;
  readonly kinds: readonly QueryKind[];
  readonly queries: number;
  readonly gIoU: Interval;
  /** Nothing where no query has a target. */
  readonly cIoU: Interval | undefined;
  /** gIoU minus the reference's. */
  readonly gain: Interval;
}

/** Figures of every group that has queries. */
export function figuresByGroup(samples: readonly Sample[], reference: readonly Sample[]): GroupFigures[] {
  return queryGroups.flatMap(({ name, metric, kinds }): GroupFigures[] => {
    const [own, others] = [samples, reference].map((all) => all.filter(({ kind }) => kinds.includes(kind)));
    if (own === undefined || others === undefined || own.length === 0) return [];
    const hasTargets = metric === 'gIoU' && kinds.some((kind) => !absentKinds.includes(kind));
    return [
      {
        group: name,
        kinds,
        queries: own.length,
        gIoU: metricInterval(metric, own),
        cIoU: hasTargets ? metricInterval('cIoU', own) : undefined,
        gain: differenceInterval(metric, own, others),
      },
    ];
  });
}
