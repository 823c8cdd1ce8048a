import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type from 'typebox';
import { UsageError } from '../command-errors.js';
import type { LabelledImage } from '../evaluation-logits.js';
import { isFile, readJson, readText } from './read-data.js';

export const compositionSets = ['train', 'val', 'test'] as const;
export type CompositionSet = (typeof compositionSets)[number];

type Pair = readonly [attribute: string, object: string];

/** A data set of images with an attribute and an object each. */
export interface CompositionSplit {
  /** Of all sets, sorted. */
  readonly attributes: readonly string[];
  /** Of all sets, sorted. */
  readonly objects: readonly string[];
  readonly pairs: Readonly<Record<CompositionSet, readonly Pair[]>>;
  /** Those of the wanted set. */
  readonly images: readonly (LabelledImage & { readonly name: string })[];
}

const split = 'compositional-split-natural';
const Rows = Type.Array(
  Type.Object({ image: Type.String(), attr: Type.String(), obj: Type.String(), set: Type.String() }),
);

/**
 * MIT-States, UT-Zappos or C-GQA as compositional zero-shot learning lays them out (Purushwalkam et al., ICCV 2019):
 * `images/`, `compositional-split-natural/{train,val,test}_pairs.txt` and `metadata_compositional-split-natural`, which
 * comes as a file of PyTorch (`.t7`) and is read as JSON. As in the reference, rows without a set or of other pairs are
 * left out.
 *
 * @throws UsageError when a file is missing or is not what it should be
 */
export async function openCompositionSplit(root: string, set: CompositionSet): Promise<CompositionSplit> {
  const [train, val, test] = await Promise.all(compositionSets.map((name) => readPairs(root, name)));
  const pairs = { train: train ?? [], val: val ?? [], test: test ?? [] };
  const all = Object.values(pairs).flat();
  const known = new Set(all.map((pair) => pair.join(' ')));
  const rows = await readJson(join(root, await metadataFile(root)), Rows);
  const images = rows
    .filter((row) => row.set === set && known.has(`${row.attr} ${row.obj}`))
    .map(({ image, attr, obj }) => ({ name: image, composition: [attr, obj], read: () => readPicture(root, image) }));
  return {
    attributes: sorted(all.map(([attribute]) => attribute)),
    objects: sorted(all.map(([, object]) => object)),
    pairs,
    images,
  };
}

async function readPairs(root: string, set: CompositionSet): Promise<Pair[]> {
  const file = join(root, split, `${set}_pairs.txt`);
  const lines = (await readText(file)).split('\n').filter((line) => line.trim() !== '');
  return lines.map((line): Pair => {
    const [attribute, object, ...rest] = line.trim().split(/\s+/);
    if (attribute !== undefined && object !== undefined && rest.length === 0) return [attribute, object];
    throw new UsageError(`${file} has the line "${line.trim()}", which is no attribute and object.`);
  });
}

/** @throws UsageError with the command that makes it */
async function metadataFile(root: string): Promise<string> {
  const name = `metadata_${split}`;
  if (await isFile(join(root, `${name}.json`))) return `${name}.json`;
  if (!(await isFile(join(root, `${name}.t7`))))
    throw new UsageError(`${root} has neither ${name}.json nor ${name}.t7.`);
  throw new UsageError(
    `${join(root, name)}.t7 is a file of PyTorch, which this command does not read; convert it:\n` +
      `  cd '${root}' && python3 -c "import json, torch; json.dump(torch.load('${name}.t7', weights_only=True), open('${name}.json', 'w'))"`,
  );
}

/** Directories of MIT-States are named with spaces, or with underscores where they were renamed. */
async function readPicture(root: string, image: string): Promise<Uint8Array> {
  const names = [...new Set([image, image.replaceAll('_', ' '), image.replaceAll(' ', '_')])];
  for (const name of names) {
    const bytes = await readFile(join(root, 'images', name)).catch(() => undefined);
    if (bytes !== undefined) return bytes;
  }
  throw new UsageError(`${join(root, 'images', image)} cannot be read.`);
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
