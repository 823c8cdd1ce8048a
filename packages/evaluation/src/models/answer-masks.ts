import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegionReasonerSettings } from '@tessera/contracts';
import type { Bundle } from '@tessera/inference';
import {
  createMask,
  decodeRle,
  encodeRle,
  intersectionAndUnion,
  unionOfMasks,
  type BinaryMask,
  type Overlap,
} from '@tessera/masks';
import { paintObject, type RegionReasoner } from '@tessera/segmentation';
import { targetMask, type CocoPhoto } from '../data/coco-split.js';
import type { Query } from '../data/query-set.js';
import { repositoryRoot } from '../data/shared-data.js';

/** `[x0, y0, x1, y1]` in shares of the image, as the pipeline chooses them. */
export type AnswerBox = readonly [number, number, number, number];

/** Makes the masks of some boxes of a photo. */
export type MaskMaker = (photo: CocoPhoto, boxes: readonly AnswerBox[]) => Promise<BinaryMask[]>;

/** The usual shape of a region in each box: no model runs. */
export function shapeMasks({ region_shape_exponent: exponent }: RegionReasonerSettings): MaskMaker {
  return (photo, boxes) =>
    Promise.resolve(
      boxes.map((box) => {
        const mask = createMask(photo.height, photo.width);
        paintObject(mask, { box }, undefined, exponent);
        return mask;
      }),
    );
}

/**
 * SAM's mask of each box. They are kept in `bench/out/masks` under the hash of the bundle's graphs that made them, since
 * every pruning method chooses among the same boxes.
 */
export function segmentedMasks(
  { vision, settings }: RegionReasoner,
  { manifest }: Bundle,
  readPhoto: (photo: CocoPhoto) => Promise<Uint8Array>,
): MaskMaker {
  const makers = ['detector', 'image_encoder', 'mask_decoder'].map(
    (graph) => manifest.files[manifest.graphs[graph]?.file ?? '']?.sha256 ?? graph,
  );
  const fingerprint = createHash('sha256').update(makers.join()).digest('hex').slice(0, 16);
  const directory = join(repositoryRoot, 'bench', 'out', 'masks', fingerprint);
  return async (photo, boxes) => {
    const file = join(directory, `${photo.id}.json`);
    const kept = await readKept(file);
    const missing = boxes.filter((box) => !kept.has(keyOf(box)));
    if (missing.length > 0) {
      const image = vision.images.open({ id: photo.fileName, read: () => readPhoto(photo) });
      const prompts = missing.map((box) => ({ box }));
      const logits = await vision.masks.decode(image, prompts);
      for (const [index, prompt] of prompts.entries()) {
        const mask = createMask(photo.height, photo.width);
        paintObject(mask, prompt, logits[index], settings.region_shape_exponent);
        kept.set(keyOf(prompt.box), encodeRle(mask).counts);
      }
      await mkdir(directory, { recursive: true });
      await writeFile(file, JSON.stringify(Object.fromEntries(kept)));
    }
    const size: [number, number] = [photo.height, photo.width];
    return boxes.map((box) => decodeRle({ size, counts: kept.get(keyOf(box)) ?? '' }));
  };
}

async function readKept(file: string): Promise<Map<string, string>> {
  try {
    return new Map(Object.entries(JSON.parse(await readFile(file, 'utf8')) as Record<string, string>));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Map();
    throw error;
  }
}

function keyOf(box: AnswerBox): string {
  return box.map((share) => share.toFixed(6)).join();
}

/** Judges answers to the queries about one photo; the same answer is judged once. */
export class AnswerJudge {
  readonly #photo: CocoPhoto;
  readonly #make: MaskMaker;
  readonly #masks = new Map<string, BinaryMask>();
  readonly #targets = new Map<Query, BinaryMask>();
  readonly #overlaps = new Map<Query, Map<string, Overlap>>();

  constructor(photo: CocoPhoto, make: MaskMaker) {
    this.#photo = photo;
    this.#make = make;
  }

  /** @param answers - the boxes whose masks together answer each query */
  async judge(queries: readonly Query[], answers: readonly (readonly AnswerBox[])[]): Promise<Overlap[]> {
    const missing = new Map(answers.flat().map((box) => [keyOf(box), box] as const));
    for (const key of this.#masks.keys()) missing.delete(key);
    if (missing.size > 0) {
      const masks = await this.#make(this.#photo, [...missing.values()]);
      for (const [index, key] of [...missing.keys()].entries()) {
        const mask = masks[index];
        if (mask !== undefined) this.#masks.set(key, mask);
      }
    }
    return queries.map((query, index) => this.#overlap(query, answers[index] ?? []));
  }

  #overlap(query: Query, boxes: readonly AnswerBox[]): Overlap {
    const keys = boxes.map(keyOf).sort();
    const known = this.#overlaps.get(query) ?? new Map<string, Overlap>();
    this.#overlaps.set(query, known);
    const answer = keys.join(' ');
    const overlap = known.get(answer) ?? intersectionAndUnion(this.#union(keys), this.#target(query));
    known.set(answer, overlap);
    return overlap;
  }

  #union(keys: readonly string[]): BinaryMask {
    const masks = keys.flatMap((key) => this.#masks.get(key) ?? []);
    return masks.length === 0 ? createMask(this.#photo.height, this.#photo.width) : unionOfMasks(masks);
  }

  #target(query: Query): BinaryMask {
    const target = this.#targets.get(query) ?? targetMask(this.#photo, query.annotations, query.ignored);
    this.#targets.set(query, target);
    return target;
  }
}
