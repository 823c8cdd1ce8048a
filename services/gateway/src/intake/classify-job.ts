import { jobOptionsKey } from '@tessera/blob-store';
import {
  TesseraError,
  type ClassifyCompositionRequest,
  type ClassifyJob,
  type ClassifyOptions,
  type ImageSource,
} from '@tessera/contracts';
import type { GatewayContext } from '../context.js';
import { exactlyOne } from '../problems/exactly-one.js';
import { requireModel } from '../workers/require-model.js';
import { checkCandidates } from './check-candidates.js';
import { at, severalAtOnce } from './several-at-once.js';
import { storeImage } from './store-image.js';

/** Images of one request that are fetched and stored at the same time. */
const imagesAtOnce = 4;
/** Longer options go through the blob store: the queue is for small jobs. */
const longestInlineOptions = 65_536;

/**
 * The job of a classification; the images, and long options, are stored meanwhile.
 *
 * @param id - of the job
 * @param uploads - the files of the request, by the ids that its images name
 * @param client - aborted when the client has disconnected
 * @throws TesseraError as `checkCandidates`, `storeImage` and `requireModel` do, `TSR_VOCABULARY_NOT_FOUND`, and
 * `TSR_VALIDATION` unless there is either an image or images
 */
export async function createClassifyJob(
  id: string,
  { image, images, ...options }: Omit<ClassifyCompositionRequest, 'webhook'>,
  uploads: ReadonlyMap<string, Uint8Array>,
  context: GatewayContext,
  client: AbortSignal,
): Promise<ClassifyJob> {
  const sources = oneOf(image, images);
  checkCandidates(options);
  const { model, vocabulary } = options;
  if (model !== undefined) await requireModel(model, 'composition', context.workers);
  if (typeof vocabulary === 'string' && !(await context.vocabularies.has(vocabulary))) {
    throw new TesseraError('TSR_VOCABULARY_NOT_FOUND', `There is no vocabulary "${vocabulary}".`);
  }
  const imageIds: string[] = sources.map(() => '');
  await severalAtOnce(sources.entries(), imagesAtOnce, async ([index, source]) => {
    const pointer = image === undefined ? `/images/${index}` : '/image';
    imageIds[index] = await at(pointer, storeImage(source, uploads, context, client));
  });
  return { kind: 'classify', imageIds, options: await storeOptions(id, options, context) };
}

async function storeOptions(
  id: string,
  options: ClassifyOptions,
  { blobs, config }: GatewayContext,
): Promise<ClassifyJob['options']> {
  const text = JSON.stringify(options);
  if (text.length <= longestInlineOptions) return options;
  const key = jobOptionsKey(id);
  await blobs.put(key, Buffer.from(text), { ttlMs: config.TESSERA_IMAGE_TTL_S * 1000 });
  return { key };
}

function oneOf(image: ImageSource | undefined, images: ImageSource[] | undefined): ImageSource[] {
  if (image !== undefined && images === undefined) return [image];
  if (image === undefined && images !== undefined) return images;
  throw exactlyOne('image', 'images');
}
