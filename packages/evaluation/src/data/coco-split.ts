import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeRle, type BinaryMask, type UntrustedRle } from '@tessera/masks';
import { sharedDataDirectory } from './shared-data.js';

export const splits = ['train', 'val'] as const;
export type Split = (typeof splits)[number];

export interface CocoCategory {
  readonly id: number;
  readonly name: string;
  /** 1 for countable objects, 0 for stuff such as sky. */
  readonly isthing: number;
}

export interface CocoAnnotation {
  readonly id: number;
  readonly image_id: number;
  readonly category_id: number;
  /** 1 for a region with many objects in one annotation. */
  readonly iscrowd: number;
  /** `[x, y, width, height]` in pixels. */
  readonly bbox: readonly [number, number, number, number];
  readonly area: number;
  readonly segmentation: UntrustedRle;
}

export interface CocoPhoto {
  readonly id: number;
  readonly fileName: string;
  readonly width: number;
  readonly height: number;
  readonly annotations: readonly CocoAnnotation[];
}

interface InstancesFile {
  readonly categories: readonly CocoCategory[];
  readonly images: readonly {
    readonly id: number;
    readonly file_name: string;
    readonly width: number;
    readonly height: number;
  }[];
  readonly annotations: readonly CocoAnnotation[];
}

/** The annotated photos of one split of the shared COCO subset, by ascending id. */
export interface CocoSplit {
  readonly photos: readonly CocoPhoto[];
  readonly categories: ReadonlyMap<number, CocoCategory>;
  readPhoto(photo: Pick<CocoPhoto, 'fileName'>): Promise<Uint8Array>;
}

/** @throws SharedDataError when the shared data is not there */
export async function loadCocoSplit(split: Split): Promise<CocoSplit> {
  const directory = sharedDataDirectory('coco');
  const file = JSON.parse(await readFile(join(directory, `instances_${split}2017.json`), 'utf8')) as InstancesFile;
  const photos = file.images
    .map(({ id, file_name, width, height }) => ({
      id,
      fileName: file_name,
      width,
      height,
      annotations: file.annotations.filter((annotation) => annotation.image_id === id),
    }))
    .sort((a, b) => a.id - b.id);
  return {
    photos,
    categories: new Map(file.categories.map((category) => [category.id, category])),
    readPhoto: ({ fileName }) => readFile(join(directory, `${split}2017`, fileName)),
  };
}

/** Pixels that a target does not judge, as `intersectionAndUnion` reads them. */
const ignoreLabel = 255;

/** The union of some annotations of a photo, `[H, W]`, with pixels of others that are not to be judged. */
export function targetMask(photo: CocoPhoto, targetIds: readonly number[], ignoredIds: readonly number[]): BinaryMask {
  const target: BinaryMask = {
    height: photo.height,
    width: photo.width,
    data: new Uint8Array(photo.height * photo.width),
  };
  const paint = (ids: readonly number[], label: number): void => {
    for (const { segmentation } of photo.annotations.filter(({ id }) => ids.includes(id))) {
      const { data } = decodeRle(segmentation);
      for (let index = 0; index < data.length; index++) if (data[index] === 1) target.data[index] = label;
    }
  };
  paint(ignoredIds, ignoreLabel);
  paint(targetIds, 1);
  return target;
}
