import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Split } from './coco-split.js';
import { repositoryRoot } from './shared-data.js';

export const queryKinds = ['class', 'reasoning', 'position', 'size', 'absent'] as const;
export type QueryKind = (typeof queryKinds)[number];

export interface Query {
  readonly text: string;
  readonly kind: QueryKind;
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

const directory = join(repositoryRoot, 'bench', 'queries');

export function querySetPath(split: Split): string {
  return join(directory, `${split}.json`);
}

export async function loadQuerySet(split: Split): Promise<PhotoQueries[]> {
  return JSON.parse(await readFile(querySetPath(split), 'utf8')) as PhotoQueries[];
}

export async function loadPhrases(): Promise<Phrases> {
  return JSON.parse(await readFile(join(directory, 'phrases.json'), 'utf8')) as Phrases;
}
