import {
  compositionAt,
  compositionKey,
  type CandidateSet,
  type Composition,
  type LabelledLogits,
} from '@tessera/composition';
import { classifyLimits } from '@tessera/contracts';
import type { ClassifyCall, TesseraClient } from '@tessera/client';
import { UsageError } from './command-errors.js';

/** Images of one request: few enough that an answer with every candidate stays small. */
const imagesAtOnce = 8;

/** An image and what it shows. */
export interface LabelledImage {
  readonly composition: Composition;
  read(): Promise<Uint8Array>;
}

export interface LogitsRequest {
  readonly client: TesseraClient;
  /** Model, vocabulary, and the world whose candidates these are; without a world they are sent as `pairs`. */
  readonly question: Pick<ClassifyCall, 'model' | 'vocabulary' | 'world' | 'feasibility_threshold'>;
  readonly candidates: CandidateSet;
  readonly images: readonly LabelledImage[];
  readonly signal: AbortSignal;
  readonly onImages: (done: number) => void;
}

/** Of each candidate `[C]`. */
interface CollectedLogits {
  readonly labelled: LabelledLogits;
  /** 0 for candidates that the service left out. */
  readonly feasible: Uint8Array;
  /** Of an open world with a threshold; -1, the least, for candidates that were left out. */
  readonly feasibility: Float32Array;
}

/**
 * The logits of every candidate for every image, as the service gives them.
 *
 * @throws UsageError when there are more candidates than one answer can have
 */
export async function collectLogits(request: LogitsRequest): Promise<CollectedLogits> {
  const { client, question, candidates, images, signal, onImages } = request;
  const { count } = candidates;
  if (count > classifyLimits.topK) {
    throw new UsageError(
      `There are ${count} candidates; an answer has ${classifyLimits.topK} at most. Use the closed world.`,
    );
  }
  const compositions = Array.from({ length: count }, (_, index) => compositionAt(candidates, index));
  const places = new Map(compositions.map((composition, index) => [compositionKey(composition), index]));
  const choice =
    question.world === undefined ? { pairs: compositions.map((composition) => [...composition]) } : undefined;

  const logits = new Float32Array(images.length * count).fill(-Infinity);
  const feasible = new Uint8Array(count);
  const feasibility = new Float32Array(count).fill(-1);
  for (let start = 0; start < images.length; start += imagesAtOnce) {
    const batch = images.slice(start, start + imagesAtOnce);
    const encoded = await Promise.all(batch.map(async (image) => Buffer.from(await image.read()).toString('base64')));
    const answer = await client.classify({ images: encoded, ...question, top_k: count, ...choice }, { signal });
    for (const { index, predictions } of answer.results) {
      for (const prediction of predictions) {
        const place = places.get(compositionKey([...prediction.attributes, prediction.object]));
        if (place === undefined) continue;
        logits[(start + index) * count + place] = prediction.logit;
        feasible[place] = 1;
        feasibility[place] = prediction.feasibility ?? -1;
      }
    }
    onImages(start + batch.length);
  }
  const truths = Int32Array.from(images, ({ composition }) => places.get(compositionKey(composition)) ?? -1);
  return { labelled: { logits, seen: candidates.seen, truths }, feasible, feasibility };
}
