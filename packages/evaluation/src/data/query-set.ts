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
  readonly set: QuerySetName;
  /** Ids of the annotations that are the answer; none for an absent target. */
  readonly annotations: readonly number[];
  /** Ids of crowd regions of the same classes, which are not judged. */
  readonly ignored: readonly number[];
}

export interface PhotoQueries {
  readonly photo: number;
  readonly queries: readonly Query[];
}

/** The frozen queries about a split's photos: `bench/queries/{train,val}.json`. */
export async function loadQuerySet(split: Split): Promise<PhotoQueries[]> {
  const file = join(repositoryRoot, 'bench', 'queries', `${split}.json`);
  return JSON.parse(await readFile(file, 'utf8')) as PhotoQueries[];
}
