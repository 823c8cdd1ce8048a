import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sharedDataDirectory } from './shared-data.js';

/** A picture, what it shows, and whether prompts may learn from it. */
export interface LabelledPhoto {
  readonly image: { readonly id: string; read(): Promise<Uint8Array> };
  /** One or more attributes, then the object. */
  readonly composition: readonly string[];
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
