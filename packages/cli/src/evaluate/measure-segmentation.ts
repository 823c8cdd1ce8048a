import { readFile } from 'node:fs/promises';
import { ServiceError, type SegmentCall, type TesseraClient } from '@tessera/client';
import { cIoU, decodeRle, gIoU, intersectionAndUnion, type Overlap } from '@tessera/masks';
import { UsageError } from '../command-errors.js';
import { inParallel } from '../in-parallel.js';
import type { LabelledQuery, QueriedImage } from './segmentation-set.js';

/** Of one request. */
const queriesAtOnce = 16;

export interface SegmentationRequest {
  readonly client: TesseraClient;
  readonly images: readonly QueriedImage[];
  /** Model, pruning and so on. */
  readonly options: Omit<SegmentCall, 'image' | 'query' | 'queries' | 'prompts' | 'output'>;
  readonly parallel: number;
  readonly signal: AbortSignal;
  /** Called after every image. */
  readonly onImage: (done: number) => void;
  /** Called for an image that cannot be read or that the service refuses. */
  readonly onFailure: (image: string, error: unknown) => void;
}

/** LISA's two figures, from 0 to 1, of some queries. */
export interface SegmentationFigures {
  /** Nothing for all queries. */
  readonly group?: string;
  readonly queries: number;
  readonly giou: number;
  readonly ciou: number;
}

export interface SegmentationMeasures {
  /** The model that answered, with its version. */
  readonly model: string;
  readonly images: number;
  readonly failed: number;
  /** Of all queries, then of each group where there are some. */
  readonly figures: readonly SegmentationFigures[];
}

interface Answered {
  readonly group: string | undefined;
  readonly overlap: Overlap;
}

/**
 * Asks the service about every image and compares its masks with the right ones.
 *
 * @throws UsageError when no image could be measured, or a target cannot be read
 */
export async function measureSegmentation(request: SegmentationRequest): Promise<SegmentationMeasures> {
  const { images, parallel, onImage, onFailure } = request;
  const answers: Answered[][] = images.map(() => []);
  let [model, failed, done] = ['', 0, 0];
  await inParallel(images, parallel, async (image, index) => {
    try {
      const answered = await askAbout(image, request);
      model = answered.model;
      answers[index] = answered.answers;
    } catch (error) {
      if (!ServiceError.isInstance(error) && !(error instanceof UnreadableImage)) throw error;
      failed += 1;
      onFailure(image.image, error);
    }
    done += 1;
    onImage(done);
  });
  const all = answers.flat();
  if (all.length === 0) throw new UsageError('No image could be measured.');
  const groups = [...new Set(all.flatMap(({ group }) => (group === undefined ? [] : [group])))].sort();
  const figures = [
    figuresOf(all),
    ...groups.map((group) => ({ group, ...figuresOf(all.filter((answer) => answer.group === group)) })),
  ];
  return { model, images: images.length - failed, failed, figures };
}

class UnreadableImage extends UsageError {}

async function askAbout(
  { image: path, queries }: QueriedImage,
  { client, options, signal }: SegmentationRequest,
): Promise<{ readonly model: string; readonly answers: Answered[] }> {
  const image = await readFile(path).catch(() => {
    throw new UnreadableImage(`${path} cannot be read.`);
  });
  const answers: Answered[] = [];
  let model = '';
  for (let start = 0; start < queries.length; start += queriesAtOnce) {
    const batch = queries.slice(start, start + queriesAtOnce);
    const texts = batch.map(({ text }) => text);
    const answer = await client.segment({ ...options, image, queries: texts }, { signal });
    model = answer.model;
    for (const [index, query] of batch.entries()) {
      const mask = answer.results[index]?.mask;
      if (mask === undefined || !('counts' in mask)) {
        throw new Error(`The service gave no mask as RLE for "${query.text}".`);
      }
      answers.push({ group: query.group, overlap: await overlapOf(mask, query, path) });
    }
  }
  return { model, answers };
}

async function overlapOf(mask: Parameters<typeof decodeRle>[0], query: LabelledQuery, path: string): Promise<Overlap> {
  const predicted = decodeRle(mask);
  try {
    return intersectionAndUnion(predicted, await query.target(predicted.height, predicted.width));
  } catch (error) {
    throw new UsageError(`${path}, "${query.text}": ${error instanceof Error ? error.message : String(error)}`);
  }
}

function figuresOf(answers: readonly Answered[]): Omit<SegmentationFigures, 'group'> {
  const overlaps = answers.map(({ overlap }) => overlap);
  return { queries: overlaps.length, giou: gIoU(overlaps), ciou: cIoU(overlaps) };
}
