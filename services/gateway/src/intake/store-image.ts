import { type BlobStore, getImage, imageKey, putImage } from '@tessera/blob-store';
import { TesseraError, type Config, type ImageSource } from '@tessera/contracts';
import { imageLimits, inspectImage, resolveImageSource, type ImageHeader, type TrustedOrigin } from '@tessera/images';
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
 * @param trustedOrigin - where URLs are fetched whatever their address
 * @throws TesseraError `TSR_IMAGE_NOT_FOUND` for an id that is not stored, and as `resolveImageSource` and
 * `inspectImage` do
 */
export async function storeImage(
  source: ImageSource,
  uploads: ReadonlyMap<string, Uint8Array>,
  intake: ImageIntake,
  signal: AbortSignal,
  trustedOrigin?: TrustedOrigin,
): Promise<string> {
  const { config, blobs } = intake;
  const expiry = { ttlMs: config.TESSERA_IMAGE_TTL_S * 1000 };
  const named = idOf(source);
  const uploaded = named === undefined ? undefined : uploads.get(named);
  if (named !== undefined && uploaded === undefined) {
    if (await blobs.touch(imageKey(named), expiry)) return named;
    throw unknownImage(named);
  }
  const bytes = uploaded ?? (await resolve(source, config, signal, trustedOrigin));
  const header = checkImage(bytes, intake);
  // An image that this gateway has not seen is most likely new.
  const id = await putImage(blobs, bytes, expiry, (own) => intake.imageHeaders.get(own) !== undefined);
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
  const named = idOf(source);
  if (named !== undefined) return getStored(named, intake);
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

/** The id in a source; undefined when it is something else than an id. */
function idOf(source: ImageSource): string | undefined {
  if (typeof source === 'object') return 'id' in source ? source.id : undefined;
  const text = source.trim();
  if (!text.startsWith('sha256:')) return undefined;
  if (/^sha256:[0-9a-f]{64}$/.test(text)) return text;
  throw new TesseraError('TSR_IMAGE_SOURCE_INVALID', 'The id of an image is sha256: and 64 hexadecimal digits.');
}

async function resolve(
  source: ImageSource,
  config: Config,
  signal: AbortSignal,
  trustedOrigin?: TrustedOrigin,
): Promise<Uint8Array> {
  const text = typeof source === 'string' ? source : 'url' in source ? source.url : source.id;
  return resolveImageSource(text, {
    maxBytes: bodyLimitBytes(config),
    fetch: { allowHttp: config.TESSERA_ALLOW_HTTP_IMAGES, ...(trustedOrigin && { trustedOrigin }) },
    signal,
  });
}

function unknownImage(id: string): TesseraError {
  return new TesseraError('TSR_IMAGE_NOT_FOUND', `The image ${id} is not stored (any more).`);
}
