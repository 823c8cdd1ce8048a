import { closedWorld, compositionAt, compositionKey, openWorld, type LabelledLogits } from '@tessera/composition';
import { classifyLimits, type VocabularyDescription } from '@tessera/contracts';
import type { TesseraClient } from '@tessera/client';
import type { DirectoryExample, TrainingDirectory } from './training-directory.js';
import { UsageError } from './command-errors.js';

/** Images of one request: few enough that an answer with every candidate stays small. */
const imagesAtOnce = 8;

export interface LogitsRequest {
  readonly client: TesseraClient;
  readonly vocabulary: VocabularyDescription;
  readonly directory: TrainingDirectory;
  readonly examples: readonly DirectoryExample[];
  readonly world: 'closed' | 'open';
  /** Open world: least feasibility of an unseen pair. */
  readonly threshold: number | undefined;
  readonly signal: AbortSignal;
  readonly onImages: (done: number) => void;
}

/**
 * The logits of every candidate for every image, as the service gives them.
 *
 * @throws UsageError when there are more candidates than one answer can have
 */
export async function collectLogits(
  request: LogitsRequest,
): Promise<{ readonly labelled: LabelledLogits; readonly feasible: Uint8Array }> {
  const { client, vocabulary, directory, examples, world, threshold, signal, onImages } = request;
  const pairs = examples.map(({ attributes, object }) => [...attributes, object]);
  const { attributes, objects, seen_pairs: seenPairs } = vocabulary;
  const candidates = world === 'closed' ? closedWorld(seenPairs, pairs) : openWorld(attributes, objects, seenPairs);
  const { count } = candidates;
  if (count > classifyLimits.topK) {
    throw new UsageError(
      `There are ${count} candidates; an answer has ${classifyLimits.topK} at most. Use the closed world.`,
    );
  }
  const compositions = Array.from({ length: count }, (_, index) => compositionAt(candidates, index));
  const places = new Map(compositions.map((composition, index) => [compositionKey(composition), index]));
  const choice =
    world === 'closed'
      ? { pairs: compositions.map((composition) => [...composition]) }
      : { world, ...(threshold === undefined ? {} : { feasibility_threshold: threshold }) };

  const logits = new Float32Array(examples.length * count).fill(-Infinity);
  const feasible = new Uint8Array(count);
  for (let start = 0; start < examples.length; start += imagesAtOnce) {
    const batch = examples.slice(start, start + imagesAtOnce);
    const images = await Promise.all(
      batch.map(async ({ image }) => (await directory.readImage(image)).toString('base64')),
    );
    const answer = await client.classify({ images, vocabulary: vocabulary.name, top_k: count, ...choice }, { signal });
    for (const { index, predictions } of answer.results) {
      for (const prediction of predictions) {
        const place = places.get(compositionKey([...prediction.attributes, prediction.object]));
        if (place === undefined) continue;
        logits[(start + index) * count + place] = prediction.logit;
        feasible[place] = 1;
      }
    }
    onImages(start + batch.length);
  }
  const truths = Int32Array.from(pairs, (pair) => places.get(compositionKey(pair)) ?? -1);
  return { labelled: { logits, seen: candidates.seen, truths }, feasible };
}
