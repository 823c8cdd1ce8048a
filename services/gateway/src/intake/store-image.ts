import { type BlobStore, getImage, imageKey, putImage } from '@tessera/blob-store';
import { TesseraError, type Config, type ImageSource } from '@tessera/contracts';
import { imageLimits, inspectImage, resolveImageSource, type ImageHeader } from '@tessera/images';
import type { RecentValues } from '@tessera/runtime';
import type { GatewayMetrics } from '../metrics.js';
import { bodyLimitBytes } from '../server-options.js';

interface ImageIntake {
  readonly config: Config;
  readonly blobs: BlobStore;
  readonly metrics: GatewayMetrics;
  readonly imageHeaders: RecentValues<ImageHeader>;
}

/**
 * Checks an image's header, stores it and gives its id. An image that is there already is kept for
 * another `TESSERA_IMAGE_TTL_S` and not written again.
 *
 * @param source - the request's image field
 * @param uploads - the files of the request, by the ids that its image fields name
 * @param signal - ends fetching a URL, for instance when the client has disconnected
 * @throws TesseraError `TSR_IMAGE_NOT_FOUND` for an id that is not stored, and as `resolveImageSource` and
 * `inspectImage` do
 */
export async function storeImage(
  source: ImageSource,
  uploads: ReadonlyMap<string, Uint8Array>,
  intake: ImageIntake,
  signal: AbortSignal,
): Promise<string> {
  const { config, blobs } = intake;
  const expiry = { ttlMs: config.TESSERA_IMAGE_TTL_S * 1000 };
  if (typeof source === 'object' && !uploads.has(source.id)) {
    if (await blobs.touch(imageKey(source.id), expiry)) return source.id;
    throw unknownImage(source.id);
  }
  const bytes = typeof source === 'string' ? await resolve(source, config, signal) : uploads.get(source.id);
  if (bytes === undefined) throw new Error('A file part has gone between two looks');
  const header = checkImage(bytes, intake);
  const id = await putImage(blobs, bytes, expiry);
  intake.imageHeaders.set(id, header);
  return id;
}

/**
 * The header of a stored image.
 *
 * @throws TesseraError `TSR_IMAGE_NOT_FOUND`, and as `inspectImage` does
 */
export async function storedImageHeader(id: string, intake: ImageIntake): Promise<ImageHeader> {
  const known = intake.imageHeaders.get(id);
  if (known !== undefined) return known;
  const header = inspectImage(await getStored(id, intake), imageLimits(intake.config.TESSERA_MAX_MEGAPIXELS));
  intake.imageHeaders.set(id, header);
  return header;
}

/**
 * The bytes of an image, header checked.
 *
 * @throws TesseraError as {@link storeImage}
 */
export async function readImage(source: ImageSource, intake: ImageIntake, signal: AbortSignal): Promise<Uint8Array> {
  if (typeof source === 'object') return getStored(source.id, intake);
  const bytes = await resolve(source, intake.config, signal);
  checkImage(bytes, intake);
  return bytes;
}

/** @throws TesseraError as `inspectImage` */
export function checkImage(bytes: Uint8Array, { config, metrics }: ImageIntake): ImageHeader {
  const header = inspectImage(bytes, imageLimits(config.TESSERA_MAX_MEGAPIXELS));
  metrics.imageBytes.observe(bytes.byteLength);
  return header;
}

async function getStored(id: string, { blobs }: ImageIntake): Promise<Uint8Array> {
  const bytes = await getImage(blobs, id);
  if (bytes === null) throw unknownImage(id);
  return bytes;
}

async function resolve(source: string, config: Config, signal: AbortSignal): Promise<Uint8Array> {
  if (source.startsWith('sha256:')) {
    throw new TesseraError('TSR_IMAGE_SOURCE_INVALID', 'Send the id of an image as {"id": "sha256:…"}.');
  }
  return resolveImageSource(source, {
    maxBytes: bodyLimitBytes(config),
    fetch: { allowHttp: config.TESSERA_ALLOW_HTTP_IMAGES },
    signal,
  });
}

function unknownImage(id: string): TesseraError {
  return new TesseraError('TSR_IMAGE_NOT_FOUND', `The image ${id} is not stored (any more).`);
}
