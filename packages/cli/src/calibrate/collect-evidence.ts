import { readFile } from 'node:fs/promises';
import type { TesseraClient } from '@tessera/client';
import { clampedLogit, type WeightedSample } from '@tessera/runtime';
import type { QueriedImage } from '../evaluate/segmentation-set.js';
import { inParallel } from '../in-parallel.js';
import { segLogOdds } from './evidence-bundle.js';

/** As the pipeline reads an expected IoU: no closer to 0 and 1. */
const leastIoU = 1e-3;
/** Of one request. */
const queriesAtOnce = 16;

export interface EvidenceRequest {
  readonly client: TesseraClient;
  readonly model: string;
  readonly images: readonly QueriedImage[];
  readonly signal: AbortSignal;
  readonly onImage: (done: number) => void;
}

/**
 * What the model says about queries, and whether their objects are there. Each image is asked its own queries and one of
 * another image, which counts as absent.
 *
 * @returns samples with the features of `presence_calibration`: logit of the expected IoU, log-odds of `[SEG]`
 */
export async function collectEvidence(request: EvidenceRequest): Promise<WeightedSample[]> {
  const { client, model, images, signal, onImage } = request;
  const samples: WeightedSample[][] = images.map(() => []);
  let done = 0;
  await inParallel(images, 1, async ({ image: path, queries }, index) => {
    const image = await readFile(path);
    const foreign = foreignQuery(images, index);
    const asked = [...queries, ...(foreign === undefined ? [] : [{ text: foreign, target: undefined }])];
    for (let start = 0; start < asked.length; start += queriesAtOnce) {
      const batch = asked.slice(start, start + queriesAtOnce);
      const texts = batch.map(({ text }) => text);
      const answer = await client.segment({ image, model, queries: texts, threshold: 0 }, { signal });
      for (const [place, query] of batch.entries()) {
        const result = answer.results[place];
        if (result === undefined) continue;
        const mask = await query.target?.(answer.image.height, answer.image.width);
        const features = [clampedLogit(result.mask_score ?? 0, leastIoU), segLogOdds(result.score)];
        samples[index]?.push({ features, label: mask?.data.includes(1) === true ? 1 : 0, weight: 1 });
      }
    }
    done += 1;
    onImage(done);
  });
  return samples.flat();
}

/** The first query of the next image that is not asked of this one. */
function foreignQuery(images: readonly QueriedImage[], index: number): string | undefined {
  const own = new Set(images[index]?.queries.map(({ text }) => text.toLowerCase()));
  const others = [...images.slice(index + 1), ...images.slice(0, index)];
  return others.flatMap(({ queries }) => queries).find(({ text }) => !own.has(text.toLowerCase()))?.text;
}
