import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Composition } from '@tessera/composition';
import type { CompositionImage } from '@tessera/dual-encoder';
import { sharedDataDirectory } from '@tessera/evaluation';

/** A picture, what it shows, and whether prompts may learn from it. */
export interface LabelledPhoto {
  readonly image: CompositionImage;
  readonly composition: Composition;
  readonly set: 'train' | 'val';
}

interface ApparelRow {
  readonly image: string;
  readonly attr: string;
  readonly obj: string;
  readonly set: 'train' | 'val';
}

/**
 * The product photos of the shared data: a colour and a garment each.
 *
 * @throws SharedDataError when they are not on this machine
 */
export async function readApparel(): Promise<LabelledPhoto[]> {
  const directory = sharedDataDirectory('apparel');
  const rows = JSON.parse(await readFile(join(directory, 'metadata.json'), 'utf8')) as ApparelRow[];
  return rows.map(({ image, attr, obj, set }) => ({
    image: { id: `apparel/${image}`, read: () => readFile(join(directory, 'images', image)) },
    composition: [attr, obj],
    set,
  }));
}

/**
 * The primitives of C-GQA and the pairs that models are trained on there (Naeem et al., "Learning Graph Embeddings for
 * Compositional Zero-shot Learning", CVPR 2021).
 *
 * @throws SharedDataError when the lists are not on this machine
 */
export async function readCgqaPairs() {
  const directory = sharedDataDirectory(join('czsl', 'cgqa'));
  const read = async (split: string): Promise<string[][]> => {
    const text = await readFile(join(directory, `${split}_pairs.txt`), 'utf8');
    return text.split('\n').flatMap((line) => (line === '' ? [] : [line.split(' ')]));
  };
  const [trainPairs = [], ...others] = await Promise.all(['train', 'val', 'test'].map(read));
  const pairs = [...trainPairs, ...others.flat()];
  return {
    attributes: [...new Set(pairs.map(([attribute = '']) => attribute))].sort(),
    objects: [...new Set(pairs.map(([, object = '']) => object))].sort(),
    trainPairs,
  };
}

/** Up to `count` photos of each composition and set, in their order. */
export function atMost(photos: readonly LabelledPhoto[], count: number): LabelledPhoto[] {
  const taken = new Map<string, number>();
  return photos.filter(({ composition, set }) => {
    const key = [set, ...composition].join('/');
    const before = taken.get(key) ?? 0;
    taken.set(key, before + 1);
    return before < count;
  });
}
