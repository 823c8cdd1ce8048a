import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Split } from './coco-split.js';
import { repositoryRoot } from './shared-data.js';

export const queryKinds = [
  'class',
  'reasoning',
  'position',
  'size',
  'ordinal',
  'relation',
  'combination',
  'absent',
  'context_absent',
  'colour',
  'description',
  'count',
  'join',
  'exclusion',
  'kind',
  'part',
  'unknown_thing',
] as const;
export type QueryKind = (typeof queryKinds)[number];

/** Kinds that have an answer, which the names of classes alone do not give. */
export const contextKinds: readonly QueryKind[] = ['position', 'size', 'ordinal', 'relation', 'combination'];

/** `first`: the queries of the published figures of `tessera-baseline`; `context`: those about order and relations. */
export const querySets = ['first', 'context'] as const;
export type QuerySetName = (typeof querySets)[number];

export interface Query {
  readonly text: string;
  readonly kind: QueryKind;
  /** None of a free wording. */
  readonly set?: QuerySetName;
  /** Ids of the annotations that are the answer; none for an absent target. */
  readonly annotations: readonly number[];
  /** Ids of crowd regions of the same classes, which are not judged. */
  readonly ignored: readonly number[];
  /** Whether a model that cannot tell this has to say so: with `present: false` or with a warning. */
  readonly warn?: boolean;
}

export interface PhotoQueries {
  readonly photo: number;
  readonly queries: readonly Query[];
}

/** The frozen queries about a split's photos, or the free wordings about the val photos: `bench/queries`. */
export async function loadQuerySet(name: Split | 'free'): Promise<PhotoQueries[]> {
  const file = join(repositoryRoot, 'bench', 'queries', `${name}.json`);
  return JSON.parse(await readFile(file, 'utf8')) as PhotoQueries[];
}
