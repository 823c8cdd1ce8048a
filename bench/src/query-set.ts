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

/** Kinds that nobody can answer by the names of things alone, and that have an answer. */
export const contextKinds: readonly QueryKind[] = ['position', 'size', 'ordinal', 'relation', 'combination'];

/** `first`: the queries of the published figures of `tessera-baseline`; `context`: those about order and relations. */
export const querySets = ['first', 'context'] as const;
export type QuerySetName = (typeof querySets)[number];

export interface Query {
  readonly text: string;
  readonly kind: QueryKind;
  readonly set: QuerySetName;
  /** Ids of the annotations that are meant; none for an absent target. */
  readonly annotations: readonly number[];
  /** Ids of crowd regions of the same classes, which are not judged. */
  readonly ignored: readonly number[];
}

export interface PhotoQueries {
  readonly photo: number;
  readonly queries: readonly Query[];
}

/** Phrases that mean classes without naming them, by the classes' names joined with `|`. */
export type Phrases = Readonly<Record<Split, Readonly<Record<string, readonly string[]>>>> & {
  /** Phrases that mean nothing that the photos could show. */
  readonly nothing: Readonly<Record<Split, readonly string[]>>;
};

/** What was found wrong by looking at the generated queries on their photos; by class or by the whole text. */
export interface Rejection {
  readonly photo: number;
  readonly classes?: readonly string[];
  readonly texts?: readonly string[];
  readonly why: string;
}

const directory = join(repositoryRoot, 'bench', 'queries');

export function querySetPath(split: Split): string {
  return join(directory, `${split}.json`);
}

export async function loadQuerySet(split: Split): Promise<PhotoQueries[]> {
  return JSON.parse(await readFile(querySetPath(split), 'utf8')) as PhotoQueries[];
}

/** One line a photo. */
export function formatQuerySet(photos: readonly PhotoQueries[]): string {
  return `[\n${photos.map((entry) => JSON.stringify(entry)).join(',\n')}\n]\n`;
}

export async function loadPhrases(): Promise<Phrases> {
  return JSON.parse(await readFile(join(directory, 'phrases.json'), 'utf8')) as Phrases;
}

export async function loadRejections(): Promise<Rejection[]> {
  return JSON.parse(await readFile(join(directory, 'rejected.json'), 'utf8')) as Rejection[];
}
